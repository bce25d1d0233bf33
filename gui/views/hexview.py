# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Bytes of two views beside each other; what differs is underlined and in another colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.models.hexrows import ROW_BYTES, HexBlock, hex_column, hex_words, text_words
from gui.theme import fonts
from gui.views.drawing import draw_text

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from gui.models.hexrows import HexRow
    from gui.theme import ThemeSource

ROW_PX: Final = 18
ROWS_SHOWN: Final = 22
_FONT_PX: Final = 11
_PAD_PX: Final = 10
_GAP_PX: Final = 14
_HEX_CHARACTERS: Final = ROW_BYTES * 3
_NOTHING: Final = HexBlock(0, b"", b"")


class HexRows(QWidget):
    """The rows; only those that are seen are drawn."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with nothing."""
        super().__init__(parent)
        self._source = source
        self._block = _NOTHING
        self._digits = 4
        font = fonts.font(_FONT_PX, mono=True)
        self._width = fonts.metrics(_FONT_PX, 450, mono=True).horizontalAdvance("0")
        self._font = font
        self.setAccessibleName("Bytes")
        source.changed.connect(self.update)

    @property
    def block(self) -> HexBlock:
        """What is shown."""
        return self._block

    def show_block(self, block: HexBlock, digits: int) -> None:
        """Show another block; offsets have so many digits."""
        self._block, self._digits = block, digits
        self.setAccessibleDescription(f"{block.changed_count} bytes differ")
        self.setFixedHeight(max(block.row_count, 1) * ROW_PX)
        self.setMinimumWidth(round(self._panel(2)) + _PAD_PX)
        self.update()

    @override
    @guarded_or(QSize(900, ROW_PX * ROWS_SHOWN))
    def sizeHint(self) -> QSize:
        return QSize(round(self._panel(2)) + _PAD_PX, max(self._block.row_count, 1) * ROW_PX)

    def _panel(self, number: int) -> float:
        """Return the left edge of a view's bytes: 0 or 1; 2 is behind both."""
        panel = (_HEX_CHARACTERS + ROW_BYTES) * self._width + 2 * _GAP_PX
        return _PAD_PX + self._digits * self._width + _GAP_PX + number * panel

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        first = max(event.rect().top() // ROW_PX, 0)
        last = min(event.rect().bottom() // ROW_PX, self._block.row_count - 1)
        with QPainter(self) as painter:
            for number in range(first, last + 1):
                row = self._block.row(number)
                top = number * ROW_PX
                box = QRectF(_PAD_PX, top, self._digits * self._width + 2, ROW_PX)
                words = f"{row.offset:0{self._digits}x}"
                draw_text(painter, box, words, self._font, theme.faint)
                self._paint_view(painter, self._panel(0), top, row.left, row)
                self._paint_view(painter, self._panel(1), top, row.right, row)

    def _paint_view(
        self, painter: QPainter, left: float, top: int, content: bytes, row: HexRow
    ) -> None:
        """Draw one view's sixteen bytes, as figures and as characters."""
        theme, width = self._source.theme, self._width
        text_left = left + _HEX_CHARACTERS * width + _GAP_PX
        hexes, chars = hex_words(content), text_words(content)
        box = QRectF(left, top, _HEX_CHARACTERS * width + 4, ROW_PX)
        draw_text(painter, box, hexes, self._font, theme.text if any(content) else theme.faint)
        box = QRectF(text_left, top, ROW_BYTES * width + 4, ROW_PX)
        draw_text(painter, box, chars, self._font, theme.sub)
        for place in row.changed:
            if place >= len(content):
                continue
            at = hex_column(place)
            for x, words in (
                (left + at * width, hexes[at : at + 2]),
                (text_left + place * width, chars[place]),
            ):
                cell = QRectF(x, top, len(words) * width, ROW_PX)
                painter.fillRect(cell, theme.color("card"))
                draw_text(painter, cell.adjusted(0, 0, 4, 0), words, self._font, theme.accent)
                painter.fillRect(
                    QRectF(x, top + ROW_PX - 3, cell.width(), 1), theme.color("accent")
                )


class HexView(QScrollArea):
    """The rows, to be scrolled through."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with nothing."""
        super().__init__(parent)
        self.rows = HexRows(source)
        self.setWidget(self.rows)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(ROW_PX * ROWS_SHOWN + 4)
        self._fit()

    def show_block(self, block: HexBlock, digits: int) -> None:
        """Show another block, from where it differs on; the same one stays where it is."""
        before = self.rows.block
        is_another = block.start != before.start or not before.row_count
        self.rows.show_block(block, digits)
        self._fit()
        if is_another:
            first = (block.first_changed or 0) // ROW_BYTES
            self.verticalScrollBar().setValue(max(first - 1, 0) * ROW_PX)

    def _fit(self) -> None:
        """Be as wide as the rows, so that none is scrolled to the side."""
        self.setMinimumWidth(
            self.rows.sizeHint().width() + self.verticalScrollBar().sizeHint().width()
        )
