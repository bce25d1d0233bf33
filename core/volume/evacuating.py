# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Bring originals that are kept where they lie to the additional area.

``core.volume.redirecting`` keeps them so. This is for an image that is to be a plain raw image
again: then nothing but the original may lie in it. Order of a batch, and why no power cut does
harm: as in ``core.volume.compact``, whose change it is. The data is copied to the additional area
and synced there, then one change says that the pointers name that; before it both places hold the
data, and after it, too. Only then the old places are free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.device.base import read_exactly, write_all
from core.format.catalog import Compacted, pack_change
from core.format.layout import BLOCK_BYTES
from core.units import MIB, SECTOR_BYTES
from core.volume.compact import Move, units_of, visible_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.area.allocator import Allocator
    from core.area.initial import InitialArea
    from core.volume.state import VolumeState

BATCH_BYTES: Final = 4 * MIB
UNITS_MAX: Final = 1024
"""Of one change, so that the end of a log segment holds it."""


def evacuate(state: VolumeState, bytes_max: int = BATCH_BYTES) -> int:
    """Bring the next kept originals to the additional area; return the bytes, 0 if none is left.

    Nothing may be on its way, and the map be durable as it is. Copies read the same afterwards.

    Raises:
        AreaFullError: The additional area has no room; nothing was moved.
        OSError: A kept original cannot be read; likewise.
    """
    initial = state.initial
    if state.area is None or initial is None or not initial.map.has_kept:
        return 0
    layers = [(layer.id, visible_runs(layer)) for layer in state.catalog.layers.values()]
    units = units_of(layers, of_initial=True)
    lengths = units.stops - units.starts
    fits = int(np.cumsum(lengths).searchsorted(bytes_max, "right"))
    count = min(max(fits, 1), UNITS_MAX)
    some = list(
        zip(
            units.starts[:count].tolist(),
            lengths[:count].tolist(),
            units.layers[:count].tolist(),
            strict=True,
        )
    )
    moves = _copy(state, initial, some)
    _commit(state, moves)
    return sum(move.length for move in moves)


def _copy(
    state: VolumeState, initial: InitialArea, units: Sequence[tuple[int, int, int]]
) -> list[Move]:
    """Copy units (address, length, layer) to the additional area, durably."""
    area, moves = state.area, list[Move]()
    assert area is not None
    try:
        for source, length, layer_id in units:
            content = read_exactly(initial.kept, length, source)
            align = SECTOR_BYTES if length % BLOCK_BYTES else BLOCK_BYTES
            target = area.allocator.allocate(length, align)
            moves.append(Move(source, target, length, frozenset({layer_id})))
            with state.writing():
                write_all(area.device, content, target)
        with state.writing():
            area.device.sync()
    except BaseException:
        _give_back(area.allocator, moves)
        raise
    return moves


def _commit(state: VolumeState, moves: list[Move]) -> None:
    """Let pointers name the copies, durably; then free the places in the image."""
    area, journal = state.area, state.journal
    assert area is not None
    assert journal is not None
    change = Compacted(
        layers=sorted(frozenset[int]().union(*(move.layers for move in moves))),
        sources=[move.source for move in moves],
        targets=[move.target for move in moves],
        lengths=[move.length for move in moves],
    )
    try:
        journal.write_change(pack_change(change), flush=False)
    except BaseException:
        _give_back(area.allocator, moves)
        raise
    state.catalog.apply(change)
    state.structure += 1
    state.chain_edition += 1
    state.release(np.array(change.sources, np.int64), np.array(change.lengths, np.int64))


def _give_back(allocator: Allocator, moves: list[Move]) -> None:
    for move in moves:
        allocator.release(move.target, move.length)
    allocator.commit_releases()
