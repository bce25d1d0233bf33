# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Make a copy independent of the initial area: what its range pairs stand for is copied.

Each piece under a range pair is staged with a pointer in the copy's own private layer, in the same
group, so a power cut leaves a piece promoted or not, and it reads the same either way. A snapshot
of the original has no private layer; it is given one first. Views that lie on that layer have the
same base and see the same bytes through it. From then on an overwritten original is preserved for
the copies that still need it only; a write that skips that, because every copy has a pointer of its
own, waits until those are durable (``core.volume.needs``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from core.answers import PointerKind
from core.events import EventKind
from core.format.catalog import Promoted
from core.format.layout import EXTENT_BYTES_MAX
from core.units import MIB
from core.volume import takecopy
from core.volume.instantcopy import note_staged
from core.volume.read import read_initial
from core.volume.restore import refuse_another

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.answers import Int64s
    from core.format.catalog import CopyRecord
    from core.volume.read import Views
    from core.volume.state import VolumeState

BATCH_BYTES: Final = 4 * MIB
"""Copied under the volume's lock at a time; a writer waits for it."""


def promote_some(
    state: VolumeState, views: Views, copy: CopyRecord, bytes_max: int = BATCH_BYTES
) -> tuple[int, int]:
    """Copy the next pieces that the copy reads from the initial area.

    Returns:
        Bytes that have a pointer now, and bytes that are still under range pairs. When none are,
        all of it is durable.

    Raises:
        RangepairError: It cannot go on; what was done stays done.
    """
    assert state.journal is not None
    refuse_another(state)
    gaps = views.flatten(copy).gaps(0, state.catalog.size_of(copy))
    whole = left = int((gaps[1] - gaps[0]).sum())
    if left and copy.top is None:
        takecopy.commit(state, Promoted(id=copy.id))
    for start, length in _pieces(gaps):
        if whole - left >= bytes_max:
            break
        _promote_piece(state, copy, start, length)
        left -= length
    if not left:
        state.journal.barrier()
    if whole:
        state.publish(EventKind.CATALOG_CHANGED, moved=state.catalog.generation)
    return whole - left, left


def _pieces(gaps: tuple[Int64s, Int64s]) -> Iterator[tuple[int, int]]:
    """Yield start and length of pieces no longer than an extent may be."""
    for start, stop in zip(gaps[0].tolist(), gaps[1].tolist(), strict=True):
        for at in range(start, stop, EXTENT_BYTES_MAX):
            yield at, min(EXTENT_BYTES_MAX, stop - at)


def _promote_piece(state: VolumeState, copy: CopyRecord, start: int, length: int) -> None:
    journal = state.journal
    assert journal is not None
    assert copy.top is not None
    content = read_initial(state, start, length)
    journal.make_room(length)
    if content.count(0) == length:
        journal.opened.add_zero(copy.top, start, length, int(PointerKind.ZERO))
    else:
        journal.opened.reserve(length)[:] = content
        journal.opened.add(copy.top, start, length, int(PointerKind.ORIGINAL))
    note_staged(state, copy.top, start, length, 0)
    if not journal.staged_since_ns:
        journal.staged_since_ns = time.monotonic_ns()
