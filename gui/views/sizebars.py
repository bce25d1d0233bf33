# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume as long as it is and as long as it will be: where its data lies, and what is cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from core.units import format_bytes
from gui.guard import guarded, guarded_or
from gui.models.ranges import column_bytes
from gui.theme import fonts
from gui.views.drawing import RIGHT, blend, draw_text

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from core.answers import Int64s
    from gui.theme import ThemeSource

_LABEL_PX: Final = 44
_VALUE_PX: Final = 86
_BAR_PX: Final = 18
_ROW_PX: Final = 30
_COLUMNS: Final = 96
HEIGHT: Final = 2 * _ROW_PX


class SizeBars(QWidget):
    """Two bars above each other, of one scale."""

    def __init__(self, source: ThemeSource, before: int, data: tuple[Int64s, Int64s]) -> None:
        """Show a volume of ``before`` bytes, whose ``data`` lies in these ranges."""
        super().__init__()
        self._source = source
        self._before = self._after = before
        counts = column_bytes(data, before, min(_COLUMNS, max(before, 1)))
        self._shares = (counts / max(before / len(counts), 1)).clip(0, 1).tolist()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        source.changed.connect(self.update)
        self.show_size(before)

    def show_size(self, after: int) -> None:
        """Show another size to come."""
        self._after = after
        self.setAccessibleName(f"{format_bytes(self._before)} now, {format_bytes(after)} then")
        self.update()

    @override
    @guarded_or(QSize(420, HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(420, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        room = self.width() - _LABEL_PX - _VALUE_PX
        scale = room / max(self._before, self._after, 1)
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for row, (label, size) in enumerate((("Now", self._before), ("Then", self._after))):
                top = row * _ROW_PX + (_ROW_PX - _BAR_PX) / 2
                whole = QRectF(_LABEL_PX, top, max(self._before * scale, 1), _BAR_PX)
                self._paint_words(painter, top, label, format_bytes(size))
                self._paint_bar(painter, whole, size * scale)

    def _paint_words(self, painter: QPainter, top: float, label: str, value: str) -> None:
        theme = self._source.theme
        box = QRectF(0, top, _LABEL_PX, _BAR_PX)
        draw_text(painter, box, label, fonts.font(12, 500), theme.sub)
        box = QRectF(self.width() - _VALUE_PX, top, _VALUE_PX - 1, _BAR_PX)
        draw_text(painter, box, value, fonts.font(12, 600), theme.text, align=RIGHT)

    def _paint_bar(self, painter: QPainter, whole: QRectF, length: float) -> None:
        """Draw one bar: what there is now, of it what is cut off, and what is added."""
        theme = self._source.theme
        kept = QRectF(whole.x(), whole.y(), min(whole.width(), length), whole.height())
        outline = QRectF(whole.x(), whole.y(), max(whole.width(), length), whole.height())
        shape = QPainterPath()
        shape.addRoundedRect(outline, 4, 4)
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(outline, theme.color("unmapped"))
        width = whole.width() / len(self._shares)
        for number, share in enumerate(self._shares):
            if share:  # the least data is seen
                color = blend(theme.unmapped, theme.shared, 0.35 + 0.65 * share)
                box = QRectF(whole.x() + number * width, whole.y(), width + 0.5, whole.height())
                painter.fillRect(box, color)
        if length < whole.width():
            cut = QRectF(whole)
            cut.setLeft(kept.right())
            painter.fillRect(cut, theme.color("danger", 0.28))
            painter.fillRect(cut, QBrush(theme.color("danger"), Qt.BrushStyle.BDiagPattern))
            painter.fillRect(QRectF(cut.x() - 1, cut.y(), 2, cut.height()), theme.color("danger"))
        painter.restore()
        is_added = length > whole.width()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("unline"), 1))
        painter.drawRoundedRect(outline.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if is_added:
            edge = QRectF(whole.right() - 1, whole.y(), 2, whole.height())
            painter.fillRect(edge, theme.color("accent"))
