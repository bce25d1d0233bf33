# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One worker thread that makes calls in the order they were asked for, away from the window."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_STOP_SECONDS_MAX: Final = 2.0


class Lane:
    """A thread and its queue. The jobs must not raise; they end by handing their result over."""

    def __init__(self, name: str) -> None:
        """Start the thread; ``name`` shows in debuggers."""
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], None]) -> None:
        """Run ``job`` after all that were submitted before."""
        self._jobs.put(job)

    def stop(self) -> bool:
        """Let the jobs before this finish, end the thread; False if it is still busy."""
        self._jobs.put(None)
        self._thread.join(_STOP_SECONDS_MAX)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
