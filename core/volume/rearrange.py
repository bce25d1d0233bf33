# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Convert, relocate and compact the initial area, a batch at a time, while the volume is used.

Each call is one batch: it looks at the map, moves what is next to be moved, and returns when that
is durable. Nothing is remembered between two calls but the map itself, so whoever asks may stop at
any time and go on later, also after a loss of power. A batch runs under the volume's lock, after a
barrier: nothing is on its way to the image, and what is copied is what the original reads as.

No copy notices. Its range pairs name ranges of the volume, which are looked up in the map when they
are read; what was preserved lies in the additional area, or has a kept address in the map
(``core.volume.redirecting``) and is moved like a range of the volume. Only where the image is to be
a plain raw image nothing is kept in it: that is brought to the additional area first.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from core.area.places import IMAGE_BYTES_MIN
from core.arrangement import Rearranged
from core.device.base import read_exactly
from core.errors import AreaFullError, InvalidRangeError
from core.mapping.initialmap import InitialMap, MapExtent, Scheme
from core.units import MIB, VOLUME_BYTES_MAX
from core.volume import initialmap
from core.volume.evacuating import evacuate

if TYPE_CHECKING:
    from core.area.initial import InitialArea
    from core.volume.state import VolumeState

BATCH_BYTES: Final = 4 * MIB
PIECES_MAX: Final = 256
"""A batch moves no more, however short they are."""


def to_full_pointer(state: VolumeState, start: int, stop: int) -> Rearranged:
    """Let every part of a range have an address of its own; no data is moved."""
    _set_scheme(state, _map_of(state).within(start, stop), Scheme.FULL_POINTER)
    return Rearranged(moved=0, left=0)


def to_load_point(state: VolumeState, start: int, stop: int) -> Rearranged:
    """Let a range that lies in one piece have a load point; no data is moved.

    Raises:
        InvalidRangeError: It lies in several pieces.
    """
    pieces = _map_of(state).within(start, stop)
    for piece, following in pairwise(pieces):
        if piece.stop == following.start and piece.place_stop != following.place:
            raise InvalidRangeError(
                f"The range does not lie in one piece: at {following.start} it goes on at byte "
                f"{following.place} of the image, not at {piece.place_stop}; relocate it first."
            )
    _set_scheme(state, pieces, Scheme.LOAD_POINT)
    return Rearranged(moved=0, left=0)


def _set_scheme(state: VolumeState, pieces: list[MapExtent], scheme: Scheme) -> None:
    if any(piece.scheme != scheme for piece in pieces):
        initial = _begun(state)
        for piece in pieces:
            initial.set_scheme(piece, scheme)
        _sync(state, initial)


def relocate(state: VolumeState, start: int, stop: int, place: int) -> Rearranged:
    """Move what a range holds towards ``place`` of the image, where nothing else may lie.

    Raises:
        InvalidRangeError: Something else lies there, or only a part of an extent that moves as a
            whole was named.
        AreaFullError: The image cannot grow that far.
    """
    if place < 0 or place + stop - start > VOLUME_BYTES_MAX:
        raise InvalidRangeError(
            f"Byte {place} of the image cannot be where {stop - start} bytes lie; choose another."
        )
    mapped, moved = _map_of(state), 0
    waiting = [
        piece for piece in mapped.within(start, stop) if piece.place != place + piece.start - start
    ]
    for piece in waiting:
        if piece.scheme == Scheme.LOAD_POINT:
            _refuse_part(mapped, piece, start, stop)
    _refuse_occupied(mapped, waiting, place - start)
    if not waiting:
        return Rearranged(moved=0, left=0)
    initial = _begun(state)
    for piece in _batch(waiting):
        target = piece.start + place - start
        taken = initial.places.take_at(target, piece.length)
        assert taken, "what lies there was looked for"
        _copy(state, initial, piece, target)
        moved += piece.length
    return _done(state, initial, moved, sum(piece.length for piece in waiting) - moved)


def compact(state: VolumeState) -> Rearranged:
    """Move what lies last in the image into the free places before it, then cut off its end.

    An extent with a load point moves as a whole, so it stays if no free place or no batch holds it.
    """
    if state.initial is None:
        return Rearranged(moved=0, left=0)
    initial, moved = _begun(state), 0
    for _ in range(PIECES_MAX):
        last = _last_extent(initial)
        free = initial.places.lowest()
        if last is None or free is None or free[0] > last.place:
            break
        piece = _part_for(last, free[1], BATCH_BYTES - moved)
        if piece is None:
            break
        if not initial.places.take_at(free[0], piece.length):
            break
        _copy(state, initial, piece, free[0])
        moved += piece.length
    if moved:
        _sync(state, initial)
    left = _movable_bytes(initial)
    if not moved or not left:
        left = 0
        with state.writing():
            initial.places.cut_tail()
            initial.image.sync()
    return Rearranged(moved=moved, left=left)


def to_identity(state: VolumeState) -> Rearranged:
    """Bring everything to where it lies in a plain raw image; the last batch makes it one.

    What lies where something else belongs is moved behind the volume's end first.

    Raises:
        AreaFullError: There is no room for that, or the image cannot be as long as the volume.
        InvalidRangeError: It is a volume of portions.
    """
    if state.initial is None:
        return Rearranged(moved=0, left=0)
    if state.portion_count:
        raise InvalidRangeError(
            "A volume of portions cannot be a plain raw image; only its map knows their sizes."
        )
    initial, moved = _begun(state), 0
    if initial.map.has_kept:
        moved = evacuate(state, BATCH_BYTES)
        return Rearranged(moved=moved, left=initial.map.kept_bytes + _bytes_away(state, initial))
    initial.places.reach(state.size_bytes)
    for _ in range(PIECES_MAX):
        step = _step_home(state, initial, BATCH_BYTES - moved)
        if step is None:
            break
        moved += step
        if moved >= BATCH_BYTES:
            break
        _sync(state, initial)
    left = _bytes_away(state, initial)
    if not left:
        _set_scheme(state, list(initial.map), Scheme.LOAD_POINT)
    result = _done(state, initial, moved, left)
    if not left:
        initialmap.end(state)
    return result


# -- steps -----------------------------------------------------------------------------------


def _map_of(state: VolumeState) -> InitialMap:
    return InitialMap.identity(state.size_bytes) if state.initial is None else state.initial.map


def _begun(state: VolumeState) -> InitialArea:
    """Return the initial area with a map that is durable as it is."""
    if state.initial is None:
        initialmap.begin(state)
    initial = state.initial
    assert initial is not None
    if initial.has_pending:
        _sync(state, initial)
    return initial


def _copy(
    state: VolumeState,
    initial: InitialArea,
    piece: MapExtent,
    place: int,
    scheme: Scheme | None = None,
) -> None:
    """Copy a piece to a place that was taken for it."""
    try:
        content = read_exactly(initial.image, piece.length, piece.place)
    except BaseException:
        initial.places.give_back(place, piece.length)
        raise
    with state.writing():
        initial.put_copy(piece, content, place, piece.scheme if scheme is None else scheme)


def _sync(state: VolumeState, initial: InitialArea) -> None:
    with state.writing():
        initial.sync()


def _done(state: VolumeState, initial: InitialArea, moved: int, left: int) -> Rearranged:
    if initial.has_pending:
        _sync(state, initial)
    return Rearranged(moved=moved, left=left)


def _batch(pieces: list[MapExtent]) -> list[MapExtent]:
    """Return the first pieces, cut, that come to no more than a batch."""
    found, room = [], BATCH_BYTES
    for piece in pieces[:PIECES_MAX]:
        if room <= 0:
            break
        found.append(piece.cut(piece.start, piece.start + room))
        room -= found[-1].length
    return found


def _refuse_part(mapped: InitialMap, piece: MapExtent, start: int, stop: int) -> None:
    """Refuse to move a part of an extent that has one load point."""
    for extent in mapped.touching(piece.start, piece.stop):
        if extent.start < start or extent.stop > stop:
            raise InvalidRangeError(
                f"The range is part of the extent of {extent.length} bytes at {extent.start}, "
                "which has one load point and moves as a whole; convert the range to full-pointer "
                "first, or name all of the extent."
            )


def _refuse_occupied(mapped: InitialMap, waiting: list[MapExtent], distance: int) -> None:
    """Refuse places that anything has."""
    if not waiting:
        return
    first, last = waiting[0].start + distance, waiting[-1].stop + distance
    for other in mapped.lying_in(first, last):
        for piece in waiting:
            target = piece.start + distance
            if other.place < target + piece.length and target < other.place_stop:
                what = f"[{other.start}..{other.stop - 1}] of the volume lies"
                if other.start < 0:
                    what = "an original is kept for copies"
                raise InvalidRangeError(
                    f"Bytes {other.place} to {other.place_stop - 1} of the image are where {what}; "
                    "choose a free place, such as one behind the image's end."
                )


def _last_extent(initial: InitialArea) -> MapExtent | None:
    """Return what lies last in the image."""
    return max(initial.map, key=lambda extent: extent.place, default=None)


def _part_for(last: MapExtent, room: int, batch: int) -> MapExtent | None:
    """Return what of an extent may move into ``room`` bytes at once: its end, or all of it."""
    length = min(last.length, room, batch)
    if length <= 0 or (last.scheme == Scheme.LOAD_POINT and length < last.length):
        return None
    return last.cut(last.stop - length, last.stop)


def _movable_bytes(initial: InitialArea) -> int:
    """Return how much lies behind where everything together would end."""
    end = max(initial.map.mapped_bytes + initial.map.kept_bytes, IMAGE_BYTES_MIN)
    return sum(max(0, extent.place_stop - max(extent.place, end)) for extent in initial.map)


def _bytes_away(state: VolumeState, initial: InitialArea) -> int:
    """Return how much does not lie where it does in a plain raw image."""
    home = sum(piece.length for piece in initial.map.own_extents if piece.place == piece.start)
    return state.size_bytes - home


def _step_home(state: VolumeState, initial: InitialArea, batch: int) -> int | None:
    """Bring the first range that is away home, or clear its place.

    Places that become free count only when that is durable, so there is one step between two syncs.

    Returns:
        Bytes moved; None if all is at home.
    """
    at = 0
    for extent in initial.map:
        if extent.start != at or extent.place != at:
            break
        at = extent.stop
    if at >= state.size_bytes:
        return None
    gaps = initial.map.gaps(at, state.size_bytes)
    if gaps and gaps[0][0] == at:
        return _hole_home(state, initial, at, gaps[0][1], batch)
    piece = initial.map.within(at, min(at + batch, state.size_bytes))[0]
    occupant = next(iter(initial.map.lying_in(at, at + piece.length)), None)
    if occupant is not None:
        return _move_away(state, initial, occupant)
    _take_home(initial, at, piece.length)
    _copy(state, initial, piece, at, Scheme.LOAD_POINT)
    return piece.length


def _hole_home(state: VolumeState, initial: InitialArea, at: int, stop: int, batch: int) -> int:
    """Give a range without a place the one it has in a plain raw image."""
    occupants = initial.map.lying_in(at, stop)
    first = min((other.place for other in occupants), default=stop)
    if first > at:
        _take_home(initial, at, first - at)
        with state.writing():
            initial.place_hole(at, first - at, at, Scheme.LOAD_POINT)
        return 0
    occupant = min(occupants, key=lambda other: other.place)
    return _move_away(state, initial, occupant.cut(occupant.start, occupant.start + batch))


def _take_home(initial: InitialArea, at: int, length: int) -> None:
    if not initial.places.take_at(at, length):
        raise AssertionError("a place that nothing lies in is not free")


def _move_away(state: VolumeState, initial: InitialArea, occupant: MapExtent) -> int:
    """Move what lies where something else belongs home, or else behind the volume's end.

    If the image cannot grow that far, it goes to the last free place: a nearer one would have to
    be cleared again soon, and so on.
    """
    if initial.places.take_at(occupant.start, occupant.length):
        _copy(state, initial, occupant, occupant.start, Scheme.LOAD_POINT)
        return occupant.length
    try:
        place = initial.places.take_behind(state.size_bytes, occupant.length)
    except AreaFullError:
        last = initial.places.take_last(occupant.place_stop, occupant.length)
        if last is None:
            raise
        place = last
    _copy(state, initial, occupant, place)
    return occupant.length
