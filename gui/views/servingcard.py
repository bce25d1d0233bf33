# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The volume as virtual machines see it: its address, who is there, what to tell other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontMetrics, QGuiApplication
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.nbd.recipes import recipes
from gui.guard import guarded
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton
from gui.views.card import Card
from gui.views.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.serving import ServedClient, Serving
    from gui.theme import ThemeSource

_ADDRESS_LINES: Final = 1
_RECIPE_LINES: Final = 8
_CLIENTS_SHOWN_MAX: Final = 4


class ServingCard(Card):
    """A switch, the address, the clients, and a recipe for the view that is chosen."""

    switched = Signal(bool)
    """(served from now on)"""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with a volume that is not served."""
        super().__init__(source, "Virtual machines and block clients", "over NBD", parent=parent)
        self._servings: Sequence[Serving] = ()
        self._view = ("", False)
        self.switch = ThemedButton(source, "plug", " Start serving")
        self.switch.clicked.connect(self._on_switch)
        self.state = words("", 13, 500)
        self.address = _code(_ADDRESS_LINES)
        self.address.setAccessibleName("Address")
        self.copy_address = self._copy_button("Copy the address", self.address)
        self.clients = words("", 12, 400, "sub")
        self.recipe = _code(_RECIPE_LINES)
        self.recipe.setAccessibleName("What to tell the program")
        self.copy_recipe = self._copy_button("Copy what to tell the program", self.recipe)
        self.programs = QButtonGroup(self)
        self.programs.setExclusive(True)
        self.programs.buttonClicked.connect(guarded(lambda _button: self._show_recipe()))
        self.details = QWidget()
        self._lay_out()
        self._show_all(is_busy=False)

    def show_view(self, copy: str, *, read_only: bool) -> None:
        """Tell how to use this copy, or the original."""
        if (copy, read_only) != self._view:
            self._view = copy, read_only
            self._show_recipe()

    def show_servings(self, servings: Sequence[Serving], *, is_busy: bool) -> None:
        """Show where the volume is served, and whether that is about to change."""
        self._servings = servings
        self._show_all(is_busy=is_busy)

    # -- building -------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 44, 16, 14)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(self.state, 1)
        head.addWidget(self.switch)
        column.addLayout(head)
        inside = QVBoxLayout(self.details)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(8)
        inside.addLayout(_beside(self.address, self.copy_address))
        inside.addWidget(self.clients)
        inside.addLayout(self._program_row())
        inside.addLayout(_beside(self.recipe, self.copy_recipe))
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

    def _copy_button(self, words: str, field: QPlainTextEdit) -> ThemedButton:
        button = ThemedButton(self.source, "copy")
        button.set_property("small", value=True)
        button.setAutoDefault(False)
        button.setToolTip(words)
        button.setAccessibleName(words)
        button.setFixedWidth(34)
        button.clicked.connect(
            guarded(lambda: QGuiApplication.clipboard().setText(field.toPlainText()))
        )
        return button

    # -- showing --------------------------------------------------------------------------------

    def _show_all(self, *, is_busy: bool) -> None:
        is_served = bool(self._servings)
        self.switch.setEnabled(not is_busy)
        self.switch.setText(" Stop serving" if is_served else " Start serving")
        self.switch.set_icon("stop" if is_served else "plug")
        self.switch.set_property("primary", value=not is_served)
        self.details.setVisible(is_served)
        self.state.setText(self._state_words())
        self.clients.setText(_clients_words([c for s in self._servings for c in s.clients]))
        _set_code(self.address, "\n".join(serving.uri for serving in self._servings))
        self._show_recipe()

    def _state_words(self) -> str:
        if not self._servings:
            return "Not served. When it is, each view is a disk that your programs can connect to."
        return "Served. Each copy is an export of its name."

    def _show_recipe(self) -> None:
        copy, read_only = self._view
        if not self._servings or not copy:
            return
        serving = self._servings[-1]
        made = recipes(serving.uri, copy, read_only=read_only or serving.read_only)
        _set_code(self.recipe, made[max(self.programs.checkedId(), 0)].text)

    @Slot()
    @guarded
    def _on_switch(self) -> None:
        self.switched.emit(not self._servings)


def _clients_words(clients: Sequence[ServedClient]) -> str:
    """Return who is connected, in a sentence."""
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


def _code(lines: int) -> QPlainTextEdit:
    """Return a field for ``lines`` of text that can be selected, not changed."""
    field = QPlainTextEdit()
    field.setReadOnly(True)
    field.setFont(fonts.font(12, mono=True))
    field.setTabChangesFocus(True)
    field.setProperty("code", True)
    field.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
    height = QFontMetrics(field.font()).lineSpacing() * lines
    field.setVerticalScrollBarPolicy(
        Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        if lines == 1
        else Qt.ScrollBarPolicy.ScrollBarAsNeeded
    )
    field.setFixedHeight(height + 2 * round(field.document().documentMargin()) + 12)
    return field


def _set_code(field: QPlainTextEdit, text: str) -> None:
    """Change the text if it differs: what the user has marked in it stays marked."""
    if text != field.toPlainText():
        field.setPlainText(text)


def _beside(field: QWidget, button: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(field, 1)
    row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
    return row
