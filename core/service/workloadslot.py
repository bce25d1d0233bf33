# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The one built-in workload an engine process may run."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.session import VolumeSession


class RunningWorkload(Protocol):
    """What ``core.workload.run.start`` returns."""

    def stop(self) -> None:
        """End it; returns when its last write has returned."""
        ...

    def status(self) -> object:
        """Return a struct or mapping of plain values."""
        ...


class WorkloadSlot:
    """Holds at most one workload; starting another stops the first."""

    def __init__(self, volume: VolumeSession) -> None:
        """Let workloads write to ``volume``."""
        self._volume = volume
        self._running: RunningWorkload | None = None
        self._lock = threading.Lock()

    def start(
        self, kind: str, rate_per_s: float, params: Mapping[str, str | float | bool | None]
    ) -> None:
        """Start a workload in a thread of its own.

        Raises:
            UsageError: There is no such workload, or a parameter makes no sense to it.
        """
        run = importlib.import_module("core.workload.run")
        with self._lock:
            self._stop()
            self._running = run.start(self._volume, kind, rate_per_s, **params)

    def stop(self) -> None:
        """Stop the workload, if one runs. Its last status stays to be asked for."""
        with self._lock:
            self._stop()

    def status(self) -> dict[str, object] | None:
        """Return how the workload does, or did; None when there was none."""
        with self._lock:
            if self._running is None:
                return None
            return cast("dict[str, object]", msgspec.to_builtins(self._running.status()))

    def _stop(self) -> None:
        if self._running is not None:
            self._running.stop()
