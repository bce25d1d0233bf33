# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Long work done a batch a question, so that it can be watched and stopped.

A batch is asked for when the one before has been answered, in the lane of long questions: others
come between, and a window that is closed simply asks no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from gui.commands.promoting import Batch
from gui.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.errors import RangepairError
    from core.session import VolumeSession
    from gui.bridge.link import EngineLink
    from gui.views.progressstrip import ProgressStrip

    NextStep = Callable[[], Callable[[VolumeSession], Batch]]
    Told = Callable[[int], str]


class BatchRunner(QObject):
    """One work at a time, on a strip of its own."""

    finished = Signal(str, bool)
    """(what it came to, False: it is not undone)"""
    failed = Signal(object)
    """RangepairError"""
    running_changed = Signal(bool)

    def __init__(self, link: EngineLink, strip: ProgressStrip) -> None:
        """Show progress on ``strip``."""
        super().__init__(strip)
        self._link = link
        self._strip = strip
        self._number = 0  # of the present work: answers of an older one are too late
        self._done_bytes = 0
        self.is_running = False
        strip.stop_pressed.connect(self.stop)
        link.opened.connect(self._on_left)
        link.closed.connect(self._on_left)
        link.gone.connect(self._on_left)

    def begin(self, words: str, next_step: NextStep, told: Told) -> None:
        """Ask for batches until nothing is left.

        Args:
            words: What is going on.
            next_step: Called here before each batch; returns what does it, in the lane.
            told: Returns the closing sentence, of the bytes done.
        """
        if self.is_running:
            return
        self._number += 1
        self._done_bytes = 0
        self._strip.show_progress(words, 0.0)
        self._set_running(running=True)
        self._ask(self._number, words, next_step, told)

    @Slot()
    @guarded
    def stop(self) -> None:
        """Ask for no more; what is done stays done."""
        self._number += 1
        self._strip.finish()
        self._set_running(running=False)

    @Slot()
    @guarded
    def _on_left(self, *_why: object) -> None:
        self.stop()

    def _ask(self, number: int, words: str, next_step: NextStep, told: Told) -> None:
        def got(answer: object) -> None:
            assert isinstance(answer, Batch)
            if number != self._number:
                return
            self._done_bytes += answer.done_bytes
            if not answer.left_bytes:
                self.stop()
                self.finished.emit(told(self._done_bytes), False)
                return
            whole = self._done_bytes + answer.left_bytes
            self._strip.show_progress(words, self._done_bytes / whole)
            self._ask(number, words, next_step, told)

        def failed(error: RangepairError) -> None:
            if number == self._number:
                self.stop()
                self.failed.emit(error)

        self._link.query(next_step(), got, failed)

    def _set_running(self, *, running: bool) -> None:
        if running != self.is_running:
            self.is_running = running
            self.running_changed.emit(running)
