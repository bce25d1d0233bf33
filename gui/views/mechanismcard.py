# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where new data of the original goes, and the way home for what went elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.session import ORIGINAL
from core.units import format_bytes
from gui.guard import guarded
from gui.views.actionbutton import ThemedButton
from gui.views.card import Card
from gui.views.choice import Choice
from gui.views.radios import Radios, Way
from gui.views.words import words

if TYPE_CHECKING:
    from gui.models.volumefacts import VolumeFacts
    from gui.theme import ThemeSource

COPY_ON_WRITE: Final = "copy-on-write"
REDIRECT_ON_WRITE: Final = "redirect-on-write"
ALWAYS_ADDITIONAL: Final = "always-additional"
_WAYS: Final = (
    Way(
        COPY_ON_WRITE,
        "Copy on write",
        "New data goes into the image, and what it overwrites is kept for copies first. The image"
        " is the original at every moment.",
    ),
    Way(
        REDIRECT_ON_WRITE,
        "Redirect on write",
        "Where the image lies by full pointers, new data goes to a fresh place of it, and what"
        " copies need stays where it is: nothing is copied. All else is copied on write.",
    ),
    Way(
        ALWAYS_ADDITIONAL,
        "Always additional",
        "The image stays as it is; all new data goes to the additional area. Copies cost writers"
        " nothing and a restore moves nothing, but only Rangepair reads the original then.",
    ),
)


class MechanismCard(Card):
    """Three ways, and below them what is in the additional area and can be brought home."""

    choice_made = Signal(str)
    """(the mechanism that is to be in force)"""
    home_asked = Signal(str)
    """(the view whose new data shall go home)"""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with nothing known."""
        super().__init__(source, "New data of the original", parent=parent)
        self._facts: VolumeFacts | None = None
        self._is_dirty = False
        self.ways = Radios(_WAYS)
        self.ways.changed.connect(self._on_way)
        self.apply = ThemedButton(source, "check", " Apply")
        self.apply.set_property("primary", value=True)
        self.apply.setAutoDefault(False)
        self.apply.clicked.connect(self._on_apply)
        self.state = words("", 13, 500)
        self.view = Choice(source, "Whose new data goes home")
        self.home = ThemedButton(source, "arrow-up", " Bring home…")
        self.home.setAutoDefault(False)
        self.home.clicked.connect(self._on_home)
        self.home_row = QWidget()
        self._lay_out()

    def show_facts(self, facts: VolumeFacts) -> None:
        """Show how it is; what the user has chosen and not yet applied stays chosen."""
        self._facts = facts
        if not self._is_dirty:
            self.ways.choose(facts.info.mechanism)
        names = facts.view_names
        if names != [self.view.itemText(n) for n in range(self.view.count())]:
            meant = self.view.currentText()
            self.view.clear()
            self.view.addItems(names)
            self.view.setCurrentIndex(max(self.view.findText(meant), 0))
        self._show()

    def forget_choice(self) -> None:
        """Show again what is in force."""
        self._is_dirty = False

    def _lay_out(self) -> None:
        row = QHBoxLayout(self.home_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(words("New data of", 13, 500, "sub"))
        row.addWidget(self.view, 1)
        row.addWidget(self.home)
        foot = QHBoxLayout()
        foot.addWidget(self.state, 1)
        foot.addWidget(self.apply)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 46, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.ways)
        column.addLayout(foot)
        column.addWidget(self.home_row)
        column.addStretch(1)

    def _show(self) -> None:
        facts = self._facts
        if facts is None:
            return
        is_elsewhere = facts.info.original is not None
        self.home_row.setVisible(is_elsewhere)
        takes_writes = not (facts.info.read_only or facts.info.notice)
        is_moving = facts.info.restoring is not None
        self.home.setEnabled(takes_writes and not is_moving)
        is_other = self.ways.chosen != facts.info.mechanism
        self.apply.setEnabled(takes_writes and is_other)
        for button in self.ways.buttons.values():
            button.setEnabled(takes_writes)
        if is_moving:
            self.state.setText("Data is being moved; the status bar tells how far it is.")
        elif is_elsewhere:
            amount = format_bytes(facts.new_bytes)
            self.state.setText(f"{amount} of new data are in the additional area.")
        else:
            self.state.setText("")

    @Slot(str)
    @guarded
    def _on_way(self, _key: str) -> None:
        self._is_dirty = True
        self._show()

    @Slot()
    @guarded
    def _on_apply(self) -> None:
        """Away from always-additional while there is new data means that it is brought home."""
        self._is_dirty = False
        facts, chosen = self._facts, self.ways.chosen
        if facts is not None and chosen != ALWAYS_ADDITIONAL and facts.new_bytes:
            self.home_asked.emit(ORIGINAL)
        else:
            self.choice_made.emit(chosen)

    @Slot()
    @guarded
    def _on_home(self) -> None:
        self.home_asked.emit(self.view.currentText())
