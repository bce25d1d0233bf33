# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Compaction of the additional area, a step a call: who asks shows progress, or stops asking.

A step moves data for a fraction of a second. When there is no more to move, tables are written anew
nearer to the beginning, the log goes on there as well, and the end of the file is cut; that may
have made room for more.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from core.engine.guarding import failures_told
from core.events import EventKind
from core.spaceanswers import CompactStep
from core.volume.compact import Plan, packed_end_of
from core.volume.fold import fold

if TYPE_CHECKING:
    from core.area.additional import AdditionalArea
    from core.engine.spacekeeper import SpaceKeeper
    from core.engine.volume import Volume
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

STEP_S: Final = 0.25
GIVE_BACK_S_MAX: Final = 2.0
WORTH_BYTES_MIN: Final = 256 * 1024
"""A round that lets the area end by less sooner was the last one."""
ROUNDS_MAX: Final = 16
"""After so many rounds, or plans that came to nothing, clients change more than can be moved."""
ABANDONED_AFTER_S: Final = 10.0


class Compactor:
    """Compacts one volume's additional area; one step at a time, from any thread."""

    def __init__(self, state: VolumeState, lock: threading.RLock, keeper: SpaceKeeper) -> None:
        """Work on ``state`` under ``lock``; ``keeper`` gives back what becomes free."""
        self._state = state
        self._lock = lock
        self._keeper = keeper
        self._left_bytes: int | None = None
        self._rounds_left = ROUNDS_MAX
        self._last_s = 0.0
        self.busy = threading.Lock()

    def step(self) -> CompactStep:
        """Do a little; the volume takes writes.

        Raises:
            OSError: Data could not be read or written.
            RangepairError: Likewise, or there is no room.
        """
        state = self._state
        area, journal = state.area, state.journal
        if area is None or journal is None:
            return CompactStep(
                moved_bytes=0, remaining_bytes=0, area_bytes=0, host_bytes=0, is_done=True
            )
        self._begin_anew_if_left()
        moved = self._move()
        is_done = self._left_bytes == 0 and self._is_last_round(area, journal)
        self._last_s = time.monotonic()
        with self._lock:
            state.publish(EventKind.CATALOG_CHANGED, moved=state.catalog.generation)
            return CompactStep(
                moved_bytes=moved,
                remaining_bytes=self._left_bytes or 0,
                area_bytes=area.device.size,
                host_bytes=area.device.stored_bytes,
                is_done=is_done,
            )

    def _begin_anew_if_left(self) -> None:
        """Forget how far a compaction came that nobody goes on with."""
        if time.monotonic() - self._last_s > ABANDONED_AFTER_S:
            self._left_bytes, self._rounds_left = None, ROUNDS_MAX

    def _move(self) -> int:
        """Move data for a while; return the bytes, and count down what is left in this round.

        Clients write behind what is moved, so a round is over when it has moved as much as there
        was to move at its beginning.
        """
        plan = Plan(self._state, self._lock)
        try:
            moved = plan.carry_out(STEP_S)
        finally:
            plan.end()
        if self._left_bytes is None:
            self._left_bytes = plan.remaining_bytes
        self._left_bytes = max(min(self._left_bytes, plan.remaining_bytes) - moved, 0)
        if plan.is_stale and not moved:
            self._rounds_left -= 1
        if plan.is_exhausted or self._rounds_left <= 0:
            self._left_bytes = 0
        return moved

    def _is_last_round(self, area: AdditionalArea, journal: Journal) -> bool:
        """Move what is no data, cut the end; return whether another round is not worth it."""
        state, allocator = self._state, area.allocator
        with self._lock:
            before = allocator.end
            packed_end = packed_end_of(state)
            fold(state, tables_below=packed_end)
            if journal.log.segment_stop > packed_end:
                with state.writing():
                    is_moved = journal.log.move_down()
                if is_moved:
                    journal.begin_group()
                    fold(state)
            fold(state)  # the older superblock names nothing of what was left any more
            after = allocator.end
        self._keeper.give_back(seconds_max=GIVE_BACK_S_MAX)
        self._rounds_left -= 1
        is_last = before - after < WORTH_BYTES_MIN or self._rounds_left <= 0
        self._left_bytes = None
        if is_last:
            self._rounds_left = ROUNDS_MAX
        return is_last


def compact_step(self: Volume) -> CompactStep:
    """Move data of the additional area nearer to its beginning; cut its end when all is there."""
    with self._compactor.busy, failures_told(self):
        with self._lock:
            self._begin_writing()
        return self._compactor.step()
