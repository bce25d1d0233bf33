# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The one built-in workload an engine process may run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.session import VolumeSession
    from core.workload.run import Workload


class WorkloadSlot:
    """Holds at most one workload; another one takes its place."""

    def __init__(self, volume: VolumeSession) -> None:
        """Let workloads write to ``volume``."""
        self._volume = volume
        self._running: Workload | None = None
        self._asked: tuple[str, Mapping[str, object]] | None = None
        self._lock = threading.Lock()

    def start(self, kind: str, rate_per_s: float, params: Mapping[str, Any]) -> None:
        """Start a workload in a thread of its own; the one that runs only changes its rate.

        Raises:
            UsageError: There is no such workload, or a parameter makes no sense to it. What runs
                goes on.
        """
        from core.workload import run

        with self._lock:
            before = self._running
            if before and before.status().running and self._asked == (kind, params):
                before.set_rate(rate_per_s)
                return
            self._running = run.start(self._volume, kind, rate_per_s, **params)
            self._asked = kind, params
            if before:
                before.stop()

    def stop(self) -> None:
        """Stop the workload, if one runs. Its last status stays to be asked for."""
        with self._lock:
            if self._running:
                self._running.stop()

    def status(self) -> dict[str, object] | None:
        """Return how the workload does, or did; None when there was none."""
        with self._lock:
            if self._running is None:
                return None
            told: dict[str, object] = msgspec.to_builtins(self._running.status())
            return told
