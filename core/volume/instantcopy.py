# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Second group: the instant copy operation on the data location of a write.

Location in the initial area: each grain that a copy still reads there and that was not kept before
is copied to the additional area, once for all copies, with a pointer to it (``preserve``). Location
in the
additional area: nothing is copied from the initial area; a fresh place is taken and the pointer
will point to the new data there (``redirect``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.answers import PointerKind
from core.device.base import read_into
from core.errors import AreaFullError
from core.events import EventFlag, EventKind
from core.format.layout import EXTENT_BYTES_MAX
from core.journal.opengroup import RECORDS_MAX
from core.mapping.grainset import GrainSet
from core.units import SECTOR_BYTES

if TYPE_CHECKING:
    from core.format.block import Readable
    from core.format.catalog import CopyRecord
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

_ORIGINAL = int(PointerKind.ORIGINAL)
_NEW = int(PointerKind.NEW)
_ZERO = int(PointerKind.ZERO)
_ZEROES = bytes(EXTENT_BYTES_MAX)
_PRESERVED = int(EventKind.PRESERVED)
RECORDS_SHORT_MAX: Final = RECORDS_MAX - 8


def preserve_grain(state: VolumeState, journal: Journal, layer_id: int, grain: int) -> int:
    """Stage the original of one whole grain, as ``preserve`` does; the common case, made short."""
    opened, length = journal.opened, state.grain_bytes
    if opened.used_bytes + length > opened.capacity_bytes or opened.count > RECORDS_SHORT_MAX:
        journal.make_room(length)
        opened = journal.opened
    if state.fill_holes is not None:
        state.find_room(grain, grain + 1)
    start, preserved = grain << state.grain_shift, state.preserved
    assert preserved is not None
    offset = opened.read_in(state.image.preadv, layer_id, start, length)
    if not offset:
        moved = _preserve_extent(state, journal, layer_id, start, length)
        preserved.add_one(grain)
        return moved
    preserved.add_one(grain)
    state.grains_preserved += 1
    if state.sink is not None:
        state.sink.publish(_PRESERVED, 0, state.catalog.newest_id, start, length, length, offset)
    return length


def preserve(state: VolumeState, journal: Journal, gaps: list[tuple[int, int]]) -> int:
    """Stage the originals of grains that the active layer does not hold; return the bytes copied.

    Args:
        state: A volume with copies.
        journal: Its journal.
        gaps: Half-open ranges of grain numbers, none of them in ``state.preserved``.

    Raises:
        AreaFullError: There is no room; the originals staged so far do no harm.
        OSError: The image cannot be read; likewise.
    """
    preserved, active = state.preserved, state.catalog.active
    assert preserved is not None
    assert active is not None
    shift, size, moved = state.grain_shift, state.size_bytes, 0
    step = max(EXTENT_BYTES_MAX >> shift, 1)
    try:
        for first, stop in gaps:
            for grain in range(first, stop, step):
                until = min(grain + step, stop)
                start = grain << shift
                length = min(until << shift, size) - start
                journal.make_room(length)
                moved += _preserve_extent(state, journal, active.id, start, length)
                preserved.add(grain, until)
    except (AreaFullError, OSError):
        # The write is refused, but what was staged counts as preserved from now on: a later write
        # to it goes straight to the image, so it must be durable first.
        journal.barrier()
        raise
    return moved


def _preserve_extent(
    state: VolumeState, journal: Journal, layer_id: int, start: int, length: int
) -> int:
    """Copy one extent I -> A and make the pointer to it; return the bytes copied."""
    opened, stats = journal.opened, state.stats
    target = opened.reserve(length)
    if state.image.preadv([target], start) != length:
        read_into(state.image, target, start)
    stats.preserved_portions += 1
    if target[0] == 0 and bytes(target) == _ZEROES[:length]:
        if state.fill_holes is None:
            # The range may be a hole: let a full disk refuse the write before it is accepted.
            state.image.allocate(start, length)
        opened.add_zero(layer_id, start, length, _ZERO)
        stats.zero_bytes += length
        state.publish(
            EventKind.PRESERVED,
            flags=EventFlag.ZERO,
            copy_id=state.catalog.newest_id,
            start=start,
            length=length,
        )
        return 0
    offset = opened.add(layer_id, start, length, _ORIGINAL)
    opened.note_in_image(start, length)
    stats.preserved_bytes += length
    if state.sink is not None:
        state.sink.publish(_PRESERVED, 0, state.catalog.newest_id, start, length, length, offset)
    return length


def redirect(
    state: VolumeState, journal: Journal, copy: CopyRecord, offset: int, payload: Readable
) -> int:
    """Stage new data of a view with pointers to it; nothing is read from the initial area.

    Returns:
        Bytes placed in the additional area: all of them.
    """
    assert copy.top is not None
    source = memoryview(payload)
    for at in range(0, len(source), EXTENT_BYTES_MAX):
        _redirect_extent(state, journal, copy, offset + at, source[at : at + EXTENT_BYTES_MAX])
    return len(source)


def _redirect_extent(
    state: VolumeState, journal: Journal, copy: CopyRecord, start: int, piece: memoryview
) -> None:
    length, layer_id = len(piece), copy.top
    assert layer_id is not None
    place = clear_staged(state, journal, layer_id, start, length)
    if place is not None:
        journal.opened.at(place, length)[:] = piece
    else:
        journal.make_room(length)
        journal.opened.reserve(length)[:] = piece
        place = journal.opened.add(layer_id, start, length, _NEW)
        note_staged(state, layer_id, start, length, place)
    journal.note_redirected()
    state.publish(
        EventKind.REDIRECTED,
        copy_id=copy.id,
        start=start,
        length=length,
        moved=length,
        area_offset=place,
    )


def clear_staged(
    state: VolumeState, journal: Journal, layer_id: int, start: int, length: int
) -> int | None:
    """Make a clone's range free of staged data, so that one group never holds it twice.

    Returns:
        The address of exactly this range, if it is staged and no flush has written it yet; it may
        then be overwritten there.
    """
    sectors = state.staged_sectors.get(layer_id)
    first, stop = start // SECTOR_BYTES, (start + length) // SECTOR_BYTES
    if sectors is None or sectors.gaps(first, stop) == [(first, stop)]:
        return None
    place, staged_length = state.staged_new.get((layer_id, start), (0, 0))
    opened = journal.opened
    if staged_length == length and place >= opened.base + opened.ring_bytes:
        return place
    journal.barrier()
    return None


def redirect_zero(
    state: VolumeState, journal: Journal, copy: CopyRecord, start: int, length: int
) -> None:
    """Point a clone's range to zeroes; no data is kept."""
    assert copy.top is not None
    sectors = state.staged_sectors.get(copy.top)
    first, stop = start // SECTOR_BYTES, (start + length) // SECTOR_BYTES
    if sectors is not None and sectors.gaps(first, stop) != [(first, stop)]:
        journal.barrier()
    journal.make_room(0)
    journal.opened.add_zero(copy.top, start, length, _ZERO)
    note_staged(state, copy.top, start, length, 0)
    journal.note_redirected()


def note_staged(state: VolumeState, layer_id: int, start: int, length: int, place: int) -> None:
    """Remember what is staged for a private layer; at ``place``, unless it must stay as it is."""
    if place:
        state.staged_new[layer_id, start] = (place, length)
    sectors = state.staged_sectors.setdefault(layer_id, GrainSet(SECTOR_BYTES))
    sectors.add(start // SECTOR_BYTES, (start + length) // SECTOR_BYTES)
