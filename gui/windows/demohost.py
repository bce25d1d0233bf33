# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Shows the guided demo over whatever the window shows, and puts that back afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from gui.demo.controller import DemoController
from gui.demo.pane import DemoPane
from gui.demo.scratch import scratch_volume
from gui.guard import guarded
from gui.windows.arrangement import GAP

if TYPE_CHECKING:
    from core.errors import RangepairError
    from gui.bridge.link import EngineLink
    from gui.theme import ThemeSource


class DemoHost(QObject):
    """Makes the demo when it is asked for and takes it away when it is left."""

    failed = Signal(object)
    """RangepairError: its scratch volume cannot be made."""
    changed = Signal()
    """The demo has come, or gone."""

    def __init__(
        self, link: EngineLink, source: ThemeSource, pages: QStackedWidget, parent: QObject
    ) -> None:
        """Show the demo as a page of ``pages``."""
        super().__init__(parent)
        self._link = link
        self._source = source
        self._pages = pages
        self._is_asked = False
        self._page: QWidget | None = None
        self._former: QWidget | None = None
        self.pane: DemoPane | None = None

    @Slot()
    @guarded
    def start(self) -> None:
        """Make the demo's volume, then show and play it."""
        if self.pane is not None:
            self.pane.start()
        elif not self._is_asked:
            self._is_asked = True
            self._link.run(lambda: DemoController(scratch_volume), self._show, self._refuse)

    @Slot()
    @guarded
    def stop(self) -> None:
        """Leave the demo, if it runs."""
        pane, page = self.pane, self._page
        if pane is None or page is None:
            return
        self.pane = self._page = None
        pane.shutdown()
        if self._former is not None and self._pages.currentWidget() is page:
            self._pages.setCurrentWidget(self._former)
        self._pages.removeWidget(page)
        page.deleteLater()
        self.changed.emit()

    def _show(self, controller: object) -> None:
        assert isinstance(controller, DemoController)
        self._is_asked = False
        self.pane = DemoPane(controller, self._source)
        self.pane.closed.connect(self.stop)
        self._page = QWidget()
        column = QVBoxLayout(self._page)
        column.setContentsMargins(GAP, GAP, GAP, GAP)
        column.addWidget(self.pane)
        # The pane's own key needs the keyboard, which a click on a button of the window takes away.
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self._page)
        leave.activated.connect(self.stop)
        self._former = self._pages.currentWidget()
        self._pages.addWidget(self._page)
        self._pages.setCurrentWidget(self._page)
        self.pane.setFocus()
        self.pane.start()
        self.changed.emit()

    def _refuse(self, error: RangepairError) -> None:
        self._is_asked = False
        self.failed.emit(error)
