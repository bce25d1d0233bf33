# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Third group: write the new data; and the one entry that calls the three groups in their order."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from core.device.base import write_all
from core.errors import AreaFullError
from core.events import ORIGINAL_ID, EventFlag, EventKind
from core.format.layout import OVERLAY_BYTES_MIN
from core.journal.failures import IMAGE_DISK_FULL
from core.units import GRAIN_BYTES_MAX, MIB
from core.volume import instantcopy, needs, portions, redirecting
from core.volume.read import read_original
from core.volume.receive import receive

if TYPE_CHECKING:
    from core.format.block import Readable
    from core.format.catalog import CopyRecord
    from core.journal.writer import Journal
    from core.volume.restore import Restore
    from core.volume.state import VolumeState

CHUNK_BYTES: Final = MIB
"""A longer write goes in pieces of this, so that buffers stay within a processor's cache."""
assert CHUNK_BYTES + 2 * GRAIN_BYTES_MAX <= OVERLAY_BYTES_MIN

_WRITTEN: Final = int(EventKind.WRITTEN)
_REWRITE: Final = int(EventFlag.REWRITE)


def write(state: VolumeState, offset: int, payload: Readable, name: str) -> None:
    """Carry out one write to the original or to a clone: receive, instant copy, write.

    Raises:
        RangepairError: It was refused; every other view is as it was. Of a write longer than
            64 KiB to a clone, or 1 MiB to the original, the beginning may be done, as on a disk.
    """
    if payload.__class__ is not bytes:
        payload = memoryview(payload).cast("B")  # lengths below are bytes, not items
    length = len(payload)
    copy = receive(state, offset, length, name)
    journal = state.journal
    if not length:
        return
    if copy is not None:
        assert journal is not None
        _write_elsewhere(state, journal, copy, offset, payload)
        return
    if state.portion_count:
        offset, payload = portions.whole(state, offset, payload)
    if state.restore is not None:
        assert journal is not None
        _write_restoring(state, journal, offset, payload)
    elif journal is None or length > CHUNK_BYTES:
        _write_pieces(state, offset, payload)
    else:
        _write_original(state, journal, offset, payload)


def _write_elsewhere(
    state: VolumeState, journal: Journal, view: CopyRecord, offset: int, payload: Readable
) -> None:
    """Write to a view whose locations lie in the additional area."""
    length, stats, flags = len(payload), state.stats, 0
    moved = instantcopy.redirect(state, journal, view, offset, payload)
    if view is state.catalog.head:
        stats.writes += 1
        stats.written_bytes += length
        flags = EventFlag.ELSEWHERE
    else:
        stats.copy_writes += 1
        stats.copy_written_bytes += length
    state.publish(
        EventKind.WRITTEN, flags=flags, copy_id=view.id, start=offset, length=length, moved=moved
    )


def _write_pieces(state: VolumeState, offset: int, payload: Readable) -> None:
    source = memoryview(payload)
    for at in range(0, len(source), CHUNK_BYTES):
        piece = source[at : at + CHUNK_BYTES]
        if state.journal is None:
            _write_plain(state, offset + at, piece)
        else:
            _write_original(state, state.journal, offset + at, piece)


def _write_restoring(state: VolumeState, journal: Journal, offset: int, payload: Readable) -> None:
    """Write in pieces; where a piece is not moved yet, in whole grains, which then are."""
    source, shift = memoryview(payload), state.grain_shift
    for at in range(0, len(source), CHUNK_BYTES):
        start, piece = offset + at, source[at : at + CHUNK_BYTES]
        restore = state.restore  # writing a piece may end it
        if restore is None or not restore.touches(start, len(piece)):
            _write_original(state, journal, start, piece)
            continue
        first, stop = start >> shift, (start + len(piece) - 1 >> shift) + 1
        whole = _in_whole_grains(state, start, piece)
        if restore.has_newer:
            _write_over(state, journal, restore, (first, stop), whole)
        else:
            _write_original(state, journal, first << shift, whole)
        restore.note_moved(first, stop)


def _write_over(
    state: VolumeState,
    journal: Journal,
    restore: Restore,
    grains: tuple[int, int],
    whole: Readable,
) -> None:
    """Write whole grains, some not moved yet, while copies taken meanwhile need those, too."""
    assert state.preserved is not None
    state.find_room(*grains)
    restore.keep(*grains)
    gaps = needs.needed_gaps(state, state.preserved.gaps(*grains))
    moved = instantcopy.preserve(state, journal, gaps)
    journal.put(*grains, whole)
    _count(state, grains[0] << state.grain_shift, len(whole), moved)


def _write_plain(state: VolumeState, offset: int, payload: Readable) -> None:
    """Write to an image that has never had a copy."""
    try:
        write_all(state.image, payload, offset)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise AreaFullError(IMAGE_DISK_FULL) from error
        raise state.fail(error) from error
    _count(state, offset, len(payload), 0)


def _write_original(state: VolumeState, journal: Journal, offset: int, payload: Readable) -> None:
    length, shift = len(payload), state.grain_shift
    first, stop = offset >> shift, (offset + length - 1 >> shift) + 1
    preserved = state.preserved
    if preserved is not None and not preserved.has_all(first, stop):
        gaps = needs.needed_gaps(state, preserved.gaps(first, stop))
        units = []
        if gaps and redirecting.is_chosen(state):
            units = redirecting.units_of(state, journal, gaps)
        if units:
            _write_redirecting(state, journal, (offset, payload), gaps, units)
            return
        if gaps and length == state.grain_bytes and stop - first == 1:
            active = state.catalog.active
            assert active is not None
            moved = instantcopy.preserve_grain(state, journal, active.id, first)
            journal.put_grain(first, payload)
            _count(state, offset, length, moved)
            return
        if gaps:
            state.find_room(first, stop)
            # Read before anything is staged: where an original is staged, new data must wait, or a
            # later write takes the original for durable.
            whole = _in_whole_grains(state, offset, payload)
            moved = instantcopy.preserve(state, journal, gaps)
            journal.put(first, stop, whole)
            _count(state, offset, length, moved)
            return
    if journal.may_write_in_place(first, stop):
        journal.write_in_place(payload, offset)
    else:
        state.find_room(first, stop)
        journal.put(first, stop, _in_whole_grains(state, offset, payload))
    stats = state.stats
    stats.writes += 1
    stats.written_bytes += length
    if state.sink is not None:
        flags = 0 if preserved is None else _REWRITE
        state.sink.publish(_WRITTEN, flags, ORIGINAL_ID, offset, length, 0, 0)


def _write_redirecting(
    state: VolumeState,
    journal: Journal,
    piece: tuple[int, Readable],
    gaps: list[tuple[int, int]],
    units: list[redirecting.Unit],
) -> None:
    """Write where originals are needed, of which ``units`` are kept where they lie.

    The rest of it is written as everywhere, and waits in memory for that.
    """
    shift, (offset, payload) = state.grain_shift, piece
    first, stop = offset >> shift, (offset + len(payload) - 1 >> shift) + 1
    whole, base = memoryview(_in_whole_grains(state, offset, payload)), first << shift
    places = _fresh_places(state, journal, units, whole, base)
    if not places:
        units = []  # the image has no room: what would be kept there is copied
    rest = redirecting.gaps_without(state, [(first, stop)], units)
    try:
        for part in rest:
            state.find_room(*part)
        copied = redirecting.gaps_without(state, gaps, units)
        moved = instantcopy.preserve(state, journal, copied) if copied else 0
    except BaseException:
        redirecting.give_back(state, units, places)
        raise
    redirecting.keep(state, journal, units, places)
    for low, high in rest:
        journal.put(low, high, whole[(low << shift) - base : (high << shift) - base])
    _count(state, offset, len(payload), moved)


def _fresh_places(
    state: VolumeState,
    journal: Journal,
    units: list[redirecting.Unit],
    whole: memoryview,
    base: int,
) -> list[int]:
    """Write the new data of units to places of its own; return none if the image has no room."""
    try:
        return redirecting.write_fresh(state, units, whole, base)
    except AreaFullError:
        return []
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return []
        raise journal.refusal(error) from error


def _in_whole_grains(state: VolumeState, offset: int, payload: Readable) -> Readable:
    """Return new data with the rest of its first and last grain around it."""
    shift, size = state.grain_shift, state.size_bytes
    length = len(payload)
    first, stop = offset >> shift, (offset + length - 1 >> shift) + 1
    start, end = first << shift, min(stop << shift, size)
    if start == offset and end == offset + length:
        return payload
    whole = bytearray(end - start)
    if start < offset:
        whole[: offset - start] = read_original(state, start, offset - start)
    whole[offset - start : offset - start + length] = payload
    if offset + length < end:
        whole[offset - start + length :] = read_original(
            state, offset + length, end - offset - length
        )
    return whole


def _count(state: VolumeState, offset: int, length: int, moved: int) -> None:
    stats = state.stats
    stats.writes += 1
    stats.written_bytes += length
    if state.sink is not None:
        state.sink.publish(_WRITTEN, 0, ORIGINAL_ID, offset, length, moved, 0)
