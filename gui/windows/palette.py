# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Two ways to find an act: the palette, by typing part of its name, and the sheet of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    Qt,
    Slot,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.theme import fonts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtGui import QAction

_NUMBER: Final = Qt.ItemDataRole.UserRole
_KEY: Final = Qt.ItemDataRole.UserRole + 1
_LIST_KEYS: Final = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def plain(action: QAction) -> str:
    """Return the action's words without marks."""
    return action.text().replace("&", "").removesuffix("…")


def keys_of(action: QAction) -> str:
    """Return the action's key as it is printed on a keyboard."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


class _KeyDelegate(QStyledItemDelegate):
    """Draws the key of an act at the right of its row."""

    @override
    @guarded
    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        painter.setFont(fonts.font(12, 500, mono=True))
        painter.setPen(option.palette.color(QPalette.ColorRole.PlaceholderText))
        align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(option.rect.adjusted(0, 0, -10, 0), int(align), str(index.data(_KEY)))


class CommandPalette(QDialog):
    """Type, choose with the arrows, press Return."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        """Offer the actions that can be done now."""
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName("Command palette")
        self._actions = [action for action in actions if action.isEnabled() and plain(action)]
        self.field = QLineEdit()
        self.field.setPlaceholderText("Find an act by its name")
        self.field.setAccessibleName("Find an act by its name")
        self.field.installEventFilter(self)
        self.list = QListWidget()
        self.list.setAccessibleName("Acts")
        self.list.setUniformItemSizes(True)
        self.list.setFont(fonts.font(13))
        self.list.setItemDelegate(_KeyDelegate(self.list))
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.list)
        self.resize(460, 380)
        self.field.textChanged.connect(self._narrow)
        self.field.returnPressed.connect(self._run)
        self.list.itemClicked.connect(self._run)
        self._narrow("")
        self.field.setFocus()

    @Slot(str)
    @guarded
    def _narrow(self, words: str) -> None:
        parts = words.lower().split()
        self.list.clear()
        for number, action in enumerate(self._actions):
            name = plain(action)
            if all(part in name.lower() for part in parts):
                item = QListWidgetItem(name)
                item.setData(_NUMBER, number)
                item.setData(_KEY, keys_of(action))
                item.setSizeHint(QSize(100, 32))
                self.list.addItem(item)
        self.list.setCurrentRow(0)

    @Slot()
    @guarded
    def _run(self, *_item: object) -> None:
        item = self.list.currentItem()
        if item is not None:
            action = self._actions[item.data(_NUMBER)]
            self.close()
            action.trigger()

    @override
    @guarded_or(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        is_press = event.type() == QEvent.Type.KeyPress
        if is_press and isinstance(event, QKeyEvent) and event.key() in _LIST_KEYS:
            self.list.keyPressEvent(event)
            return True
        return super().eventFilter(watched, event)


PANE_KEYS: Final = [
    ("On a map: go to a cell, select", "Arrows, Shift"),
    ("On a map: pan, zoom", "A D, W S"),
    ("On a map: whole, selection, Hilbert", "0, F, H"),
    ("On a map: zoom, pan, select by mouse", "Wheel, drag, Shift"),
    ("The last write, the guided demo: pause", "Space"),
    ("The last write, the guided demo: step", "Left, Right"),
]
"""What the parts of the window do with keys of their own, while they have the keyboard."""


class KeySheet(QDialog):
    """Every act that has a key, and the keys of the parts, in two columns."""

    def __init__(self, actions: Iterable[QAction], parent: QWidget | None = None) -> None:
        """List ``actions``."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Keyboard shortcuts")
        rows = [(plain(action), keys_of(action)) for action in actions if keys_of(action)]
        rows += PANE_KEYS
        self.rows = rows
        grid = QGridLayout(self)
        grid.setContentsMargins(28, 24, 28, 24)
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(9)
        half = (len(rows) + 1) // 2
        for number, (words, key) in enumerate(rows):
            column = 0 if number < half else 2
            label = QLabel(words)
            label.setFont(fonts.font(13))
            code = QLabel(key)
            code.setFont(fonts.font(12, 500, mono=True))
            code.setProperty("tone", "accent")
            grid.addWidget(label, number % half, column)
            grid.addWidget(code, number % half, column + 1)
