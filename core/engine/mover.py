# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A thread that does long work on an open volume, one short step after the other.

Each step is taken under the volume's lock, so it is to everyone else an operation like any other;
between two steps others get their turn.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from core.engine.told import told
from core.errors import AreaFullError, CorruptAreaError, RangepairError

if TYPE_CHECKING:
    from collections.abc import Callable

TURN_S: Final = 0.0005
"""Who waits for the lock gets it within this time."""
RETRY_S: Final = 1.0
"""How long to wait for room on a full disk, or for somebody to do without what is damaged."""


class Mover:
    """Takes steps until there is nothing left to do.

    Attributes:
        problem: Why the work does not go on at the moment, or None.
    """

    def __init__(
        self, lock: threading.RLock, step: Callable[[], bool], *, is_idle: bool = False
    ) -> None:
        """Be ready to take steps; ``step`` returns whether there is more to do.

        An idle one never begins: whoever holds the volume takes the steps.
        """
        self._lock = lock
        self._step = step
        self._stopping = threading.Event()
        self._is_idle = is_idle
        self._thread: threading.Thread | None = None
        self.problem: RangepairError | None = None

    def wake(self) -> None:
        """Begin, if there is no thread under way; under the volume's lock."""
        if self._thread is None and not self._is_idle and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="rangepair-mover", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the step it is in; not under the volume's lock."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        pause_s = TURN_S
        while not self._stopping.wait(pause_s):
            with self._lock:
                if self._stopping.is_set() or not self._take_step():
                    self._thread = None
                    return
            pause_s = RETRY_S if self.problem else TURN_S

    def _take_step(self) -> bool:
        """Return whether another step is to be taken."""
        try:
            more = self._step()
        except (AreaFullError, CorruptAreaError) as error:
            self.problem = error
            return True
        except (RangepairError, OSError) as error:
            # The volume takes no more writes; who writes next is told the same.
            self.problem = told(error) if isinstance(error, OSError) else error
            return False
        self.problem = None
        return more
