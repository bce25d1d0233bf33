# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Views as files, loop devices and mounted file systems of this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.bridge.sharing import AttachWish
from gui.guard import guarded
from gui.views.actionbutton import ThemedButton
from gui.views.card import Card
from gui.views.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.attached import AttachedView
    from gui.theme import ThemeSource


_ROWS_HEIGHT: Final = 168
"""Two views with their notices; more are scrolled to."""
_PARTITIONS_MAX: Final = 256


class AttachCard(Card):
    """A folder to mount in, a button, and a line for each view that is attached."""

    attach_asked = Signal(object)
    """AttachWish"""
    detach_asked = Signal(str)
    """(copy)"""
    folder_wanted = Signal()

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin with nothing attached."""
        super().__init__(source, "A disk of this computer", "through FUSE", parent=parent)
        self._attached: Sequence[AttachedView] = ()
        self._copy = ""
        self._is_busy = False
        self.about = words(
            "A file that other programs can open; for root a loop device, too, and a mounted file"
            " system.", 13, 500,
        )  # fmt: skip
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("Folder to mount in")
        self.folder.setAccessibleName("Folder to mount it in")
        self.folder.setToolTip(
            "Nothing is mounted if this is empty; a folder is made if only its parent is there, and"
            " removed again"
        )
        self.folder.textChanged.connect(self._enable)
        self.partition = QLineEdit()
        self.partition.setPlaceholderText("Partition")
        self.partition.setAccessibleName("Number of the partition to mount")
        self.partition.setToolTip("Only if several have a file system")
        self.partition.setValidator(QIntValidator(1, _PARTITIONS_MAX, self.partition))
        self.partition.setFixedWidth(96)
        self.read_only = QCheckBox("Read-only")
        self.read_only.setToolTip("Let nothing write to it; a snapshot always is")
        self.browse = ThemedButton(source, "folder", " Choose…")
        self.browse.setAutoDefault(False)
        self.browse.clicked.connect(self.folder_wanted)
        self.attach = ThemedButton(source, "disk", " Attach")
        self.attach.set_property("primary", value=True)
        self.attach.setAutoDefault(False)
        self.attach.clicked.connect(self._on_attach)
        self.rows: list[AttachedRow] = []
        self._rows_box = QWidget()
        self._list = QVBoxLayout(self._rows_box)
        self._list.setContentsMargins(0, 0, 6, 0)
        self._list.setSpacing(6)
        self._list.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFixedHeight(_ROWS_HEIGHT)
        self._scroll.setWidget(self._rows_box)
        self._lay_out()
        self._scroll.setVisible(False)

    def show_view(self, copy: str) -> None:
        """Mean this copy, or the original."""
        self._copy = copy
        self._enable()

    def show_attached(self, attached: Sequence[AttachedView], *, is_busy: bool) -> None:
        """Show what is attached, and whether that is about to change."""
        self._is_busy = is_busy
        if attached != self._attached:
            self._attached = attached
            self._make_rows()
        self._enable()

    def _lay_out(self) -> None:
        entry = QHBoxLayout()
        entry.setSpacing(8)
        for part, stretch in (
            (self.folder, 1), (self.browse, 0), (self.partition, 0), (self.read_only, 0),
            (self.attach, 0),
        ):  # fmt: skip
            entry.addWidget(part, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 44, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.about)
        column.addLayout(entry)
        column.addWidget(self._scroll)

    def _make_rows(self) -> None:
        for row in self.rows:
            self._list.removeWidget(row)
            row.deleteLater()
        self.rows = [AttachedRow(self.source, view) for view in self._attached]
        for row in self.rows:
            row.detach_asked.connect(self.detach_asked)
            self._list.insertWidget(self._list.count() - 1, row)
        self._scroll.setVisible(bool(self.rows))

    @Slot()
    @guarded
    def _enable(self, *_words: object) -> None:
        self.partition.setEnabled(bool(self.folder.text().strip()))
        is_there = any(view.copy == self._copy for view in self._attached)
        self.attach.setEnabled(not (self._is_busy or is_there))
        self.attach.setToolTip("It is attached already" if is_there else "")
        for row in self.rows:
            row.detach.setEnabled(not self._is_busy)

    @Slot()
    @guarded
    def _on_attach(self) -> None:
        mount = self.folder.text().strip()
        number = int(self.partition.text() or 0) or None
        self.attach_asked.emit(
            AttachWish(self._copy, mount, number if mount else None, self.read_only.isChecked())
        )


class AttachedRow(QWidget):
    """Where one view is, and a button that takes it away."""

    detach_asked = Signal(str)

    def __init__(self, source: ThemeSource, view: AttachedView) -> None:
        """Show ``view``."""
        super().__init__()
        self._copy = view.copy
        self.name = words(view.copy, 13, 600)
        self.places = words(_places(view), 12, 400, "sub")
        self.places.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.notices = words("\n".join(view.notices), 12, 400, "warn")
        self.notices.setVisible(bool(view.notices))
        self.detach = ThemedButton(source, "close", " Detach")
        self.detach.set_property("small", value=True)
        self.detach.setAutoDefault(False)
        self.detach.setAccessibleName(f"Detach {view.copy}")
        self.detach.clicked.connect(self._on_detach)
        told = QVBoxLayout()
        told.setSpacing(2)
        for part in (self.name, self.places, self.notices):
            told.addWidget(part)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 4, 0, 0)
        row.setSpacing(8)
        row.addLayout(told, 1)
        row.addWidget(self.detach)

    @Slot()
    @guarded
    def _on_detach(self) -> None:
        self.detach_asked.emit(self._copy)


def _places(view: AttachedView) -> str:
    """Return where a view can be used, the most useful first."""
    mode = ", read-only" if view.read_only else ""
    mounted = f"{view.filesystem} mounted at {view.mount}{mode}" if view.mount else ""
    device = f"{view.loop}{'' if mounted else mode}" if view.loop else ""
    return "\n".join(place for place in (mounted, device, view.file) if place)
