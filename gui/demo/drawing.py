# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the eight portions: initial area above, the copy's table between, additional area below.

Range pairs go up, individual pointers go down: the picture itself says which way a read goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen, QPolygonF

from core.answers import AreaState
from gui.demo.captions import pairs_text
from gui.demo.script import PORTIONS
from gui.theme import fonts
from gui.views.drawing import CENTER, blend, draw_text

if TYPE_CHECKING:
    from PySide6.QtGui import QColor, QPainter

    from gui.demo.mixing import Picture, Traveller
    from gui.demo.stage import Pointer, Stage
    from gui.theme import Theme

NAMES_WIDTH: Final = 96.0
CELL_MAX: Final = 132.0
TABLE_SHARE: Final = 0.38
TABLE_MIN: Final = 26.0
_ON_LIGHT: Final = "#1B1300"
_ON_DARK: Final = "#FFFFFF"


class StageDrawing:
    """One drawing, in ``box``; cells are as large as fit."""

    def __init__(self, painter: QPainter, theme: Theme, box: QRectF) -> None:
        """Lay the three lanes out in ``box``."""
        self._painter = painter
        self._theme = theme
        by_width = (box.width() - NAMES_WIDTH) / PORTIONS - 8
        by_height = box.height() / (3.6 + TABLE_SHARE)
        self._cell = max(18.0, min(CELL_MAX, by_width, by_height))
        self._table = max(TABLE_MIN, self._cell * TABLE_SHARE)
        self._words_px = 13 if self._cell < 90 else 16
        self._small_px = 11 if self._cell < 90 else 13
        self._pitch = min(by_width + 8, self._cell * 1.35)
        width = NAMES_WIDTH + self._pitch * PORTIONS
        self._left = box.left() + max(0.0, (box.width() - width) / 2) + NAMES_WIDTH
        self._top = box.top() + 20
        self._bottom = box.bottom() - self._cell - 16
        self._middle = (self._top + self._cell + self._bottom - self._table) / 2

    # Places

    def initial_cell(self, portion: int) -> QRectF:
        """Return the box of a portion of the initial area."""
        x = self._left + portion * self._pitch
        return QRectF(x, self._top, self._cell, self._cell)

    def place_cell(self, place: int) -> QRectF:
        """Return the box of a place of the additional area."""
        x = self._left + place * self._pitch
        return QRectF(x, self._bottom, self._cell, self._cell)

    def table_span(self, first: int, last: int) -> QRectF:
        """Return the box of an entry of the table that stands for portions ``first..last``."""
        x = self._left + first * self._pitch
        width = (last - first) * self._pitch + self._cell
        return QRectF(x, self._middle, width, self._table)

    # Drawing

    def draw(self, picture: Picture) -> None:
        """Draw a picture."""
        self._draw_names(picture.stage)
        self._draw_pairs(picture.stage)
        self._draw_pointers(picture.stage)
        self._draw_initial(picture)
        self._draw_places(picture)
        if picture.traveller is not None:
            self._draw_traveller(picture.traveller)

    def _draw_names(self, stage: Stage) -> None:
        theme = self._theme
        middle = self.table_span(0, 0).center().y()
        lanes = (
            ("I", "Initial area", self.initial_cell(0).center().y()),
            ("C", "Pointer table" if stage.has_copy else "no copy yet", middle),
            ("A", "Additional area", self.place_cell(0).center().y()),
        )
        for letter, words, y in lanes:
            x = self._left - NAMES_WIDTH
            painter = self._painter
            draw_text(painter, QRectF(x, y - 19, 90, 20), letter, fonts.font(15, 700), theme.text)
            draw_text(painter, QRectF(x, y, 90, 18), words, fonts.font(11, 500), theme.sub)

    def _draw_pairs(self, stage: Stage) -> None:
        painter, theme = self._painter, self._theme
        for first, last in stage.pairs:
            span = self.table_span(first, last)
            top = self.initial_cell(first).bottom()
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("shared", 0.28))
            painter.drawRect(QRectF(span.left(), top, span.width(), span.top() - top))
            painter.setBrush(theme.color("shared"))
            painter.drawRoundedRect(span, 6, 6)
            words = pairs_text(((first, last),))
            draw_text(
                painter, span, words, fonts.font(self._words_px, 700), theme.text, align=CENTER
            )

    def _draw_pointers(self, stage: Stage) -> None:
        painter = self._painter
        for pointer in stage.pointers:
            span = self.table_span(pointer.portion, pointer.portion)
            color = self._color(is_new=pointer.is_new)
            self._draw_arrow(span, self.place_cell(pointer.place), color)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawRoundedRect(span, 6, 6)
            ink = _ON_DARK if pointer.is_new else _ON_LIGHT
            words = f"a{pointer.place}"
            draw_text(painter, span, words, fonts.font(self._words_px, 700), ink, align=CENTER)

    def _draw_arrow(self, span: QRectF, target: QRectF, color: QColor) -> None:
        painter = self._painter
        start = QPointF(span.center().x(), span.bottom())
        stop = QPointF(target.center().x(), target.top() - 2)
        turn = (start.y() + stop.y()) / 2
        path = QPainterPath(start)
        path.cubicTo(start.x(), turn, stop.x(), turn, stop.x(), stop.y() - 6)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(self._theme.color("card"), 6))
        painter.drawPath(path)
        painter.setPen(QPen(color, 2.4))
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        head = (stop, stop + QPointF(-5.5, -9.5), stop + QPointF(5.5, -9.5))
        painter.drawPolygon(QPolygonF(head))

    def _color(self, *, is_new: bool) -> QColor:
        return self._theme.color("written" if is_new else "preserved")

    def _draw_initial(self, picture: Picture) -> None:
        painter, theme, stage = self._painter, self._theme, picture.stage
        for portion, label in enumerate(stage.initial):
            box = self.initial_cell(portion)
            is_paired = any(first <= portion <= last for first, last in stage.pairs)
            painter.setPen(Qt.PenStyle.NoPen)
            color = theme.color("shared" if is_paired else "original_only")
            painter.setBrush(blend(theme.card, color, 1.0 if is_paired else 0.5))
            painter.drawRoundedRect(box, 9, 9)
            pointer = stage.pointer_of(portion)
            if pointer is not None and not pointer.is_new:
                self._cut_corner(box.adjusted(5, 5, -5, -5), theme.color("preserved"))
            self._draw_label(box, label, theme.text)
            number = QRectF(box.x(), box.top() - 20, box.width(), 15)
            font = fonts.font(self._small_px, 450, mono=True)
            draw_text(painter, number, str(portion), font, theme.faint, align=CENTER)
            if portion == picture.played:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.color("ink"), 2.4))
                painter.drawRoundedRect(box.adjusted(-3, -3, 3, 3), 11, 11)

    def _draw_places(self, picture: Picture) -> None:
        painter, theme, stage = self._painter, self._theme, picture.stage
        held = {pointer.place: pointer for pointer in stage.pointers}
        arriving = picture.traveller.place if picture.traveller else None
        for place in range(PORTIONS):
            box = self.place_cell(place)
            pointer = held.get(place)
            if pointer is None or place == arriving:
                painter.setPen(QPen(theme.color("unline"), 1.4))
                painter.setBrush(theme.color("unmapped"))
                painter.drawRoundedRect(box, 9, 9)
                if place < len(stage.places) and stage.places[place] is not AreaState.FREE:
                    self._draw_label(box, "\u00d7", theme.faint)
            else:
                self._draw_kept(box, pointer)
            name = QRectF(box.x(), box.bottom() + 1, box.width(), 15)
            font = fonts.font(self._small_px, 450, mono=True)
            draw_text(painter, name, f"a{place}", font, theme.faint, align=CENTER)

    def _draw_kept(self, box: QRectF, pointer: Pointer) -> None:
        painter = self._painter
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._color(is_new=pointer.is_new))
        painter.drawRoundedRect(box, 9, 9)
        if not pointer.is_new:
            self._cut_corner(box, self._theme.color("card"))
        self._draw_label(box, pointer.label, _ON_DARK if pointer.is_new else _ON_LIGHT)

    def _cut_corner(self, box: QRectF, color: QColor) -> None:
        """Draw the mark of preserved originals, and of the places they were kept from."""
        side = box.width() * 0.26
        corner = (
            box.topRight() + QPointF(0.5, -0.5),
            box.topRight() + QPointF(0.5, side),
            box.topRight() + QPointF(-side, -0.5),
        )
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(color)
        self._painter.drawPolygon(QPolygonF(corner))

    def _draw_traveller(self, traveller: Traveller) -> None:
        start = self.initial_cell(traveller.portion).center()
        if traveller.is_new:
            start = self.table_span(traveller.portion, traveller.portion).center()
        stop = self.place_cell(traveller.place).center()
        at = start + (stop - start) * traveller.share
        side = self._cell * 0.86
        box = QRectF(at.x() - side / 2, at.y() - side / 2, side, side)
        painter = self._painter
        painter.setPen(QPen(self._theme.color("halo"), 3))
        painter.setBrush(self._color(is_new=traveller.is_new))
        painter.drawRoundedRect(box, 9, 9)
        ink = _ON_DARK if traveller.is_new else _ON_LIGHT
        self._draw_label(box, traveller.label, ink)

    def _draw_label(self, box: QRectF, label: str, color: str) -> None:
        px = max(11, round(box.height() * 0.36))
        draw_text(self._painter, box, label, fonts.font(px, 650), color, align=CENTER)
