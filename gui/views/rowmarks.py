# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The mark of a table row: its kind by shape as well as by colour, as on the maps."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPixmap, QPolygonF

from gui.models.pointerstore import RowKind

if TYPE_CHECKING:
    from gui.theme import Theme

MARK_SIDE: Final = 16
"""A mark's picture; the mark itself is ``SIDE`` wide in the middle of it."""
SIDE: Final = 10.0


@functools.lru_cache(maxsize=256)
def row_mark(kind: int, theme: Theme, ground: str, ratio: float) -> QPixmap:
    """Return the picture of a mark; it is drawn once for each look and kept."""
    side = round(MARK_SIDE * ratio)
    picture = QPixmap(side, side)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        center = QPointF(MARK_SIDE / 2, MARK_SIDE / 2)
        draw_row_mark(painter, center, kind, theme, ground)
    return picture


def draw_row_mark(painter: QPainter, center: QPointF, kind: int, theme: Theme, ground: str) -> None:
    """Draw the mark of a row ``kind`` about ``center``, on a ground of a theme colour."""
    x, y = center.x(), center.y()
    half = SIDE / 2
    box = QRectF(x - half, y - half, SIDE, SIDE)
    painter.setPen(Qt.PenStyle.NoPen)
    if kind == RowKind.PAIR:
        painter.setPen(QPen(theme.color("faint"), 1.6))
        painter.drawLine(QPointF(x - 3.5, y), QPointF(x + 3.5, y))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("faint"))
        painter.drawEllipse(QPointF(x - 5, y), 2.6, 2.6)
        painter.drawEllipse(QPointF(x + 5, y), 2.6, 2.6)
    elif kind == RowKind.ZERO:
        painter.setPen(QPen(theme.color("sub"), 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(center, 3.6, 4.4)
    elif kind == RowKind.NEW:
        painter.setBrush(theme.color("written"))
        painter.drawRoundedRect(box, 2, 2)
    else:
        painter.setBrush(theme.color("preserved"))
        painter.drawRoundedRect(box, 2, 2)
        painter.setBrush(theme.color(ground))
        corner = (QPointF(x + half, y - half), QPointF(x + half, y), QPointF(x, y - half))
        painter.drawPolygon(QPolygonF(corner))
