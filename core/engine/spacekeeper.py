# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""When the additional area gives storage back: in the background, and once more at close.

A pass has a thread of its own, for the file system may take its time, and what waits in memory must
not wait for that. It holds the volume's lock for moments only.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from core.area.forecast import RateMeter
from core.area.giveback import GiveBack
from core.errors import RangepairError
from core.volume.compact import lower_log
from core.volume.fold import fold_twice

if TYPE_CHECKING:
    from core.volume.state import VolumeState

PAUSE_S: Final = 0.5
"""Between two passes."""
FULL_S_MAX: Final = 1.0
"""How long a write that finds no room may take for it."""
CLOSE_S_MAX: Final = 2.0
"""How long closing may take for it."""


class SpaceKeeper:
    """Gives the storage of one volume's free space back, and knows how fast it fills.

    Attributes:
        meter: How fast originals and new data of clones are placed in the additional area.
    """

    def __init__(self, state: VolumeState, lock: threading.RLock) -> None:
        """Look after ``state``, whose additional area may be made later."""
        self._state = state
        self._lock = lock
        self._is_recovered = state.area is not None and not state.area.fields.clean
        self._giveback: GiveBack | None = None
        self.meter = RateMeter()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._busy = threading.Lock()
        self._next_s = 0.0

    def tick(self, *, at_rest: bool) -> None:
        """Begin a pass, if one is due and none is under way."""
        now, stats = time.monotonic(), self._state.stats
        self.meter.note(now, stats.preserved_bytes + stats.copy_written_bytes)
        if now < self._next_s or (self._thread is not None and self._thread.is_alive()):
            return
        giveback = self._prepared()
        if giveback is None or not giveback.is_due(at_rest=at_rest):
            return
        self._next_s = now + PAUSE_S
        self._thread = threading.Thread(
            target=self._pass, args=(giveback, at_rest), name="rangepair-space", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the pass under way, if any, and begin no other; returns when it has ended."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def give_back(self, *, seconds_max: float = float("inf")) -> None:
        """Give back everything now, as if the volume were at rest."""
        with self._busy:
            giveback = self._prepared()
            if giveback is not None and giveback.is_due(at_rest=True):
                with self._state.writing():
                    giveback.run(at_rest=True, seconds_max=seconds_max)

    def try_give_back(self) -> bool:
        """Give back what is free, for a write that finds no room; the volume's lock is held.

        Returns:
            Whether there is more room on the disk now. False if a pass is under way: it may need
            the lock.
        """
        if not self._busy.acquire(blocking=False):
            return False
        try:
            giveback = self._prepared()
            if giveback is None or not giveback.is_due(at_rest=True):
                return False
            before = giveback.given_bytes
            with self._state.writing():
                giveback.run(at_rest=True, seconds_max=FULL_S_MAX)
            return giveback.given_bytes > before
        finally:
            self._busy.release()

    def _prepared(self) -> GiveBack | None:
        area = self._state.area
        if self._giveback is None and area is not None:
            self._giveback = GiveBack(area, self._lock, is_recovered=self._is_recovered)
        return self._giveback

    def _pass(self, giveback: GiveBack, at_rest: bool) -> None:
        try:
            with self._busy:
                if at_rest:
                    self._fold_if_lower()
                giveback.run(at_rest=at_rest, stopping=self._stopping)
        except OSError as error:  # shows again, with its sentence, at the next write
            with self._lock:
                self._state.fail(error)
        except RangepairError:  # likewise
            return

    def _fold_if_lower(self) -> None:
        with self._lock:
            if self._state.area is not None and lower_log(self._state):
                fold_twice(self._state)
