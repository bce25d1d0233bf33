# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The sheet on which two views are compared; it stays open beside the window and follows it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QVBoxLayout,
)

from core.session import ORIGINAL
from gui.guard import guarded
from gui.models.differences import DifferenceModel, Differences
from gui.theme import fonts
from gui.views.actionbutton import ThemedButton
from gui.views.choice import Choice
from gui.views.diffstrip import DiffStrip
from gui.views.words import words
from gui.windows.sheet import Sheet

if TYPE_CHECKING:
    from PySide6.QtCore import QModelIndex
    from PySide6.QtWidgets import QWidget

    from core.answers import Ranges, VolumeInfo
    from core.errors import RangepairError
    from gui.bridge.link import EngineLink
    from gui.theme import ThemeSource
    from gui.windows.follower import Follower

_WIDTH: Final = 560
_TABLE_PX: Final = 220
_ROW_PX: Final = 24
_LOOK_AGAIN_MS: Final = 200
_ASKING_SHARE: Final = 0.1
"""Part of the time that asking anew may take while a view is being written to."""


class CompareDialog(Sheet):
    """Two views, a bar, and every range in which they may differ."""

    picked = Signal(object, object)
    """(first byte, length) of a range of the volume"""
    export_asked = Signal(str, str)
    """(snapshot to count from, copy)"""
    failed = Signal(object)
    """RangepairError"""

    def __init__(
        self,
        source: ThemeSource,
        link: EngineLink,
        follower: Follower,
        parent: QWidget | None = None,
    ) -> None:
        """Compare what ``follower`` follows."""
        super().__init__(parent)
        self._link = link
        self._follower = follower
        self._snapshots: set[str] = set()  # what differences can be counted from
        self._asked: tuple[str, str] | None = None
        self._due = 0.0
        self._clock = QTimer(self)  # the last of much news is not left out
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(self._on_clock)
        self.setWindowTitle("Compare")
        self.first = Choice(source, "What it was")
        self.second = Choice(source, "What it is compared with")
        self.told = words("", 13, 500)
        self.strip = DiffStrip(source)
        self.model = DifferenceModel(self)
        self.table = QTableView()
        self.previous = self._button(source, "chevron-up", " Previous", -1)
        self.next = self._button(source, "chevron-down", " Next", 1)
        self.export = ThemedButton(source, "export", " Export changes…")
        self.export.setAutoDefault(False)
        self.export.clicked.connect(self._on_export)
        self._dress_table()
        self._lay_out()
        for choice in (self.first, self.second):
            choice.currentTextChanged.connect(self._on_choice)
        self.strip.picked.connect(self._on_strip)
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        follower.info_changed.connect(self._on_info)
        if follower.info is not None:
            self._on_info(follower.info)

    @property
    def pair(self) -> tuple[str, str]:
        """The two views that are meant."""
        return self.first.currentText(), self.second.currentText()

    def compare(self, first: str, second: str) -> None:
        """Mean these two."""
        for choice, name in ((self.first, first), (self.second, second)):
            choice.blockSignals(True)
            flags = Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchCaseSensitive
            choice.setCurrentIndex(max(choice.findText(name, flags), 0))
            choice.blockSignals(False)
        self._ask()

    def forget(self) -> None:
        """Drop what was asked and told: it is about another volume."""
        self._asked = None
        self._due = 0.0
        self._clock.stop()
        self.model.load(None)
        self.strip.show_differences(None)
        self.told.setText("")

    def step(self, by: int) -> None:
        """Go to the next range, or to the one before."""
        told = self.model.differences
        if told is None:
            return
        here = self.model.range_at(self.table.currentIndex().row())
        row = told.beside(None if here is None else here[0], by)
        if row is not None and row < self.model.rowCount():
            self.table.selectRow(row)

    # -- building -------------------------------------------------------------------------------

    def _button(self, source: ThemeSource, icon: str, text: str, by: int) -> ThemedButton:
        button = ThemedButton(source, icon, text)
        button.setAutoDefault(False)
        button.setToolTip(f"{'F3' if by > 0 else 'Shift+F3'} in the window")
        button.clicked.connect(guarded(lambda: self.step(by)))
        return button

    def _dress_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setProperty("framed", True)
        table.setAccessibleName("Ranges that may differ")
        table.setFont(fonts.font(12, mono=True))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        rows, columns = table.verticalHeader(), table.horizontalHeader()
        rows.setVisible(False)
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(_ROW_PX)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        columns.setHighlightSections(False)
        columns.setFont(fonts.font(12, 500))
        table.setFixedHeight(_TABLE_PX)

    def _lay_out(self) -> None:
        views = QHBoxLayout()
        views.setSpacing(10)
        views.addWidget(words("Changed from", 13, 500, "sub"))
        views.addWidget(self.first, 1)
        views.addWidget(words("to", 13, 500, "sub"))
        views.addWidget(self.second, 1)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.previous)
        foot.addWidget(self.next)
        foot.addStretch(1)
        foot.addWidget(self.export)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(words("Compare", 16, 650))
        column.addLayout(views)
        column.addWidget(self.told)
        column.addWidget(self.strip)
        column.addWidget(self.table)
        column.addLayout(foot)
        self.setFixedWidth(_WIDTH)

    # -- asking ---------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Ask where the two may differ, unless that is under way."""
        info, pair = self._follower.info, self.pair
        if info is None or self._asked == pair or not all(pair):
            return
        size = max(info.size_of(pair[0]), info.size_of(pair[1]))
        if pair[0] == pair[1]:
            none = np.empty(0, np.int64)
            self._show(Differences(*pair, none, none, size, info.grain))
            return
        self._asked = pair
        begin = time.monotonic()

        def got(answer: object) -> None:
            ranges: Ranges = answer  # type: ignore[assignment]
            now = time.monotonic()
            self._due = now + (now - begin) / _ASKING_SHARE
            self._show(Differences(*pair, ranges.starts, ranges.lengths, size, info.grain))

        def missed(error: RangepairError) -> None:
            self._asked = None
            self.failed.emit(error)

        self._link.query(lambda session: session.diff(*pair), got, missed)

    def _show(self, told: Differences) -> None:
        self._asked = None
        if (told.source, told.target) != self.pair:  # others are meant by now
            self._ask()
            return
        if told.equals(self.model.differences):
            return
        here = self.model.range_at(self.table.currentIndex().row())
        scrolled = self.table.verticalScrollBar().value()
        self.table.selectionModel().blockSignals(True)
        self.model.load(told)
        self.strip.show_differences(told)
        if here is not None and (row := self._row_of(told, here[0])) is not None:
            self.table.selectRow(row)
            self.strip.mark(self.model.range_at(row))
        self.table.selectionModel().blockSignals(False)
        self.table.verticalScrollBar().setValue(scrolled)  # where the user reads
        self.told.setText(told.sentence)
        self.export.setEnabled(told.source in self._snapshots and told.source != told.target)
        for button in (self.previous, self.next):
            button.setEnabled(bool(len(told)))

    def _row_of(self, told: Differences, start: int) -> int | None:
        row = told.beside(start - 1, 1)
        return row if row is not None and int(told.starts[row]) == start else None

    # -- what others tell -----------------------------------------------------------------------

    @Slot(object)
    @guarded
    def _on_info(self, info: VolumeInfo) -> None:
        """List the views anew, and look again where one of them may have been written to."""
        names = [ORIGINAL, *(copy.name for copy in info.copies if not copy.deleted)]
        if names != [self.first.itemText(n) for n in range(self.first.count())]:
            meant = self.pair
            for choice, name in zip((self.first, self.second), meant, strict=True):
                choice.blockSignals(True)
                choice.clear()
                choice.addItems(names)
                choice.setCurrentIndex(max(choice.findText(name), 0))
                choice.blockSignals(False)
        self._snapshots = {copy.name for copy in info.copies if copy.kind == "snapshot"}
        if self.isVisible() and not self._clock.isActive():
            self._clock.start(max(round(1000 * (self._due - time.monotonic())), 0))

    @Slot()
    @guarded
    def _on_clock(self) -> None:
        if self._asked is None:
            self._ask()
        else:
            self._clock.start(_LOOK_AGAIN_MS)  # that answer may be older than the news

    @Slot(str)
    @guarded
    def _on_choice(self, _name: str) -> None:
        self._ask()

    @Slot(object)
    @guarded
    def _on_strip(self, address: int) -> None:
        told = self.model.differences
        row = None if told is None else told.beside(address - 1, 1)
        if row is not None and row < self.model.rowCount():
            self.table.selectRow(row)

    @Slot()
    @guarded
    def _on_row(self, index: QModelIndex, _before: QModelIndex) -> None:
        found = self.model.range_at(index.row())
        self.strip.mark(found)
        if found is not None:
            self.picked.emit(*found)

    @Slot()
    @guarded
    def _on_export(self) -> None:
        self.export_asked.emit(*self.pair)
