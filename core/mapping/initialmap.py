# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map of the initial area: where in the image each range of the volume lies.

An extent is a run of the volume that lies in one piece in the image, reached by one of two
schemes. *Load point + offset*: the extent has one load point, and byte ``n`` of it lies at load
point + n; it moves as a whole. *Full pointer*: every part of it has an address of its own, so any
part can be moved alone; neighbours whose addresses continue each other are kept as one row. What no
extent covers has no place and reads as zeroes.

Invariants:
  (1) extents are sorted, hold at least one byte, and do not overlap in the volume;
  (2) neighbours of one scheme that continue each other in volume and image are one extent;
  (3) no byte of the image belongs to two extents; who changes the map sees to that.

Extents with addresses below 0, from ``KEPT_BASE`` on, are no part of the volume: they are *kept*
originals, which copies read where they lay when the volume's own range went elsewhere
(``core.volume.redirecting``). They have full pointers and move like any other.

The identity is one load point extent that begins at 0 in both: a plain raw image.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.units import KEPT_BASE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.answers import Int64s, UInt8s


class Scheme(enum.IntEnum):
    """How an extent is reached."""

    LOAD_POINT = 0
    FULL_POINTER = 1


class MapExtent(NamedTuple):
    """A run of the volume that lies in one piece in the image. Bytes."""

    start: int
    length: int
    place: int
    scheme: Scheme

    @property
    def stop(self) -> int:
        """First byte of the volume behind it."""
        return self.start + self.length

    @property
    def place_stop(self) -> int:
        """First byte of the image behind it."""
        return self.place + self.length

    def cut(self, start: int, stop: int) -> MapExtent:
        """Return the part within ``[start, stop)``, which it must touch."""
        low, high = max(start, self.start), min(stop, self.stop)
        return MapExtent(low, high - low, self.place + low - self.start, self.scheme)

    def precedes(self, other: MapExtent) -> bool:
        """Return whether ``other`` continues this one in every respect."""
        return (
            self.scheme == other.scheme
            and self.stop == other.start
            and self.place_stop == other.place
        )


class InitialMap:
    """The extents of one volume, in the order of the volume."""

    def __init__(self, extents: Iterable[MapExtent] = ()) -> None:
        """Take extents in any order.

        Raises:
            ValueError: One is empty, or two overlap in the volume.
        """
        self._extents: list[MapExtent] = []
        self._starts: list[int] = []
        reach = KEPT_BASE
        for extent in sorted(extents):
            if extent.length <= 0 or extent.start < reach or extent.place < 0:
                raise ValueError(f"{extent} is empty or overlaps the one before")
            reach = extent.stop
            self._append(extent)

    @classmethod
    def identity(cls, size_bytes: int) -> InitialMap:
        """Return the map of a plain raw image."""
        return cls([MapExtent(0, size_bytes, 0, Scheme.LOAD_POINT)])

    def __len__(self) -> int:
        """Return the number of extents."""
        return len(self._extents)

    def __iter__(self) -> Iterator[MapExtent]:
        """Yield the extents in the order of the volume."""
        return iter(self._extents)

    def __eq__(self, other: object) -> bool:
        """Return whether both map every byte alike."""
        return isinstance(other, InitialMap) and self._extents == other._extents

    __hash__ = None  # type: ignore[assignment]

    def is_identity(self, size_bytes: int) -> bool:
        """Return whether this is the map of a plain raw image of this size."""
        return self._extents == [MapExtent(0, size_bytes, 0, Scheme.LOAD_POINT)]

    def makes_sense(self, size_bytes: int) -> bool:
        """Return whether it stays within a volume of this size, and names no byte twice."""
        placed = sorted((extent.place, extent.place_stop) for extent in self._extents)
        is_within = not self.own_extents or self.own_extents[-1].stop <= size_bytes
        return is_within and all(one[1] <= other[0] for one, other in pairwise(placed))

    @property
    def own_extents(self) -> list[MapExtent]:
        """The extents of the volume itself."""
        return self._extents[self._kept_count :]

    @property
    def kept_extents(self) -> list[MapExtent]:
        """The originals that copies read where they lay, by kept address."""
        return self._extents[: self._kept_count]

    @property
    def has_kept(self) -> bool:
        """Whether there are any."""
        return bool(self._starts) and self._starts[0] < 0

    @property
    def kept_end(self) -> int:
        """First kept address behind all of them."""
        count = self._kept_count
        return self._extents[count - 1].stop if count else KEPT_BASE

    @property
    def _kept_count(self) -> int:
        return bisect_left(self._starts, 0)

    @property
    def mapped_bytes(self) -> int:
        """How much of the volume has a place."""
        return sum(extent.length for extent in self.own_extents)

    @property
    def kept_bytes(self) -> int:
        """How much is kept for copies where it lay."""
        return sum(extent.length for extent in self.kept_extents)

    @property
    def place_end(self) -> int:
        """First byte of the image behind all extents."""
        return max((extent.place_stop for extent in self._extents), default=0)

    def columns(self) -> tuple[Int64s, Int64s, Int64s, UInt8s]:
        """Return starts, lengths, places and schemes, each of shape (n,)."""
        rows = np.array(self._extents or np.empty((0, 4)), np.int64)
        return rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3].astype(np.uint8)

    @classmethod
    def from_columns(
        cls, starts: Int64s, lengths: Int64s, places: Int64s, schemes: UInt8s
    ) -> InitialMap:
        """Return the map whose columns these are.

        Raises:
            ValueError: They are none.
        """
        rows = zip(
            starts.tolist(), lengths.tolist(), places.tolist(), schemes.tolist(), strict=True
        )
        return cls(
            MapExtent(start, length, place, Scheme(scheme)) for start, length, place, scheme in rows
        )

    # -- questions ---------------------------------------------------------------------------

    def place_of(self, start: int, length: int) -> int | None:
        """Return where ``length`` bytes lie, if they do so in one piece; else None."""
        row = bisect_right(self._starts, start) - 1
        if row < 0:
            return None
        extent = self._extents[row]
        if start + length > extent.start + extent.length:
            return None
        return extent.place + start - extent.start

    def within(self, start: int, stop: int) -> list[MapExtent]:
        """Return the parts of extents within ``[start, stop)``."""
        first, after = self._rows(start, stop)
        return [extent.cut(start, stop) for extent in self._extents[first:after]]

    def touching(self, start: int, stop: int) -> list[MapExtent]:
        """Return the extents, whole, that have bytes within ``[start, stop)``."""
        first, after = self._rows(start, stop)
        return self._extents[first:after]

    def gaps(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the ranges (start, stop) within ``[start, stop)`` that have no place."""
        found, at = [], start
        for extent in self.within(start, stop):
            if at < extent.start:
                found.append((at, extent.start))
            at = extent.stop
        if at < stop:
            found.append((at, stop))
        return found

    def lying_in(self, place: int, place_stop: int) -> list[MapExtent]:
        """Return the parts of extents that lie in ``[place, place_stop)`` of the image."""
        found = []
        for extent in self._extents:
            low, high = max(extent.place, place), min(extent.place_stop, place_stop)
            if low < high:
                start = extent.start + low - extent.place
                found.append(MapExtent(start, high - low, low, extent.scheme))
        return found

    # -- changes -----------------------------------------------------------------------------

    def set(self, extent: MapExtent) -> list[MapExtent]:
        """Let ``extent`` be where its range lies; return what lay there before."""
        before = self.unset(extent.start, extent.stop)
        row = bisect_left(self._starts, extent.start)
        low, high, whole = row, row, extent
        if row and self._extents[row - 1].precedes(whole):
            low = row - 1
            whole = _joined(self._extents[low], whole)
        if row < len(self._extents) and whole.precedes(self._extents[row]):
            high = row + 1
            whole = _joined(whole, self._extents[row])
        self._extents[low:high] = [whole]
        self._starts[low:high] = [whole.start]
        return before

    def unset(self, start: int, stop: int) -> list[MapExtent]:
        """Let a range have no place; return what lay there before."""
        first, after = self._rows(start, stop)
        if first == after:
            return []
        touched = self._extents[first:after]
        rest = []
        if touched[0].start < start:
            rest.append(touched[0].cut(touched[0].start, start))
        if touched[-1].stop > stop:
            rest.append(touched[-1].cut(stop, touched[-1].stop))
        self._extents[first:after] = rest
        self._starts[first:after] = [extent.start for extent in rest]
        return [extent.cut(start, stop) for extent in touched]

    def _rows(self, start: int, stop: int) -> tuple[int, int]:
        """Return first row and row after the last that touch ``[start, stop)``."""
        first = bisect_right(self._starts, start) - 1
        if first < 0 or self._extents[first].stop <= start:
            first += 1
        return first, max(first, bisect_left(self._starts, stop)) if start < stop else first

    def _append(self, extent: MapExtent) -> None:
        if self._extents and self._extents[-1].precedes(extent):
            self._extents[-1] = _joined(self._extents[-1], extent)
            return
        self._extents.append(extent)
        self._starts.append(extent.start)


def _joined(left: MapExtent, right: MapExtent) -> MapExtent:
    return MapExtent(left.start, left.length + right.length, left.place, left.scheme)
