# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Verifies all that is kept for copies, a batch a question, so that it can be watched and stopped.

A batch is asked for when the one before has been answered, in the lane of long questions: others
come between, and a window that is closed simply asks no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from core.answers import ScrubStep, VolumeInfo
from core.errors import CorruptAreaError
from core.units import format_bytes
from gui.guard import guarded
from gui.models.integrity import ranges_told
from gui.views.banner import Trouble

if TYPE_CHECKING:
    from core.errors import RangepairError
    from core.session import VolumeSession
    from gui.bridge.link import EngineLink
    from gui.views.banner import BannerStack
    from gui.views.progressstrip import ProgressStrip

TOPIC = "scrub"
_NAMES_TOLD_MAX = 3
WORDS = "Verifying what is kept for copies"


class ScrubRunner(QObject):
    """Between the action, the strip that shows how far it is, and the engine."""

    running_changed = Signal(bool)
    found_intact = Signal(str)
    """A sentence: all copies are."""

    def __init__(self, link: EngineLink, strip: ProgressStrip, banners: BannerStack) -> None:
        """Show progress on ``strip`` and damage in ``banners``."""
        super().__init__(strip)
        self._link = link
        self._strip = strip
        self._banners = banners
        self._number = 0  # of the present scrub: answers of an older one are too late
        self.is_running = False
        strip.stop_pressed.connect(self.stop)
        link.opened.connect(self._on_left)
        link.closed.connect(self._on_left)
        link.gone.connect(self._on_left)

    @Slot()
    @guarded
    def toggle(self) -> None:
        """Begin, or stop."""
        if self.is_running:
            self.stop()
            return
        self._number += 1
        self._banners.clear(topic=TOPIC)
        self._strip.show_progress(WORDS, 0.0)
        self._set_running(running=True)
        self._ask(self._number, 0)

    @Slot()
    @guarded
    def stop(self) -> None:
        """Ask for no more; the copies keep what was known of them."""
        self._number += 1
        self._strip.finish()
        self._set_running(running=False)

    @Slot()
    @guarded
    def _on_left(self, *_why: object) -> None:
        self.stop()

    def _ask(self, number: int, run: int) -> None:
        def work(session: VolumeSession) -> tuple[ScrubStep, VolumeInfo | None]:
            step = session.scrub_step(run)
            return step, session.info() if step.is_done else None

        def failed(error: RangepairError) -> None:
            if number == self._number:
                self.stop()
                self._banners.tell(Trouble(error.message, error.code, topic=TOPIC))

        self._link.query(work, lambda answer: self._got(number, answer), failed)

    def _got(self, number: int, answer: object) -> None:
        if number != self._number:
            return
        assert isinstance(answer, tuple)
        step, info = answer
        assert isinstance(step, ScrubStep)
        if not step.is_done:
            share = step.done_bytes / step.total_bytes if step.total_bytes else 0.0
            self._strip.show_progress(WORDS, min(share, 1.0))
            self._ask(number, step.run)
            return
        assert isinstance(info, VolumeInfo)
        self.stop()
        self._tell(step, info)

    def _tell(self, step: ScrubStep, info: VolumeInfo) -> None:
        damaged = [copy for copy in info.copies if copy.integrity == "damaged"]
        if not damaged:
            count = len(info.copies)
            what = "The copy is" if count == 1 else f"All {count} copies are"
            kept = format_bytes(step.done_bytes - step.unverified_bytes)
            self.found_intact.emit(f"{what} intact; {kept} verified")
            return
        names = ", ".join(f"'{copy.name}'" for copy in damaged[:_NAMES_TOLD_MAX])
        more = len(damaged) - _NAMES_TOLD_MAX
        who = f"{names} and {more} more are" if more > 0 else f"{names} {_are(len(damaged))}"
        details = "\n".join(
            f"{copy.name}: {ranges_told(copy.damaged_ranges, len(copy.damaged_ranges))}"
            for copy in damaged
        )
        sentence = (
            f"{who} damaged: {format_bytes(step.damaged_bytes)} kept in the additional area fail "
            "their checksum, and reads of them are refused; the original is unharmed. Look at the "
            "disk; 'rangepair check --repair' makes a new additional area of all the rest."
        )
        self._banners.tell(Trouble(sentence, CorruptAreaError.code, details=details, topic=TOPIC))

    def _set_running(self, *, running: bool) -> None:
        if running != self.is_running:
            self.is_running = running
            self.running_changed.emit(running)


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
