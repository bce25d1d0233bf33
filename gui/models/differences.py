# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where two views may differ: ranges in a table, and the way from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from typing_extensions import override

from core.units import format_bytes
from gui.guard import guarded_or
from gui.models.address import AddressFormat

if TYPE_CHECKING:
    from core.answers import Int64s

    AnyIndex = QModelIndex | QPersistentModelIndex

ROWS_MAX: Final = 1_000_000
"""A table view hangs where all its rows together are 2^31 pixels high."""
_DISPLAY: Final = int(Qt.ItemDataRole.DisplayRole)
_ALIGN: Final = int(Qt.ItemDataRole.TextAlignmentRole)
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_TITLES: Final = ("Range", "Length")


@dataclass(frozen=True, eq=False)
class Differences:
    """What the engine told of two views.

    Attributes:
        starts, lengths: Ranges, sorted and disjoint; outside of them the views are equal.
        size_bytes: Of the longer one.
        grain_bytes: Unit of the addresses.
    """

    source: str
    target: str
    starts: Int64s
    lengths: Int64s
    size_bytes: int
    grain_bytes: int

    def __len__(self) -> int:
        """Return the number of ranges."""
        return len(self.starts)

    def equals(self, other: Differences | None) -> bool:
        """Return whether another tells the same."""
        return (
            other is not None
            and (self.source, self.target) == (other.source, other.target)
            and self.size_bytes == other.size_bytes
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.lengths, other.lengths)
        )

    @property
    def stops(self) -> Int64s:
        """First byte after each."""
        return self.starts + self.lengths

    @property
    def sentence(self) -> str:
        """What there is, in words."""
        if not len(self):
            return f"'{self.source}' and '{self.target}' are equal."
        total = format_bytes(int(self.lengths.sum()))
        count = "1 range" if len(self) == 1 else f"{len(self):,} ranges"
        share = 100 * int(self.lengths.sum()) / max(self.size_bytes, 1)
        return f"{count}, {total} together, may differ: {share:.2g} % of it."

    def beside(self, address: int | None, step: int) -> int | None:
        """Return the number of the next range after a byte, or before it; around the end."""
        if not len(self):
            return None
        if address is None:
            return 0 if step > 0 else len(self) - 1
        if step > 0:
            return int(np.searchsorted(self.starts, address, side="right")) % len(self)
        return (int(np.searchsorted(self.starts, address, side="left")) - 1) % len(self)


class DifferenceModel(QAbstractTableModel):
    """A row for each range."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Begin without any."""
        super().__init__(parent)
        self._told: Differences | None = None
        self._form = AddressFormat.of(0, 4096)

    @property
    def differences(self) -> Differences | None:
        """What is shown."""
        return self._told

    def load(self, told: Differences | None) -> None:
        """Show others."""
        self.beginResetModel()
        self._told = told
        if told is not None:
            self._form = AddressFormat.of(told.size_bytes, told.grain_bytes)
        self.endResetModel()

    def range_at(self, row: int) -> tuple[int, int] | None:
        """Return first byte and length of a row's range."""
        if self._told is None or not 0 <= row < len(self._told):
            return None
        return int(self._told.starts[row]), int(self._told.lengths[row])

    @override
    @guarded_or(0)
    def rowCount(self, parent: AnyIndex | None = None) -> int:
        if self._told is None or (parent is not None and parent.isValid()):
            return 0
        return min(len(self._told), ROWS_MAX)

    @override
    @guarded_or(0)
    def columnCount(self, parent: AnyIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_TITLES)

    @override
    @guarded_or(None)
    def data(self, index: AnyIndex, role: int = _DISPLAY) -> object:
        if role == _ALIGN and index.column() == 1:
            return _RIGHT
        found = self.range_at(index.row()) if role == _DISPLAY else None
        if found is None:
            return None
        start, length = found
        return (
            self._form.span_text(start, start + length)
            if not index.column()
            else format_bytes(length)
        )

    @override
    @guarded_or(None)
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _DISPLAY) -> object:
        if orientation == Qt.Orientation.Horizontal and role == _DISPLAY:
            return _TITLES[section]
        if role == _ALIGN:
            return _RIGHT if section == 1 else _LEFT
        return None
