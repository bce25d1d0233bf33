# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The connection of every day: an engine process, two connections to it, its ring in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.service.client import connect
from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from core.service.client import RemoteVolume


class EngineProcess:
    """Joins the engine process of an image, or starts it."""

    def __init__(self, path: str, *, accept_changes: bool = False) -> None:
        """Connect twice and map the ring.

        Raises:
            RangepairError: The volume cannot be opened; the engine's own sentence.
        """
        self.acts: RemoteVolume = connect_or_start(path, accept_changes=accept_changes)
        try:
            self.queries: RemoteVolume = connect(path)
        except BaseException:
            self.acts.close()
            raise
        try:
            self._ring = self.acts.events()
        except BaseException:
            self.acts.close()
            self.queries.close()
            raise
        self._is_open = True

    def drain(self) -> tuple[np.ndarray, int]:
        """Return the events since the last call, and how many were overrun and lost."""
        return self._ring.drain()

    def start_workload(
        self, kind: str, rate: float, params: Mapping[str, str | float | bool | None]
    ) -> None:
        """Start (or change) the built-in workload; rate in writes a second, 0 = flat out."""
        self.acts.start_workload(kind, rate, **params)

    def stop_workload(self) -> None:
        """Stop the built-in workload."""
        self.acts.stop_workload()

    def workload_status(self) -> dict[str, object] | None:
        """Return how the workload does; None when there was none."""
        return self.queries.workload_status()

    def is_alive(self) -> bool:
        """Return whether the engine process still runs."""
        return self._is_open and self.queries.is_alive()

    def close(self) -> None:
        """Leave the process; it ends when nobody is left. May be called twice."""
        if self._is_open:
            self._is_open = False
            self.acts.close()
            self.queries.close()
            self._ring.close()
