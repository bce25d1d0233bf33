# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The clock of an open volume: what happens without being asked for.

Makes durable what has waited in memory for a tenth of a second, prepares the ring, syncs the image
while the ring fills, folds a long log, puts everything in place when writes pause, and has free
storage given back.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

from core.engine.memory import give_back_freed
from core.errors import RangepairError
from core.volume.fold import GROUPS_BEFORE_FOLD, fold

if TYPE_CHECKING:
    from core.engine.spacekeeper import SpaceKeeper
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

SETTLE_AFTER_NS: Final = 100_000_000
"""Nothing accepted stays in memory only for longer than this."""
KEPT_SETTLE_AFTER_NS: Final = 1_000_000_000
"""The same of where originals are kept in the image: it takes a sync of that to write it down."""
REST_AFTER_S: Final = 1.0
"""After a pause in writing of this length everything is put in place."""
IDLE_AFTER_S: Final = 30.0
"""After a longer one memory is given back: touching it anew slows the next burst down."""
SYNC_AHEAD_SHARE: Final = 4
"""The image is synced for each such part of the ring that fills, so that a checkpoint, for which
everybody waits, has little left to sync."""
_TICK_S: Final = 0.05


class Clock:
    """A thread that looks after one volume, under the volume's own lock."""

    def __init__(self, state: VolumeState, lock: threading.RLock, keeper: SpaceKeeper) -> None:
        """Start ticking; ``keeper`` is told when."""
        self._state = state
        self._keeper = keeper
        self._lock = lock
        self._stopping = threading.Event()
        self._seen_writes = 0
        self._quiet_since_s = time.monotonic()
        self._synced_at_bytes = 0
        self._thread = threading.Thread(target=self._run, name="rangepair-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it has ended. May be called twice."""
        self._stopping.set()
        self._thread.join()
        self._keeper.stop()

    def _run(self) -> None:
        while not self._stopping.wait(_TICK_S):
            journal = self._state.journal
            if journal is None or journal.failed is not None:
                continue
            # A failure here shows again, with its sentence, at the next write that a user makes.
            with contextlib.suppress(RangepairError, OSError):
                self._prepare_ring(journal)
                self._sync_ahead(journal)
                with self._lock:
                    if not self._stopping.is_set():
                        self._look_after(journal)
                self._keeper.tick(at_rest=self._is_at_rest())
            with self._lock:
                self._state.tell_failure()

    def _prepare_ring(self, journal: Journal) -> None:
        area = self._state.area
        if area is not None and journal.ring.ready_bytes < area.geometry.ring_bytes:
            with self._state.writing():
                journal.ring.prepare_step()

    def _sync_ahead(self, journal: Journal) -> None:
        """Sync what is in place, beside those who write; it makes no promise, only less to do."""
        area, used_bytes = self._state.area, journal.ring.used_bytes
        if area is None or used_bytes < self._synced_at_bytes:
            self._synced_at_bytes = 0  # a checkpoint has emptied the ring
        elif (used_bytes - self._synced_at_bytes) * SYNC_AHEAD_SHARE >= area.geometry.ring_bytes:
            self._synced_at_bytes = used_bytes
            with self._state.writing():
                self._state.image_file.sync()

    def _look_after(self, journal: Journal) -> None:
        state = self._state
        journal.settle(SETTLE_AFTER_NS)
        kept_since_ns = 0 if state.initial is None else state.initial.kept_since_ns
        if kept_since_ns and time.monotonic_ns() - kept_since_ns >= KEPT_SETTLE_AFTER_NS:
            journal.checkpoint()  # only then new data beside them is found by another process
        if journal.log.group_count >= GROUPS_BEFORE_FOLD:
            fold(state)
        writes = state.stats.writes + state.stats.copy_writes + state.lane_writes
        if writes != self._seen_writes:
            self._seen_writes, self._quiet_since_s = writes, time.monotonic()
            return
        if self._is_at_rest() and not journal.is_settled:
            journal.checkpoint()
        if self._is_at_rest(IDLE_AFTER_S) and journal.flights.release_spare():
            give_back_freed()

    def _is_at_rest(self, after_s: float = REST_AFTER_S) -> bool:
        return time.monotonic() - self._quiet_since_s > after_s
