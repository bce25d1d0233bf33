# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The table widget: Qt's keys, selection and accessibility, our painting.

Rows are selected by address. After every refresh the numbers of rows mean something else, so the
selection is laid anew and the top row stays the top row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPointF,
    QRect,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView
from typing_extensions import override

from gui.guard import guarded
from gui.models.focus import BADGES_MAX
from gui.models.tablemodel import HEADERS, SHORT_HEADERS, SORTS, Column
from gui.models.tablequery import SortBy
from gui.theme import fonts, icons
from gui.views.drawing import draw_text
from gui.views.tablerows import ROW_HEIGHT, RowPainter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtCore import QEvent, QPoint
    from PySide6.QtGui import QFocusEvent, QMouseEvent, QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from gui.models.pointerstore import Rows
    from gui.models.tablemodel import PointerTableModel
    from gui.theme import ThemeSource

HEADER_HEIGHT: Final = 26
COOLING_MS: Final = 100
_SELECT = QItemSelectionModel.SelectionFlag.ClearAndSelect
_WHOLE_ROWS = QItemSelectionModel.SelectionFlag.Rows
_KEEP = QItemSelectionModel.SelectionFlag.NoUpdate


class TableHeader(QHeaderView):
    """Names of the columns; a click orders the rows, a second one the other way round."""

    def __init__(self, model: PointerTableModel, source: ThemeSource, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._model = model
        self._source = source
        self.setSectionsClickable(True)
        self.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setMinimumSectionSize(8)
        self.setFixedHeight(HEADER_HEIGHT)
        self.sectionClicked.connect(self._on_clicked)

    @guarded
    def _on_clicked(self, section: int) -> None:
        sort_by = SORTS.get(Column(section))
        if sort_by is None:
            return
        now = self._model.arrangement
        descending = not now.descending if sort_by is now.sort_by else sort_by is SortBy.RECENT
        self._model.set_order(sort_by, descending=descending)
        self.viewport().update()

    @override
    @guarded
    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        theme, column = self._source.theme, Column(logicalIndex)
        painter.fillRect(rect, theme.color("card"))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("border"))
        is_right = column in (Column.LENGTH, Column.COPY)
        align = Qt.AlignmentFlag.AlignRight if is_right else Qt.AlignmentFlag.AlignLeft
        box = rect.toRectF()
        if column is Column.NOW_AT:
            box.adjust(20, 0, 0, 0)
        words, font = HEADERS[column], fonts.font(11, 600)
        if fonts.metrics(11, 600).horizontalAdvance(words) > box.width():
            words = SHORT_HEADERS.get(column, words)
        now = self._model.arrangement
        is_sorted = SORTS.get(column) is now.sort_by
        color = theme.text if is_sorted and not now.is_plain else theme.sub
        draw_text(painter, box, words, font, color, align=align)
        if is_sorted and not now.is_plain:
            width = fonts.metrics(11, 600).horizontalAdvance(words)
            x = box.right() - width - 14 if is_right else box.left() + width + 3
            self._paint_arrow(painter, x if words else box.center().x() - 5, rect.top() + 7.5)

    def _paint_arrow(self, painter: QPainter, x: float, y: float) -> None:
        name = "arrow-down" if self._model.arrangement.descending else "arrow-up"
        arrow = icons.pixmap(name, self._source.theme.text, 11, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(x, y), arrow)


class PointerTableView(QTableView):
    """Shows a ``PointerTableModel``.

    Signals:
        picked: The user selected rows: a list of their start addresses, bytes.
        hovered: ``(start, length)`` of the row under the mouse, or ``None``.
    """

    picked = Signal(object)
    hovered = Signal(object)

    def __init__(self, model: PointerTableModel, source: ThemeSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._card = parent
        self._model = model
        self._source = source
        self._rows = RowPainter(model)
        self._numbers: dict[int, int] = {}
        self._keys: list[int] = []
        self._top_address = 0
        self._hovered = -1
        self._is_laying = False
        self._cooling = QTimer(self)
        self._cooling.setSingleShot(True)
        self._cooling.setInterval(COOLING_MS)
        self._cooling.timeout.connect(self.viewport().update)
        self._set_up()
        self.setModel(model)
        self.setHorizontalHeader(TableHeader(model, source, self))
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        model.refreshed.connect(self._on_refreshed)
        self.selectionModel().selectionChanged.connect(self._on_selection)
        source.changed.connect(self._on_theme)
        self._on_theme()

    def _set_up(self) -> None:
        self.setAccessibleName("Pointer table")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setMouseTracking(True)
        self.setCornerButtonEnabled(False)
        side = self.verticalHeader()
        side.hide()
        side.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        side.setMinimumSectionSize(ROW_HEIGHT)
        side.setDefaultSectionSize(ROW_HEIGHT)

    @guarded
    def _on_theme(self) -> None:
        theme = self._source.theme
        self.setStyleSheet(
            f"QTableView {{ background: transparent; border: none; }}"
            f"QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}"
            f"QScrollBar::handle:vertical {{ background: {theme.border}; border-radius: 3px;"
            f" min-height: 28px; margin: 2px; }}"
            f"QScrollBar::handle:vertical:hover {{ background: {theme.faint}; }}"
            f"QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}"
            f"QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}"
        )
        self.viewport().update()

    # Selection, by address

    @property
    def keys(self) -> list[int]:
        """Start addresses of the selected rows, in bytes."""
        return list(self._keys)

    def set_numbers(self, numbers: dict[int, int]) -> None:
        """Give rows their badges: start address -> number."""
        self._numbers = dict(numbers)
        self.viewport().update()

    def select_addresses(self, addresses: Iterable[int], *, scroll: bool = False) -> None:
        """Select the rows that cover these bytes, without telling ``picked``."""
        self._keys = list(addresses)[:BADGES_MAX]
        self._lay_selection()
        row = self._model.row_at(self._keys[0]) if self._keys and scroll else -1
        if row >= 0:
            self._is_laying = True
            index = self._model.index(row, Column.RANGE)
            self.selectionModel().setCurrentIndex(index, _KEEP)
            self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)
            self._is_laying = False

    def _lay_selection(self) -> None:
        """Select the rows that the addresses name now."""
        picked = QItemSelection()
        for address in self._keys:
            row = self._model.row_at(address)
            if row >= 0:
                index = self._model.index(row, 0)
                picked.select(index, index)
        self._is_laying = True
        self.selectionModel().select(picked, _SELECT | _WHOLE_ROWS)
        self._is_laying = False
        self.viewport().update()

    @guarded
    def _on_selection(self, *_ranges: QItemSelection) -> None:
        if self._is_laying:
            return
        numbers: list[int] = []
        for part in self.selectionModel().selection().toList():
            room = BADGES_MAX - len(numbers)
            numbers.extend(range(part.top(), min(part.bottom() + 1, part.top() + room)))
        numbers = sorted(set(numbers))
        self._keys = [int(self._model.rows_at(row, 1).starts[0]) for row in numbers]
        self.picked.emit(self.keys)

    @guarded
    def _on_scrolled(self, row: int) -> None:
        rows = self._model.rows_at(row, 1)
        if len(rows.starts):
            self._top_address = int(rows.starts[0])

    @guarded
    def _on_refreshed(self) -> None:
        bar = self.verticalScrollBar()
        if self._model.arrangement.is_plain and bar.value() > 0:
            row = self._model.row_at(self._top_address)
            if row >= 0:
                bar.setValue(row)
        self._lay_selection()
        self.lay_out()

    # Places

    def lay_out(self) -> None:
        """Fit the columns into the width."""
        widths = self._rows.lay_out(self.viewport().width())
        header = self.horizontalHeader()
        for column, width in widths.items():
            if header.sectionSize(column) != width:
                header.resizeSection(column, width)

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.lay_out()

    @override
    @guarded
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._card.update()  # which wears the ring

    @override
    @guarded
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._card.update()

    @override
    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    @override
    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, row: int) -> None:
        if row == self._hovered:
            return
        self._hovered = row
        rows = self._model.rows_at(row, 1) if row >= 0 else None
        place = (int(rows.starts[0]), int(rows.lengths[0])) if rows and len(rows.starts) else None
        self.hovered.emit(place)
        self.viewport().update()

    # Painting

    @property
    def top_row(self) -> int:
        """Number of the first row in view."""
        return self.verticalScrollBar().value()

    def row_box(self, row: int) -> QRect:
        """Return where a row is, in pixels of the viewport."""
        return QRect(0, (row - self.top_row) * ROW_HEIGHT, self.viewport().width(), ROW_HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self.viewport()) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            top = self.top_row
            rows = self._model.rows_at(top, self.viewport().height() // ROW_HEIGHT + 2)
            numbers = self._number_lookup(top, rows)
            theme = self._source.theme
            hot = self._rows.paint_rows(painter, theme, rows, numbers, self._hovered - top)
        if hot and not self._cooling.isActive():
            self._cooling.start()

    def _number_lookup(self, top: int, rows: Rows) -> dict[int, int | None]:
        """Return badge numbers of the rows in view, by start address."""
        found: dict[int, int | None] = dict.fromkeys(rows.starts.tolist())
        count = len(rows.starts)
        for address in self._keys:
            row = self._model.row_at(address) - top
            if 0 <= row < count:
                start = int(rows.starts[row])
                found[start] = self._numbers.get(start, 0)
        return found

    @override
    @guarded
    def selectAll(self) -> None:
        """Select the rows in view: more than nine cannot be told apart."""
        top = self.top_row
        rows = self._model.rows_at(top, min(BADGES_MAX, self.viewport().height() // ROW_HEIGHT))
        self.select_addresses(rows.starts.tolist())
        self.picked.emit(self.keys)

    def go_to(self, address: int) -> bool:
        """Bring the row that covers byte ``address`` into view and select it."""
        if self._model.row_at(address) < 0:
            return False
        self.select_addresses([address], scroll=True)
        self.picked.emit(self.keys)
        return True

    @override
    def scrollContentsBy(self, dx: int, dy: int) -> None:
        # Everything is painted from the rows in view: moving old pixels would gain nothing.
        del dx, dy
        self.viewport().update()

    @override
    def indexAt(self, pos: QPoint) -> QModelIndex:
        row = self.top_row + pos.y() // ROW_HEIGHT
        column = self.columnAt(pos.x())
        if pos.y() < 0 or row >= self._model.rowCount() or column < 0:
            return QModelIndex()
        return self._model.index(row, column)
