# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A bar of parts, each in its colour, with a gap between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from gui.theme import ThemeSource

HEIGHT: Final = 12
_PART_PX_MIN: Final = 4.0
_GAP_PX: Final = 1.5


class ShareBar(QWidget):
    """Parts of a whole."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self._source = source
        self._shares: tuple[tuple[int, str], ...] = ()
        self._whole = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        source.changed.connect(self.update)

    def show_shares(self, shares: tuple[tuple[int, str], ...], whole: int) -> None:
        """Show parts, each a number of bytes and the name of a colour, of ``whole`` bytes."""
        if (shares, whole) != (self._shares, self._whole):
            self._shares, self._whole = shares, whole
            self.update()

    @override
    @guarded_or(QSize(200, HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme, box = self._source.theme, QRectF(0, 0, self.width(), HEIGHT)
        shape = QPainterPath()
        shape.addRoundedRect(box, HEIGHT / 2, HEIGHT / 2)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipPath(shape)
            painter.fillRect(box, theme.color("line"))
            left = 0.0
            for part, name in self._shares:
                width = self.width() * part / self._whole if self._whole else 0.0
                if part:
                    width = max(width, _PART_PX_MIN)
                    piece = QRectF(left, 0, width - _GAP_PX, HEIGHT)
                    painter.fillRect(piece, theme.color(name))
                left += width
