# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Asks how long the volume shall be, and says meanwhile what that means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
)

from core.units import SECTOR_BYTES, VOLUME_BYTES_MAX, format_bytes, parse_bytes
from gui.commands.resizing import Consequence
from gui.guard import guarded
from gui.theme import fonts
from gui.views.sizebars import SizeBars
from gui.views.words import words
from gui.windows.sheet import Sheet

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from gui.commands.resizing import ResizeOutlook
    from gui.theme import ThemeSource

_LINES: Final = 4
_WIDTH: Final = 560
_MARGIN: Final = 24
_PROPOSALS: Final = (
    (-50, "\u2212 50 %"),
    (-25, "\u2212 25 %"),
    (25, "+ 25 %"),
    (100, "\u00d7 2"),
)
_UNDONE: Final = "Take a snapshot first: it keeps all of it, and Undo brings it back"
_WARNING: Final = "Without a snapshot this cannot be undone."


class ResizeDialog(Sheet):
    """A field, some proposals, two bars and what it means in words."""

    chosen = Signal(object, bool)
    """(bytes, whether a snapshot comes first)"""

    def __init__(
        self, source: ThemeSource, outlook: ResizeOutlook, parent: QWidget | None = None
    ) -> None:
        """Propose the size that it has."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Resize volume")
        self.setModal(True)
        self._outlook = outlook
        self.field = QLineEdit(_exact(outlook.size_bytes))
        self.field.setAccessibleName("Size of the volume")
        self.field.selectAll()
        self.proposals = [self._proposal(share, text) for share, text in _PROPOSALS]
        self.bars = SizeBars(source, outlook.size_bytes, (outlook.starts, outlook.stops))
        self.lines = [words("", 13, 450) for _ in range(_LINES)]
        self.safety = QCheckBox(_UNDONE)
        self.safety.setChecked(True)
        self.warning = words(_WARNING, 13, 600, "danger")
        self.buttons = QDialogButtonBox()
        cancel = self.buttons.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        cancel.setAutoDefault(False)
        self.ok = self.buttons.addButton("Resize", QDialogButtonBox.ButtonRole.AcceptRole)
        self.ok.setDefault(True)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.field.textChanged.connect(self._follow)
        self.safety.toggled.connect(self._follow)
        self.accepted.connect(self._tell)
        self._lay_out()
        self._follow()

    def _proposal(self, share: int, text: str) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("small", True)
        button.setAutoDefault(False)
        button.setFont(fonts.font(12, 500))
        size = self._outlook.size_bytes * (100 + share) // 100 // SECTOR_BYTES * SECTOR_BYTES
        size = max(size, SECTOR_BYTES)
        button.setAccessibleName(f"{text}: {format_bytes(size)}")
        button.setToolTip(format_bytes(size))
        button.clicked.connect(guarded(lambda: self.field.setText(_exact(size))))
        return button

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(words("Size", 13, 500, "sub"))
        row.addWidget(self.field, 1)
        for button in self.proposals:
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, 20, _MARGIN, 18)
        column.setSpacing(12)
        name = Path(self._outlook.image).name
        column.addWidget(words(f"Resize {name}", 16, 650))
        column.addLayout(row)
        column.addWidget(self.bars)
        told = QVBoxLayout()
        told.setSpacing(6)
        for line in self.lines:
            told.addWidget(line)
        column.addLayout(told)
        column.addWidget(self.safety)
        column.addWidget(self.warning)
        column.addWidget(self.buttons)
        self.setFixedWidth(_WIDTH)

    @property
    def _size(self) -> int | None:
        """What is written in the field; None if that is no size that a volume can have."""
        try:
            size = parse_bytes(self.field.text())
        except ValueError:
            return None
        fits = SECTOR_BYTES <= size <= VOLUME_BYTES_MAX and size % SECTOR_BYTES == 0
        return size if fits else None

    def _problem(self) -> str:
        try:
            size = parse_bytes(self.field.text())
        except ValueError as error:
            return f"{error}."
        if not SECTOR_BYTES <= size <= VOLUME_BYTES_MAX:
            return f"The size must be between 512 B and {format_bytes(VOLUME_BYTES_MAX)}."
        return "The size must be a multiple of 512 bytes."

    @Slot()
    @guarded
    def _follow(self, *_change: object) -> None:
        size, before = self._size, self._outlook.size_bytes
        if size is None:
            told = [Consequence(self._problem(), "danger")]
        else:
            told = self._outlook.consequences(size)
            self.bars.show_size(size)
        for number, line in enumerate(self.lines):
            line.setVisible(number < len(told))
            if number < len(told):
                _say(line, *told[number])
        is_smaller = size is not None and size < before
        is_grave = is_smaller and not self.safety.isChecked()
        self.safety.setVisible(is_smaller)
        self.warning.setVisible(is_grave)
        self._dress(is_grave=is_grave)
        self.ok.setEnabled(size is not None and size != before)
        self.ok.setText(
            f"Cut off {format_bytes(before - size)}" if size and is_smaller else "Resize"
        )
        self.fit()

    def _dress(self, *, is_grave: bool) -> None:
        """Make the button look as grave as what it does; what is grave is not done by Return."""
        for name, value in (("danger", is_grave), ("primary", not is_grave)):
            self.ok.setProperty(name, value)
        self.ok.setDefault(not is_grave)
        self.ok.setAutoDefault(not is_grave)
        self.ok.style().unpolish(self.ok)
        self.ok.style().polish(self.ok)

    @Slot()
    @guarded
    def _tell(self) -> None:
        size = self._size
        if size is not None:
            self.chosen.emit(size, self.safety.isChecked())


def _exact(size: int) -> str:
    """Return a size so that it is the same when it is read again."""
    told = format_bytes(size)
    return told if parse_bytes(told) == size else str(size)


def _say(line: QLabel, text: str, tone: str) -> None:
    line.setText(text)
    line.setMinimumHeight(0)  # else it counts as needed
    line.setFixedHeight(line.heightForWidth(_WIDTH - 2 * _MARGIN))  # the dialog becomes as high
    if line.property("tone") != tone:
        line.setProperty("tone", tone)
        line.style().unpolish(line)
        line.style().polish(line)
