# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which free bytes of the file have storage on its disk, and how the file gets more of it.

What was given back to the file system is *hollow*: the file has these bytes, the disk keeps nothing
for them. They are handed out again only when they have storage once more, so that no write of what
was accepted meets a full disk.

Invariants: hollow bytes lie within ``[0, capacity)`` and are in use by nobody; what is not hollow
has storage. Where that is not known - the file was just opened - free bytes count as hollow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.area.freeruns import FreeRuns, Runs, subtract
from core.device.base import DIRECT_ALIGNMENT_BYTES
from core.errors import AdditionalAreaFullError, AreaFullError
from core.units import MIB, format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    Grow = Callable[[int, int], None]  # offset and length that the file must hold

GROWTH_BYTES_MIN: Final = 1 * MIB
GROWTH_BYTES_MAX: Final = 64 * MIB


class Storage:
    """The storage of one area's file.

    Attributes:
        capacity: First byte the file does not hold.
        limit_bytes: Storage it may have at most; 0 for as much as its disk has.
    """

    def __init__(self, capacity: int, grow: Grow) -> None:
        """Take over a file of ``capacity`` bytes, all of which have storage.

        Args:
            capacity: Bytes the file has.
            grow: Gives a range storage, making the file longer if need be; raises ``AreaFullError``
                when it cannot.
        """
        self.capacity = capacity
        self.limit_bytes = 0
        self._grow = grow
        self._hollow = FreeRuns()

    @property
    def hollow_bytes(self) -> int:
        """Bytes that may have no storage."""
        return self._hollow.total_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes of storage that the file has for certain."""
        return self.capacity - self._hollow.total_bytes

    def chunk_bytes(self) -> int:
        """Return by how much the file grows at once."""
        chunk = min(max(self.capacity // 16, GROWTH_BYTES_MIN), GROWTH_BYTES_MAX)
        return chunk + -chunk % DIRECT_ALIGNMENT_BYTES

    def extend(self, capacity: int) -> None:
        """Grow the file to ``capacity`` at least: by a chunk, or by no more than needed.

        Raises:
            AreaFullError: There is no room; nothing has changed.
        """
        needed = capacity + -capacity % DIRECT_ALIGNMENT_BYTES
        self._refuse_beyond_limit(needed - self.capacity)
        generous = max(needed, self.capacity + self.chunk_bytes())
        if self.limit_bytes:
            room = self.limit_bytes - self.held_bytes
            generous = max(needed, min(generous, self.capacity + room // MIB * MIB))
        try:
            self._grow(self.capacity, generous - self.capacity)
            self.capacity = generous
        except AreaFullError:
            if generous == needed:
                raise
            self._grow(self.capacity, needed - self.capacity)
            self.capacity = needed

    def fill(self, start: int, stop: int) -> None:
        """Give free bytes storage, so that they may be handed out.

        Raises:
            AreaFullError: There is no room; they stay free, and hollow.
        """
        if not self._hollow.take_at(start, stop):
            return
        try:
            self._refuse_beyond_limit()
            self._grow(start, stop - start)
        except AreaFullError:
            self._hollow.add(_run(start, stop))
            raise
        self.capacity = max(self.capacity, stop)

    def note_hollow(self, runs: Runs) -> None:
        """Say that free bytes, none of them hollow so far, may have no storage from now on."""
        if len(runs.starts):
            self._hollow.add(runs)

    def forget(self, runs: Runs) -> None:
        """Say that nothing is known of the storage of any free byte; ``runs`` are all of them."""
        self._hollow = FreeRuns(runs)

    def forget_hollow(self, start: int, stop: int) -> None:
        """Say that a range is free no more, or that the file does not reach so far any more."""
        self._hollow.take_at(start, stop)

    def solid_of(self, runs: Runs) -> Runs:
        """Return the parts of sorted ``runs`` that have storage."""
        if not len(runs.starts):
            return runs
        stop = max(int(runs.starts[-1] + runs.lengths[-1]), self.capacity)
        return subtract(runs, self._hollow.columns(), stop)

    def _refuse_beyond_limit(self, more_bytes: int = 0) -> None:
        if self.limit_bytes and self.held_bytes + more_bytes > self.limit_bytes:
            raise AdditionalAreaFullError(
                f"the additional area may take no more than {format_bytes(self.limit_bytes)}; "
                "purge copies that are no longer needed, or allow it more ('rangepair policy')"
            )


def _run(start: int, stop: int) -> Runs:
    return Runs(np.array([start], np.int64), np.array([stop - start], np.int64))
