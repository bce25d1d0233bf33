# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The small strokes that all panes share: a line of words, a pill, a numbered badge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPen

from gui.theme import fonts

if TYPE_CHECKING:
    from PySide6.QtGui import QFont, QPainter

    from gui.theme import Theme

LEFT = Qt.AlignmentFlag.AlignLeft
RIGHT = Qt.AlignmentFlag.AlignRight
CENTER = Qt.AlignmentFlag.AlignHCenter
MIDDLE = Qt.AlignmentFlag.AlignVCenter

BADGE_RADIUS = 8.5


def blend(first: QColor | str, second: QColor | str, share: float) -> QColor:
    """Return the colour ``share`` of the way from ``first`` to ``second``."""
    a, b = QColor(first), QColor(second)
    pairs = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    return QColor(*(round(x + (y - x) * share) for x, y in pairs))


def text_width(words: str, font: QFont) -> float:
    """Return the width of ``words``, in pixels."""
    return QFontMetricsF(font).horizontalAdvance(words)


def draw_text(
    painter: QPainter,
    box: QRectF,
    words: str,
    font: QFont,
    color: QColor | str,
    *,
    align: Qt.AlignmentFlag = LEFT,
) -> None:
    """Draw one line of words, centred vertically in ``box``."""
    painter.setFont(font)
    painter.setPen(QColor(color))
    painter.drawText(box, int(align | MIDDLE), words)


def draw_name(painter: QPainter, box: QRectF, name: str, font: QFont, color: QColor | str) -> None:
    """Draw the name of a copy, cut in its middle: names given by turns differ at their ends."""
    draw_elided(painter, box, name, font, color, mode=Qt.TextElideMode.ElideMiddle)


def draw_elided(
    painter: QPainter,
    box: QRectF,
    words: str,
    font: QFont,
    color: QColor | str,
    *,
    mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    """Draw one line of words from the left; what ``box`` has no room for is an ellipsis."""
    shown = QFontMetricsF(font).elidedText(words, mode, box.width())
    draw_text(painter, box, shown, font, color)


def draw_bar(painter: QPainter, box: QRectF, share: float, fill: QColor, ground: QColor) -> None:
    """Draw a gauge: ``share`` of ``box`` filled, with round ends."""
    radius = box.height() / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawRoundedRect(box, radius, radius)
    width = box.width() * min(1.0, max(0.0, share))
    if width > 0:
        painter.setBrush(fill)
        filled = QRectF(box.x(), box.y(), max(width, box.height()), box.height())
        painter.drawRoundedRect(filled, radius, radius)


def draw_badge(
    painter: QPainter, center: QPointF, number: int, theme: Theme, radius: float = BADGE_RADIUS
) -> None:
    """Draw the numbered disc that ties a table row to its two places on the maps."""
    painter.setPen(QPen(theme.color("halo"), 1.6))
    painter.setBrush(theme.color("ink"))
    painter.drawEllipse(center, radius, radius)
    box = QRectF(center.x() - radius, center.y() - radius, 2 * radius, 2 * radius)
    draw_text(painter, box, str(number), fonts.font(11, 700), theme.card, align=CENTER)


def draw_focus_ring(painter: QPainter, box: QRectF, theme: Theme, radius: float = 8.0) -> None:
    """Draw the 2-pixel ring of the pane that has the keyboard."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color("accent"), 2))
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), radius, radius)
