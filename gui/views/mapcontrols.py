# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The controls in a map's header: Rows or Hilbert, and the size of a cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.theme import fonts, icons
from gui.views.drawing import CENTER, draw_focus_ring, draw_text, text_width

if TYPE_CHECKING:
    from PySide6.QtGui import QEnterEvent, QPaintEvent

    from gui.theme import ThemeSource

HEIGHT: Final = 24
_ICON_PX: Final = 14
_SEGMENT_PADDING: Final = 11


class _WellButton(QAbstractButton):
    """A button that lies in a well and lights up under the mouse."""

    def __init__(self, source: ThemeSource, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._source = source
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        source.changed.connect(self.update)

    @override
    @guarded
    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()

    @override
    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        self.update()


class IconButton(_WellButton):
    """One icon, 24 pixels wide and high."""

    def __init__(self, source: ThemeSource, icon: str, name: str, parent: QWidget) -> None:
        super().__init__(source, name, parent)
        self._icon = icon
        self.setFixedSize(HEIGHT, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        lit = self.isEnabled() and (self.underMouse() or self.isDown())
        color = theme.border if not self.isEnabled() else theme.accent if lit else theme.sub
        inset = (HEIGHT - _ICON_PX) // 2
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            ratio = math.ceil(self.devicePixelRatioF())
            painter.drawPixmap(inset, inset, icons.pixmap(self._icon, color, _ICON_PX, ratio))
            if self.hasFocus():
                draw_focus_ring(painter, QRectF(self.rect()), theme, 6)


class _Segment(_WellButton):
    """One of several choices, of which one is on."""

    def __init__(self, source: ThemeSource, words: str, name: str, parent: QWidget) -> None:
        super().__init__(source, name, parent)
        self.setText(words)
        self.setCheckable(True)
        self.setFixedHeight(HEIGHT)

    @override
    @guarded_or(QSize(54, HEIGHT))
    def sizeHint(self) -> QSize:
        width = text_width(self.text(), fonts.font(11, 600)) + 2 * _SEGMENT_PADDING
        return QSize(max(52, math.ceil(width)), HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, box = self._source.theme, QRectF(self.rect())
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self.isChecked():
                painter.setPen(QPen(theme.color("border"), 1))
                painter.setBrush(theme.color("card"))
                painter.drawRoundedRect(box.adjusted(2.5, 2.5, -2.5, -2.5), 5, 5)
            color = theme.text if self.isChecked() or self.underMouse() else theme.sub
            font = fonts.font(11, 600 if self.isChecked() else 500)
            draw_text(painter, box, self.text(), font, color, align=CENTER)
            if self.hasFocus():
                draw_focus_ring(painter, box, theme, 6)


class Well(QWidget):
    """The sunken ground that controls of a kind share."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = source
        self.setFixedHeight(HEIGHT)
        source.changed.connect(self.update)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self.source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("border"), 1))
            painter.setBrush(theme.color("well"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            self.paint_body(painter)

    def paint_body(self, painter: QPainter) -> None:
        """Draw what lies on the ground."""


class LayoutSwitch(Well):
    """Rows or Hilbert.

    Signals:
        chosen: Whether Hilbert was chosen.
    """

    chosen = Signal(object)

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(source, parent)
        self.setAccessibleName("Layout of cells")
        self._rows = _Segment(source, "Rows", "Cells in rows, in order of address", self)
        self._hilbert = _Segment(source, "Hilbert", "Cells along a curve, neighbours close", self)
        self._group = QButtonGroup(self)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        for button in (self._rows, self._hilbert):
            self._group.addButton(button)
            line.addWidget(button)
        self._rows.setChecked(True)
        self._group.buttonClicked.connect(self._on_clicked)
        width = self._rows.sizeHint().width() + self._hilbert.sizeHint().width()
        self.setFixedWidth(width)

    @guarded
    def _on_clicked(self, button: QAbstractButton) -> None:
        self.chosen.emit(button is self._hilbert)

    def show_choice(self, *, hilbert: bool) -> None:
        """Show a choice that was made elsewhere."""
        (self._hilbert if hilbert else self._rows).setChecked(True)


class ZoomControl(Well):
    """Minus, what one cell stands for, plus.

    Signals:
        stepped: +1 to see less but larger, -1 to see more.
    """

    stepped = Signal(object)

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(source, parent)
        self.setAccessibleName("Zoom")
        self._words = ""
        self._minus = IconButton(source, "minus", "Zoom out", self)
        self._plus = IconButton(source, "plus", "Zoom in", self)
        self._minus.clicked.connect(self._on_minus)
        self._plus.clicked.connect(self._on_plus)

    @guarded
    def _on_minus(self) -> None:
        self.stepped.emit(-1)

    @guarded
    def _on_plus(self) -> None:
        self.stepped.emit(1)

    def set_words(self, words: str) -> None:
        """Show what one cell stands for."""
        if words != self._words:
            self._words = words
            self.setAccessibleDescription(words)
            self.setFixedWidth(math.ceil(text_width(words, fonts.font(11, 500))) + 2 * HEIGHT + 8)
            self._plus.move(self.width() - HEIGHT, 0)
            self.update()

    @override
    def paint_body(self, painter: QPainter) -> None:
        box = QRectF(self.rect())
        color = self.source.theme.sub
        draw_text(painter, box, self._words, fonts.font(11, 500), color, align=CENTER)
