# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The sheet about the volume as a whole; it stays open beside the window and follows it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from core.errors import UsageError
from gui.guard import guarded
from gui.models.volumefacts import VolumeFacts
from gui.views.mechanismcard import MechanismCard
from gui.views.pages import Pages, PageTabs
from gui.views.volumecard import UsageCard, VolumeCard
from gui.views.whenfullcard import WhenFullCard
from gui.views.words import words
from gui.windows.sheet import Sheet

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from core.answers import VolumeInfo
    from core.errors import RangepairError
    from core.longwork import SeparationPlan
    from core.session import VolumeSession
    from gui.bridge.link import EngineLink
    from gui.theme import ThemeSource
    from gui.windows.actions import Actions
    from gui.windows.follower import Follower

_WIDTH: Final = 600
VOLUME, NEW_DATA, WHEN_FULL = range(3)
_PAGES: Final = ("Volume", "New data", "When full")


def ask_facts(session: VolumeSession, info: VolumeInfo) -> VolumeFacts:
    """Ask what the sheet shows beside ``info``, which whoever follows the volume has."""
    plan: SeparationPlan | None = None
    if info.original is not None and info.restoring is None:
        with contextlib.suppress(UsageError):  # brought home since ``info`` was told
            plan = session.plan_separation()
    return VolumeFacts(info, session.usage(), session.policy(), plan)


class PropertiesDialog(Sheet):
    """Three pages: facts and usage, the mechanism, the policy."""

    failed = Signal(object)
    """RangepairError"""

    def __init__(
        self,
        source: ThemeSource,
        link: EngineLink,
        follower: Follower,
        actions: Actions,
        parent: QWidget | None = None,
    ) -> None:
        """Show what ``follower`` follows, asked anew whenever that has changed."""
        super().__init__(parent)
        self._link = link
        self._follower = follower
        self._is_asking = self._is_stale = False
        self.setWindowTitle("Volume properties")
        self.heading = words("", 16, 650)
        self.volume = VolumeCard(source, "Volume", [(actions.resize, "volume")])
        keeping = [(actions.compact, "rows"), (actions.verify, "shield")]
        self.usage = UsageCard(source, "Additional area", keeping)
        self.mechanism = MechanismCard(source)
        self.when_full = WhenFullCard(source)
        self.pages = Pages((self._first_page(), self.mechanism, self.when_full))
        self.tabs = PageTabs(_PAGES)
        self._lay_out()
        self.tabs.picked.connect(guarded(self.show_page))
        follower.info_changed.connect(self._on_info)

    def show_page(self, number: int) -> None:
        """Show one of the pages."""
        self.tabs.buttons[number].setChecked(True)
        self.pages.show_page(number)
        self.fit()

    def look(self) -> None:
        """Ask how it is, if anybody looks; or again after the answer that is under way."""
        info = self._follower.info
        if not self.isVisible() or info is None:
            return
        self._is_stale = self._is_asking
        if not self._is_asking:
            self._is_asking = True
            self._link.query(lambda session: ask_facts(session, info), self._got, self._missed)

    def forget(self) -> None:
        """Drop what was asked and changed: another volume has other facts."""
        self._is_asking = self._is_stale = False
        self.mechanism.forget_choice()
        self.when_full.forget_changes()

    def _first_page(self) -> QWidget:
        page = QWidget()
        both = QVBoxLayout(page)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(12)
        both.addWidget(self.volume)
        both.addWidget(self.usage)
        return page

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(self.heading)
        column.addWidget(self.tabs)
        column.addWidget(self.pages)
        self.setFixedWidth(_WIDTH)
        self.show_page(0)

    @Slot(object)
    @guarded
    def _on_info(self, _info: object) -> None:
        self.look()

    def _got(self, answer: object) -> None:
        assert isinstance(answer, VolumeFacts)
        self._is_asking = False
        self.heading.setText(Path(answer.info.image).name)
        for card in (self.volume, self.usage, self.mechanism, self.when_full):
            card.show_facts(answer)
        self.fit()
        if self._is_stale:
            self.look()

    def _missed(self, error: RangepairError) -> None:
        self._is_asking = False
        self.failed.emit(error)

    @override
    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()
