# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What goes on without being asked for, in the status bar: a workload, or a restore being moved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from gui.commands.restoring import progress_words
from gui.guard import guarded

if TYPE_CHECKING:
    from core.answers import Stats
    from gui.bridge.link import EngineLink
    from gui.views.statusbar import StatusBar
    from gui.windows.demohost import DemoHost
    from gui.windows.follower import Follower
    from gui.windows.workloadrunner import WorkloadRunner


class Background(QObject):
    """Words it for the status bar."""

    def __init__(
        self,
        status: StatusBar,
        link: EngineLink,
        follower: Follower,
        runner: WorkloadRunner,
        demo: DemoHost,
    ) -> None:
        """Write to ``status``."""
        super().__init__(status)
        self._status = status
        self._link = link
        self._follower = follower
        self._runner = runner
        self._demo = demo
        self._phase = ""
        self._left_bytes = 0
        runner.phase_changed.connect(self._on_phase)
        follower.stats_changed.connect(self._on_stats)
        link.closed.connect(self._on_left)

    @Slot(str)
    @guarded
    def _on_phase(self, phase: str) -> None:
        self._phase = phase
        self.show()

    @Slot(object)
    @guarded
    def _on_stats(self, stats: Stats) -> None:
        self._left_bytes = stats.restoring_bytes
        self.show()

    @Slot()
    @guarded
    def _on_left(self) -> None:
        self._left_bytes = 0
        self.show()

    def show(self) -> None:
        """Say it anew."""
        words = f"The workload: {self._phase}" if self._phase else ""
        info = self._follower.info
        if not words and info is not None and info.original is not None:
            words = "Always-additional: the image is not the original now."
        if info is not None and info.restoring is not None and self._left_bytes:
            words = progress_words(info.restoring, self._left_bytes)
        if self._demo.pane is not None and self._runner.is_running:
            words = f"The workload goes on in {Path(self._link.path).name}"
        self._status.show_background(words)
