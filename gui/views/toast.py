# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A sentence that an act was done, with Undo, for eight seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget
from typing_extensions import override

from gui.guard import guarded
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton
from gui.views.announce import announce
from gui.views.statusbar import HEIGHT as BAR_HEIGHT

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QEnterEvent, QPaintEvent

    from gui.theme import ThemeSource

SHOWN_MS: Final = 8000
_EDGE_PX: Final = 10  # as the cards: it lies in the corner of one, edge on edge
_NAME_MAX: Final = 24
_LONG_NAME = re.compile(rf"'([^']{{{_NAME_MAX + 1},}})'")


def shortened(sentence: str) -> str:
    """Return a sentence with its quoted names cut to ``_NAME_MAX`` letters."""
    return _LONG_NAME.sub(lambda hit: f"'{hit[1][: _NAME_MAX - 1].rstrip()}…'", sentence)


class Toast(QWidget):
    """Floats over the bottom left of its parent; stays while the pointer is on it."""

    undo_pressed = Signal()

    def __init__(self, source: ThemeSource, parent: QWidget) -> None:
        """Begin hidden."""
        super().__init__(parent)
        self._source = source
        self.text = QLabel()
        self.text.setFont(fonts.font(13, 500))
        self.undo_button = ThemedButton(source, "undo", "Undo", tone="accent")
        self.close_button = ThemedButton(source, "close", tone="sub")
        self.close_button.setAccessibleName("Dismiss")
        self.undo_button.setAccessibleName("Undo")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 3, 4, 3)
        row.setSpacing(8)
        row.addWidget(self.text)
        for button in (self.undo_button, self.close_button):
            button.set_property("small", value=True)
            button.set_property("bare", value=True)
            row.addWidget(button)
        self.undo_button.clicked.connect(self._undo)
        self.close_button.clicked.connect(self.hide)
        self._clock = QTimer(self)
        self._clock.setSingleShot(True)
        self._clock.setInterval(SHOWN_MS)
        self._clock.timeout.connect(self.hide)
        source.changed.connect(self.update)
        self.hide()

    def tell(self, sentence: str, *, offers_undo: bool) -> None:
        """Show ``sentence`` in place of any other."""
        self.text.setText(shortened(sentence))
        self.setToolTip(sentence)
        self.undo_button.setVisible(offers_undo)
        self.setAccessibleName(sentence)
        self.adjustSize()
        self.place()
        self.show()
        self.raise_()
        self._clock.start()
        announce(self, sentence)

    def place(self) -> None:
        """Go into the corner of the lowest card, above the status bar and its figures."""
        parent = self.parentWidget()
        assert parent is not None
        self.move(QPoint(_EDGE_PX, parent.height() - BAR_HEIGHT - _EDGE_PX - self.height()))

    @Slot()
    @guarded
    def _undo(self) -> None:
        self.hide()
        self.undo_pressed.emit()

    @override
    @guarded
    def enterEvent(self, event: QEnterEvent) -> None:
        self._clock.stop()

    @override
    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        if self.isVisible():
            self._clock.start()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            painter.setBrush(theme.color("card"))
            painter.setPen(QPen(theme.color("accent", 0.55), 1))
            painter.drawRoundedRect(box, 10, 10)
            painter.setPen(Qt.PenStyle.NoPen)
