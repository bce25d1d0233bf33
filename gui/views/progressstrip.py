# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Long work that goes on beside everything else: what, how far, and a way to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton
from gui.views.drawing import draw_bar

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from gui.theme import ThemeSource

_BAR_PX: Final = 6


class Bar(QWidget):
    """How much of something is done."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin at nothing."""
        super().__init__(parent)
        self._source = source
        self.share = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def show_share(self, share: float) -> None:
        """Show ``share``, from 0 to 1."""
        self.share = share
        self.update()

    @override
    @guarded_or(QSize(120, 24))
    def sizeHint(self) -> QSize:
        return QSize(120, 24)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            bar = QRectF(0, (self.height() - _BAR_PX) / 2, self.width(), _BAR_PX)
            draw_bar(painter, bar, self.share, theme.color("accent"), theme.color("line"))


class ProgressStrip(QWidget):
    """One line; takes no room while nothing is going on."""

    stop_pressed = Signal()

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin hidden."""
        super().__init__(parent)
        self._source = source
        self.words = QLabel()
        self.words.setFont(fonts.font(13, 500))
        self.bar = Bar(source)
        self.percent = QLabel()
        self.percent.setFont(fonts.font(12, 600))
        self.percent.setMinimumWidth(round(fonts.metrics(12, 600).horizontalAdvance("100 %")) + 2)
        self.stop = ThemedButton(source, "stop", "Stop", tone="text")
        self.stop.set_property("small", value=True)
        self.stop.setAccessibleName("Stop")
        self.stop.clicked.connect(self.stop_pressed)
        row = QHBoxLayout(self)
        row.setContentsMargins(26, 18, 18, 8)
        row.setSpacing(12)
        for part, stretch in ((self.words, 0), (self.bar, 1), (self.percent, 0), (self.stop, 0)):
            row.addWidget(part, stretch)
        source.changed.connect(self.update)
        self.setVisible(False)

    def show_progress(self, words: str, share: float) -> None:
        """Show what is going on, and that ``share`` of it, from 0 to 1, is done."""
        told = f"{int(100 * share)} %"
        if told != self.percent.text():
            self.percent.setText(told)
            self.setAccessibleName(f"{words} {told}")
        self.words.setText(words)
        self.bar.show_share(share)
        self.setVisible(True)

    def finish(self) -> None:
        """Take the line away."""
        self.setVisible(False)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            box = QRectF(self.rect()).adjusted(10.5, 10.5, -10.5, -0.5)
            painter.setBrush(theme.color("card"))
            painter.setPen(QPen(theme.color("border"), 1))
            painter.drawRoundedRect(box, 10, 10)
