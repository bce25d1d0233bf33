# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The volume, its copies as a tree, and the soft-deleted ones in a group at the bottom.

Every catalog that arrives is merged into the rows that are there, so that selection, expansion and
an editor that is open survive: rows vanish, then appear, then change, each announced to Qt.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import (
    QAbstractItemModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from typing_extensions import override

from core.events import ORIGINAL_ID
from core.session import ORIGINAL
from core.units import format_bytes
from gui.models.integrity import integrity_sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.answers import CopyInfo, VolumeInfo

AnyIndex = QModelIndex | QPersistentModelIndex

ORIGINAL_ELSEWHERE: Final = f"{ORIGINAL} (redirected)"
"""The volume's row while the image is not the original."""
VOLUME_KEY: Final = ORIGINAL_ID
DELETED_KEY: Final = -1
_ROOT_KEY: Final = -2
_ID_OFFSET: Final = 2  # an index carries key + 2, never a pointer that could dangle
_ROWS_AT_ONCE_MAX: Final = 256
"""A tree view lays all rows out anew at each insertion; beyond this a reset is cheaper."""

_DISPLAY: Final = Qt.ItemDataRole.DisplayRole
_EDIT: Final = Qt.ItemDataRole.EditRole
_TOOLTIP: Final = Qt.ItemDataRole.ToolTipRole
_ACCESSIBLE: Final = Qt.ItemDataRole.AccessibleTextRole


class NodeKind(enum.Enum):
    """What a row of the tree stands for."""

    VOLUME = enum.auto()
    SNAPSHOT = enum.auto()
    CLONE = enum.auto()
    DELETED_GROUP = enum.auto()


class CopyTreeRole(enum.IntEnum):
    """What the delegate asks for beside the text."""

    KIND = Qt.ItemDataRole.UserRole + 1
    SIZE_TEXT = Qt.ItemDataRole.UserRole + 2
    LOCKED = Qt.ItemDataRole.UserRole + 3
    DELETED = Qt.ItemDataRole.UserRole + 4
    KEY = Qt.ItemDataRole.UserRole + 5
    INTEGRITY = Qt.ItemDataRole.UserRole + 6


class _Node:
    """One row; ``key`` is the copy's id, or a constant of this module."""

    __slots__ = ("children", "copy", "key", "parent", "text")

    def __init__(
        self, key: int, parent: _Node | None, text: str = "", copy: CopyInfo | None = None
    ) -> None:
        self.key = key
        self.parent = parent
        self.text = text
        self.copy = copy
        self.children: list[_Node] = []

    @property
    def row(self) -> int:
        """Place among its siblings."""
        return self.parent.children.index(self) if self.parent else 0

    @property
    def kind(self) -> NodeKind:
        """What the row stands for."""
        if self.copy is not None:
            return NodeKind.CLONE if self.copy.kind == "clone" else NodeKind.SNAPSHOT
        return NodeKind.VOLUME if self.key == VOLUME_KEY else NodeKind.DELETED_GROUP


class CopyTreeModel(QAbstractItemModel):
    """One column; the delegate draws icon, name, lock and size out of the roles."""

    rename_asked = Signal(object, object)
    """(copy id, new name): a name was edited in place; the row changes when the engine has."""

    def __init__(self, parent: QObject | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._root = _Node(_ROOT_KEY, None)
        self._nodes: dict[int, _Node] = {}
        self._info: VolumeInfo | None = None

    @property
    def info(self) -> VolumeInfo | None:
        """The catalog as last loaded."""
        return self._info

    def copy(self, key: int) -> CopyInfo | None:
        """Return the copy with this id, soft-deleted ones included."""
        node = self._nodes.get(key)
        return node.copy if node else None

    def copies(self) -> list[CopyInfo]:
        """Return all copies, soft-deleted ones included."""
        return list(self._info.copies) if self._info is not None else []

    def index_of(self, key: int) -> QModelIndex:
        """Return where the copy (or ``VOLUME_KEY``) is now; invalid if it is gone."""
        node = self._nodes.get(key)
        return self._index(node) if node else QModelIndex()

    def clear(self) -> None:
        """Forget the volume."""
        self.beginResetModel()
        self._root.children.clear()
        self._nodes.clear()
        self._info = None
        self.endResetModel()

    def load(self, info: VolumeInfo) -> None:
        """Merge a catalog into the rows."""
        if self._info is not None and self._info.image != info.image:
            self.clear()
        self._info = info
        wanted = _wanted_tree(info)
        copies = {copy.id: copy for copy in info.copies}
        keys = {key for children in wanted.values() for key in children}
        if not self._nodes or len(keys ^ self._nodes.keys()) > _ROWS_AT_ONCE_MAX:
            self._rebuild(wanted, copies)
        else:
            self._drop_strays(self._root, wanted)
            self._merge(self._root, wanted, copies)

    def _merge(
        self, parent: _Node, wanted: dict[int, list[int]], copies: dict[int, CopyInfo]
    ) -> None:
        keys = wanted.get(parent.key, [])
        for row, key in enumerate(keys):
            text = self._text(key, copies.get(key), wanted)
            if row >= len(parent.children) or parent.children[row].key != key:
                self._insert(parent, row, _Node(key, parent, text, copies.get(key)))
            node = parent.children[row]
            self._refresh(row, node, text, copies.get(key))
            self._merge(node, wanted, copies)

    def _rebuild(self, wanted: dict[int, list[int]], copies: dict[int, CopyInfo]) -> None:
        self.beginResetModel()
        self._nodes.clear()
        self._root.children.clear()
        parents = [self._root]
        while parents:
            parent = parents.pop()
            for key in wanted.get(parent.key, ()):
                copy = copies.get(key)
                node = _Node(key, parent, self._text(key, copy, wanted), copy)
                parent.children.append(node)
                self._nodes[key] = node
            parents.extend(parent.children)
        self.endResetModel()

    def _drop_strays(self, parent: _Node, wanted: dict[int, list[int]]) -> None:
        """Take out whatever no longer belongs here, everywhere, before anything is put in."""
        keys = set(wanted.get(parent.key, ()))
        for row in range(len(parent.children) - 1, -1, -1):
            if parent.children[row].key in keys:
                self._drop_strays(parent.children[row], wanted)
            else:
                self._remove(parent, row)

    def _remove(self, parent: _Node, row: int) -> None:
        self.beginRemoveRows(self._index(parent), row, row)
        node = parent.children.pop(row)
        for gone in _walk(node):
            del self._nodes[gone.key]
        self.endRemoveRows()

    def _insert(self, parent: _Node, row: int, node: _Node) -> None:
        for old, sibling in enumerate(parent.children[row:], row):
            if sibling.key == node.key:  # order changed among siblings: move by taking it out first
                self._remove(parent, old)
                break
        self.beginInsertRows(self._index(parent), row, row)
        parent.children.insert(row, node)
        self._nodes[node.key] = node
        self.endInsertRows()

    def _refresh(self, row: int, node: _Node, text: str, copy: CopyInfo | None) -> None:
        if node.copy == copy and node.text == text:
            return
        node.copy, node.text = copy, text
        index = self.createIndex(row, 0, node.key + _ID_OFFSET)
        self.dataChanged.emit(index, index)

    def _text(self, key: int, copy: CopyInfo | None, wanted: dict[int, list[int]]) -> str:
        if copy is not None:
            return copy.name
        if key == DELETED_KEY:
            return f"Deleted ({len(wanted[DELETED_KEY])})"
        is_elsewhere = self._info is not None and self._info.original is not None
        return ORIGINAL_ELSEWHERE if is_elsewhere else ORIGINAL

    def _index(self, node: _Node) -> QModelIndex:
        if node is self._root:
            return QModelIndex()
        return self.createIndex(node.row, 0, node.key + _ID_OFFSET)

    def _node(self, index: AnyIndex) -> _Node:
        if not index.isValid():
            return self._root
        return self._nodes.get(index.internalId() - _ID_OFFSET, self._root)

    @override
    def index(self, row: int, column: int, parent: AnyIndex | None = None) -> QModelIndex:
        node = self._node(parent) if parent is not None else self._root
        if column != 0 or not 0 <= row < len(node.children):
            return QModelIndex()
        return self.createIndex(row, 0, node.children[row].key + _ID_OFFSET)

    @override
    def parent(self, child: AnyIndex | None = None) -> QModelIndex:  # type: ignore[override]
        if child is None or not child.isValid():
            return QModelIndex()
        above = self._node(child).parent
        return QModelIndex() if above is None else self._index(above)

    @override
    def rowCount(self, parent: AnyIndex | None = None) -> int:
        if parent is not None and parent.isValid() and parent.column() != 0:
            return 0
        return len((self._node(parent) if parent is not None else self._root).children)

    @override
    def columnCount(self, parent: AnyIndex | None = None) -> int:
        return 1

    @override
    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        copy = self._node(index).copy
        if copy is not None and not copy.deleted:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    @override
    def data(self, index: AnyIndex, role: int = _DISPLAY) -> object:
        if not index.isValid():
            return None
        node = self._node(index)
        if role in {_DISPLAY, _EDIT}:
            return node.text
        if role in {_TOOLTIP, _ACCESSIBLE}:
            return self._sentence(node)
        if role == CopyTreeRole.SIZE_TEXT:
            return self._size_text(node)
        return _detail(node, role)

    @override
    def setData(self, index: AnyIndex, value: object, role: int = _EDIT) -> bool:
        if role != _EDIT or not index.isValid() or not isinstance(value, str):
            return False
        copy = self._node(index).copy
        name = value.strip()
        if copy is None or name == copy.name:  # the engine says what names may not be
            return False
        self.rename_asked.emit(copy.id, name)
        return True

    def _size_text(self, node: _Node) -> str:
        if node.copy is not None:
            return format_bytes(node.copy.own_bytes)
        if node.kind is NodeKind.VOLUME and self._info is not None:
            return format_bytes(self._info.size)
        return ""

    def _sentence(self, node: _Node) -> str:
        copy = node.copy
        if copy is None:
            if node.kind is NodeKind.DELETED_GROUP:
                return "Deleted copies; they can be brought back until they are purged"
            return f"The live volume, {self._size_text(node)}"
        words = [f"{copy.kind.capitalize()} '{copy.name}' of '{copy.parent}'"]
        words.append(f"{format_bytes(copy.own_bytes)} of its own")
        if copy.locked:
            words.append("locked")
        if copy.deleted:
            words.append("deleted")
        words.append(integrity_sentence(copy))
        return ", ".join(words)


def _detail(node: _Node, role: int) -> object:
    if role == CopyTreeRole.KIND:
        return node.kind
    if role == CopyTreeRole.KEY:
        return node.key
    if role == CopyTreeRole.LOCKED:
        return node.copy is not None and node.copy.locked
    if role == CopyTreeRole.INTEGRITY:
        return None if node.copy is None else node.copy.integrity
    if role == CopyTreeRole.DELETED:
        return node.copy is not None and node.copy.deleted
    return None


def _walk(node: _Node) -> Iterable[_Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _wanted_tree(info: VolumeInfo) -> dict[int, list[int]]:
    """Return the children of every key, in order; the root included."""
    shown = {copy.name: copy.id for copy in info.copies if not copy.deleted}
    children: dict[int, list[int]] = {_ROOT_KEY: [VOLUME_KEY]}
    for copy in info.copies:
        if copy.deleted:
            children.setdefault(DELETED_KEY, []).append(copy.id)
        else:
            above = shown.get(copy.parent, VOLUME_KEY)
            children.setdefault(above if above != copy.id else VOLUME_KEY, []).append(copy.id)
    if DELETED_KEY in children:
        children[_ROOT_KEY].append(DELETED_KEY)
    return children
