# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The volume as virtual machines see it: addresses, who is there, what to tell other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.nbd.recipes import recipes
from gui.guard import guarded
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton
from gui.views.card import Card
from gui.views.codefield import CodeField, beside, copy_button
from gui.views.serveoptions import ServeOptions
from gui.views.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.serving import ServedClient, Serving
    from gui.theme import ThemeSource

_RECIPE_LINES: Final = 8
_CLIENTS_SHOWN_MAX: Final = 4
_ROWS_SHOWN_MAX: Final = 3
_ROW_GAP: Final = 8


class ServingCard(Card):
    """Where to serve next, a row for each address, and a recipe for the view that is chosen."""

    start_asked = Signal(object)
    """ServingWish"""
    stop_asked = Signal(str)
    """(uri, or nothing: everywhere)"""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with a volume that is not served."""
        super().__init__(source, "Virtual machines and block clients", "over NBD", parent=parent)
        self._servings: Sequence[Serving] = ()
        self._view = ("", False)
        self._is_busy = False
        self.options = ServeOptions(source)
        self.options.changed.connect(self._enable)
        self.start = ThemedButton(source, "plug", " Start serving")
        self.start.clicked.connect(self._on_start)
        self.stop_all = ThemedButton(source, "stop", " Stop all")
        self.stop_all.clicked.connect(self._on_stop_all)
        for button in (self.start, self.stop_all):
            button.setAutoDefault(False)
        self.state = words("", 13, 500)
        self.rows: list[ServingRow] = []
        self.recipe = CodeField("What to tell the program", _RECIPE_LINES)
        self.copy_recipe = copy_button(source, "Copy what to tell the program", self.recipe)
        self.programs = QButtonGroup(self)
        self.programs.setExclusive(True)
        self.programs.buttonClicked.connect(guarded(lambda _button: self._show_recipe()))
        self.details = QWidget()
        self._rows_box = QWidget()
        self._list = QVBoxLayout(self._rows_box)
        self._scroll = QScrollArea()
        self._lay_out()
        self._show_all()

    def show_view(self, copy: str, *, read_only: bool) -> None:
        """Tell how to use this copy, or the original."""
        if (copy, read_only) != self._view:
            self._view = copy, read_only
            self._show_recipe()

    def show_servings(self, servings: Sequence[Serving], *, is_busy: bool) -> None:
        """Show where the volume is served, and whether that is about to change."""
        self._servings, self._is_busy = servings, is_busy
        self._show_all()

    # -- building -------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 44, 16, 14)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(self.state, 1)
        head.addWidget(self.stop_all)
        head.addWidget(self.start)
        column.addLayout(head)
        column.addWidget(self.options)
        inside = QVBoxLayout(self.details)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(_ROW_GAP)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._rows_box)
        inside.addWidget(self._scroll)
        inside.addLayout(self._program_row())
        inside.addLayout(beside(self.recipe, self.copy_recipe))
        column.addWidget(self.details)
        column.addStretch(1)

    def _program_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        for number, recipe in enumerate(recipes("nbd://localhost:1/")):
            button = QPushButton(recipe.program)
            button.setProperty("small", True)
            button.setProperty("segment", True)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setFont(fonts.font(12, 500))
            button.setToolTip(recipe.purpose.capitalize())
            button.setAccessibleDescription(recipe.purpose)
            self.programs.addButton(button, number)
            row.addWidget(button)
        row.addStretch(1)
        first = self.programs.button(0)
        first.setChecked(True)
        return row

    # -- showing --------------------------------------------------------------------------------

    def _show_all(self) -> None:
        is_served = bool(self._servings)
        self.start.setText(" Serve there, too" if is_served else " Start serving")
        self.start.set_property("primary", value=not is_served)
        self.stop_all.setVisible(len(self._servings) > 1)
        self.details.setVisible(is_served)
        self._show_rows()
        self._enable()
        self._show_recipe()

    def _show_rows(self) -> None:
        """Give every address a row; rows stay while addresses do, with what is marked in them."""
        if [row.uri for row in self.rows] != [serving.uri for serving in self._servings]:
            for row in self.rows:
                self._list.removeWidget(row)
                row.hide()
                row.deleteLater()
            self.rows = [ServingRow(self.source, serving) for serving in self._servings]
            for row in self.rows:
                row.stop_asked.connect(self.stop_asked)
                self._list.addWidget(row)
            shown = min(len(self.rows), _ROWS_SHOWN_MAX)
            height = self.rows[0].sizeHint().height() + _ROW_GAP if self.rows else 0
            self._scroll.setFixedHeight(max(shown * height - _ROW_GAP, 0))
        for row, serving in zip(self.rows, self._servings, strict=True):
            row.clients.setText(_clients_words(serving))

    @Slot()
    @guarded
    def _enable(self) -> None:
        problem = self.options.problem
        self.start.setEnabled(not (self._is_busy or problem))
        self.start.setToolTip(problem)
        self.stop_all.setEnabled(not self._is_busy)
        for row in self.rows:
            row.stop.setEnabled(not self._is_busy)
        if problem:
            self.state.setText(problem)
        elif self._servings:
            self.state.setText("Served. Each copy is an export of its name.")
        else:
            self.state.setText(
                "Not served. When it is, each view is a disk that your programs can connect to."
            )

    def _show_recipe(self) -> None:
        copy, read_only = self._view
        if not self._servings or not copy:
            return
        serving = self._servings[-1]
        made = recipes(serving.uri, copy, read_only=read_only or serving.read_only)
        self.recipe.show_code(made[max(self.programs.checkedId(), 0)].text)

    @Slot()
    @guarded
    def _on_start(self) -> None:
        self.start_asked.emit(self.options.wish)

    @Slot()
    @guarded
    def _on_stop_all(self) -> None:
        self.stop_asked.emit("")


class ServingRow(QWidget):
    """One address: to be copied, who is there, and a button that ends it."""

    stop_asked = Signal(str)
    """(uri)"""

    def __init__(self, source: ThemeSource, serving: Serving) -> None:
        """Show ``serving``."""
        super().__init__()
        self.uri = serving.uri
        self.address = CodeField("Address", 1)
        self.address.show_code(serving.uri)
        self.copy_address = copy_button(source, "Copy the address", self.address)
        self.stop = ThemedButton(source, "stop", " Stop")
        self.stop.set_property("small", value=True)
        self.stop.setAutoDefault(False)
        self.stop.setAccessibleName(f"Stop serving at {serving.uri}")
        self.stop.clicked.connect(guarded(lambda: self.stop_asked.emit(self.uri)))
        self.clients = words("", 12, 400, "sub")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(beside(self.address, self.copy_address, self.stop))
        column.addWidget(self.clients)


def _clients_words(serving: Serving) -> str:
    """Return how it is served and who is connected, in a sentence."""
    kinds = ["Read-only."] * serving.read_only + ["TLS."] * serving.tls
    return " ".join([*kinds, _peers_words(serving.clients)])


def _peers_words(clients: Sequence[ServedClient]) -> str:
    if not clients:
        return "Nobody is connected."
    shown = ", ".join(
        f"{client.peer}: {_export_words(client.export)}" for client in clients[:_CLIENTS_SHOWN_MAX]
    )
    more = len(clients) - _CLIENTS_SHOWN_MAX
    count = "1 client" if len(clients) == 1 else f"{len(clients)} clients"
    return f"{count} - {shown}" + (f", and {more} more" if more > 0 else "")


def _export_words(export: str | None) -> str:
    return "choosing" if export is None else export or "original"
