# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The sheet that shows the bytes of the selected block, in two views; it follows the selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from core.session import ORIGINAL
from gui.guard import guarded
from gui.models.address import AddressFormat
from gui.models.focus import AreaKind
from gui.models.hexrows import HexBlock
from gui.views.actionbutton import ThemedButton
from gui.views.card import Card
from gui.views.choice import Choice
from gui.views.hexview import HexView
from gui.views.words import words
from gui.windows.sheet import Sheet

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from core.answers import VolumeInfo
    from core.errors import RangepairError
    from core.session import VolumeSession
    from gui.bridge.link import EngineLink
    from gui.models.focus import Focus
    from gui.theme import ThemeSource
    from gui.windows.follower import Follower

_DIGITS_MIN: Final = 4


class BytesDialog(Sheet):
    """Two views to choose, and a block of each."""

    moved = Signal(object, object)
    """(first byte, length) of the block to be selected"""
    failed = Signal(object)
    """RangepairError"""

    def __init__(
        self,
        source: ThemeSource,
        link: EngineLink,
        follower: Follower,
        focus: Focus,
        parent: QWidget | None = None,
    ) -> None:
        """Show what ``focus`` has selected, of what ``follower`` follows."""
        super().__init__(parent)
        self._link = link
        self._follower = follower
        self._focus = focus
        self._start = 0
        self._is_asking = self._is_stale = False
        self.setWindowTitle("Bytes")
        self.left = Choice(source, "View at the left")
        self.right = Choice(source, "View at the right")
        self.place = words("", 13, 500)
        self.back = self._button(source, "chevron-left", "Block before", -1)
        self.on = self._button(source, "chevron-right", "Next block", 1)
        self.view = HexView(source)
        self._sheet = Card(source)
        self._lay_out()
        for choice in (self.left, self.right):
            choice.currentTextChanged.connect(self._on_choice)
        focus.selection_changed.connect(self._on_selection)
        follower.info_changed.connect(self._on_info)
        if follower.info is not None:
            self._on_info(follower.info)

    def show_views(self, left: str, right: str) -> None:
        """Show these two, at the place that is selected."""
        for choice, name in ((self.left, left), (self.right, right)):
            choice.setCurrentIndex(max(choice.findText(name), 0))
        self._on_selection(self._focus.selection)
        self._look()

    def forget(self) -> None:
        """Drop what was asked and told: it is about another volume."""
        self._is_asking = self._is_stale = False
        self._start = 0
        self.view.show_block(HexBlock(0, b"", b""), _DIGITS_MIN)
        self.place.setText("")

    # -- building -------------------------------------------------------------------------------

    def _button(self, source: ThemeSource, icon: str, name: str, by: int) -> ThemedButton:
        button = ThemedButton(source, icon)
        button.set_property("small", value=True)
        button.setAutoDefault(False)
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setFixedWidth(34)
        button.clicked.connect(guarded(lambda: self._move(by)))
        return button

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.back)
        head.addWidget(self.on)
        head.addWidget(self.place, 1)
        for label, choice in (("Left", self.left), ("Right", self.right)):
            head.addWidget(words(label, 13, 500, "sub"))
            head.addWidget(choice, 1)
        inside = QVBoxLayout(self._sheet)
        inside.setContentsMargins(4, 8, 4, 8)
        inside.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(12)
        column.addWidget(words("Bytes", 16, 650))
        column.addLayout(head)
        column.addWidget(self._sheet)

    # -- asking ---------------------------------------------------------------------------------

    def _look(self) -> None:
        """Read the block of both views, or again after the reading that is under way."""
        info = self._follower.info
        if info is None or not self.isVisible():
            return
        if self._is_asking:
            self._is_stale = True
            return
        self._is_asking, self._is_stale = True, False
        start, grain = self._start, info.grain
        pair = [(each.currentText(), info.size_of(each.currentText())) for each in self._choices]

        def work(session: VolumeSession) -> HexBlock:
            parts = [
                session.read(start, min(grain, size - start), name) if start < size else b""
                for name, size in pair
            ]
            return HexBlock(start, parts[0], parts[1])

        self._link.query(work, self._got, self._missed)

    @property
    def _choices(self) -> tuple[Choice, Choice]:
        return self.left, self.right

    def _got(self, answer: object) -> None:
        assert isinstance(answer, HexBlock)
        self._is_asking = False
        info = self._follower.info
        if info is None:
            return
        self.view.show_block(answer, max(_DIGITS_MIN, len(f"{info.size:x}")))
        count = answer.changed_count
        told = "equal in both" if not count else f"{count:,} byte{'s' * (count != 1)} differ"
        form = AddressFormat.of(info.size, info.grain)
        self.place.setText(f"Block {form.text(answer.start)}: {told}")
        if self._is_stale:
            self._look()

    def _missed(self, error: RangepairError) -> None:
        """Say why: damaged data is never shown."""
        self._is_asking = False
        self.view.show_block(HexBlock(self._start, b"", b""), _DIGITS_MIN)
        self.place.setText(error.message)
        self.failed.emit(error)

    def _move(self, by: int) -> None:
        info = self._follower.info
        if info is not None:
            start = self._start + by * info.grain
            if 0 <= start < info.size:
                self._start = start
                self.moved.emit(start, info.grain)
                self._look()

    # -- what others tell -----------------------------------------------------------------------

    @Slot(object)
    @guarded
    def _on_info(self, info: VolumeInfo) -> None:
        names = [ORIGINAL, *(copy.name for copy in info.copies if not copy.deleted)]
        for choice in self._choices:
            if names != [choice.itemText(n) for n in range(choice.count())]:
                meant = choice.currentText()
                choice.blockSignals(True)
                choice.clear()
                choice.addItems(names)
                choice.setCurrentIndex(max(choice.findText(meant), 0))
                choice.blockSignals(False)
        self._look()

    @Slot(str)
    @guarded
    def _on_choice(self, _name: str) -> None:
        self._look()

    @Slot(object)
    @guarded
    def _on_selection(self, place: object) -> None:
        info, found = self._follower.info, self._focus.selection
        if found is None or found.area is not AreaKind.INITIAL or info is None or place is None:
            return
        self._start = found.extent.start // info.grain * info.grain
        self._look()
