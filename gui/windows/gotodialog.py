# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Asks for a place of the volume, in any of the ways in which people name one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QDialogButtonBox, QLineEdit, QVBoxLayout

from core.units import SECTOR_BYTES, format_bytes
from gui.guard import guarded
from gui.models.address import AddressFormat
from gui.views.words import words
from gui.windows.sheet import Sheet

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

_WIDTH: Final = 420
_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SECTOR: Final = re.compile(r"(?:lba|sector)\s*(\d+)", re.IGNORECASE)
_WAYS: Final = "A block as the map names it (0ee7), bytes (12 MiB), a sector (lba 4096), or 40 %"


def parse_place(text: str, size_bytes: int, grain_bytes: int) -> int | None:
    """Return the byte that is named; None if none of the volume is."""
    text = text.strip()
    if match := _PERCENT.fullmatch(text):
        place: int | None = int(float(match[1]) * size_bytes / 100)
        if place == size_bytes:
            place -= 1  # 100 % is the last of it
    elif match := _SECTOR.fullmatch(text):
        place = int(match[1]) * SECTOR_BYTES
    else:
        place = AddressFormat.of(size_bytes, grain_bytes).parse(text)
    return place if place is not None and 0 <= place < size_bytes else None


class GoToDialog(Sheet):
    """A field; Return goes there."""

    chosen = Signal(object, object)
    """(first byte, length) of the block"""

    def __init__(self, size_bytes: int, grain_bytes: int, parent: QWidget | None = None) -> None:
        """Ask for a place in a volume of this size."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Go to")
        self.setModal(True)
        self._size, self._grain = size_bytes, grain_bytes
        self.field = QLineEdit()
        self.field.setAccessibleName("Place in the volume")
        self.told = words(_WAYS, 12, 400, "sub")
        box = QDialogButtonBox()
        cancel = box.addButton("Cancel", QDialogButtonBox.ButtonRole.RejectRole)
        cancel.setAutoDefault(False)
        self.ok = box.addButton("Go to", QDialogButtonBox.ButtonRole.AcceptRole)
        self.ok.setProperty("primary", True)
        self.ok.setDefault(True)
        box.accepted.connect(self.accept)
        box.rejected.connect(self.reject)
        self.field.textChanged.connect(self._follow)
        self.accepted.connect(self._tell)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 18)
        column.setSpacing(12)
        for part in (words("Go to", 16, 650), self.field, self.told, box):
            column.addWidget(part)
        self.setFixedWidth(_WIDTH)
        self._follow()

    @property
    def _place(self) -> int | None:
        return parse_place(self.field.text(), self._size, self._grain)

    @Slot()
    @guarded
    def _follow(self, *_text: object) -> None:
        place = self._place
        self.ok.setEnabled(place is not None)
        if place is None:
            is_blank = not self.field.text().strip()
            size = format_bytes(self._size)
            self.told.setText(_WAYS if is_blank else f"No place of these {size}. {_WAYS}")
        else:
            block = AddressFormat.of(self._size, self._grain).text(place)
            self.told.setText(f"Block {block}, byte {place:,}, sector {place // SECTOR_BYTES:,}")

    @Slot()
    @guarded
    def _tell(self) -> None:
        place = self._place
        if place is not None:
            start = place // self._grain * self._grain
            self.chosen.emit(start, self._grain)
