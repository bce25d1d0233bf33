# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The initial area as a device of the volume's size, over an image that lies otherwise.

Whoever reads and writes the original does so by its offset in the volume; here that becomes a place
in the image. A volume whose map is the identity does not have this device at all.

Invariants, and how they are kept.
  M1  A durable map names only places whose content is durable. A place is zeroed or copied to
      before the map in memory names it, and ``sync`` makes the image durable before it lets
      ``commit`` make the map durable. So giving a range a place changes no byte of any view, and
      whether a loss of power takes that back is all the same.
  M2  No byte that a durable map names is used for another range, or given back to the disk, before
      a durable map has forgotten it: ``core.area.places`` frees it only after ``commit``.
  M3  When ``sync`` returns, what was written is durable and found through the durable map.
  M4  A range that goes elsewhere so that copies keep what it held (``keep``) does so in one change
      with the kept extent and the pointer to it: a durable map has all three or none.

Discarding a range takes its place away in memory; until the map is durable a loss of power brings
the old bytes back, as with any write that was not flushed.

Threads. The map and the places change under the device's own lock. A flight's thread writes to
ranges that have been given their place before (``reserve``, when the write was accepted); extents
are moved and discarded only while no flight is under way, under the volume's lock.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from core.area.keptoriginals import KeptOriginals
from core.area.mappedplaces import MapChange, MappedPlaces
from core.device.base import read_into, write_all
from core.errors import AreaFullError
from core.extent import Extent
from core.format.table import MapRow
from core.mapping.initialmap import InitialMap, MapExtent, Scheme
from core.units import KIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import ReadableBuffer, WriteableBuffer

    from core.device.base import Device

UNIT_BYTES: Final = 64 * KIB
"""A range without a place gets one for so much at once, in the volume's own multiples of it."""


class InitialArea(MappedPlaces):
    """Translates the volume's offsets, and kept addresses, to places in the image.

    Attributes:
        path: Name to show to people.
        kept: The originals that copies read where they lay.
    """

    direct = False

    def __init__(self, image: Device, mapped: InitialMap, size_bytes: int) -> None:
        """Look at ``image`` through ``mapped``."""
        super().__init__(image, mapped, size_bytes)
        self.path = image.path
        self.kept = KeptOriginals(self)

    # -- the device --------------------------------------------------------------------------

    def pread(self, length: int, offset: int, /) -> bytes:
        """Read up to ``length`` bytes at ``offset``."""
        length = max(0, min(length, self._end_of(offset) - offset))
        with self._lock:
            place = self.map.place_of(offset, length)
        if place is not None:
            return self.image.pread(length, place)
        whole = bytearray(length)
        self._fill(memoryview(whole), offset)
        return bytes(whole)

    def preadv(self, buffers: Sequence[WriteableBuffer], offset: int, flags: int = 0, /) -> int:
        """Read into ``buffers`` in turn and return the bytes read."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        length = sum(view.nbytes for view in views)
        with self._lock:
            place = self.map.place_of(offset, length)
        if place is not None:
            return self.image.preadv(buffers, place, flags)
        done, end = 0, self._end_of(offset)
        for view in views:
            part = view[: max(0, min(view.nbytes, end - offset - done))]
            self._fill(part, offset + done)
            done += part.nbytes
        return done

    def _end_of(self, offset: int) -> int:
        """Return where reads from an offset, or from a kept address, end at the latest."""
        return self.size if offset >= 0 else self.map.kept_end

    def _fill(self, target: memoryview, offset: int) -> None:
        stop = offset + target.nbytes
        with self._lock:
            pieces, gaps = self.map.within(offset, stop), self.map.gaps(offset, stop)
        for piece in pieces:
            at = piece.start - offset
            read_into(self.image, target[at : at + piece.length], piece.place)
        for start, after in gaps:
            target[start - offset : after - offset] = bytes(after - start)

    def pwrite(self, buffer: ReadableBuffer, offset: int, /) -> int:
        """Write ``buffer``; a range without a place gets one.

        Raises:
            OSError: ENOSPC, when there is none; what the image reports.
        """
        view = memoryview(buffer).cast("B")
        length, pieces = view.nbytes, list[MapExtent]()
        with self._lock:
            place = self.map.place_of(offset, length)
            if place is None:
                self._check(offset, length)
                try:
                    self._give_places(offset, offset + length)
                except AreaFullError as error:  # a flight's thread knows the system's errors only
                    raise OSError(errno.ENOSPC, error.message, self.path) from error
                pieces = self.map.within(offset, offset + length)
        if place is not None:
            return self.image.pwrite(view, place)
        for piece in pieces:
            at = piece.start - offset
            write_all(self.image, view[at : at + piece.length], piece.place)
        return length

    def pwritev(self, buffers: Sequence[ReadableBuffer], offset: int, flags: int = 0, /) -> int:
        """Write ``buffers`` one after the other and return the bytes written."""
        done = 0
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            written = self.pwrite(view, offset + done)
            done += written
            if written < view.nbytes:
                break
        return done

    def pwritev_durable(self, buffers: Sequence[ReadableBuffer], offset: int, /) -> int:
        """Write all of ``buffers``; they are durable on return."""
        for buffer in buffers:
            write_all(self, buffer, offset)
            offset += memoryview(buffer).nbytes
        self.sync()
        return sum(memoryview(buffer).nbytes for buffer in buffers)

    def sync(self) -> None:
        """Make everything written so far durable, and then the map that names it."""
        with self._lock:
            count = len(self._pending)
        self.image.sync()
        if count:
            if self.commit is not None:
                self.commit(self._pending[:count])
            self.note_durable(count)

    def allocate(self, offset: int, length: int, /) -> None:
        """Give a range a place and storage, growing the volume to hold it."""
        self.size = max(self.size, offset + length)
        self.reserve(offset, length)

    def reserve(self, offset: int, length: int, /) -> None:
        """See to it that a later write of a range within the volume finds room; bytes stay.

        Raises:
            AreaFullError: There is none.
        """
        with self._lock:
            stop = min(offset + length, self.size)
            self._give_places(offset, stop)
            pieces = self.map.within(offset, stop)
        if self.hole_filler is not None:
            for piece in pieces:
                self.hole_filler(piece.place, piece.length)

    def punch(self, offset: int, length: int, /) -> None:
        """Let a range have no place, so that it reads as zeroes."""
        stop = min(offset + length, self.size)
        self._check(min(offset, stop), 0)
        with self._lock:
            places = self.places  # made from the map, if need be: before that changes
            before = self.map.unset(offset, stop)
            if before:
                places.release(before)
                self._note(MapChange((MapRow(offset, stop - offset, None, 0),)))

    def zero(self, offset: int, length: int, /) -> None:
        """Make a range read as zeroes, and keep its storage."""
        stop = min(offset + length, self.size)
        self._check(min(offset, stop), 0)
        with self._lock:
            pieces = self.map.within(offset, stop)
        for piece in pieces:
            self.image.zero(piece.place, piece.length)

    def resize(self, length: int, /) -> None:
        """Cut the volume, or let it grow without a place, to ``length`` bytes."""
        if length < self.size:
            self.punch(length, self.size - length)
        self.size = length

    def data_extents(self, start: int, stop: int, /) -> Iterator[Extent]:
        """Yield the ranges within ``[start, stop)`` that have a place and are no hole there."""
        with self._lock:
            pieces = self.map.within(start, min(stop, self.size))
        for piece in pieces:
            for found in self.image.data_extents(piece.place, piece.place_stop):
                yield Extent(piece.start + found.start - piece.place, found.length)

    def advise_willneed(self, offset: int, length: int, /) -> None:
        """Let the image read a range ahead."""
        with self._lock:
            pieces = self.map.within(offset, offset + length)
        for piece in pieces:
            self.image.advise_willneed(piece.place, piece.length)

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise OSError(errno.EINVAL, f"{length} bytes at {offset} are not in the volume")

    def _give_places(self, offset: int, stop: int) -> None:
        """Give what has no place in a range one, each unit as a whole."""
        gaps = self.map.gaps(offset, stop)
        if not gaps:
            return
        low = gaps[0][0] // UNIT_BYTES * UNIT_BYTES
        high = min(-(-gaps[-1][1] // UNIT_BYTES) * UNIT_BYTES, self.size)
        for start, after in self.map.gaps(low, high):
            at = start
            while at < after:
                until = min(at - at % UNIT_BYTES + UNIT_BYTES, after)
                self._give_place(at, until - at)
                at = until

    def _give_place(self, start: int, length: int) -> None:
        place = self.places.take(length)
        try:
            self._clean(place, length, keep_storage=True)
        except BaseException:
            self.places.give_back(place, length)
            raise
        self._set(MapExtent(start, length, place, Scheme.FULL_POINTER))
