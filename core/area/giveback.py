# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Give the storage of free bytes of the additional area back to the file system.

Why no power cut does harm: what is free in the allocator is what nothing durable names (L1 there),
so it may be overwritten at any time, and a hole is no worse than other bytes. Only the older of the
two superblocks still names what the last fold replaced, and is asked if a newer structure gets
damaged: that stays until the next fold. While a range is given back it is lent, so that nobody is
handed it and writes there meanwhile; the free list on disk names it free all the same. After a
crash nothing is known of the storage of free bytes: all of them are given back anew, which costs
little where it was done before, once both superblocks say the same.

The end of the file is cut when nothing lies there. A superblock may name an end behind that of the
file from then on: everything between is free, and opening takes the file's word (``Allocator``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from core.area.freeruns import Runs, subtract
from core.errors import RangepairError
from core.units import MIB

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from core.area.additional import AdditionalArea

UNIT_BYTES: Final = 4096
"""File systems keep storage in blocks of this size; less than one of them gives nothing back."""
BUSY_RUN_BYTES_MIN: Final = 256 * 1024
"""While clients write, shorter runs are left alone: they are soon used again."""
PIECE_BYTES_MAX: Final = 16 * MIB
"""Given back by one call; the file system lets no one else write to the file meanwhile."""
BATCH_BYTES_MAX: Final = 64 * MIB
BATCH_RUNS_MAX: Final = 256
SURPLUS_BYTES_MIN: Final = 1 * MIB
"""Storage of this much more than is in use shows at open that something was not given back."""


class GiveBack:
    """Gives storage of one area back; one thread at a time.

    Attributes:
        given_bytes: How much was given back so far.
    """

    def __init__(
        self, area: AdditionalArea, lock: AbstractContextManager[object], *, is_recovered: bool
    ) -> None:
        """Look after ``area``.

        Args:
            area: Open for writing.
            lock: Held while the allocator is changed.
            is_recovered: The area was not closed cleanly before.
        """
        self._area = area
        self._lock = lock
        self._must_sync = is_recovered
        storage = area.allocator.storage
        surplus = area.device.stored_bytes - storage.held_bytes
        self._is_all_unknown = is_recovered or surplus > SURPLUS_BYTES_MIN
        self._is_refused = False
        self._is_cut_refused = False
        self._seen = (-1, False)
        self.given_bytes = 0

    def is_due(self, *, at_rest: bool) -> bool:
        """Return whether there may be something to give back that was not tried yet."""
        allocator = self._area.allocator
        state = (allocator.freed_count, at_rest)
        if state == self._seen or (self._is_refused and self._is_cut_refused):
            return False
        spare = allocator.reserve + self._spare_bytes(at_rest=at_rest)
        return self._is_all_unknown or allocator.solid_bytes > spare + BUSY_RUN_BYTES_MIN

    def run(
        self,
        *,
        at_rest: bool,
        stopping: threading.Event | None = None,
        seconds_max: float = float("inf"),
    ) -> None:
        """Give back what is free, in batches, and cut the end of the file.

        Args:
            at_rest: Nobody writes: every run is worth it, and so is all of the tail.
            stopping: Ends the work early when it is set.
            seconds_max: Begin no further batch after this time; the rest is found at the next open.

        Raises:
            OSError: The superblock could not be written, or the file not be synced.
        """
        deadline = time.monotonic() + seconds_max
        allocator = self._area.allocator
        if self._must_sync:
            # What recovery found in the log may lie in the system's cache only: what it frees is
            # named by something durable until this returns.
            self._area.device.sync()
            self._must_sync = False
        with self._lock:
            if self._is_all_unknown:  # nobody knows what the older one names
                self._area.write_superblock(self._area.fields)
            self._seen = (allocator.freed_count, at_rest)
            candidates = self._candidates(at_rest=at_rest)
        is_whole = at_rest
        for batch in _batches(candidates):
            if self._is_refused:
                break
            if time.monotonic() > deadline or (stopping is not None and stopping.is_set()):
                is_whole = False
                break
            self._give(batch)
        self._is_all_unknown &= not is_whole
        with self._lock:
            self._cut(self._spare_bytes(at_rest=at_rest))

    def _spare_bytes(self, *, at_rest: bool) -> int:
        """Return how much of the tail stays, beside the reserve, for what is written next."""
        return 0 if at_rest else 2 * self._area.allocator.storage.chunk_bytes()

    def _candidates(self, *, at_rest: bool) -> Runs:
        """Return what may be given back: whole units of long enough runs."""
        allocator = self._area.allocator
        tail = allocator.end
        kept = tail + allocator.reserve + self._spare_bytes(at_rest=at_rest)
        older = self._area.older
        run_bytes_min = UNIT_BYTES if at_rest else BUSY_RUN_BYTES_MIN
        if allocator.capacity >= kept + run_bytes_min:
            allocator.expose_tail()
        free = allocator.free_runs()
        if not self._is_all_unknown:
            free = allocator.storage.solid_of(free)
        free = subtract(free, older, allocator.capacity)
        # Of a tail that was made a run the reserve and the spare keep their storage.
        starts = np.where(free.starts < tail, free.starts, np.maximum(free.starts, kept))
        stops = free.starts + free.lengths
        starts = starts + -starts % UNIT_BYTES
        lengths = stops - stops % UNIT_BYTES - starts
        long = lengths >= run_bytes_min
        return Runs(starts[long], lengths[long])

    def _give(self, batch: Runs) -> None:
        """Give one batch back, as far as it is free still."""
        area = self._area
        with self._lock:
            # There may have been a fold since.
            lent = area.allocator.lend(subtract(batch, area.older, area.allocator.capacity))
        done = False
        try:
            done = self._discard(lent)
        finally:
            with self._lock:
                # Lent, a run counts as one that has storage; of these nobody knows.
                area.allocator.take_back(lent, is_hollow=done or self._is_all_unknown)

    def _discard(self, runs: Runs) -> bool:
        """Return whether some of ``runs`` may have no storage now."""
        discard, is_begun = self._area.device.discard, False
        for start, length in zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True):
            try:
                self._is_refused = not discard(start, length)
            except OSError:  # nobody's data is concerned; of the free bytes some may be gone
                self._is_refused = is_begun = True
            if self._is_refused:
                return is_begun
            is_begun = True
            self.given_bytes += length
        return is_begun

    def _cut(self, spare_bytes: int) -> None:
        if self._is_cut_refused:
            return
        allocator, older = self._area.allocator, self._area.older
        beyond = int((older.starts + older.lengths).max(initial=0)) - allocator.end
        try:
            allocator.cut_tail(max(spare_bytes, beyond), self._area.device.resize)
        except (OSError, RangepairError):  # a block device has the size that it has
            self._is_cut_refused = True


def _batches(runs: Runs) -> Iterator[Runs]:
    """Yield ``runs`` in pieces and batches, each short enough not to be in anybody's way."""
    starts, lengths = list[int](), list[int]()
    for run_start, run_length in zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True):
        for start in range(run_start, run_start + run_length, PIECE_BYTES_MAX):
            length = min(PIECE_BYTES_MAX, run_start + run_length - start)
            if len(starts) == BATCH_RUNS_MAX or sum(lengths) + length > BATCH_BYTES_MAX:
                yield _columns(starts, lengths)
                starts, lengths = [], []
            starts.append(start)
            lengths.append(length)
    if starts:
        yield _columns(starts, lengths)


def _columns(starts: list[int], lengths: list[int]) -> Runs:
    return Runs(np.array(starts, np.int64), np.array(lengths, np.int64))
