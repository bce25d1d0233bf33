# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A few neighbouring entries of the pointer table, drawn between the two areas.

Range pairs go up, to the same place in the initial area; individual pointers go down, to the
additional area. Everything drawn is a row of the table; only widths are not to scale, because a
pair may be a million times as long as its neighbour. So each carries its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QLinearGradient, QPainterPath, QPen
from typing_extensions import override

from core.extent import Extent
from core.units import format_bytes
from gui.guard import guarded
from gui.models.focus import AreaKind, Place
from gui.models.pointerstore import RowKind
from gui.theme import fonts
from gui.views.card import MARGIN, Card
from gui.views.drawing import CENTER, RIGHT, draw_badge, draw_text, text_width

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPainter
    from PySide6.QtWidgets import QWidget

    from gui.models.focus import Focus
    from gui.models.pointerstore import Rows
    from gui.models.tablemodel import PointerTableModel
    from gui.theme import ThemeSource

LEFT: Final = 36.0
BAR: Final = 16.0
GAP_MIN: Final = 12.0
CAPTION: Final = 18.0
HEAD: Final = 45.0
FOOT: Final = 12.0
ENTRY_WIDTH: Final = 48
ENTRIES_MAX: Final = 15
AREA_GAP: Final = 5.0
_ON_PRESERVED: Final = "#1B1300"
_EMPTY: Final = "The original has no pointer table, so no range pairs."


def short_size(count: int) -> str:
    """Return a size of at most four letters or so: ``64K``, ``1.5G``."""
    return format_bytes(count).replace(" ", "").removesuffix("iB")


class _Entry(NamedTuple):
    """A row, and where it is drawn: left and right on the table's bar and on the area's."""

    start: int
    stop: int
    offset: int
    kind: int
    left: float
    right: float
    area_left: float
    area_right: float


def lay_out(rows: Rows, left: float, right: float) -> list[_Entry]:
    """Give each row a width by the logarithm of its length, and each target its place below."""
    count = len(rows.starts)
    if not count:
        return []
    weights = np.log2(rows.lengths / 512 + 1) + 3
    edges = left + np.concatenate([[0], np.cumsum(weights / weights.sum())]) * (right - left)
    lefts, rights = edges[:-1], edges[1:]
    below_left, below_right = lefts.copy(), rights.copy()
    targets = np.flatnonzero(rows.kinds <= RowKind.NEW)
    if len(targets):
        order = targets[np.argsort(rows.offsets[targets], kind="stable")]
        widths = (rights - lefts)[order]
        ends = rows.offsets[order] + rows.lengths[order]
        apart = np.concatenate([[False], rows.offsets[order][1:] != ends[:-1]])
        free = right - left - widths.sum()
        gaps = np.where(apart, max(AREA_GAP, free / (apart.sum() + 2)), 0.0)
        scale = min(1.0, (right - left) / (widths.sum() + gaps.sum()))
        at = left + max(0.0, free - gaps.sum()) / 2
        for index, width, gap in zip(order, widths * scale, gaps * scale, strict=True):
            at += gap
            below_left[index], below_right[index] = at, at + width
            at += width
    columns = (rows.starts, rows.stops, rows.offsets, rows.kinds)
    places = (lefts, rights, below_left, below_right)
    values = [column.tolist() for column in (*columns, *places)]
    return [_Entry(*entry) for entry in zip(*values, strict=True)]


class RibbonsCard(Card):
    """The entries about the selected one."""

    def __init__(
        self,
        model: PointerTableModel,
        focus: Focus,
        source: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(source, "Range pairs", parent=parent)
        self.model = model
        self.focus = focus
        model.refreshed.connect(self.update)
        focus.selection_changed.connect(self._on_focus)
        focus.badges_changed.connect(self._on_focus)

    @guarded
    def _on_focus(self, _value: object) -> None:
        self.update()

    # What is shown

    def _address(self) -> int:
        """Return the logical byte about which entries are shown."""
        place = self.focus.selection
        if place is None:
            return 0
        if place.area is AreaKind.ADDITIONAL:
            return max(0, self.model.table.find_area(place.extent.start))
        return place.extent.start

    def entries(self) -> list[_Entry]:
        """Return the entries in view and their places, in pixels of the card."""
        table = self.model.table
        count = table.row_count
        room = min(ENTRIES_MAX, max(3, int((self.width() - LEFT - MARGIN) / ENTRY_WIDTH)))
        middle = max(0, table.row_of(self._address()))
        first = max(0, min(middle - room // 2, count - room))
        return lay_out(table.rows(first, room), LEFT, self.width() - MARGIN)

    def _bars_room(self) -> float:
        """Return the height between title and foot, without captions."""
        return self.height() - HEAD - FOOT

    @property
    def _has_bars(self) -> bool:
        """Whether table and additional area can be told apart."""
        return self._bars_room() >= 2 * BAR + GAP_MIN

    @property
    def _has_initial(self) -> bool:
        """Whether the initial area's bar has room too; a low card leaves it out."""
        return self._bars_room() >= 3 * BAR + 2 * GAP_MIN

    @property
    def _has_captions(self) -> bool:
        """Whether names and addresses of both areas have room beside the bars."""
        return self._bars_room() >= 3 * BAR + 2 * GAP_MIN + 2 * CAPTION - 6

    def _tops(self) -> tuple[float, float, float]:
        """Return the tops of the three bars: initial area, table, additional area."""
        top, bottom = HEAD, self.height() - FOOT - BAR
        if self._has_captions:
            top, bottom = top + 12, bottom - 15
        if not self._has_initial:
            return top - BAR, top, bottom
        return top, (top + bottom) / 2, bottom

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        at, tops = event.position(), self._tops()
        for entry in self.entries():
            is_below = at.y() >= tops[2]
            left, right = (
                (entry.area_left, entry.area_right) if is_below else (entry.left, entry.right)
            )
            hit = left <= at.x() < right and not (is_below and entry.kind > RowKind.NEW)
            if hit and at.y() >= tops[0] and self._has_bars:
                extent = Extent(entry.start, entry.stop - entry.start)
                self.focus.select(Place(AreaKind.INITIAL, extent))
                return

    # Painting

    @override
    def header_room(self) -> float:
        return self.width() - MARGIN - 140

    @override
    def paint_body(self, painter: QPainter) -> None:
        entries = self.entries()
        if not entries:
            painter.setFont(fonts.font(12))
            painter.setPen(self.theme.color("sub"))
            room = QRectF(self.rect()).adjusted(MARGIN, 46, -MARGIN, -8)
            painter.drawText(room, int(Qt.TextFlag.TextWordWrap), _EMPTY)
            return
        if not self._has_bars:
            return
        self._paint_frame(painter, entries)
        chosen = self._address() if self.focus.selection else -1
        for entry in entries:
            self._paint_ribbon(painter, entry, is_chosen=entry.start <= chosen < entry.stop)
        for entry in entries:
            self._paint_entry(painter, entry, is_chosen=entry.start <= chosen < entry.stop)
        for badge in self.focus.badges:
            for entry in entries:
                if entry.start == badge.start:
                    self._paint_badge(painter, entry, badge.number)

    def _paint_frame(self, painter: QPainter, entries: list[_Entry]) -> None:
        theme, (top, middle, bottom) = self.theme, self._tops()
        pairs = sum(entry.kind == RowKind.PAIR for entry in entries)
        words = f"{_many(pairs, 'pair')} \u00b7 {_many(len(entries) - pairs, 'pointer')}"
        box = QRectF(self.width() - MARGIN - 140, 13, 140, 22)
        draw_text(painter, box, words, fonts.font(12), theme.sub, align=RIGHT)
        bars = (("I", top), ("C", middle), ("A", bottom))
        for letter, y in bars if self._has_initial else bars[1:]:
            box = QRectF(MARGIN, y, 14, BAR)
            draw_text(painter, box, letter, fonts.font(12, 700), theme.sub)
        if self._has_captions:
            self._paint_captions(painter, entries)
        painter.setPen(QPen(theme.color("unline"), 1))
        painter.setBrush(theme.color("unmapped"))
        room = self.width() - MARGIN - LEFT
        painter.drawRoundedRect(QRectF(LEFT + 0.5, bottom + 0.5, room - 1, BAR - 1), 4, 4)

    def _paint_captions(self, painter: QPainter, entries: list[_Entry]) -> None:
        """Name both areas, and say which stretches of them are drawn."""
        theme, (top, _, bottom) = self.theme, self._tops()
        small, mono = fonts.font(11, 600), fonts.font(11, 450, mono=True)
        right = self.width() - MARGIN
        form = self.model.form
        for name, y in (("Initial", top - 18), ("Additional", bottom + BAR + 2)):
            draw_text(painter, QRectF(LEFT, y, 100, 16), name, small, theme.sub)
        span = form.span_text(entries[0].start, entries[-1].stop)
        draw_text(
            painter, QRectF(LEFT, top - 18, right - LEFT, 16), span, mono, theme.sub, align=RIGHT
        )
        targets = [entry for entry in entries if entry.kind <= RowKind.NEW]
        if targets:
            first = min(entry.offset for entry in targets)
            last = max(entry.offset + entry.stop - entry.start for entry in targets)
            box = QRectF(LEFT, bottom + BAR + 2, right - LEFT, 16)
            draw_text(painter, box, form.span_text(first, last), mono, theme.sub, align=RIGHT)

    def _paint_ribbon(self, painter: QPainter, entry: _Entry, *, is_chosen: bool) -> None:
        top, middle, bottom = self._tops()
        strength = 0.75 if is_chosen else 0.38
        painter.setPen(Qt.PenStyle.NoPen)
        if entry.kind == RowKind.PAIR and self._has_initial:
            painter.setBrush(self.theme.color("shared", strength))
            painter.drawRect(
                QRectF(entry.left + 1, top + BAR, entry.right - entry.left - 2, middle - top - BAR)
            )
        elif entry.kind in {RowKind.ORIGINAL, RowKind.NEW}:
            high, low = middle + BAR, bottom
            turn = (high + low) / 2
            path = QPainterPath(QPointF(entry.left + 1, high))
            path.cubicTo(entry.left, turn, entry.area_left, turn, entry.area_left + 1, low)
            path.lineTo(entry.area_right - 1, low)
            path.cubicTo(entry.area_right, turn, entry.right, turn, entry.right - 1, high)
            path.closeSubpath()
            name = self._color(entry.kind)
            fade = QLinearGradient(0, high, 0, low)
            fade.setColorAt(0, self.theme.color(name, strength))
            fade.setColorAt(1, self.theme.color(name, strength * 0.7))
            painter.setBrush(fade)
            painter.drawPath(path)

    def _color(self, kind: int) -> str:
        names = {RowKind.ORIGINAL: "preserved", RowKind.NEW: "written", RowKind.ZERO: "unmapped"}
        return names.get(RowKind(kind), "shared")

    def _paint_entry(self, painter: QPainter, entry: _Entry, *, is_chosen: bool) -> None:
        theme, (top, middle, bottom) = self.theme, self._tops()
        name = self._color(entry.kind)
        box = QRectF(entry.left + 1, middle, entry.right - entry.left - 2, BAR)
        painter.setPen(QPen(theme.color("unline"), 1) if name == "unmapped" else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(name))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._has_initial:
            # The copy reads the initial area through pairs alone; the rest is not its own.
            is_pair = entry.kind == RowKind.PAIR
            above = theme.color("shared") if is_pair else theme.color("original_only", 0.45)
            painter.setBrush(above)
            painter.drawRoundedRect(QRectF(box.x(), top, box.width(), BAR), 3, 3)
        words = short_size(entry.stop - entry.start)
        color = {"preserved": _ON_PRESERVED, "written": "#FFFFFF"}.get(name, theme.text)
        _draw_inside(painter, box, words, color)
        if entry.kind <= RowKind.NEW:
            below = QRectF(entry.area_left, bottom, entry.area_right - entry.area_left, BAR)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color(name))
            painter.drawRoundedRect(below, 3, 3)
            _draw_inside(painter, below, words, color)
        if is_chosen:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("ink"), 2))
            painter.drawRoundedRect(box.adjusted(-1, -1, 1, 1), 4, 4)

    def _paint_badge(self, painter: QPainter, entry: _Entry, number: int) -> None:
        """Badge an entry at the edge of its target: no two overlap, and no length is hidden."""
        _, middle, bottom = self._tops()
        has_target = entry.kind <= RowKind.NEW
        x = entry.area_left if has_target else entry.left
        y = (bottom if has_target else middle) + BAR / 2
        draw_badge(painter, QPointF(x + 1, y), number, self.theme, 7.5)


def _draw_inside(painter: QPainter, box: QRectF, words: str, color: str) -> None:
    """Write a length into its bar, if it fits."""
    font = fonts.font(11, 700)
    if text_width(words, font) < box.width() - 2:
        draw_text(painter, box, words, font, color, align=CENTER)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
