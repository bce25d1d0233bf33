# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where the next bytes of the additional area go.

The area is ``[start, capacity)``. Below ``end`` lie extents in use and the free runs between them;
from ``end`` to ``capacity`` lies the tail, which the file holds already and nothing has used since.
What is *lent* is free in every durable sense and handed out to nobody: somebody gives its storage
back to the disk, or moves an extent there that no durable pointer names yet.

Invariants:
  L1 no byte is handed out while something that is durable may name it: a release takes effect at
     ``commit_releases``, which is called once the commit that forgets the extents is durable;
  L2 after an ordinary allocation at least ``reserve`` bytes are left to metadata, and so deleting
     copies works in a full area; the reserve is one piece at the tail until metadata has used it;
  L3 the file grows before the bytes are handed out, in chunks, so that later syncs write data only;
     what was given back to the disk gets storage before it is handed out again (``Storage``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.area.freeruns import NO_RUNS, FreeRuns, Runs, merge
from core.area.storage import Storage
from core.device.base import DIRECT_ALIGNMENT_BYTES
from core.errors import AdditionalAreaFullError, AreaFullError
from core.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from core.area.freeruns import Column
    from core.area.storage import Grow


class Allocator:
    """Hands out and takes back bytes of one area.

    Attributes:
        start: First byte it may hand out; what lies before has fixed places.
        end: First byte of the tail.
        reserve: Bytes kept for metadata.
        storage: What of the file has storage.
        freed_count: Rises whenever bytes become free.
    """

    def __init__(
        self,
        start: int,
        *,
        end: int | None = None,
        capacity: int | None = None,
        free_runs: Runs = NO_RUNS,
        reserve: int = 0,
        grow: Grow,
    ) -> None:
        """Take over an area.

        Args:
            start: First byte to hand out.
            end: First byte never used; ``start`` for a new area.
            capacity: Size of the file; ``end`` when left out. It may be less than ``end``: the free
                tail was cut after ``end`` was written down.
            free_runs: Free runs between ``start`` and ``end``, in any order.
            reserve: Bytes kept for metadata.
            grow: Makes the file hold a range; raises ``AreaFullError`` when it cannot.

        Raises:
            ValueError: The free runs overlap, or leave ``[start, end)``.
        """
        self.start = start
        self.end = start if end is None else end
        self.reserve = reserve
        self.storage = Storage(self.end if capacity is None else capacity, grow)
        self.freed_count = 0
        self._free = FreeRuns(free_runs)
        self._lent = FreeRuns()
        self._released: list[Runs] = []
        self._releasing_bytes = 0
        self._watched: list[Runs] | None = None
        self._check_bounds(*self._free.columns())
        self._lower_end()

    @property
    def capacity(self) -> int:
        """First byte the file does not hold."""
        return self.storage.capacity

    @property
    def free_bytes(self) -> int:
        """Bytes that the file holds and nothing uses, what is lent included."""
        return self._free.total_bytes + self._lent.total_bytes + self.capacity - self.end

    @property
    def used_bytes(self) -> int:
        """Bytes in use, with those whose release is not committed yet."""
        return self.end - self.start - self._free.total_bytes - self._lent.total_bytes

    @property
    def releasing_bytes(self) -> int:
        """Bytes released since the last ``commit_releases``."""
        return self._releasing_bytes

    @property
    def solid_bytes(self) -> int:
        """Free bytes that have storage and may be handed out at once."""
        free = self._free.total_bytes + self.capacity - self.end
        return free - self.storage.hollow_bytes

    def free_runs(self) -> Runs:
        """Return the free runs below ``end``, lent ones included, sorted; the caller's arrays."""
        if not self._lent.total_bytes:
            return self._free.columns()
        return merge(_join([self._free.columns(), self._lent.columns()]))

    def allocate(
        self, length: int, align: int = DIRECT_ALIGNMENT_BYTES, *, for_metadata: bool = False
    ) -> int:
        """Return the offset of ``length`` bytes: the first free run that fits, else the tail.

        Args:
            length: Bytes, at least 1.
            align: The offset is a multiple of it.
            for_metadata: May use the reserve.

        Raises:
            AreaFullError: There is no room and the file cannot grow; nothing changed.
        """
        if length <= 0 or align <= 0:
            raise ValueError(f"cannot allocate {length} bytes aligned to {align}")
        taken = self._take_run(length, align)
        if taken is not None:
            if for_metadata or self._has_reserve():
                return taken
            self._free.add(_columns([taken], [length]))
        offset = self.end + -self.end % align
        self._make_tail(offset + length, for_metadata=for_metadata)
        if offset > self.end:
            self._free.append(self.end, offset - self.end)
        self.end = offset + length
        return offset

    def release(self, offset: int, length: int) -> None:
        """Give back one extent; it is used again only after ``commit_releases``."""
        self.release_many([offset], [length])

    def release_many(self, starts: ArrayLike, lengths: ArrayLike) -> None:
        """Give back extents, in any order; they are used again only after ``commit_releases``.

        Raises:
            ValueError: One is empty, leaves ``[start, end)``, or is named twice; none was released.
        """
        runs = merge(_columns(starts, lengths))
        self._check_bounds(runs.starts, runs.lengths)
        if len(runs.starts):
            self._released.append(runs)
            if self._watched is not None:
                self._watched.append(runs)
            self._releasing_bytes += int(runs.lengths.sum())

    def commit_releases(self) -> Runs:
        """Make all that was released free, and return it as sorted runs, fit for punching.

        Raises:
            ValueError: A part was free already or was released twice; nothing was freed.
        """
        released = merge(_join(self._released))
        if len(released.starts):
            self._free.add(released)
            self.freed_count += 1
        self._released.clear()
        self._releasing_bytes = 0
        self._lower_end()
        return released

    def mark_used(self, offset: int, length: int) -> int:
        """Note that an extent is in use, as replay finds it, and return how much of it was free.

        Raises:
            ValueError: The extent leaves the area.
        """
        stop = offset + length
        if length <= 0 or offset < self.start or stop > self.capacity:
            raise ValueError(f"{length} bytes at {offset} are not in the area")
        marked = self._free.take_at(offset, stop)
        self.storage.forget_hollow(offset, stop)
        if stop > self.end:
            if offset > self.end:
                self._free.append(self.end, offset - self.end)
            marked += stop - max(offset, self.end)
            self.end = stop
        return marked

    def lend(self, runs: Runs) -> Runs:
        """Take those of ``runs`` that are wholly free out of reach for a while; return them."""
        pairs = zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True)
        kept = [self._free.covers(start, start + length) for start, length in pairs]
        lent = Runs(runs.starts[kept], runs.lengths[kept])
        for start, length in zip(lent.starts.tolist(), lent.lengths.tolist(), strict=True):
            self._free.take_at(start, start + length)
            self.storage.forget_hollow(start, start + length)
        if len(lent.starts):
            self._lent.add(lent)
        return lent

    def lend_below(self, length: int, align: int, ceiling: int) -> int | None:
        """Lend the lowest ``length`` bytes that have room, if they end before ``ceiling``.

        Returns:
            Their offset; None if there are none, or the disk or the reserve has no room for them.
        """
        offset = self._take_run(length, align)
        if offset is None:
            return None
        run = _columns([offset], [length])
        if offset + length > ceiling or not self._has_reserve():
            self._free.add(run)
            return None
        self._lent.add(run)
        return offset

    def take_back(self, runs: Runs, *, is_hollow: bool) -> None:
        """Make what was lent free again; ``is_hollow`` says that it may have no storage now."""
        if not len(runs.starts):
            return
        self.keep_lent(runs)
        self._free.add(runs)
        if is_hollow:
            self.storage.note_hollow(runs)
        self._lower_end()

    def keep_lent(self, runs: Runs) -> None:
        """Count what was lent as in use from now on."""
        for start, length in zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True):
            self._lent.take_at(start, start + length)

    def watch(self) -> None:
        """Begin to note what is released."""
        self._watched = []

    def watched(self) -> Runs:
        """Return what was released since ``watch``, in any order, some of it perhaps twice."""
        return _join(self._watched or [])

    def unwatch(self) -> None:
        """Note no more what is released."""
        self._watched = None

    def forget_storage(self) -> None:
        """Say that of no free byte it is known whether it has storage."""
        tail = _columns([self.end], [self.capacity - self.end])
        parts = [self._free.columns(), tail] if self.capacity > self.end else [self._free.columns()]
        self.storage.forget(merge(_join(parts)))

    def expose_tail(self) -> None:
        """Make the tail a free run like any other, until bytes next become free."""
        if self.capacity > self.end:
            self._free.append(self.end, self.capacity - self.end)
            self.end = self.capacity

    def cut_tail(self, spare_bytes: int, resize: Callable[[int], None]) -> None:
        """Make the file end behind the reserve and ``spare_bytes``; never longer than it is."""
        self._lower_end()
        capacity = self.end + self.reserve + spare_bytes
        capacity += -capacity % DIRECT_ALIGNMENT_BYTES
        if capacity >= self.capacity:
            return
        resize(capacity)
        self.storage.forget_hollow(capacity, self.capacity)
        self.storage.capacity = capacity
        self._has_reserve()

    def _take_run(self, length: int, align: int) -> int | None:
        """Take the first free run that fits and can have storage; None if there is none."""
        offset = self._free.take_first_fit(length, align)
        if offset is None:
            return None
        try:
            self.storage.fill(offset, offset + length)
        except AreaFullError:
            self._free.add(_columns([offset], [length]))
            offset = FreeRuns(self.storage.solid_of(self._free.columns())).take_first_fit(
                length, align
            )
            if offset is not None:
                self._free.take_at(offset, offset + length)
        return offset

    def _has_reserve(self) -> bool:
        """Return whether the reserve is there, or can be made up for."""
        try:
            if self.solid_bytes < self.reserve:
                self.storage.fill(self.end, min(self.capacity, self.end + self.reserve))
            missing = self.reserve - self.solid_bytes
            if missing > 0:
                self.storage.extend(self.capacity + missing)
        except AreaFullError:
            return False
        return True

    def _make_tail(self, stop: int, *, for_metadata: bool) -> None:
        """Let the file hold ``stop`` bytes with storage, and the reserve behind them."""
        try:
            self._hold(stop + self.reserve)
        except AreaFullError as error:
            if for_metadata:
                self._hold(stop)
                return
            if isinstance(error, AdditionalAreaFullError):
                raise
            raise AdditionalAreaFullError(
                f"the additional area is full at {format_bytes(self.capacity)}; free some space "
                "on its disk or purge copies that are no longer needed"
            ) from error

    def _hold(self, stop: int) -> None:
        """See to it that the tail reaches to ``stop`` and has storage up to there."""
        if stop > self.capacity:
            self.storage.extend(stop)
        self.storage.fill(self.end, stop)

    def _lower_end(self) -> None:
        """Let a free run that ends at ``end`` become part of the tail."""
        start = self._free.pop_last_before(self.end)
        if start is not None:
            self.end = start

    def _check_bounds(self, starts: Column, lengths: Column) -> None:
        if len(starts) and (starts[0] < self.start or starts[-1] + lengths[-1] > self.end):
            raise ValueError(
                f"runs from {starts[0]} to {starts[-1] + lengths[-1]} leave the area's "
                f"{self.start} to {self.end}"
            )


def _columns(starts: ArrayLike, lengths: ArrayLike) -> Runs:
    return Runs(np.asarray(starts, np.int64), np.asarray(lengths, np.int64))


def _join(parts: list[Runs]) -> Runs:
    if not parts:
        return NO_RUNS
    return Runs(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.lengths for part in parts]),
    )
