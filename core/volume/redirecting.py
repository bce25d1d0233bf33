# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Redirect-on-write: an original that has a full pointer stays where it lies, uncopied.

A write to a range of the original that a copy still needs is served by the mapping of the range.
Where that is load point + offset, the original is copied to the additional area, as everywhere.
Where it is full pointer, the *new* data goes to a fresh place of the initial area and the map lets
the range be there. The original keeps its place: it gets a *kept address* in the same map
(``core.mapping.initialmap``), and the active layer a pointer to that. So pointers name
addresses, never places, whichever area they lead to; the map knows all of the image, and what
copies keep there is moved, counted and protected like every other extent. When the last copy that
needs it goes, its pointer is handed down or dropped as ever, and what is dropped leaves the map and
is free.

Why no power cut breaks it. Three things become true: the range is at the fresh place, the kept
address is at the old one, the layer points to the kept address. They are one change of the map
(M4 of ``core.area.initial``) and become durable together, in one group of the log or with one
superblock.
  * Before that, the durable map has the range where it was. No byte was written there: copies read
    it through their range pairs, and the original reads as it did before a write that was not
    flushed. The fresh place is free.
  * It does not happen before the image is synced (M1): so the new data is durable, and what the
    old place holds as well, also where an earlier write to it was in the caches only.
  * After it, nothing writes to the old place: no range of the volume lies there, and it is not free
    before a durable change has dropped the pointer (``VolumeState.release``).
A flush returns after that, for ``note_uncovered`` sends it through a sync of the image; so does
every change of the catalog, which therefore finds pointers and layers as they are on disk. No
overlay and no flight has new data of such a range: what waits has a preserved original, or is
older than the newest copy, and all that was put in place when that was taken. A live ring may hold
older data of it; the same sync ends the ring, and until then that data is what a flush promised. A
flush under way lands before the first byte goes to a fresh place.

What waits for the next sync is bounded, by ``CELLS_MAX`` and by the clock (``core.engine.clock``),
and each write first sees to it that the end of the log segment is still there for it: so what was
accepted can be written down, and deleting copies needs no room. Where the image cannot grow, the
original is copied instead. While something is restored everything is copied, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import xxhash

from core.answers import PointerKind
from core.device.base import read_exactly
from core.events import EventFlag, EventKind
from core.format.layout import EXTENT_BYTES_MAX
from core.mapping.initialmap import Scheme
from core.mapping.pointerrun import PointerRun
from core.units import SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.area.initial import InitialArea
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

Grains = tuple[int, int]
"""First grain and first grain after."""

_ZEROES: Final = bytes(EXTENT_BYTES_MAX)
CELLS_MAX: Final = 2048
"""Rows and pointers that wait for the next sync at most; one change of the log holds them."""


class Unit(NamedTuple):
    """An original that is to be kept where it lies; bytes."""

    start: int
    length: int
    checksum: int

    @property
    def stop(self) -> int:
        """First byte behind it."""
        return self.start + self.length


def is_chosen(state: VolumeState) -> bool:
    """Return whether originals with a full pointer are kept where they lie, now."""
    return state.catalog.redirects and state.initial is not None and state.restore is None


def units_of(state: VolumeState, journal: Journal, gaps: list[Grains]) -> list[Unit]:
    """Return which originals of ``gaps`` may be kept where they lie: not zeroes, and mapped so.

    Raises:
        AreaFullError: The log has no room to say so.
        OSError: The image cannot be read; nothing was changed.
    """
    initial = state.initial
    assert initial is not None
    found = list[Unit]()
    step = max(EXTENT_BYTES_MAX >> state.grain_shift, 1)
    for gap in gaps:
        for first, stop in _full_pointer_grains(state, initial, gap):
            for grain in range(first, stop, step):
                start = grain << state.grain_shift
                end = min(min(grain + step, stop) << state.grain_shift, state.size_bytes)
                content = read_exactly(initial, end - start, start)
                if content[0] or content != _ZEROES[: len(content)]:
                    checksum = xxhash.xxh3_64_intdigest(content)
                    found.append(Unit(start, end - start, checksum))
    if found:
        _make_room(state, journal, initial, found)
    return found


def gaps_without(state: VolumeState, gaps: list[Grains], units: list[Unit]) -> list[Grains]:
    """Return what of ``gaps`` is in no unit."""
    rest, at = list[Grains](), 0
    kept = [(unit.start >> state.grain_shift, _grain_after(state, unit.stop)) for unit in units]
    for first, stop in gaps:
        at = first
        for low, high in kept:
            if high <= first or low >= stop:
                continue
            if at < low:
                rest.append((at, low))
            at = high
        if at < stop:
            rest.append((at, stop))
    return rest


def write_fresh(state: VolumeState, units: list[Unit], source: memoryview, base: int) -> list[int]:
    """Write the new data of units to fresh places, which nothing names yet; return these.

    Args:
        state: A volume whose image has a map.
        units: Sorted.
        source: New data of all of them, and possibly more.
        base: The volume's byte that it begins with.

    Raises:
        AreaFullError: The image has no room; nothing was changed.
        OSError: What the image reports; likewise.
    """
    initial, places = state.initial, list[int]()
    assert initial is not None
    try:
        for unit in units:
            places.append(initial.write_fresh(source[unit.start - base : unit.stop - base]))
    except BaseException:
        give_back(state, units, places)
        raise
    return places


def give_back(state: VolumeState, units: list[Unit], places: list[int]) -> None:
    """Take back fresh places, as many as there are, that the map was not let name."""
    assert state.initial is not None
    for unit, place in zip(units, places, strict=False):
        state.initial.give_back_fresh(place, unit.length)


def keep(
    state: VolumeState, journal: Journal, units: list[Unit], places: Sequence[int | None]
) -> None:
    """Keep originals where they lie; their ranges are at ``places``, or nowhere, from now on."""
    if not units:
        return
    initial, active, preserved = state.initial, state.catalog.active, state.preserved
    assert initial is not None
    assert active is not None
    assert preserved is not None
    addresses = [
        initial.keep(unit.start, unit.length, place, active.id, unit.checksum)
        for unit, place in zip(units, places, strict=True)
    ]
    active.map.append(
        PointerRun.from_columns(
            [unit.start for unit in units],
            [unit.length for unit in units],
            addresses,
            [int(PointerKind.ORIGINAL)] * len(units),
            [unit.checksum for unit in units],
            is_sorted=True,
        )
    )
    journal.note_uncovered()
    for unit, address in zip(units, addresses, strict=True):
        preserved.add(unit.start >> state.grain_shift, _grain_after(state, unit.stop))
        state.stats.kept_portions += 1
        state.stats.kept_bytes += unit.length
        state.publish(
            EventKind.PRESERVED,
            flags=EventFlag.IN_PLACE,
            copy_id=state.catalog.newest_id,
            start=unit.start,
            length=unit.length,
            area_offset=address % (1 << 64),  # as the event's field, which has no sign
        )


def _grain_after(state: VolumeState, stop: int) -> int:
    return (stop - 1 >> state.grain_shift) + 1


def _full_pointer_grains(state: VolumeState, initial: InitialArea, gap: Grains) -> list[Grains]:
    """Return the grains of a gap all of whose bytes have full pointers."""
    shift, size = state.grain_shift, state.size_bytes
    low, high = gap[0] << shift, min(gap[1] << shift, size)
    joined = list[list[int]]()
    for piece in initial.map.within(low, high):
        if piece.scheme != Scheme.FULL_POINTER:
            continue
        if joined and joined[-1][1] == piece.start:
            joined[-1][1] = piece.stop
        else:
            joined.append([piece.start, piece.stop])
    whole = [
        (-(-start >> shift), gap[1] if stop == size else stop >> shift) for start, stop in joined
    ]
    return [(first, stop) for first, stop in whole if first < stop]


def _make_room(
    state: VolumeState, journal: Journal, initial: InitialArea, units: list[Unit]
) -> None:
    """See to it that what is to be written down at the next sync finds room in the log."""
    journal.land()  # the flush under way, before anything else goes to the image
    pieces = sum(len(initial.map.within(unit.start, unit.stop)) for unit in units)
    if initial.pending_cells + pieces + 2 * len(units) > CELLS_MAX:
        with state.writing():
            journal.checkpoint()
    journal.make_room(SECTOR_BYTES)
