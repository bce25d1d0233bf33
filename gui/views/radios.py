# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One of several ways, each with a sentence that says what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from gui.guard import guarded
from gui.theme import fonts
from gui.views.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDENT_PX: Final = 24


class Way(NamedTuple):
    """A way to choose: its key, its name, and what it means."""

    key: str
    title: str
    about: str


class Radios(QWidget):
    """A button and a sentence for each way; exactly one is chosen."""

    changed = Signal(str)
    """(key of the way that the user has chosen)"""

    def __init__(self, ways: Sequence[Way], parent: QWidget | None = None) -> None:
        """Offer ``ways``, the first of them chosen."""
        super().__init__(parent)
        self._keys = [way.key for way in ways]
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QRadioButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for number, way in enumerate(ways):
            button = QRadioButton(way.title)
            button.setFont(fonts.font(13, 600))
            button.setAccessibleDescription(way.about)
            about = words(way.about, 12, 400, "sub")
            about.setContentsMargins(_INDENT_PX, 0, 0, 8)
            self._group.addButton(button, number)
            self.buttons[way.key] = button
            column.addWidget(button)
            column.addWidget(about)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(guarded(lambda number: self.changed.emit(self._keys[number])))

    @property
    def chosen(self) -> str:
        """Key of the chosen way."""
        return self._keys[self._group.checkedId()]

    def choose(self, key: str) -> None:
        """Choose a way, as if nobody had: ``changed`` is not sent."""
        self.buttons[key].setChecked(True)
