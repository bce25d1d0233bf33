# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pane at the left: the volume, its copies, the room they take, and the copy in focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtWidgets import QAbstractItemView, QTreeView, QWidget
from typing_extensions import override

from gui.guard import guarded
from gui.models.copytree import VOLUME_KEY, CopyTreeModel, CopyTreeRole
from gui.views.actionbutton import ActionButton
from gui.views.card import HEADER_HEIGHT, Card
from gui.views.copydelegate import ROW_HEIGHT, CopyDelegate
from gui.views.copysummary import HEIGHT as SUMMARY_HEIGHT
from gui.views.copysummary import CopySummary
from gui.views.storagebars import HEIGHT as STORAGE_HEIGHT
from gui.views.storagebars import StorageBars

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QResizeEvent

    from core.answers import VolumeInfo
    from gui.theme import ThemeSource

INDENT: Final = 18
SIDE: Final = 8
FOOT: Final = 6
GAP: Final = 12
ROWS_MIN: Final = 4
ROWS_AMPLE: Final = 8


class CopyTreeView(QTreeView):
    """The list itself. Branch lines are the delegate's, so Qt draws none."""

    left = Signal()
    """The pointer has left the list."""

    def __init__(self, source: ThemeSource, model: CopyTreeModel, parent: QWidget) -> None:
        """Show ``model``."""
        super().__init__(parent)
        self.setModel(model)
        self.setItemDelegate(CopyDelegate(source, INDENT, self))
        self.setHeaderHidden(True)
        self.setIndentation(INDENT)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setMouseTracking(True)
        self.setExpandsOnDoubleClick(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setAccessibleName("Volume and copies")
        source.changed.connect(self.viewport().update)
        model.rowsInserted.connect(self._open_above)
        model.modelReset.connect(self.expandAll)
        self.expandAll()

    @guarded
    def _open_above(self, parent: QModelIndex, *_rows: object) -> None:
        if not self.isExpanded(parent):
            self.expand(parent)

    def rows_open(self, most: int) -> int:
        """Return how many rows are open, counted up to ``most``."""
        index, count = self.model().index(0, 0), 0
        while index.isValid() and count < most:
            index, count = self.indexBelow(index), count + 1
        return count

    @override
    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.left.emit()

    @override
    def drawBranches(self, painter: object, rect: object, index: object) -> None:
        """Draw nothing; see the delegate."""


class CopyTreePane(Card):
    """Tree, storage bars and summary in one card."""

    copy_picked = Signal(object)
    """int: id of the copy to look at, ``VOLUME_KEY`` for the original."""
    picks_changed = Signal(object)
    """list[int]: ids of all selected copies, soft-deleted ones included."""
    described = Signal(str)
    """What is under the pointer, in words; empty when nothing is."""
    menu_asked = Signal(object)
    """QPoint on the screen."""

    def __init__(
        self,
        source: ThemeSource,
        model: CopyTreeModel,
        take: QAction,
        parent: QWidget | None = None,
    ) -> None:
        """Show ``model``; the plus in the header triggers ``take``."""
        super().__init__(source, "Volume and copies", parent=parent)
        self.model = model
        self.view = CopyTreeView(source, model, self)
        self.storage = StorageBars(source, self)
        self.summary = CopySummary(source, self)
        self.plus = ActionButton(source, take, "plus", parent=self)
        self.plus.set_compact(compact=True)
        self.plus.set_property("bare", value=True)
        self.plus.set_property("small", value=True)
        self.plus.setFixedWidth(28)
        self.setMinimumHeight(HEADER_HEIGHT + ROWS_MIN * ROW_HEIGHT + FOOT)
        for news in (model.rowsInserted, model.rowsRemoved, model.modelReset):
            news.connect(self._share_out)
        for told in (self.view.expanded, self.view.collapsed):
            told.connect(self._share_out)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        self.view.customContextMenuRequested.connect(self._on_menu)
        self.view.entered.connect(self._on_entered)
        self.view.viewportEntered.connect(self._on_left)
        self.view.left.connect(self._on_left)
        model.rename_asked.connect(self._keep_key)
        self._wanted: int | None = None
        model.rowsInserted.connect(self._pick_wanted)

    @property
    def current(self) -> int:
        """Id of the copy with the keyboard's cursor; ``VOLUME_KEY`` if it is on the volume."""
        key = self.view.currentIndex().data(CopyTreeRole.KEY)
        return key if isinstance(key, int) else VOLUME_KEY

    @property
    def is_on_volume(self) -> bool:
        """Whether the cursor is on the live volume itself, or nowhere yet."""
        return self.view.currentIndex().data(CopyTreeRole.KEY) in {VOLUME_KEY, None}

    @property
    def picks(self) -> list[int]:
        """Ids of all selected copies."""
        keys = (index.data(CopyTreeRole.KEY) for index in self.view.selectedIndexes())
        return [key for key in keys if isinstance(key, int) and key > VOLUME_KEY]

    def show_info(self, info: VolumeInfo) -> None:
        """Merge a new catalog in; what was in focus stays so if it is still there."""
        lost, row = self.current, QPersistentModelIndex(self.view.currentIndex())
        had_row, was_live = row.isValid(), self._is_live(self.view.currentIndex())
        self.model.load(info)
        if not self.view.currentIndex().isValid() or (had_row and not row.isValid()):
            self._pick_after(lost, was_live=was_live)

    def _pick_after(self, lost: int, *, was_live: bool) -> None:
        """Select a row in place of the one that had the cursor; Qt only moves the cursor on."""
        index = self.model.index_of(lost)
        if index.isValid() and (self._is_live(index) or not was_live):  # it stands elsewhere now
            self.pick(lost)
        elif not self.view.selectedIndexes():
            index = self.view.currentIndex()
            while index.isValid() and not self._is_live(index):
                index = self.view.indexAbove(index)
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            if not index.isValid():
                index = self.model.index_of(VOLUME_KEY)
            self.view.selectionModel().setCurrentIndex(index, flags)

    def _is_live(self, index: QModelIndex) -> bool:
        key = index.data(CopyTreeRole.KEY)
        is_row = isinstance(key, int) and key >= VOLUME_KEY
        return is_row and not index.data(CopyTreeRole.DELETED)

    def pick(self, key: int) -> None:
        """Put the cursor on a copy, now or as soon as it is listed."""
        index = self.model.index_of(key)
        if not index.isValid():
            self._wanted = key
            return
        self._wanted = None
        if self.view.currentIndex() != index:  # else a selection of several would be lost
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
            self.view.selectionModel().setCurrentIndex(index, flags)
        self.view.scrollTo(index)

    def set_editable(self, *, editable: bool) -> None:
        """Let a double click open the editor of a name, or not."""
        trigger = QAbstractItemView.EditTrigger
        self.view.setEditTriggers(trigger.DoubleClicked if editable else trigger.NoEditTriggers)

    def edit_name(self) -> bool:
        """Open the editor in the current row; False if this name cannot change."""
        index = self.view.currentIndex()
        if not index.isValid() or not self.model.flags(index) & Qt.ItemFlag.ItemIsEditable:
            return False
        self.view.setFocus()
        self.view.edit(index)
        return True

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.plus.move(self.width() - 42, 9)
        self._share_out()

    @Slot()
    @guarded
    def _share_out(self, *_where: object) -> None:
        """Give the copies whole rows; what else the card tells is shown as far as room is left."""
        left, width = SIDE, self.width() - 2 * SIDE
        bottom = self.height() - FOOT
        rows = self.view.rows_open(ROWS_AMPLE)
        has_summary = bottom - HEADER_HEIGHT - SUMMARY_HEIGHT >= ROWS_MIN * ROW_HEIGHT
        if has_summary:
            bottom -= SUMMARY_HEIGHT
            self.summary.setGeometry(left, bottom, width, SUMMARY_HEIGHT)
        room = bottom - HEADER_HEIGHT - STORAGE_HEIGHT - GAP
        has_storage = has_summary and room >= max(rows, ROWS_MIN) * ROW_HEIGHT
        if has_storage:
            bottom -= STORAGE_HEIGHT
            self.storage.setGeometry(left, bottom, width, STORAGE_HEIGHT)
        if has_summary:
            bottom -= GAP
        whole = max(1, (bottom - HEADER_HEIGHT) // ROW_HEIGHT)
        self.view.setGeometry(left, HEADER_HEIGHT, width, whole * ROW_HEIGHT)
        self.summary.setVisible(has_summary)
        self.storage.setVisible(has_storage)

    @Slot()
    @guarded
    def _pick_wanted(self, *_where: object) -> None:
        if self._wanted is not None and self.model.index_of(self._wanted).isValid():
            self.pick(self._wanted)

    @Slot(object, object)
    @guarded
    def _keep_key(self, copy_id: object, _name: object) -> None:
        if isinstance(copy_id, int):
            self.pick(copy_id)

    @Slot(QItemSelection, QItemSelection)
    @guarded
    def _on_selection(self, *_changed: object) -> None:
        self.picks_changed.emit(self.picks)

    @Slot(QModelIndex, QModelIndex)
    @guarded
    def _on_current(self, index: QModelIndex | QPersistentModelIndex, _old: object) -> None:
        key = index.data(CopyTreeRole.KEY)
        if isinstance(key, int) and key >= VOLUME_KEY:
            self.copy_picked.emit(key)
        self.picks_changed.emit(self.picks)

    @Slot(QModelIndex)
    @guarded
    def _on_entered(self, index: QModelIndex) -> None:
        self.described.emit(str(index.data(Qt.ItemDataRole.AccessibleTextRole)))

    @Slot()
    @guarded
    def _on_left(self) -> None:
        self.described.emit("")

    @Slot(QPoint)
    @guarded
    def _on_menu(self, at: QPoint) -> None:
        self.menu_asked.emit(self.view.viewport().mapToGlobal(at))
