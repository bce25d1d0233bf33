# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Pages of which one is shown, and buttons that choose it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.guard import guarded
from gui.theme import fonts

if TYPE_CHECKING:
    from collections.abc import Sequence


class Pages(QWidget):
    """As high as the page that is shown; a stack would be as high as the highest of all."""

    def __init__(self, pages: Sequence[QWidget], parent: QWidget | None = None) -> None:
        """Show the first of ``pages``."""
        super().__init__(parent)
        self._pages = pages
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for page in pages:
            column.addWidget(page)
        self.show_page(0)

    def show_page(self, number: int) -> None:
        """Show one page."""
        for other, page in enumerate(self._pages):
            page.setVisible(other == number)


class PageTabs(QWidget):
    """A button for each page."""

    picked = Signal(object)
    """int: number of the page"""

    def __init__(self, titles: Sequence[str], parent: QWidget | None = None) -> None:
        """Begin at the first of ``titles``."""
        super().__init__(parent)
        self.group = QButtonGroup(self)
        self.group.setExclusive(True)
        self.buttons: list[QPushButton] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for number, title in enumerate(titles):
            button = QPushButton(title)
            for name in ("segment", "small"):
                button.setProperty(name, True)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setFont(fonts.font(13, 500))
            self.group.addButton(button, number)
            self.buttons.append(button)
            row.addWidget(button)
        row.addStretch(1)
        self.buttons[0].setChecked(True)
        self.group.idClicked.connect(guarded(self.picked.emit))
