# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the pointer table, painted in one go: a delegate would be asked for every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import QPointF, Qt

from core.units import format_bytes
from gui.models.pointerstore import RowKind
from gui.models.tablemodel import Column
from gui.theme import fonts, icons
from gui.views.drawing import draw_badge
from gui.views.rowmarks import MARK_SIDE, row_mark

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from gui.models.pointerstore import Rows
    from gui.models.tablemodel import PointerTableModel
    from gui.theme import Theme

ROW_HEIGHT: Final = 27
HOT_S: Final = 1.5
ARROW: Final = 13
ARROW_ROOM: Final = 20
KIND_WIDTH: Final = 40
RECENT_WIDTH: Final = 16
LENGTH_WIDTH: Final = 62
COPY_WIDTH_MIN: Final = 46
COPY_GAP: Final = 16
PX_MIN: Final = 10
SECTOR_ROOM: Final = 3
"""Figures' widths that a range needs beside its digits: dash, and a sector now and then."""


def column_widths(total: int, digits: int, name: str) -> tuple[dict[Column, int], int]:
    """Share out ``total`` pixels among addresses of ``digits`` figures and a copy's ``name``.

    Returns:
        The width of each column, and the size of the typeface in which addresses fit.
    """
    kept = KIND_WIDTH + LENGTH_WIDTH + COPY_WIDTH_MIN + RECENT_WIDTH
    px = 12
    while True:
        figure = fonts.metrics(px, 450, mono=True).horizontalAdvance("0")
        now_at = round(ARROW_ROOM + digits * figure + 10)
        span = round((2 * digits + SECTOR_ROOM) * figure)
        if px == PX_MIN or total - kept - now_at >= span:
            break
        px -= 1
    spare = total - kept - now_at - span
    wish = round(fonts.metrics(12).horizontalAdvance(name)) + COPY_GAP - COPY_WIDTH_MIN
    copy = COPY_WIDTH_MIN + max(0, min(spare, wish))
    widths = {
        Column.KIND: KIND_WIDTH,
        Column.RANGE: max(40, total - kept - now_at - copy + COPY_WIDTH_MIN),
        Column.NOW_AT: now_at,
        Column.LENGTH: LENGTH_WIDTH,
        Column.COPY: copy,
        Column.RECENT: RECENT_WIDTH,
    }
    return widths, px


class _View(NamedTuple):
    """What one repaint works on: the rows as plain lists, and where the first one is."""

    theme: Theme
    starts: list[int]
    stops: list[int]
    offsets: list[int]
    kinds: list[int]
    stamps: list[float]
    marks: list[int | None]


class RowPainter:
    """Paints the rows in view, one kind of stroke after the other: changing pens costs most.

    Attributes:
        address_px: Size of the typeface of addresses.
        left: Where each column begins.
        width: Pixels of a row.
    """

    def __init__(self, model: PointerTableModel) -> None:
        """Paint rows of ``model``."""
        self._model = model
        self.address_px = 12
        self.left: dict[Column, int] = dict.fromkeys(Column, 0)
        self.width = 0

    def lay_out(self, width: int) -> dict[Column, int]:
        """Find the columns' places in ``width`` pixels; return their widths."""
        widths, self.address_px = column_widths(
            width, self._model.form.digits, self._model.table.copy_name
        )
        self.width, at = width, 0
        for column in Column:
            self.left[column] = at
            at += widths[column]
        return widths

    def paint_rows(
        self,
        painter: QPainter,
        theme: Theme,
        rows: Rows,
        numbers: dict[int, int | None],
        hovered: int,
    ) -> bool:
        """Paint ``rows`` from the top.

        Args:
            painter: Its origin is the top left of the first row.
            theme: Colours.
            rows: What to paint.
            numbers: Start address -> badge number; 0 = selected without one; None = not.
            hovered: Which of the rows is under the mouse; -1 = none.

        Returns:
            Whether a row is still hot, so that it must be painted again soon.
        """
        starts = rows.starts.tolist()
        view = _View(
            theme,
            starts,
            rows.stops.tolist(),
            rows.offsets.tolist(),
            rows.kinds.tolist(),
            rows.stamps.tolist(),
            [numbers[start] for start in starts],
        )
        self._paint_grounds(painter, view, hovered)
        self._paint_marks(painter, view)
        self._paint_addresses(painter, view)
        self._paint_words(painter, view)
        return self._paint_heat(painter, view)

    def _paint_grounds(self, painter: QPainter, view: _View, hovered: int) -> None:
        theme, width = view.theme, self.width
        soft, accent, line = theme.color("soft"), theme.color("accent"), theme.color("line")
        for at, mark in enumerate(view.marks):
            top = at * ROW_HEIGHT
            if mark is not None:
                painter.fillRect(0, top, width, ROW_HEIGHT, soft)
                painter.fillRect(0, top, 3, ROW_HEIGHT, accent)
            elif at == hovered:
                painter.fillRect(0, top, width, ROW_HEIGHT, theme.color("hover"))
            painter.fillRect(12, top + ROW_HEIGHT - 1, width - 24, 1, line)

    def _paint_marks(self, painter: QPainter, view: _View) -> None:
        ratio = painter.device().devicePixelRatioF()
        x = KIND_WIDTH / 2 + 4
        for at, (kind, mark) in enumerate(zip(view.kinds, view.marks, strict=True)):
            y = at * ROW_HEIGHT + ROW_HEIGHT / 2
            if mark:
                draw_badge(painter, QPointF(x, y), mark, view.theme, 8)
                continue
            picture = row_mark(kind, view.theme, "card" if mark is None else "soft", ratio)
            painter.drawPixmap(QPointF(x - MARK_SIDE / 2, y - MARK_SIDE / 2), picture)

    def _paint_addresses(self, painter: QPainter, view: _View) -> None:
        theme, form = view.theme, self._model.form
        mono = fonts.metrics(self.address_px, 450, mono=True)
        base = (ROW_HEIGHT + mono.ascent() - mono.descent()) / 2
        x = self.left[Column.RANGE]
        painter.setFont(fonts.font(self.address_px, 450, mono=True))
        painter.setPen(theme.color("text"))
        for at, (start, stop) in enumerate(zip(view.starts, view.stops, strict=True)):
            words = form.span_text(start, stop)
            painter.drawText(QPointF(x, at * ROW_HEIGHT + base), words)
        arrow = icons.pixmap("arrow-right", theme.sub, ARROW, painter.device().devicePixelRatioF())
        x = self.left[Column.NOW_AT]
        painter.setPen(theme.color("accent"))
        for at, (kind, offset) in enumerate(zip(view.kinds, view.offsets, strict=True)):
            if kind <= RowKind.NEW:
                top = at * ROW_HEIGHT
                painter.drawPixmap(QPointF(x, top + (ROW_HEIGHT - ARROW) / 2), arrow)
                painter.drawText(QPointF(x + ARROW_ROOM, top + base), form.text(offset))

    def _paint_words(self, painter: QPainter, view: _View) -> None:
        words = fonts.metrics(12)
        base = (ROW_HEIGHT + words.ascent() - words.descent()) / 2
        room = self.left[Column.RECENT] - self.left[Column.COPY] - COPY_GAP + 4
        name = words.elidedText(self._model.table.copy_name, Qt.TextElideMode.ElideRight, room)
        name_x = self.left[Column.RECENT] - words.horizontalAdvance(name)
        painter.setFont(fonts.font(12))
        painter.setPen(view.theme.color("sub"))
        for at, (start, stop) in enumerate(zip(view.starts, view.stops, strict=True)):
            y = at * ROW_HEIGHT + base
            length = format_bytes(stop - start)
            x = self.left[Column.COPY] - words.horizontalAdvance(length)
            painter.drawText(QPointF(x, y), length)
            painter.drawText(QPointF(name_x, y), name)
        painter.setPen(view.theme.color("faint"))
        x = self.left[Column.NOW_AT] + ARROW_ROOM
        for at, kind in enumerate(view.kinds):
            if kind > RowKind.NEW:
                said = self._model.now_at(kind, 0)
                painter.drawText(QPointF(x, at * ROW_HEIGHT + base), said)

    def _paint_heat(self, painter: QPainter, view: _View) -> bool:
        now, hot = self._model.clock(), False
        painter.setPen(Qt.PenStyle.NoPen)
        x = self.left[Column.RECENT] + RECENT_WIDTH / 2
        for at, stamp in enumerate(view.stamps):
            heat = 1 - (now - stamp) / HOT_S if stamp else 0.0
            if heat > 0:
                hot = True
                painter.setBrush(view.theme.color("heat", 0.25 + 0.75 * min(1.0, heat)))
                painter.drawEllipse(QPointF(x, at * ROW_HEIGHT + ROW_HEIGHT / 2), 3, 3)
        return hot
