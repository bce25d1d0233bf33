# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the colours and marks of the maps mean, in one line; shorter words where room is short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from core.answers import AreaState
from gui.guard import guarded, guarded_or
from gui.models.cellplane import HEAT_SHIFT
from gui.theme import STATE_LABELS, STATE_LETTERS, fonts
from gui.views.drawing import CENTER, draw_text, text_width
from gui.views.sprites import draw_cell

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from core.answers import Int64s
    from gui.theme import Theme, ThemeSource

HEIGHT: Final = 24
_CELL_PX: Final = 13
_WORD_GAP: Final = 16
_FULL_SHARE: Final = 3 << 3
_HEATS: Final = (1, 3, 5, 7)
_LETTER_ROOM: Final = 14
_ALWAYS: Final = (
    AreaState.SHARED,
    AreaState.PRESERVED,
    AreaState.NEW,
    AreaState.FREE,
    AreaState.METADATA,
)
_WHEN_THERE: Final = (AreaState.ORIGINAL_ONLY, AreaState.RECLAIMABLE)
_HEAT_WORDS: Final = "Just changed"
_HEAT_SHORT: Final = "Changed"
_WORD_GAP_MIN: Final = 6.0
_SHORT: Final = {
    AreaState.PRESERVED: "Preserved",
    AreaState.NEW: "New",
    AreaState.METADATA: "Meta",
    AreaState.ORIGINAL_ONLY: "Original",
}


class Legend(QWidget):
    """Cells with their names, the heat of what just changed, and what an arrow is."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source = source
        self._states = list(_ALWAYS)
        self._read_out = ""
        self._has_letters = False
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName("Legend of the maps")
        self.setAccessibleDescription(", ".join(STATE_LABELS[s] for s in self._states))
        source.changed.connect(self.update)

    def set_present(self, totals: Int64s) -> None:
        """Name the rarer states only when they occur; ``totals`` are blocks by state."""
        states = [*_ALWAYS, *(state for state in _WHEN_THERE if totals[state])]
        if states != self._states:
            self._states = states
            self.setAccessibleDescription(", ".join(STATE_LABELS[s] for s in states))
            self.update()

    def set_letters(self, *, shown: bool) -> None:
        """Explain the letters of the states, while a map writes them into its cells."""
        if shown != self._has_letters:
            self._has_letters = shown
            self.update()

    def set_read_out(self, line: str) -> None:
        """Show a line about the place under the mouse instead of the legend."""
        if line != self._read_out:
            self._read_out = line
            self.update()

    @property
    def _lead(self) -> int:
        """Pixels from the left of a cell to its name."""
        return 18 + (_LETTER_ROOM if self._has_letters else 0)

    def _labels(self) -> tuple[list[str], bool]:
        """Return the words that fit, and whether the arrow has room too."""
        font = fonts.font(12, 500)
        full = [STATE_LABELS[state] for state in self._states]
        short = [_SHORT.get(state, STATE_LABELS[state]) for state in self._states]
        for words, has_arrow in ((full, True), (short, True), (short, False)):
            room = sum(text_width(word, font) + self._lead + _WORD_GAP for word in words)
            room += text_width(_HEAT_WORDS, font) + 14 * len(_HEATS) + 5
            room += text_width("Pointer", font) + 18 + 31 if has_arrow else 0
            if room <= self.width() - 8:
                return words, has_arrow
        return short, False

    def _spacing(self, words: list[str]) -> tuple[float, str]:
        """Return what lies between two names, less where all would not fit, and heat's name."""
        font = fonts.font(12, 500)
        room = sum(text_width(word, font) + self._lead for word in words)
        room += (_CELL_PX + 1) * len(_HEATS) + 4
        left = self.width() - 8 - room
        heat_words = _HEAT_WORDS
        if left - text_width(heat_words, font) < _WORD_GAP_MIN * len(words):
            heat_words = _HEAT_SHORT
        gap = (left - text_width(heat_words, font)) / len(words)
        return min(_WORD_GAP, max(_WORD_GAP_MIN, gap)), heat_words

    @override
    @guarded_or(QSize(560, HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(560, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self._read_out:
                box = QRectF(4, 0, self.width() - 8, self.height())
                draw_text(painter, box, self._read_out, fonts.font(12, 500), theme.text)
                return
            words, has_arrow = self._labels()
            gap, heat_words = self._spacing(words)
            x = self._paint_states(painter, words, gap, theme)
            x = self._paint_heat(painter, x, heat_words, theme)
            if has_arrow:
                self._paint_arrow(painter, x + 18, theme)

    def _paint_states(self, painter: QPainter, words: list[str], gap: float, theme: Theme) -> float:
        x = 4.0
        for state, word in zip(self._states, words, strict=True):
            self._paint_cell(painter, x, _FULL_SHARE | state, theme)
            if self._has_letters:
                box = QRectF(x + 16, 0, _LETTER_ROOM, self.height())
                letter = STATE_LETTERS[state]
                draw_text(painter, box, letter, fonts.font(12, 700), theme.text, align=CENTER)
            x = self._paint_word(painter, x + self._lead, word, theme) + gap
        return x

    def _paint_heat(self, painter: QPainter, x: float, words: str, theme: Theme) -> float:
        for heat in _HEATS:
            key = _FULL_SHARE | AreaState.SHARED | heat << HEAT_SHIFT
            self._paint_cell(painter, x, key, theme)
            x += _CELL_PX + 1
        return self._paint_word(painter, x + 4, words, theme)

    def _paint_cell(self, painter: QPainter, x: float, key: int, theme: Theme) -> None:
        painter.save()
        painter.translate(x, (self.height() - _CELL_PX + 1) / 2)
        draw_cell(painter, key, _CELL_PX, theme)
        painter.restore()

    def _paint_word(self, painter: QPainter, x: float, word: str, theme: Theme) -> float:
        font = fonts.font(12, 500)
        width = text_width(word, font)
        draw_text(painter, QRectF(x, 0, width + 2, self.height()), word, font, theme.sub)
        return x + width

    def _paint_arrow(self, painter: QPainter, x: float, theme: Theme) -> None:
        y = self.height() / 2
        path = QPainterPath(QPointF(x, y + 3))
        path.cubicTo(x + 8, y - 8, x + 16, y - 8, x + 22, y + 1)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("ink"), 2))
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("ink"))
        head = [QPointF(x + 24.5, y + 5), QPointF(x + 18, y + 1.5), QPointF(x + 25, y - 2)]
        painter.drawPolygon(QPolygonF(head))
        self._paint_word(painter, x + 31, "Pointer", theme)
