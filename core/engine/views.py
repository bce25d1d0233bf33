# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One view of an open volume, held by its identity: it stays the same copy, however it is renamed.

For servers whose clients stay connected for days. Everything else names copies.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core import allocation as allocation_module
from core import diff as diff_module
from core.answers import Ranges
from core.engine.guarding import beside, guarded
from core.engine.infos import event_seq
from core.engine.trylane import try_lane_for
from core.errors import NoSuchCopyError
from core.events import ORIGINAL_ID
from core.mapping.pointerrun import EMPTY
from core.session import ORIGINAL
from core.volume.read import Views

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from core.engine.volume import Volume
    from core.format.block import Readable
    from core.format.catalog import CopyRecord
    from core.mapping.pointerrun import PointerRun
    from core.volume.state import VolumeState


class ShownView(NamedTuple):
    """A view that can be read now: the original, or a copy that is not deleted.

    Attributes:
        id: Never used again; that of the original is ``core.events.ORIGINAL_ID``.
        takes_writes: It is no snapshot, and the volume is not read-only.
    """

    id: int
    name: str
    is_clone: bool
    takes_writes: bool


@guarded
def shown_views(self: Volume) -> list[ShownView]:
    """Return the original and all copies that are not deleted, oldest first."""
    is_writable = not self._state.read_only
    return [ShownView(ORIGINAL_ID, ORIGINAL, is_clone=False, takes_writes=is_writable)] + [
        ShownView(copy.id, copy.name, copy.writable, copy.writable and is_writable)
        for copy in self._state.catalog.copies.values()
        if not copy.deleted
    ]


@guarded
def view_ids(self: Volume, names: Sequence[str]) -> dict[int, str]:
    """Return those of ``names`` that are views, deleted ones included, by their ids."""
    known = {name: self._state.catalog.find(name) for name in names if name != ORIGINAL}
    copies = {copy.id: name for name, copy in known.items() if copy is not None}
    return copies | ({ORIGINAL_ID: ORIGINAL} if ORIGINAL in names else {})


def view(self: Volume, view_id: int) -> View:
    """Return the view of this id, which need not exist (any more)."""
    return View(self, self._state, self._lock, view_id)


class View:
    """Reads, writes and questions of one view.

    Attributes:
        id: See ``ShownView``.
        size_bytes: Of the view, when it was made; a resized original has another one since.
        grain_bytes: Of the volume.
        has_portions: The volume is made of portions, so there is nothing to discard.
        try_read: As ``read_into``, but returns False, with nothing filled, if that would wait for
            a disk. An attribute, for it is called for every block that a client reads.
    """

    def __init__(
        self, volume: Volume, state: VolumeState, lock: threading.RLock, view_id: int
    ) -> None:
        """Hold the view of this id; it need not exist (any more)."""
        self._volume = volume
        self._state = state
        self._lock = lock
        self.id = view_id
        with lock:
            self.size_bytes = state.catalog.size_of(state.catalog.copies.get(view_id))
        self.grain_bytes = state.grain_bytes
        self.has_portions = bool(state.portion_count)
        self.try_read = (
            try_lane_for(state, lock, volume.read) if view_id == ORIGINAL_ID else self._try_copy
        )

    # -- bytes -------------------------------------------------------------------------------

    def _try_copy(self, offset: int, target: memoryview) -> bool:
        self.read_into(offset, target)
        return True

    def read_into(self, offset: int, target: memoryview) -> None:
        """Fill ``target``, however long that takes.

        Args:
            offset: With the length, multiples of 512 within the volume.
            target: Where the bytes go.

        Raises:
            RangepairError: They cannot be read.
        """
        while True:
            structure, name = self._state.structure, self.name
            try:
                self._volume.read_into(offset, target, name)
            except NoSuchCopyError:
                continue  # it was renamed in this moment, or is gone, as its name tells
            if structure == self._state.structure:  # else another copy may have had its name
                return

    def advise(self, offset: int, length: int) -> None:
        """Tell that a range is read soon; the disk may begin."""
        with self._lock, contextlib.suppress(OSError):
            self._state.image.advise_willneed(offset, length)

    def write(self, offset: int, payload: Readable) -> None:
        """Write, as ``Volume.write`` does."""
        if self.id == ORIGINAL_ID:
            self._volume.write(offset, payload)
            return
        with self._lock:
            self._volume.write(offset, payload, self.name)

    def trim(self, offset: int, length: int) -> None:
        """Discard, as ``Volume.trim`` does."""
        with self._lock:
            self._volume.trim(offset, length, self.name)

    def begin_flush(self) -> Callable[[], None] | None:
        """Begin to make every accepted write durable, as ``Volume.begin_flush`` does."""
        return self._volume.begin_flush()

    # -- questions ---------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What the view is called now.

        Raises:
            NoSuchCopyError: It is deleted.
        """
        if self.id == ORIGINAL_ID:
            return ORIGINAL
        copy = _record(self._state, self.id)
        assert copy is not None
        return copy.name

    def mark(self) -> int | None:
        """Return a number that is another one once anything has changed; None if nobody counts."""
        return None if self._state.sink is None else event_seq(self._state) or None

    def allocation(self, start: int, stop: int) -> Ranges:
        """Return the ranges outside of which ``[start, stop)`` of the view reads as zeroes."""
        return _allocation(self._volume, self.id, start, stop)

    def differing(self, from_id: int) -> Ranges:
        """Return the ranges in which this view may differ from another."""
        return _differing(self._volume, from_id, self.id)

    def pointers(self) -> PointerRun:
        """Return all resolved pointers; the original has some only while it has a head."""
        return _pointers(self._volume, self.id)


@beside
def _allocation(self: Volume, view_id: int, start: int, stop: int) -> Ranges:
    """Ask as ``Volume.allocation`` does, of a range; a copy's table is resolved as a whole."""
    initial = self._look(lambda state: state)[0]
    holes_before = allocation_module.image_data(initial, start, stop)
    waiting, moment = self._look(allocation_module.waiting_data)
    record = _record(moment, view_id)
    waiting = allocation_module.joined(waiting, allocation_module.restored_data(moment, record))
    table = EMPTY if record is None else Views(moment).flatten(record).clip(start, stop)
    if record is None:
        holes_before = allocation_module.image_data(moment, start, stop)
    whole = allocation_module.allocated(
        moment.catalog.size_of(record), holes_before, waiting, table
    )
    starts, stops = np.maximum(whole.starts, start), np.minimum(whole.stops, stop)
    is_within = starts < stops
    return Ranges(starts=starts[is_within], lengths=(stops - starts)[is_within])


@beside
def _differing(self: Volume, from_id: int, to_id: int) -> Ranges:
    _, moment = self._look(lambda _: None)
    return diff_module.changed_ranges(moment, _record(moment, from_id), _record(moment, to_id))


@beside
def _pointers(self: Volume, view_id: int) -> PointerRun:
    _, moment = self._look(lambda _: None)
    record = _record(moment, view_id)
    return EMPTY if record is None else Views(moment).flatten(record)


def _record(state: VolumeState, view_id: int) -> CopyRecord | None:
    """Return a copy that is not deleted; for the original its head, None if it has none.

    Raises:
        NoSuchCopyError: There is none of this id, any more.
    """
    if view_id == ORIGINAL_ID:
        return state.catalog.head
    copy = state.catalog.copies.get(view_id)
    if copy is None or copy.deleted:
        raise NoSuchCopyError("The copy that was asked for is deleted; choose another one.")
    return copy
