# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Give what is left of a cut extent a checksum of its own.

A clone writes over part of an extent, or a layer is handed down below another: then the rest of the
extent is freed, and once its bytes are used again the checksum of the whole says nothing about the
piece that is left. So each cut is noted, and the next fold reads the extent, verifies it - mostly
its bytes are all there still - and puts a pointer above the old one that names the piece as an
extent of its own. No byte of data moves. A fold reads ``RESEALED_BYTES_MAX`` at most, and leaves
what is more to the next.

If the rest has been used again already, nothing can verify the piece any more; then it is sealed as
it is, so that damage from then on is noticed. If the whole extent is damaged though nothing of it
was freed, its pointers stay as they are: a read of them tells.

Safe at any moment of a power cut: the new pointers are in memory until the tables of a fold are,
and the old ones say the same of the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import xxhash

from core.answers import PointerKind
from core.device.base import read_available
from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.stack import stack
from core.volume import handdown
from core.volume.verified import wholes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import Int64s
    from core.device.base import Source
    from core.volume.layer import Layer
    from core.volume.state import VolumeState
    from core.volume.verified import WholeExtent

RESEALED_BYTES_MAX: Final = 8 << 20
"""Read by one fold, under the volume's lock."""
CUTS_MAX: Final = 1 << 16
"""Looked at in one layer; what is more is forgotten, and those pieces stay as they are."""
_SECTOR_BITS: Final = 9


def reseal(state: VolumeState) -> int:
    """Seal pieces of extents that were cut since the last fold; nothing may be on its way.

    Returns:
        Bytes read for it.
    """
    budget = RESEALED_BYTES_MAX
    for layer in state.catalog.layers.values():
        if layer.cuts and budget > 0:
            budget -= _reseal_layer(layer, state.device_of, budget)
            state.structure += 1
    return RESEALED_BYTES_MAX - budget


def _reseal_layer(layer: Layer, device_of: Callable[[int], Source], budget: int) -> int:
    pieces = _pieces(layer)
    layer.cuts.clear()
    rows, starts, checksums, used = [], pieces.starts, [], 0
    lengths, heads = pieces.lengths.tolist(), pieces.heads.tolist()
    for row, whole in enumerate(wholes_of(pieces)):
        if used >= budget:
            layer.note_cuts(pieces.take(slice(row, None)))
            break
        used += whole.length
        raw = _read(device_of(whole.base), whole)
        if len(raw) != whole.length:
            continue  # a read of it will tell why
        if not whole.is_intact(raw) and whole.is_kept_by(layer.map):
            continue
        rows.append(row)
        part = memoryview(raw)[heads[row] : heads[row] + lengths[row]]
        checksums.append(xxhash.xxh3_64_intdigest(part))
    if rows:
        sealed = np.array(rows)
        layer.map.append(
            PointerRun.from_columns(
                starts[sealed],
                pieces.lengths[sealed],
                pieces.offsets[sealed],
                pieces.kinds[sealed],
                np.array(checksums, np.uint64),
                is_sorted=True,
            )
        )
    return used


def _read(device: Source, whole: WholeExtent) -> bytes:
    """Return an extent's bytes; nothing where the disk cannot read them: a fold must not fail."""
    try:
        return read_available(device, whole.length, whole.base)
    except OSError:
        return b""


def _pieces(layer: Layer) -> PointerRun:
    """Return what is left of the extents that were cut, sorted; whatever else lies there is not."""
    noted = np.unique(np.concatenate([_key(*cut) for cut in layer.cuts]))[-CUTS_MAX:]
    sectors = noted & ((1 << _SECTOR_BITS) - 1)
    firsts = noted - sectors
    starts, stops = _union(firsts, firsts + (sectors << _SECTOR_BITS))
    found = stack(handdown.displaced(layer.map, starts, stops))
    if not len(found):
        return EMPTY
    is_piece = (found.lengths != found.wholes) & (found.kinds != PointerKind.ZERO)
    is_piece &= np.isin(_key(found.starts - found.heads, found.wholes.astype(np.int64)), noted)
    return found.take(np.flatnonzero(is_piece))


def _key(starts: Int64s, lengths: Int64s) -> Int64s:
    """Return start and length of extents in a number each: sectors fill what is 0 in a start."""
    return starts | (lengths >> _SECTOR_BITS)


def _union(starts: Int64s, stops: Int64s) -> tuple[Int64s, Int64s]:
    """Merge sorted ranges that overlap or touch."""
    reach = np.maximum.accumulate(stops)
    breaks = np.flatnonzero(starts[1:] > reach[:-1]) + 1
    firsts = np.concatenate(([0], breaks))
    return starts[firsts], reach[np.concatenate((breaks - 1, [len(stops) - 1]))]
