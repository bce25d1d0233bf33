# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The sheet on which other programs are let in; it stays open beside the window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLayout, QVBoxLayout, QWidget

from core.session import ORIGINAL
from gui.guard import guarded
from gui.views.attachcard import AttachCard
from gui.views.choice import Choice
from gui.views.pages import Pages, PageTabs
from gui.views.servingcard import ServingCard
from gui.views.words import words
from gui.windows.sheet import Sheet

if TYPE_CHECKING:
    from PySide6.QtWidgets import QLineEdit

    from core.answers import VolumeInfo
    from gui.theme import ThemeSource
    from gui.windows.connections import Connections
    from gui.windows.follower import Follower

_WIDTH: Final = 640
SERVING, ATTACHING = range(2)
_PAGES: Final = ("Virtual machines", "This computer")


class ConnectDialog(Sheet):
    """Which view is meant, and the ways to it."""

    def __init__(
        self,
        source: ThemeSource,
        connections: Connections,
        follower: Follower,
        parent: QWidget | None = None,
    ) -> None:
        """Follow what is shared, and which copies there are."""
        super().__init__(parent)
        self._connections = connections
        self.setWindowTitle("Connect")
        self.heading = words("Connect", 16, 650)
        self.about = words("", 13, 400, "sub")
        self.view = Choice(source, "What the others see")
        self.serving = ServingCard(source)
        self.serving.setFixedWidth(_WIDTH)
        self.attaching = AttachCard(source)
        self.attaching.setFixedWidth(_WIDTH)
        self.tabs = PageTabs(_PAGES)
        self.pages = Pages((self.serving, self.attaching))
        self.problem = words("", 13, 500, "danger")
        self.problem.setVisible(False)
        self._lay_out()
        self.view.currentTextChanged.connect(self._on_view)
        self.tabs.picked.connect(guarded(self.show_page))
        self.serving.start_asked.connect(connections.start_serving)
        self.serving.stop_asked.connect(connections.stop_serving)
        self.serving.options.folder_wanted.connect(self._on_certificates_wanted)
        self.attaching.attach_asked.connect(connections.attach)
        self.attaching.detach_asked.connect(connections.detach)
        self.attaching.folder_wanted.connect(self._on_folder_wanted)
        connections.changed.connect(self._on_connections)
        follower.info_changed.connect(self._on_info)
        if follower.info is not None:
            self._on_info(follower.info)
        self._on_connections()
        self.show_page(SERVING)

    def tell(self, sentence: str) -> None:
        """Say what could not be done, until something is asked for again; nothing: say no more."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))

    def show_page(self, number: int) -> None:
        """Show one of the two ways: ``SERVING`` or ``ATTACHING``."""
        self.tabs.buttons[number].setChecked(True)
        self.pages.show_page(number)

    def choose(self, copy: str) -> None:
        """Mean this copy, or the original."""
        at = self.view.findText(copy, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchCaseSensitive)
        self.view.setCurrentIndex(max(at, 0))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(words("What the others see", 13, 500, "sub"))
        row.addWidget(self.view, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.setSizeConstraint(QLayout.SizeConstraint.SetFixedSize)  # as high as what is shown
        column.addWidget(self.heading)
        column.addWidget(self.about)
        column.addLayout(row)
        column.addWidget(self.tabs)
        column.addWidget(self.pages)
        column.addWidget(self.problem)

    @Slot(object)
    @guarded
    def _on_info(self, info: VolumeInfo) -> None:
        """List the views anew; the one that was meant stays meant while it exists."""
        self.about.setText(
            f"Let other programs use {Path(info.image).name} and its copies. Every write they make"
            " is seen in the window."
        )
        views = [(ORIGINAL, info.read_only)]
        views += [(c.name, c.kind == "snapshot") for c in info.copies if not c.deleted]
        if views == [
            (self.view.itemText(n), self.view.itemData(n)) for n in range(self.view.count())
        ]:
            return
        meant = self.view.currentText()
        self.view.blockSignals(True)
        self.view.clear()
        for name, read_only in views:
            self.view.addItem(name, read_only)
        self.view.blockSignals(False)
        self.choose(meant)
        self._on_view()

    @Slot(str)
    @guarded
    def _on_view(self, _name: str = "") -> None:
        copy = self.view.currentText()
        self.serving.show_view(copy, read_only=bool(self.view.currentData()))
        self.attaching.show_view(copy)

    @Slot()
    @guarded
    def _on_connections(self) -> None:
        is_busy = self._connections.is_busy
        if is_busy:
            self.tell("")
        self.serving.show_servings(self._connections.servings, is_busy=is_busy)
        self.attaching.show_attached(self._connections.attached, is_busy=is_busy)

    @Slot()
    @guarded
    def _on_folder_wanted(self) -> None:
        self._choose_folder("Folder to mount it in", self.attaching.folder)

    @Slot()
    @guarded
    def _on_certificates_wanted(self) -> None:
        self._choose_folder("Folder of certificates", self.serving.options.folder)

    def _choose_folder(self, title: str, field: QLineEdit) -> None:
        dialog = QFileDialog(self, title, field.text())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(field.setText)
        dialog.open()
