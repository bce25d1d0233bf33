# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What happens to a write when the additional area is full, and which copies may go for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, get_args

import msgspec
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.spaceanswers import WhenFull
from core.units import format_bytes, parse_bytes
from gui.guard import guarded
from gui.views.actionbutton import ThemedButton
from gui.views.card import Card
from gui.views.radios import Radios, Way
from gui.views.words import words

if TYPE_CHECKING:
    from core.spaceanswers import Policy
    from gui.models.volumefacts import VolumeFacts
    from gui.theme import ThemeSource

TIMEOUT_S_MAX: Final = 86400.0
_DROPPED_MAX: Final = 3
_LIST_PX: Final = 112
_FIELD_PX: Final = 96
_WAYS: Final = (
    Way(
        "refuse", "Refuse the write", "Its program is told that the disk is full; nothing is lost."
    ),
    Way("wait", "Let it wait for room", "Until somebody makes room, or the time is up."),
    Way(
        "drop",
        "Drop copies that may be dropped",
        "The ticked ones, from the top, until there is room; not those that are locked or in use.",
    ),
)


class WhenFullCard(Card):
    """Three ways, a bound, and a list of copies to tick and to put in order."""

    policy_asked = Signal(object)
    """Policy"""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with nothing known."""
        super().__init__(source, "When the additional area is full", parent=parent)
        self._policy: Policy | None = None
        self._is_dirty = False
        self.ways = Radios(_WAYS)
        self.timeout = _field("Seconds to wait at most")
        self.timeout.setValidator(QDoubleValidator(0.0, TIMEOUT_S_MAX, 1, self.timeout))
        self.limit = _field("The most it may take on its disk")
        self.limit.setPlaceholderText("no limit")
        self.copies = QListWidget()
        self.copies.setAccessibleName("Copies that may be dropped, the first one first")
        self.copies.setFixedHeight(_LIST_PX)
        self.copies.setProperty("framed", True)
        self.up = self._mover("arrow-up", "Drop it earlier", -1)
        self.down = self._mover("arrow-down", "Drop it later", 1)
        self.problem = words("", 12, 500, "danger")
        self.dropped = words("", 12, 400, "warn")
        self.apply = ThemedButton(source, "check", " Apply")
        self.apply.set_property("primary", value=True)
        self.apply.setAutoDefault(False)
        self.apply.clicked.connect(self._on_apply)
        self._lay_out()
        self.ways.changed.connect(self._on_change)
        self.timeout.textEdited.connect(self._on_change)
        self.limit.textEdited.connect(self._on_change)
        self.copies.itemChanged.connect(self._on_change)
        self.copies.currentRowChanged.connect(self._enable)
        self._enable()

    def show_facts(self, facts: VolumeFacts) -> None:
        """Show how it is; what the user has changed and not yet applied stays."""
        takes_writes = not (facts.info.read_only or facts.info.notice)
        for part in (self.ways, self.timeout, self.limit, self.copies):
            part.setEnabled(takes_writes)
        self._show_dropped(facts.policy)
        names = [copy.name for copy in facts.info.copies if not copy.deleted]
        if self._is_dirty:
            self._policy = self._policy or facts.policy
            self._drop_strays(names)
        elif facts.policy != self._policy or set(names) != set(self._names()):
            self._policy = facts.policy
            self._load(facts.policy, names)
        self._enable()

    @property
    def wish(self) -> Policy | None:
        """What is asked for; None if it makes no sense yet."""
        if self._policy is None or self._problem():
            return None
        return msgspec.structs.replace(
            self._policy,
            when_full=self.ways.chosen,
            timeout_s=float(self.timeout.text().replace(",", ".")),
            area_limit_bytes=parse_bytes(self.limit.text()) if self.limit.text().strip() else 0,
            expendable=[name for name, ticked in self._rows() if ticked],
        )

    def forget_changes(self) -> None:
        """Show again what is in force, when it is told next."""
        self._is_dirty = False
        self._policy = None

    # -- building -------------------------------------------------------------------------------

    def _mover(self, icon: str, words_: str, step: int) -> ThemedButton:
        button = ThemedButton(self.source, icon)
        button.set_property("small", value=True)
        button.setAutoDefault(False)
        button.setAccessibleName(words_)
        button.setToolTip(words_)
        button.setFixedWidth(34)
        button.clicked.connect(guarded(lambda: self._move(step)))
        return button

    def _lay_out(self) -> None:
        fields = QHBoxLayout()
        fields.setSpacing(8)
        for label, field, unit in (
            ("Wait at most", self.timeout, "s"),
            ("The area may take", self.limit, "on its disk"),
        ):
            fields.addWidget(_label(label))
            fields.addWidget(field)
            fields.addWidget(_label(unit))
        fields.addStretch(1)
        movers = QVBoxLayout()
        movers.setSpacing(6)
        movers.addWidget(self.up)
        movers.addWidget(self.down)
        movers.addStretch(1)
        beside = QHBoxLayout()
        beside.setSpacing(8)
        beside.addWidget(self.copies, 1)
        beside.addLayout(movers)
        foot = QHBoxLayout()
        foot.addWidget(self.problem, 1)
        foot.addWidget(self.apply)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 46, 16, 14)
        column.setSpacing(8)
        column.addWidget(self.ways)
        column.addLayout(beside)
        column.addLayout(fields)
        column.addWidget(self.dropped)
        column.addStretch(1)
        column.addLayout(foot)

    # -- showing --------------------------------------------------------------------------------

    def _load(self, policy: Policy, names: list[str]) -> None:
        self.ways.choose(policy.when_full)
        self.timeout.setText(f"{policy.timeout_s:g}")
        limit = policy.area_limit_bytes
        self.limit.setText(_exact(limit) if limit else "")
        first = [name for name in policy.expendable if name in names]
        self.copies.blockSignals(True)
        self.copies.clear()
        for name in [*first, *(name for name in names if name not in first)]:
            self.copies.addItem(_item(name, ticked=name in first))
        self.copies.blockSignals(False)

    def _drop_strays(self, names: list[str]) -> None:
        for row in range(self.copies.count() - 1, -1, -1):
            if self.copies.item(row).text() not in names:
                self.copies.takeItem(row)

    def _show_dropped(self, policy: Policy) -> None:
        lines = []
        for copy in reversed(policy.dropped[-_DROPPED_MAX:]):
            when = time.strftime("%d %b %H:%M", time.localtime(copy.when))
            lines.append(f"'{copy.name}' was dropped on {when}: the area was full.")
        self.dropped.setText("\n".join(lines))
        self.dropped.setVisible(bool(lines))

    def _rows(self) -> list[tuple[str, bool]]:
        items = [self.copies.item(row) for row in range(self.copies.count())]
        return [(item.text(), item.checkState() == Qt.CheckState.Checked) for item in items]

    def _names(self) -> list[str]:
        return [name for name, _ in self._rows()]

    def _problem(self) -> str:
        if not self.timeout.hasAcceptableInput():
            return f"A write can wait from 0 to {TIMEOUT_S_MAX:,.0f} s."
        try:
            parse_bytes(self.limit.text() if self.limit.text().strip() else "0")
        except ValueError as error:
            return f"{error}."
        if self.ways.chosen == "drop" and not any(ticked for _, ticked in self._rows()):
            return "Tick the copies that may be dropped; without any, the write is refused."
        return ""

    @Slot()
    @guarded
    def _on_change(self, *_what: object) -> None:
        self._is_dirty = True
        self._enable()

    @Slot()
    @guarded
    def _enable(self, *_row: object) -> None:
        assert self.ways.chosen in get_args(WhenFull)
        self.problem.setText(self._problem() if self._is_dirty else "")
        wish = self.wish
        self.apply.setEnabled(self.copies.isEnabled() and self._is_dirty and wish is not None)
        row, count = self.copies.currentRow(), self.copies.count()
        self.up.setEnabled(self.copies.isEnabled() and row > 0)
        self.down.setEnabled(self.copies.isEnabled() and 0 <= row < count - 1)

    def _move(self, step: int) -> None:
        row = self.copies.currentRow()
        item = self.copies.takeItem(row)
        self.copies.insertItem(row + step, item)
        self.copies.setCurrentRow(row + step)
        self._on_change()

    @Slot()
    @guarded
    def _on_apply(self) -> None:
        wish = self.wish
        if wish is not None:
            self._is_dirty, self._policy = False, wish
            self._enable()
            self.policy_asked.emit(wish)


def _exact(count: int) -> str:
    told = format_bytes(count)
    return told if parse_bytes(told) == count else str(count)


def _item(name: str, *, ticked: bool) -> QListWidgetItem:
    item = QListWidgetItem(name)
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
    item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
    return item


def _field(name: str) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setFixedWidth(_FIELD_PX)
    return field


def _label(text: str) -> QWidget:
    label = words(text, 13, 450, "sub")
    label.setWordWrap(False)
    return label
