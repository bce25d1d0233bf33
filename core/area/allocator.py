# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where the next bytes of the additional area go.

The area is ``[start, capacity)``. Below ``end`` lie extents in use and the free runs between them;
from ``end`` to ``capacity`` lies the tail, which the file holds already and nothing has used since.

Invariants:
  L1 no byte is handed out while something that is durable may name it: a release takes effect at
     ``commit_releases``, which is called once the commit that forgets the extents is durable;
  L2 after an ordinary allocation at least ``reserve`` bytes are left to metadata, and so deleting
     copies works in a full area; the reserve is one piece at the tail until metadata has used it;
  L3 the file grows before the bytes are handed out, in chunks, so that later syncs write data only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.area.freeruns import NO_RUNS, FreeRuns, Runs, complement, merge
from core.device.base import DIRECT_ALIGNMENT_BYTES
from core.errors import AreaFullError
from core.units import MIB, format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from core.area.freeruns import Column

    Grow = Callable[[int, int], None]  # offset and length that the file must hold

GROWTH_BYTES_MIN: Final = 1 * MIB
GROWTH_BYTES_MAX: Final = 64 * MIB


class Allocator:
    """Hands out and takes back bytes of one area.

    Attributes:
        start: First byte it may hand out; what lies before has fixed places.
        end: First byte of the tail.
        capacity: First byte the file does not hold.
        reserve: Bytes kept for metadata.
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
            capacity: Size of the file; ``end`` when left out.
            free_runs: Free runs between ``start`` and ``end``, in any order.
            reserve: Bytes kept for metadata.
            grow: Makes the file hold a range; raises ``AreaFullError`` when it cannot.

        Raises:
            ValueError: The free runs overlap, or leave ``[start, end)``.
        """
        self.start = start
        self.end = start if end is None else end
        self.capacity = max(self.end, capacity or 0)
        self.reserve = reserve
        self._grow = grow
        self._free = FreeRuns(free_runs)
        self._released: list[Runs] = []
        self._releasing_bytes = 0
        self._check_bounds(*self._free.columns())
        self._lower_end()

    @classmethod
    def from_used(
        cls, start: int, used: Runs, *, capacity: int, reserve: int = 0, grow: Grow
    ) -> Allocator:
        """Take over an area of which only the extents in use are known; they may overlap."""
        end = max(start, int((used.starts + used.lengths).max())) if len(used.starts) else start
        free_runs = complement(used, start, end)
        return cls(
            start, end=end, capacity=capacity, free_runs=free_runs, reserve=reserve, grow=grow
        )

    @property
    def free_bytes(self) -> int:
        """Bytes that the file holds and nothing uses."""
        return self._free.total_bytes + self.capacity - self.end

    @property
    def used_bytes(self) -> int:
        """Bytes in use, with those whose release is not committed yet."""
        return self.end - self.start - self._free.total_bytes

    @property
    def releasing_bytes(self) -> int:
        """Bytes released since the last ``commit_releases``."""
        return self._releasing_bytes

    def free_runs(self) -> Runs:
        """Return the free runs below ``end``, sorted; the arrays are the caller's."""
        return self._free.columns()

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
        if for_metadata or self._has_spare(length):
            offset = self._free.take_first_fit(length, align)
            if offset is not None:
                return offset
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
            self._releasing_bytes += int(runs.lengths.sum())

    def commit_releases(self) -> Runs:
        """Make all that was released free, and return it as sorted runs, fit for punching.

        Raises:
            ValueError: A part was free already or was released twice; nothing was freed.
        """
        released = merge(_join(self._released))
        if len(released.starts):
            self._free.add(released)
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
        if stop > self.end:
            if offset > self.end:
                self._free.append(self.end, offset - self.end)
            marked += stop - max(offset, self.end)
            self.end = stop
        return marked

    def _has_spare(self, length: int) -> bool:
        """Return whether the reserve stays, or can be made up for, when a free run is taken."""
        missing = self.reserve + length - self.free_bytes
        if missing <= 0:
            return True
        try:
            self._extend(self.capacity + missing)
        except AreaFullError:
            return False
        return True

    def _make_tail(self, stop: int, *, for_metadata: bool) -> None:
        """Let the file hold ``stop`` bytes, and the reserve behind them."""
        try:
            self._make_room(stop + self.reserve)
        except AreaFullError as error:
            if for_metadata:
                self._make_room(stop)
                return
            raise AreaFullError(
                f"the additional area is full at {format_bytes(self.capacity)}; free some space "
                "on its disk or purge copies that are no longer needed"
            ) from error

    def _make_room(self, capacity: int) -> None:
        if capacity > self.capacity:
            self._extend(capacity)

    def _extend(self, capacity: int) -> None:
        """Grow the file to ``capacity`` at least: by a chunk, or by no more than needed."""
        chunk = min(max(self.capacity // 16, GROWTH_BYTES_MIN), GROWTH_BYTES_MAX)
        needed = capacity + -capacity % DIRECT_ALIGNMENT_BYTES
        generous = max(needed, self.capacity + chunk + -chunk % DIRECT_ALIGNMENT_BYTES)
        try:
            self._grow(self.capacity, generous - self.capacity)
            self.capacity = generous
        except AreaFullError:
            if generous == needed:
                raise
            self._grow(self.capacity, needed - self.capacity)
            self.capacity = needed

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
