# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map of the initial area while it is open: every change of it, and which of them are durable.

What a change must wait for is said at the head of ``core.area.initial``.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from core.area.imagebacked import ImageBacked
from core.area.places import Places
from core.device.base import write_all
from core.format.table import KeptPointer, MapRow
from core.mapping.initialmap import InitialMap, MapExtent, Scheme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.device.base import Device

    Commit = Callable[[Sequence["MapChange"]], None]


class MapChange(NamedTuple):
    """What becomes durable together.

    Attributes:
        rows: Of the map.
        pointer: Of a layer, to what the rows keep where it lay; None of every other change.
    """

    rows: tuple[MapRow, ...]
    pointer: KeptPointer | None = None

    @property
    def cells(self) -> int:
        """How many rows and pointers it has."""
        return len(self.rows) + (self.pointer is not None)


class MappedPlaces(ImageBacked):
    """Map and free places of one image.

    Attributes:
        size: Bytes of the volume.
        map: Where everything lies; changed by this class alone.
        commit: Makes changes of the map durable; None while nothing keeps it.
        hole_filler: Sees to it that a range of the image has storage; None if it cannot.
        has_table: The table that the superblock names says what the map says.
        pending_cells: Rows and pointers that no durable map says yet.
        kept_since_ns: Since when an original is kept that no durable map knows of; 0 without one.
    """

    def __init__(self, image: Device, mapped: InitialMap, size_bytes: int) -> None:
        """Look at ``image`` through ``mapped``."""
        super().__init__(image)
        self.size = size_bytes
        self.map = mapped
        self.commit: Commit | None = None
        self.hole_filler: Callable[[int, int], None] | None = getattr(image, "fill_holes", None)
        self.has_table = False
        self.pending_cells = self.kept_since_ns = 0
        self._lock = threading.RLock()
        self._places: Places | None = None
        self._pending: list[MapChange] = []

    @property
    def places(self) -> Places:
        """What is free in the image; made when it is first needed, after recovery."""
        if self._places is None:
            self._places = Places(self.image, self.map, self.size)
        return self._places

    @property
    def has_pending(self) -> bool:
        """Whether the map in memory says something that no durable one does."""
        return bool(self._pending)

    def sync_content(self) -> None:
        """Make durable what the map in memory names, before that map itself is written."""
        if self._pending:
            self.image.sync()

    def note_durable(self, count: int | None = None) -> None:
        """Forget the oldest ``count`` changes, all if left out: a durable map says them now.

        The places they made free go back to the disk.
        """
        with self._lock:
            del self._pending[:count]
            self.pending_cells = sum(change.cells for change in self._pending)
            self.kept_since_ns = 0
            freed = self.places.commit_releases()
        self._give_back_storage(freed)

    def _give_back_storage(self, freed: Iterable[tuple[int, int]]) -> None:
        for place, length in freed:
            with contextlib.suppress(OSError):  # it is free all the same, and zeroed before use
                self.image.punch(place, length)

    def apply(self, rows: Sequence[MapRow]) -> None:
        """Bring the map up to changes that recovery found; they are durable."""
        self.has_table = False
        for row in rows:
            if row.place is None:
                self.map.unset(row.start, row.start + row.length)
            else:
                self.map.set(MapExtent(row.start, row.length, row.place, Scheme(row.scheme)))

    # -- moving ------------------------------------------------------------------------------

    def set_scheme(self, piece: MapExtent, scheme: Scheme) -> None:
        """Let a mapped piece be reached by another scheme; no data is moved."""
        with self._lock:
            self._set(piece._replace(scheme=scheme))

    def put_copy(self, piece: MapExtent, content: bytes, place: int, scheme: Scheme) -> None:
        """Let a piece, which holds ``content``, be at ``place``, which was taken for it.

        Call ``sync`` before anything is written to the volume again.

        Raises:
            OSError: It could not be written; the piece stays where it is.
            AreaFullError: There is no storage for it; likewise.
        """
        try:
            if content.count(0) == len(content):
                self._clean(place, piece.length, keep_storage=False)
            else:
                self.places.is_clean(place, piece.length)
                if self.hole_filler is not None:
                    self.hole_filler(place, piece.length)
                write_all(self.image, content, place)
        except BaseException:
            self.places.give_back(place, piece.length)
            raise
        with self._lock:
            before = self._set(MapExtent(piece.start, piece.length, place, scheme))
            self.places.release(before)

    def place_hole(self, start: int, length: int, place: int, scheme: Scheme) -> None:
        """Let a range without a place be at ``place``, which was taken for it, as a hole."""
        self._clean(place, length, keep_storage=False)
        with self._lock:
            self._set(MapExtent(start, length, place, scheme))

    # -- originals that are kept where they lie ------------------------------------------------

    def write_fresh(self, content: memoryview) -> int:
        """Write new data to a place of its own, which nothing names yet; return the place.

        Raises:
            AreaFullError: There is none; nothing was written.
            OSError: What the image reports; the place is free again.
        """
        length = len(content)
        with self._lock:
            place = self.places.take(length)
        try:
            self.places.is_clean(place, length)
            write_all(self.image, content, place)
        except BaseException:
            self.give_back_fresh(place, length)
            raise
        return place

    def give_back_fresh(self, place: int, length: int) -> None:
        """Take back a place of ``write_fresh`` that the map was never let name."""
        with self._lock:
            self.places.give_back(place, length)

    def keep(self, start: int, length: int, place: int | None, layer: int, checksum: int) -> int:
        """Keep what a range, all of it with full pointers, holds; return its kept address.

        Args:
            start: First byte in the volume.
            length: Bytes.
            place: Where the range is from now on; None if it has no place any more.
            layer: Of which the pointer will be.
            checksum: Of what is kept.
        """
        with self._lock:
            address = self.map.kept_end
            before = self.map.unset(start, start + length)
            rows = [MapRow(start, length, place, int(Scheme.FULL_POINTER))]
            if place is not None:
                self.map.set(MapExtent(start, length, place, Scheme.FULL_POINTER))
            for piece in before:
                kept = piece._replace(start=address + piece.start - start)
                rows.append(MapRow(kept.start, kept.length, kept.place, int(Scheme.FULL_POINTER)))
                self.map.set(kept)
            pointer = KeptPointer(layer, start, length, address, checksum)
            self.kept_since_ns = self.kept_since_ns or time.monotonic_ns()
            self._note(MapChange(tuple(rows), pointer))
        return address

    def forget_kept(self, runs: Iterable[tuple[int, int]], *, is_replay: bool = False) -> None:
        """Free kept originals, by address and length, that nothing durable names any more.

        In a replay places are not known yet, and nothing may be written.
        """
        freed = list[MapExtent]()
        with self._lock:
            places = None if is_replay else self.places  # made before the map changes
            self.has_table = False
            for address, length in runs:
                freed += self.map.unset(address, address + length)
            if places is None:
                return
            released = places.give_back_all(freed)
        self._give_back_storage(released)

    # -- all changes -------------------------------------------------------------------------

    def _clean(self, place: int, length: int, *, keep_storage: bool) -> None:
        """Make bytes just taken read as zeroes."""
        if not self.places.is_clean(place, length):
            (self.image.zero if keep_storage else self.image.punch)(place, length)

    def _set(self, extent: MapExtent) -> list[MapExtent]:
        row = MapRow(extent.start, extent.length, extent.place, int(extent.scheme))
        self._note(MapChange((row,)))
        return self.map.set(extent)

    def _note(self, change: MapChange) -> None:
        self._pending.append(change)
        self.pending_cells += change.cells
        self.has_table = False
