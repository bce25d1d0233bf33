# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The bar at the bottom: what is under the pointer, and the two counters that prove the mechanism.

``originals copied`` counts what was preserved; ``moved by copy writes`` counts bytes that writes to
copies moved out of the initial area, which stays 0 by design and is counted all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget
from typing_extensions import override

from gui.guard import guarded
from gui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from gui.theme import ThemeSource

HEIGHT: Final = 30


class Figure(QWidget):
    """A label and its value; ``tone`` is the value's colour."""

    def __init__(self, label: str, about: str, tone: str = "", room: str = "") -> None:
        """Keep the width of ``room`` free, so that neighbours stand still while figures change."""
        super().__init__()
        self.label = QLabel(label)
        self.label.setFont(fonts.font(12))
        self.label.setProperty("tone", "sub")
        self.value = QLabel("0")
        self.value.setFont(fonts.font(12, 600))
        self.value.setProperty("tone", tone)
        if room:
            self.value.setMinimumWidth(round(fonts.metrics(12, 600).horizontalAdvance(room)) + 2)
        self.setToolTip(about)
        self.setAccessibleDescription(about)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.label)
        row.addWidget(self.value)

    def show_value(self, words: str) -> None:
        """Change the value, if it differs."""
        if words != self.value.text():
            self.value.setText(words)
            self.setAccessibleName(f"{self.label.text()} {words}")

    def set_tone(self, tone: str) -> None:
        """Give the value another colour, if it has not got it."""
        if tone != self.value.property("tone"):
            self.value.setProperty("tone", tone)
            self.value.style().unpolish(self.value)
            self.value.style().polish(self.value)


class StatusBar(QWidget):
    """One line; every figure keeps its place."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Lay out."""
        super().__init__(parent)
        self._source = source
        self._message = self._background = ""
        self.setFixedHeight(HEIGHT)
        self.message = QLabel()
        self.message.setFont(fonts.font(12))
        self.message.setProperty("tone", "sub")
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.message.setMinimumWidth(40)
        self.copied = Figure(
            "originals copied",
            "Copied from the initial to the additional area before they were overwritten",
            room="1023.9 MiB",
        )  # fmt: skip
        self.moved = Figure(
            "moved by copy writes",
            "Bytes that writes to copies moved out of the initial area: always none",
            tone="good",
        )
        self.rate = Figure("writes", "Writes accepted per second", room="100 k/s")
        self.space = Figure(
            "additional area", "Space used in the additional area", room="1023.9 MiB"
        )
        self.clients = Figure(
            "connected", "Programs connected over NBD, and views attached to this computer"
        )
        self.clients.setVisible(False)
        self.fps = Figure("fps", "Frames painted per second", room="60")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 1, 16, 0)
        row.setSpacing(18)
        row.addWidget(self.message, 1)
        figures = (self.copied, self.moved, self.rate, self.space, self.clients, self.fps)
        for child in figures:
            row.addWidget(child)
        source.changed.connect(self._on_theme)

    def show_message(self, words: str) -> None:
        """Say what is under the pointer, or what is being done; nothing: what goes on anyway."""
        self._message = words
        self._show()

    def show_background(self, words: str) -> None:
        """Say what goes on while nothing is under the pointer."""
        self._background = words
        self._show()

    def _show(self) -> None:
        words = self._message or self._background
        if words != self.message.text():
            self.message.setText(words)

    def show_clients(self, count: int, *, is_served: bool) -> None:
        """Say how many programs use the volume, if it is served at all."""
        self.clients.show_value(str(count))
        self.clients.setVisible(is_served)

    def set_engine_shown(self, *, shown: bool) -> None:
        """Show the figures, or hide them while no volume is open."""
        for child in (self.copied, self.moved, self.rate, self.space, self.fps):
            child.setVisible(shown)

    @Slot()
    @guarded
    def _on_theme(self) -> None:
        self.update()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), theme.color("card"))
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawLine(0, 0, self.width(), 0)
