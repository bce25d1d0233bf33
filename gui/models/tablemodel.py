# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointer table as Qt wants it: rows are shown, counted and announced, never stored.

Events are queued and applied at a rate that adapts to their cost, so that a table of a million
rows takes no more than a tenth of the window's time. However many rows a batch changes, Qt hears
of it in two signals: rows come or go at the end, and everything in view is new. A row is therefore
remembered by the address it begins at, never by its number.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from typing_extensions import override

from core.units import format_bytes
from gui.guard import guarded, guarded_or
from gui.models.address import AddressFormat, AddressStyle
from gui.models.arranger import Arrangement, Arranger
from gui.models.pointerstore import RowKind, Rows
from gui.models.pointertable import Geometry, PointerTable, joined
from gui.models.tablequery import Query, SortBy

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from core.answers import Int64s, TableAnswer

    Events = npt.NDArray[np.void]
    AnyIndex = QModelIndex | QPersistentModelIndex

ROWS_MAX: Final = 70_000_000
"""Qt counts pixels in 31 bits: more rows of 27 pixels and the view never returns."""
REFRESH_S: Final = 0.05
SHARE: Final = 0.1
"""Of the window's time, at most, for applying events to the table."""
_WINDOW: Final = 64

_DISPLAY: Final = Qt.ItemDataRole.DisplayRole
_TOOLTIP: Final = Qt.ItemDataRole.ToolTipRole
_ACCESSIBLE: Final = Qt.ItemDataRole.AccessibleTextRole
_ALIGNMENT: Final = Qt.ItemDataRole.TextAlignmentRole
_RIGHT: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class Column(enum.IntEnum):
    """Columns of the table."""

    KIND = 0
    RANGE = 1
    NOW_AT = 2
    LENGTH = 3
    COPY = 4
    RECENT = 5


HEADERS: Final = {
    Column.KIND: "",
    Column.RANGE: "Initial range",
    Column.NOW_AT: "Now at",
    Column.LENGTH: "Length",
    Column.COPY: "Copy",
    Column.RECENT: "",
}
SHORT_HEADERS: Final = {Column.RANGE: "Range", Column.NOW_AT: "At"}
SORTS: Final = {
    Column.KIND: SortBy.KIND,
    Column.RANGE: SortBy.ADDRESS,
    Column.NOW_AT: SortBy.AREA,
    Column.LENGTH: SortBy.LENGTH,
    Column.RECENT: SortBy.RECENT,
}
KIND_WORDS: Final = {
    RowKind.ORIGINAL: "Individual pointer to a preserved original",
    RowKind.NEW: "Individual pointer to new data of this copy",
    RowKind.ZERO: "Individual pointer that stands for zeroes",
    RowKind.PAIR: "Range pair: unchanged, read from the initial area",
}


class PointerTableModel(QAbstractTableModel):
    """Rows of one copy's table, in the order and choice asked for."""

    refreshed = Signal()
    """Rows, their order or their choice may have changed; numbers of rows mean something else."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, parent: QObject | None = None
    ) -> None:
        """Begin empty; ``clock`` gives seconds."""
        super().__init__(parent)
        self.table = PointerTable()
        self.form = AddressFormat.of(0, 4096)
        self.arrangement = Arrangement()
        self.clock = clock
        self._area_bytes = 0
        self._style = AddressStyle.BLOCKS_HEX
        self._pending: list[Events] = []
        self._order: Int64s | None = None
        self._first = self._shown = 0
        self._window: tuple[int, Rows] | None = None
        self._next_refresh = 0.0
        self._arranger = Arranger(clock, self)
        self._arranger.arranged.connect(self._take_order)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)

    def shutdown(self) -> None:
        """Stop the thread, if there is one. The model keeps what it shows."""
        self._timer.stop()
        self._arranger.shutdown()

    # What is shown

    def load(self, answer: TableAnswer, name: str, geometry: Geometry) -> None:
        """Show a copy's table; events that came meanwhile are kept and those included skipped."""
        self.table.load(answer, name, geometry)
        self._set_form()
        self._apply_pending()
        self._rearrange()

    def clear(self) -> None:
        """Show nothing."""
        self.table = PointerTable()
        self._pending.clear()
        self._rearrange()

    def feed(self, events: Events) -> None:
        """Queue one frame's events; they are applied when the next refresh is due."""
        self._pending.append(events.copy())
        if not self._timer.isActive():
            wait_s = max(0.0, self._next_refresh - self.clock())
            self._timer.start(round(wait_s * 1000))

    @guarded
    def refresh(self) -> None:
        """Apply what is queued, and tell Qt once."""
        began = self.clock()
        if not self._apply_pending():
            return
        if self.arrangement.is_plain:
            self._show_range()
        else:
            self._arranger.ask(self.table.snapshot(), self.arrangement)
            self._tell_changed()
        cost = self.clock() - began
        self._next_refresh = self.clock() + max(REFRESH_S, cost / SHARE)

    def _apply_pending(self) -> bool:
        if not self._pending:
            return False
        events = np.concatenate(self._pending)
        self._pending.clear()
        return self.table.apply(events, self.clock())

    def set_style(self, style: AddressStyle) -> None:
        """Write addresses another way."""
        self._style = style
        self._set_form()
        self._tell_changed()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)

    def _set_form(self) -> None:
        geometry = self.table.geometry
        self.form = AddressFormat.of(geometry.size, geometry.grain, self._style)

    def set_query(self, query: Query) -> None:
        """Show only the rows that answer ``query``; a single place hides nothing."""
        query = Query() if query.is_place else query
        self.arrangement = self.arrangement._replace(query=query)
        self._rearrange()

    def set_order(self, sort_by: SortBy, *, descending: bool = False) -> None:
        """Order the rows."""
        self.arrangement = self.arrangement._replace(sort_by=sort_by, descending=descending)
        self._rearrange()

    def _rearrange(self) -> None:
        if self.arrangement.is_plain:
            self._order = None
            self._show_range()
        else:
            self._arranger.ask(self.table.snapshot(), self.arrangement, at_once=True)

    def _show_range(self) -> None:
        """Show the rows that touch the range asked for: neighbours, so two look-ups tell all."""
        table, query = self.table, self.arrangement.query
        first, stop = 0, table.row_count
        if query.stop and stop:
            size = table.geometry.size
            first = table.row_of(min(query.start, size - 1))
            stop = table.row_of(min(query.stop, size) - 1) + 1
            if query.start >= size:
                stop = first
        self._first = first
        self._set_shown(stop - first)

    @guarded
    def _take_order(self, starts: Int64s) -> None:
        if not self.arrangement.is_plain:
            self._order, self._first = starts, 0
            self._set_shown(len(starts))

    def _set_shown(self, count: int) -> None:
        """Let rows come or go at the end, then say that all are new."""
        count = min(count, ROWS_MAX)
        before = self._shown
        self._window = None
        if count > before:
            self.beginInsertRows(QModelIndex(), before, count - 1)
            self._shown = count
            self.endInsertRows()
        elif count < before:
            self.beginRemoveRows(QModelIndex(), count, before - 1)
            self._shown = count
            self.endRemoveRows()
        self._tell_changed()

    def _tell_changed(self) -> None:
        self._window = None
        if self._shown:
            last = self.index(self._shown - 1, len(Column) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        self.refreshed.emit()

    # Rows by number

    def rows_at(self, first: int, count: int) -> Rows:
        """Return up to ``count`` shown rows from number ``first`` on."""
        count = max(0, min(count, self._shown - first))
        if self._order is None:
            return self.table.rows(self._first + first, count)
        table, starts = self.table, self._order[first : first + count].tolist()
        return joined(Rows.empty(0), *(table.rows(table.row_of(start), 1) for start in starts))

    def row_at(self, address: int) -> int:
        """Return the number of the shown row that covers byte ``address``; -1 if none does."""
        row = self.table.row_of(address)
        if row < 0:
            return -1
        if self._order is None:
            number = row - self._first
            return number if 0 <= number < self._shown else -1
        start = int(self.table.rows(row, 1).starts[0])
        found = np.flatnonzero(self._order == start)
        return int(found[0]) if len(found) else -1

    def now_at(self, kind: int, offset: int) -> str:
        """Say where the data of a row is."""
        if kind == RowKind.PAIR:
            return "in place"
        return "zeroes" if kind == RowKind.ZERO else self.form.text(offset)

    def _row(self, number: int) -> Rows:
        """Return one row, out of a window that is read at once."""
        base = number // _WINDOW * _WINDOW
        if self._window is None or self._window[0] != base:
            self._window = (base, self.rows_at(base, _WINDOW))
        return self._window[1].at(slice(number - base, number - base + 1))

    # What Qt asks

    @override
    @guarded_or(0)
    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        return 0 if parent.isValid() else self._shown

    @override
    @guarded_or(0)
    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        return 0 if parent.isValid() else len(Column)

    @override
    @guarded_or(None)
    def data(self, index: AnyIndex, role: int = _DISPLAY) -> object:
        if not index.isValid() or index.row() >= self._shown:
            return None
        if role == _ALIGNMENT:
            return _RIGHT if index.column() in (Column.LENGTH, Column.COPY) else None
        if role in (_DISPLAY, _ACCESSIBLE, _TOOLTIP):
            row = self._row(index.row())
            return self._sentence(row) if role != _DISPLAY else self._text(row, index.column())
        return None

    def _text(self, row: Rows, column: int) -> str:
        start, stop, kind = int(row.starts[0]), int(row.stops[0]), int(row.kinds[0])
        if column == Column.RANGE:
            return self.form.span_text(start, stop)
        if column == Column.NOW_AT:
            return self.now_at(kind, int(row.offsets[0]))
        if column == Column.LENGTH:
            return format_bytes(stop - start)
        return self.table.copy_name if column == Column.COPY else ""

    def _sentence(self, row: Rows) -> str:
        kind = RowKind(int(row.kinds[0]))
        where = self._text(row, Column.RANGE)
        words = f"{KIND_WORDS[kind]}. Blocks {where}, {self._text(row, Column.LENGTH)}"
        if kind <= RowKind.NEW:
            words += f", now at {self._text(row, Column.NOW_AT)} of the additional area"
        return f"{words}; copy {self.table.copy_name}."

    @override
    @guarded_or(None)
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> object:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        if role == _DISPLAY:
            return HEADERS[Column(section)]
        if role == _ALIGNMENT:
            return _RIGHT if section in (Column.LENGTH, Column.COPY) else None
        return None
