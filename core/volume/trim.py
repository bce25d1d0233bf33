# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Discard: a range reads as zeroes from now on, and its space goes back to the disk."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from core.errors import AreaFullError, InvalidRangeError
from core.events import EventFlag, EventKind
from core.journal.failures import IMAGE_DISK_FULL
from core.units import MIB
from core.volume import instantcopy, needs, redirecting
from core.volume.receive import receive
from core.volume.write import write

if TYPE_CHECKING:
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

_STEP_BYTES: Final = 4 * MIB


def trim(state: VolumeState, offset: int, length: int, name: str) -> None:
    """Make a range of the original or of a clone read as zeroes; snapshots keep what it held.

    Raises:
        RangepairError: It was refused; every view is as it was, up to a multiple of 4 MiB.
    """
    if length < 0:
        state.check_range(offset, length)
    if state.portion_count:
        raise InvalidRangeError(
            "A volume of portions has nothing to discard; write a portion with a smaller size."
        )
    copy = receive(state, offset, length, name)
    if not length:
        return
    if copy is not None:
        assert state.journal is not None
        instantcopy.redirect_zero(state, state.journal, copy, offset, length)
    else:
        for start in range(offset, offset + length, _STEP_BYTES):
            _trim_original(state, start, min(_STEP_BYTES, offset + length - start))
    copy_id = 0 if copy is None else copy.id
    flags = EventFlag.ELSEWHERE if copy is not None and not copy_id else 0
    state.publish(EventKind.TRIMMED, flags=flags, copy_id=copy_id, start=offset, length=length)


def _trim_original(state: VolumeState, start: int, length: int) -> None:
    """Write zeroes to the partial grains at the edges, punch the whole ones between."""
    shift, stop = state.grain_shift, start + length
    at_end = stop == state.size_bytes
    low = min(-(-start >> shift) << shift, stop) if start else 0
    high = stop if at_end else max(stop >> shift << shift, low)
    for edge_start, edge_stop in ((start, min(low, stop)), (high, stop)):
        if edge_start < edge_stop:
            write(state, edge_start, bytes(edge_stop - edge_start), "original")
    if low >= high:
        return
    restore = state.restore
    if state.journal is not None:
        _preserve_before_punch(state, state.journal, low, high)
    with state.writing():
        try:
            state.image.punch(low, high - low)
            state.fill_holes = state.hole_filler
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise AreaFullError(IMAGE_DISK_FULL) from error  # a hole needs metadata, too
    if restore is not None:
        restore.note_moved(low >> shift, (high - 1 >> shift) + 1)


def _preserve_before_punch(state: VolumeState, journal: Journal, low: int, high: int) -> None:
    """Make the originals durable, and see that no replay of the ring can undo the discard."""
    shift = state.grain_shift
    first, stop = low >> shift, (high - 1 >> shift) + 1
    if state.restore is not None:
        state.restore.keep(first, stop)
    units = list[redirecting.Unit]()
    if state.preserved is not None:
        gaps = needs.needed_gaps(state, state.preserved.gaps(first, stop))
        if gaps and redirecting.is_chosen(state):
            units = redirecting.units_of(state, journal, gaps)
        instantcopy.preserve(state, journal, redirecting.gaps_without(state, gaps, units))
    if journal.ring.is_live:
        journal.checkpoint()
    else:
        journal.barrier()
    redirecting.keep(state, journal, units, [None] * len(units))
    journal.note_uncovered()
