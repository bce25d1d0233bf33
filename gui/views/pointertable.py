# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointer table card: search box above, rows below, both tied to the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QActionGroup, QIcon
from PySide6.QtWidgets import QLineEdit, QMenu
from typing_extensions import override

from core.extent import Extent
from core.session import ORIGINAL
from gui.guard import guarded
from gui.models.address import AddressStyle
from gui.models.focus import AreaKind, Badge, FocusedCopy, Place
from gui.models.pointerstore import RowKind
from gui.models.tablequery import Query, parse_query
from gui.theme import fonts, icons
from gui.views.card import MARGIN, Card
from gui.views.drawing import RIGHT, draw_text, text_width
from gui.views.tablerows import ROW_HEIGHT
from gui.views.tableview import HEADER_HEIGHT as TABLE_HEADER
from gui.views.tableview import PointerTableView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtCore import QPoint
    from PySide6.QtGui import QPainter, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from gui.models.focus import Focus
    from gui.models.tablemodel import PointerTableModel
    from gui.theme import ThemeSource

SEARCH_TOP: Final = 44
SEARCH_HEIGHT: Final = 30
RING: Final = 3  # what the card's focus ring needs beside the rows
_STYLE_NAMES: Final = {
    AddressStyle.BLOCKS_HEX: "Blocks, hexadecimal",
    AddressStyle.BLOCKS: "Blocks, decimal",
    AddressStyle.BYTES: "Bytes, hexadecimal",
}
_NO_TABLE: Final = "The original has no pointer table: it always reads the initial area itself."
_NO_ROWS: Final = "No row answers the search."


class PointerTableCard(Card):
    """Individual pointers and range pairs of the copy in focus."""

    def __init__(
        self,
        model: PointerTableModel,
        focus: Focus,
        source: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(source, "Pointer table", parent=parent)
        self.model = model
        self.focus = focus
        self._copies: Mapping[str, int] = {}
        self._problem = ""
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Find a block, range or copy")
        self.search.setAccessibleName("Find in the pointer table")
        self.search.setToolTip(
            "b340 \u2022 b340-b3ff \u2022 64 MiB \u2022 @12b280 (additional area) \u2022 "
            "pairs, pointers, preserved, new, zero \u2022 a copy's name"
        )
        self.search.setClearButtonEnabled(True)
        self._glass = self.search.addAction(QIcon(), QLineEdit.ActionPosition.LeadingPosition)
        self.view = PointerTableView(model, source, self)
        self.setFocusProxy(self.view)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._on_menu)
        self.search.textChanged.connect(self._on_words)
        self.search.returnPressed.connect(self._on_return)
        self.view.picked.connect(self._on_picked)
        self.view.hovered.connect(self._on_hovered)
        model.refreshed.connect(self._on_refreshed)
        focus.copy_changed.connect(self._on_copy)
        focus.selection_changed.connect(self._on_focus)
        focus.badges_changed.connect(self._on_badges)
        source.changed.connect(self._on_theme)
        self._on_theme()

    def set_copies(self, ids: Mapping[str, int]) -> None:
        """Say which copies there are, so that the search box knows their names."""
        self._copies = ids

    @property
    def message(self) -> str:
        """What is said instead of rows; empty if there are some."""
        if self.model.rowCount():
            return ""
        return _NO_ROWS if self.model.table.row_count else _NO_TABLE

    # Looks

    @guarded
    def _on_theme(self) -> None:
        theme = self.theme
        self.search.setFont(fonts.font(12))
        self._glass.setIcon(icons.icon("search", theme.faint, 14))
        self.search.setStyleSheet(
            f"QLineEdit {{ background: {theme.well}; color: {theme.text}; border: 1px solid"
            f" {theme.border}; border-radius: 7px; padding: 0 4px;"
            f" placeholder-text-color: {theme.faint};"
            f" selection-background-color: {theme.accent}; }}"
            f"QLineEdit:focus {{ border-color: {theme.accent}; }}"
        )

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.search.setGeometry(MARGIN, SEARCH_TOP, self.width() - 2 * MARGIN, SEARCH_HEIGHT)
        top = SEARCH_TOP + SEARCH_HEIGHT + 6
        rows = max(0, self.height() - top - 6 - TABLE_HEADER) // ROW_HEIGHT
        height = TABLE_HEADER + rows * ROW_HEIGHT  # whole rows: none is cut through its letters
        self.view.setGeometry(RING, top, self.width() - 2 * RING, height)

    @override
    def header_room(self) -> float:
        return self.width() - MARGIN - text_width(self._count_words, fonts.font(12)) - 8

    @property
    def _count_words(self) -> str:
        count = self.model.rowCount()
        return self._problem or ("1 entry" if count == 1 else f"{count:,} entries")

    @override
    def paint_body(self, painter: QPainter) -> None:
        box = QRectF(MARGIN, 13, self.width() - 2 * MARGIN, 22)
        table = self.model.table
        color = self.theme.warn if self._problem else self.theme.sub
        draw_text(painter, box, self._count_words, fonts.font(12), color, align=RIGHT)
        self.setToolTip(
            f"{table.pointer_count:,} individual pointers and {table.pair_count:,} range pairs"
        )
        if self.message:
            painter.setFont(fonts.font(12))
            painter.setPen(self.theme.color("sub"))
            room = QRectF(self.view.geometry()).adjusted(40, 40, -40, -20)
            align = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
            painter.drawText(room, int(align | Qt.TextFlag.TextWordWrap), self.message)

    # Search

    def _query(self) -> Query:
        return parse_query(self.search.text(), self.model.form, [*self._copies, ORIGINAL])

    @guarded
    def _on_words(self, words: str) -> None:
        del words
        query = self._query()
        # A copy is only shown on Return: typing "monday" must not first show a copy "m".
        self._problem = "" if query.copy else query.problem
        self.update()
        if query.problem or query.copy:
            return
        self.model.set_query(query)
        if query.is_place:
            self.view.go_to(query.start)
        else:
            self.view.scrollToTop()

    @guarded
    def _on_return(self) -> None:
        query = self._query()
        if query.copy:
            self.focus.set_copy(FocusedCopy(self._copies.get(query.copy, 0), query.copy))
            self.search.clear()
        self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # Focus

    @guarded
    def _on_picked(self, addresses: list[int]) -> None:
        self._badge(addresses)
        place = None
        if addresses:
            row = self.model.table.rows(self.model.table.row_of(addresses[0]), 1)
            place = Place(AreaKind.INITIAL, Extent(int(row.starts[0]), int(row.lengths[0])))
        self.focus.select(place)

    def _badge(self, addresses: list[int]) -> None:
        """Number the selected rows that point to a place: neither pairs nor zeroes do."""
        table, badges = self.model.table, []
        rows = dict.fromkeys(table.row_of(address) for address in addresses)  # joined rows: one
        for row in rows:
            if row < 0:
                continue
            start, stop, offset, kind = (int(column[0]) for column in table.rows(row, 1)[:4])
            if kind in {RowKind.ORIGINAL, RowKind.NEW}:
                badges.append(Badge(0, start, stop - start, offset, RowKind(kind).pointer_kind))
        self.focus.set_badges(badges)

    @guarded
    def _on_badges(self, badges: tuple[Badge, ...]) -> None:
        self.view.set_numbers({badge.start: badge.number for badge in badges})

    @guarded
    def _on_copy(self, _copy: FocusedCopy) -> None:
        """Let go of rows of the former copy's table: they would be badged in the next one."""
        self.view.select_addresses([])

    @guarded
    def _on_focus(self, place: Place | None) -> None:
        if place is None:
            return
        address = place.extent.start
        if place.area is AreaKind.ADDITIONAL:
            address = self.model.table.find_area(address)
        if address < 0 or self._covers(address):
            return
        self.view.select_addresses([address], scroll=True)
        self._badge(self.view.keys)

    def _covers(self, address: int) -> bool:
        """Return whether a selected row covers byte ``address``: the pick came from here."""
        table = self.model.table
        row = table.row_of(address)
        return row >= 0 and any(table.row_of(key) == row for key in self.view.keys)

    @guarded
    def _on_hovered(self, place: tuple[int, int] | None) -> None:
        shown = Place(AreaKind.INITIAL, Extent(*place)) if place else None
        self.focus.set_hover(shown)

    @guarded
    def _on_refreshed(self) -> None:
        self._badge(self.view.keys)
        self.update()

    # Menu

    @guarded
    def _on_menu(self, at: QPoint) -> None:
        self.menu().popup(self.view.viewport().mapToGlobal(at))

    def menu(self) -> QMenu:
        """Return the menu that chooses how addresses are written."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        group = QActionGroup(menu)
        for style, name in _STYLE_NAMES.items():
            action = menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(self.model.form.style is style)
            action.setData(style)
            group.addAction(action)
        group.triggered.connect(self._on_style)
        return menu

    @guarded
    def _on_style(self, action: object) -> None:
        style = getattr(action, "data", lambda: None)()
        if isinstance(style, AddressStyle):
            self.model.set_style(style)
