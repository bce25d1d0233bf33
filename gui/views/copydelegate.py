# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How a row of the tree is drawn: elbow, icon, name, lock, size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.models.copytree import CopyTreeRole, NodeKind
from gui.theme import fonts, icons
from gui.views.drawing import RIGHT, draw_name, draw_text, text_width

if TYPE_CHECKING:
    from gui.theme import ThemeSource

ROW_HEIGHT: Final = 29
_ICONS: Final = {
    NodeKind.VOLUME: "volume",
    NodeKind.SNAPSHOT: "copy",
    NodeKind.CLONE: "clone",
    NodeKind.DELETED_GROUP: "trash",
}
_BADGES: Final = {
    "intact": ("check", "good"),
    "suspect": ("warning", "warn"),
    "damaged": ("error", "danger"),
}
AnyIndex = QModelIndex | QPersistentModelIndex


class CopyDelegate(QStyledItemDelegate):
    """Draws over the whole width of the view, so that a selected row is one round sheet."""

    def __init__(self, source: ThemeSource, indent: int, parent: QWidget) -> None:
        """Paint with ``source``; a family stands ``indent`` pixels right of its parent."""
        super().__init__(parent)
        self._source = source
        self._indent = indent

    @override
    @guarded_or(QSize(100, ROW_HEIGHT))
    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        return QSize(100, ROW_HEIGHT)

    @override
    @guarded
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        rect = QRectF(option.rect)
        state = option.state
        width = rect.right()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        self._ground(painter, QRectF(0, rect.y(), width, rect.height()), state)
        self._branches(painter, rect, index)
        self._row(painter, rect, index, is_selected=is_selected)
        painter.restore()

    def _ground(self, painter: QPainter, box: QRectF, state: QStyle.StateFlag) -> None:
        theme = self._source.theme
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        is_hovered = bool(state & QStyle.StateFlag.State_MouseOver)
        if is_selected or is_hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("soft" if is_selected else "hover"))
            painter.drawRoundedRect(box.adjusted(0, 0.5, 0, -0.5), 6, 6)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent", 0.6), 1))
            painter.drawRoundedRect(box.adjusted(0.5, 1, -0.5, -1), 6, 6)

    def _branches(self, painter: QPainter, rect: QRectF, index: AnyIndex) -> None:
        """Draw the elbow to this row, and past it the lines of the families that go on below."""
        painter.setPen(QPen(self._source.theme.color("unline"), 1.2))
        x, middle = rect.x() - 1.5, rect.center().y()
        is_own = True
        while index.parent().isValid():
            goes_on = index.sibling(index.row() + 1, 0).isValid()
            top = rect.y() - (5 if index.row() == 0 else 0)
            if is_own:
                painter.drawLine(QPointF(x, middle), QPointF(x + 7, middle))
            if is_own or goes_on:
                bottom = rect.bottom() + 1 if goes_on else middle
                painter.drawLine(QPointF(x, top if is_own else rect.y()), QPointF(x, bottom))
            index, x, is_own = index.parent(), x - self._indent, False

    def _row(self, painter: QPainter, rect: QRectF, index: AnyIndex, *, is_selected: bool) -> None:
        theme = self._source.theme
        kind = index.data(CopyTreeRole.KIND)
        is_volume = kind is NodeKind.VOLUME
        is_faint = kind is NodeKind.DELETED_GROUP or index.data(CopyTreeRole.DELETED)
        x = rect.x() + 8
        tone = theme.accent if is_selected or is_volume else theme.sub
        painter.drawPixmap(round(x), round(rect.y()) + 6, self._icon(_ICONS[kind], tone))
        size_text = str(index.data(CopyTreeRole.SIZE_TEXT))
        size_font = fonts.font(12)
        size_width = text_width(size_text, size_font) + 2
        box = QRectF(rect.right() - 9 - size_width, rect.y(), size_width, rect.height())
        color = theme.accent if is_selected else theme.sub
        draw_text(painter, box, size_text, size_font, color, align=RIGHT)
        right = box.left() - 6
        if index.data(CopyTreeRole.LOCKED):
            painter.drawPixmap(round(right) - 13, round(rect.y()) + 8, self._icon("lock", tone, 13))
            right -= 18
        badge = _BADGES.get(str(index.data(CopyTreeRole.INTEGRITY)))
        if badge is not None:
            icon = self._icon(badge[0], getattr(theme, badge[1]), 13)
            painter.drawPixmap(round(right) - 13, round(rect.y()) + 8, icon)
            right -= 18
        name = QRectF(x + 23, rect.y(), right - x - 23, rect.height())
        color = theme.accent if is_selected else theme.faint if is_faint else theme.text
        font = fonts.font(13, 600 if is_selected or is_volume else 450)
        draw_name(painter, name, str(index.data()), font, color)

    def _icon(self, name: str, color: str, size: int = 16) -> QPixmap:
        return icons.pixmap(name, color, size, self._ratio())

    def _ratio(self) -> float:
        parent = self.parent()
        return parent.devicePixelRatioF() if isinstance(parent, QWidget) else 1.0

    @override
    @guarded_or(None)
    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: AnyIndex
    ) -> QWidget:
        editor = QLineEdit(parent)
        editor.setFont(fonts.font(13, 450))
        editor.setStyleSheet("min-height: 23px; padding: 0 5px; border-radius: 5px;")
        editor.setAccessibleName("New name of the copy")
        return editor

    @override
    @guarded
    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: AnyIndex
    ) -> None:
        editor.setGeometry(option.rect.adjusted(26, 1, -2, -1))
