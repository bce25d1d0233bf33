# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes of portions of different sizes, each of which is preserved as a whole.

Every portion has a slot of ``SLOT_BYTES`` of the volume and lies at its beginning; the map of the
initial area says how long it is and where in the image it lies. The rest of a slot has no place and
reads as zeroes. So no two portions are neighbours, and none is ever kept as one with another: a
pointer to a preserved portion has its own size, that of the portion when it was preserved, whatever
the initial area's map says later.

A write within a portion that is not preserved yet becomes one of the whole portion, so that also
recovery, which preserves what the ring wrote over, finds whole portions. Writing a portion with
another size (``resize``) is durable on return. What it overwrites, and the zeroes that a longer one
covers, are durable first; a shorter one goes where the portion lies, a longer one to a fresh place,
which the map names once its content is durable. A loss of power in between leaves the old size, of
a portion that was to be shorter perhaps with sectors of the new content, as of any write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.answers import PointerKind
from core.arrangement import PortionInfo
from core.device.base import write_all
from core.errors import InvalidRangeError
from core.format.layout import EXTENT_BYTES_MAX
from core.mapping.initialmap import InitialMap, MapExtent, Scheme
from core.units import SECTOR_BYTES
from core.volume import instantcopy
from core.volume.read import read_original

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.format.block import Readable
    from core.format.catalog import CopyRecord
    from core.journal.writer import Journal
    from core.mapping.pointerrun import PointerRun
    from core.volume.state import VolumeState

SLOT_BYTES: Final = EXTENT_BYTES_MAX
PORTIONS_MAX: Final = 1 << 16
_ZERO: Final = int(PointerKind.ZERO)


def packed_map(sizes: Sequence[int]) -> InitialMap:
    """Return the map of portions that lie in the image one behind the other.

    Raises:
        InvalidRangeError: There are none or too many, or one has an impossible size.
    """
    if not 1 <= len(sizes) <= PORTIONS_MAX:
        raise InvalidRangeError(
            f"A volume cannot have {len(sizes)} portions; choose 1 to {PORTIONS_MAX}."
        )
    extents, place = [], 0
    for number, size in enumerate(sizes):
        _check_size(size)
        extents.append(MapExtent(number * SLOT_BYTES, size, place, Scheme.LOAD_POINT))
        place += size
    return InitialMap(extents)


def size_of(state: VolumeState, copy: CopyRecord | None, number: int) -> int:
    """Return the size of a portion as the original, or a copy, has it."""
    start = number * SLOT_BYTES
    if copy is not None:
        for layer in state.catalog.chain_stack(copy):
            for run in (state.staged_run(layer.id), layer.map):
                kept = run.clip(start, start + SLOT_BYTES)
                if len(kept):
                    is_zero = kept.kinds[0] == _ZERO
                    return int(kept.lengths[0] if is_zero else kept.wholes[0])
    assert state.initial is not None
    return sum(piece.length for piece in state.initial.map.within(start, start + SLOT_BYTES))


def check_write(state: VolumeState, copy: CopyRecord | None, offset: int, length: int) -> None:
    """See to it that a write lies within one portion.

    Raises:
        InvalidRangeError: It does not.
    """
    number = offset // SLOT_BYTES
    if not length:
        return
    at, size = offset - number * SLOT_BYTES, size_of(state, copy, number)
    if at + length > size:
        raise InvalidRangeError(
            f"Bytes {at} to {at + length - 1} are not within portion {number}, which has {size}; "
            "write less, or write the portion as a whole to give it another size."
        )


def refuse_bytes(state: VolumeState, act: str) -> None:
    """See to it that the volume is one of bytes, which ``act`` needs: ``restored``, ``promoted``.

    Raises:
        InvalidRangeError: It consists of portions.
    """
    if state.portion_count:
        raise InvalidRangeError(
            f"A volume of portions cannot be {act}, for the sizes of its portions differ between "
            "copies; read the portions of the copy and write them one by one."
        )


def whole(state: VolumeState, offset: int, payload: Readable) -> tuple[int, Readable]:
    """Return a write to the original as one of the whole portion, if that is to be preserved."""
    start = offset // SLOT_BYTES * SLOT_BYTES
    size, shift = size_of(state, None, offset // SLOT_BYTES), state.grain_shift
    preserved = state.preserved
    if (
        preserved is None
        or len(payload) == size
        or preserved.has_all(start >> shift, start + size >> shift)
    ):
        return offset, payload
    content = bytearray(read_original(state, start, size))
    content[offset - start : offset - start + len(payload)] = payload
    return start, content


def resize(state: VolumeState, journal: Journal, number: int, payload: Readable) -> None:
    """Write a portion of the original with another size; durable on return.

    Raises:
        RangepairError: It was refused; the portion is as it was.
    """
    initial = state.initial
    assert initial is not None
    _check_size(len(payload))
    start, before, after = number * SLOT_BYTES, size_of(state, None, number), len(payload)
    place = initial.places.take(after) if after > before else 0
    try:
        _preserve(state, journal, start, before, max(before, after))
    except BaseException:
        if after > before:
            initial.places.give_back(place, after)
        raise
    journal.note_uncovered()
    with state.writing():
        if after > before:
            target = MapExtent(start, after, place, Scheme.FULL_POINTER)
            initial.put_copy(target, bytes(payload), place, target.scheme)
        else:
            write_all(initial, payload, start)
            initial.punch(start + after, before - after)
        initial.sync()
    state.stats.writes += 1
    state.stats.written_bytes += after


def _preserve(state: VolumeState, journal: Journal, start: int, size: int, reach: int) -> None:
    """Make the portion, and the zeroes behind it up to ``reach``, durable for the copies.

    The ring is emptied: replayed later, it would write to the portion as it was.
    """
    preserved, active, shift = state.preserved, state.catalog.active, state.grain_shift
    if preserved is not None and active is not None:
        first, middle, stop = start >> shift, start + size >> shift, start + reach >> shift
        instantcopy.preserve(state, journal, preserved.gaps(first, middle))
        for low, high in preserved.gaps(middle, stop):
            journal.make_room(0)
            journal.opened.add_zero(active.id, low << shift, high - low << shift, _ZERO)
            preserved.add(low, high)
    if journal.ring.is_live:
        journal.checkpoint()
    else:
        journal.barrier()


def portion_infos(
    state: VolumeState, copy: CopyRecord | None, table: PointerRun
) -> list[PortionInfo]:
    """Return all portions as the original, or a copy with this resolved table, has them."""
    found = list[PortionInfo]()
    for number in range(state.portion_count):
        assert state.initial is not None
        start = number * SLOT_BYTES
        size = size_of(state, copy, number)
        pointers = table.clip(start, start + size)
        pieces = state.initial.map.within(start, start + SLOT_BYTES)
        kind = PointerKind(int(pointers.kinds[0])).name.lower() if len(pointers) else "unchanged"
        found.append(
            PortionInfo(
                number=number,
                size=size,
                kind=kind,
                offset=int(pointers.offsets[0]) if len(pointers) else pieces[0].place,
            )
        )
    return found


def _check_size(size: int) -> None:
    if size % SECTOR_BYTES or not SECTOR_BYTES <= size <= SLOT_BYTES:
        raise InvalidRangeError(
            f"A portion cannot have {size} bytes; choose a multiple of {SECTOR_BYTES} up to "
            f"{SLOT_BYTES}."
        )
