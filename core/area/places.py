# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which bytes of the image are free, while the initial area has a map of its own.

Invariants:
  P1 no byte is handed out while a durable map may name it: a release takes effect at
     ``commit_releases``, which is called once the map that forgets the bytes is durable;
  P2 what is handed out as *clean* reads as zeroes: nobody has had it since the image was opened,
     and it lies behind the image's end of then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.area.freeruns import NO_RUNS, FreeRuns, Runs, complement, merge
from core.errors import AreaFullError, ImageError
from core.format.layout import BLOCK_BYTES, block_ceil
from core.units import MIB, SECTOR_BYTES, format_bytes

if TYPE_CHECKING:
    from core.device.base import Device
    from core.mapping.initialmap import InitialMap, MapExtent

IMAGE_BYTES_MIN: Final = BLOCK_BYTES
"""No image is shorter than this, so that none is taken for an empty file."""
_GROWTH_BYTES_MAX: Final = MIB


class Places:
    """The free places of one image.

    Attributes:
        capacity: Bytes the image has.
    """

    def __init__(self, image: Device, mapped: InitialMap, size_bytes: int) -> None:
        """Take over an image of which ``mapped`` says what is in use.

        ``size_bytes`` is the volume's, of which the steps follow in which the image grows.
        """
        self._image = image
        self.capacity = image.size
        used = _runs([(extent.place, extent.length) for extent in mapped])
        self._free = FreeRuns(complement(used, 0, self.capacity))
        self._released: list[tuple[int, int]] = []
        self._clean_from = self.capacity
        growth = min(max(size_bytes // 64, BLOCK_BYTES), _GROWTH_BYTES_MAX)
        self._growth_bytes = block_ceil(growth)

    @property
    def free_bytes(self) -> int:
        """Bytes of the image that no extent uses, nor did until the last durable map."""
        return self._free.total_bytes

    def take(self, length: int) -> int:
        """Return the lowest place of ``length`` bytes; the image grows if there is none.

        Raises:
            AreaFullError: It cannot.
        """
        align = BLOCK_BYTES if length >= BLOCK_BYTES else SECTOR_BYTES
        place = self._free.take_first_fit(length, align)
        if place is None:
            tail = self._tail_start()
            self._grow(tail + -tail % align + length)
            place = self._free.take_first_fit(length, align)
            assert place is not None
        return place

    def take_at(self, place: int, length: int) -> bool:
        """Take exactly these bytes, which may lie behind the image's end; False if one is in use.

        Raises:
            AreaFullError: The image cannot grow that far.
        """
        if place + length > self.capacity:
            self._reach(place, place + length)
        runs = self._free.columns()
        row = int(np.searchsorted(runs.starts, place, "right")) - 1
        if row < 0 or int(runs.starts[row] + runs.lengths[row]) < place + length:
            return False
        self._free.take_at(place, place + length)
        return True

    def take_behind(self, place: int, length: int) -> int:
        """Return a place of ``length`` bytes behind ``place``; the image grows if there is none.

        Raises:
            AreaFullError: It cannot.
        """
        runs = self._free.columns()
        starts = np.maximum(runs.starts, place)
        starts += -starts % SECTOR_BYTES
        fits = np.flatnonzero(runs.starts + runs.lengths - starts >= length)
        if len(fits):
            found = int(starts[fits[0]])
        else:
            found = max(self._tail_start(), place)
            self._grow_hole(found)
            self._grow(found + length)
        self._free.take_at(found, found + length)
        return found

    def take_last(self, place: int, length: int) -> int | None:
        """Return the last free place of ``length`` bytes behind ``place``, or None."""
        runs = self._free.columns()
        starts = runs.starts + runs.lengths - length
        starts -= starts % SECTOR_BYTES
        fits = np.flatnonzero(starts >= np.maximum(runs.starts, place))
        if not len(fits):
            return None
        found = int(starts[fits[-1]])
        self._free.take_at(found, found + length)
        return found

    def reach(self, stop: int) -> None:
        """Let the image reach up to ``stop`` at least, without storage.

        Raises:
            AreaFullError: It cannot.
        """
        self._grow_hole(stop)

    def lowest(self) -> tuple[int, int] | None:
        """Return place and length of the lowest free run; None if there is none."""
        runs = self._free.columns()
        return (int(runs.starts[0]), int(runs.lengths[0])) if len(runs.starts) else None

    def is_clean(self, place: int, length: int) -> bool:
        """Say whether bytes just taken read as zeroes; from now on they do not."""
        was_clean = place >= self._clean_from
        self._clean_from = max(self._clean_from, place + length)
        return was_clean

    def give_back(self, place: int, length: int) -> None:
        """Take back bytes that no map ever named."""
        self._free.add(_runs([(place, length)]))

    def give_back_all(self, extents: list[MapExtent]) -> list[tuple[int, int]]:
        """Take back the places of extents that no map names any more, durably; return them."""
        runs = merge(_runs([(extent.place, extent.length) for extent in extents]))
        self._free.add(runs)
        return list(zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True))

    def release(self, extents: list[MapExtent]) -> None:
        """Take back the places of extents; they are free only after ``commit_releases``."""
        self._released += [(extent.place, extent.length) for extent in extents]

    def commit_releases(self) -> list[tuple[int, int]]:
        """Make free what was released; return (place, length) of each, fit for punching."""
        if not self._released:
            return []
        runs = merge(_runs(self._released))
        self._released.clear()
        self._free.add(runs)
        return list(zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True))

    def cut_tail(self) -> None:
        """Cut off the free end of the image."""
        stop = max(self._tail_start(), IMAGE_BYTES_MIN)
        if stop < self.capacity:
            self._free.take_at(stop, self.capacity)
            self._image.resize(stop)
            self.capacity = stop

    def _tail_start(self) -> int:
        """Return where the free run at the image's end begins; the end if there is none."""
        runs = self._free.columns()
        if len(runs.starts) and int(runs.starts[-1] + runs.lengths[-1]) == self.capacity:
            return int(runs.starts[-1])
        return self.capacity

    def _grow(self, stop: int) -> None:
        """Let the image have storage up to ``stop``, and some more if there is room for that."""
        needed = block_ceil(stop) - self.capacity
        length = max(needed, self._growth_bytes)
        try:
            self._image.allocate(self.capacity, length)
        except AreaFullError:
            if length == needed:
                raise
            length = needed
            self._image.allocate(self.capacity, length)
        self._add_capacity(self.capacity + length)

    def _reach(self, start: int, stop: int) -> None:
        """Let the image have storage in ``[start, stop)``, with a hole before that."""
        self._grow_hole(start)
        self._image.allocate(self.capacity, stop - self.capacity)
        self._add_capacity(stop)

    def _grow_hole(self, stop: int) -> None:
        """Let the image reach up to ``stop`` at least, without storage."""
        if stop > self.capacity:
            try:
                self._image.resize(stop)
            except ImageError as error:
                raise AreaFullError(
                    f"{self._image.path} cannot grow to {format_bytes(stop)}, for neither a block "
                    "device nor every file system can; choose a place nearer to its beginning."
                ) from error
            self._add_capacity(stop)

    def _add_capacity(self, capacity: int) -> None:
        self._free.append(self.capacity, capacity - self.capacity)
        self.capacity = capacity


def _runs(extents: list[tuple[int, int]]) -> Runs:
    if not extents:
        return NO_RUNS
    columns = np.array(extents, np.int64)
    return Runs(columns[:, 0].copy(), columns[:, 1].copy())
