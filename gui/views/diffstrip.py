# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The whole of a volume as one bar, in which what differs stands out. A click goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.models.ranges import column_bytes
from gui.views.drawing import blend

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from gui.models.differences import Differences
    from gui.theme import ThemeSource

HEIGHT: Final = 26
_COLUMNS: Final = 270
_LEAST: Final = 0.45
"""A byte in a gibibyte is seen, too."""


class DiffStrip(QWidget):
    """Columns of equal length; the fuller, the stronger."""

    picked = Signal(object)
    """int: the byte under the mouse"""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin empty."""
        super().__init__(parent)
        self._source = source
        self._shares: list[float] = []
        self._size = 0
        self._selection: tuple[int, int] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Where they may differ")
        source.changed.connect(self.update)

    def show_differences(self, told: Differences | None) -> None:
        """Show where ``told`` says that views differ."""
        self._shares, self._size, self._selection = [], 0, None
        if told is not None and told.size_bytes:
            columns = min(_COLUMNS, told.size_bytes)
            counts = column_bytes((told.starts, told.stops), told.size_bytes, columns)
            shares = np.minimum(counts * columns / told.size_bytes, 1.0)
            self._shares, self._size = shares.tolist(), told.size_bytes
        self.update()

    def mark(self, selection: tuple[int, int] | None) -> None:
        """Frame a range: its first byte and its length."""
        self._selection = selection
        self.update()

    @override
    @guarded_or(QSize(400, HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(400, HEIGHT)

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._size and event.button() == Qt.MouseButton.LeftButton:
            share = min(max(event.position().x() / max(self.width(), 1), 0.0), 1.0)
            self.picked.emit(min(int(share * self._size), self._size - 1))

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        box = QRectF(self.rect()).adjusted(0.5, 3.5, -0.5, -3.5)
        shape = QPainterPath()
        shape.addRoundedRect(box, 4, 4)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.save()
            painter.setClipPath(shape)
            painter.fillRect(box, theme.color("unmapped"))
            width = box.width() / max(len(self._shares), 1)
            for number, share in enumerate(self._shares):
                if share:
                    tone = blend(theme.unmapped, theme.accent, _LEAST + (1 - _LEAST) * share)
                    column = QRectF(box.x() + number * width, box.y(), width + 0.5, box.height())
                    painter.fillRect(column, tone)
            painter.restore()
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("unline"), 1))
            painter.drawRoundedRect(box, 4, 4)
            if self._selection is not None and self._size:
                start, length = self._selection
                left = box.x() + box.width() * start / self._size
                wide = max(box.width() * length / self._size, 5.0)
                frame = QRectF(left - 1, 1, wide + 2, self.height() - 2)
                painter.setPen(QPen(theme.color("ink"), 2))
                painter.drawRoundedRect(frame, 3, 3)
