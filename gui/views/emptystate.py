# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a window without a volume shows: three ways to begin, and what was open before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.theme import fonts
from gui.views.actionbutton import ActionButton, ThemedButton
from gui.views.card import Card

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from PySide6.QtGui import QAction, QPaintEvent

    from gui.theme import Theme, ThemeSource

SHEET_WIDTH: Final = 620
_SIDE: Final = 44
_SHOWN_MAX: Final = 6
_CELL: Final = 13
_COLUMNS: Final = 41
_PICTURE_HEIGHT: Final = 134


class Picture(QWidget):
    """The mechanism in one still: an original moves to the additional area, a pointer finds it."""

    _LIFTED: Final = (9, 21, 33)

    def __init__(self, source: ThemeSource) -> None:
        """Paint with ``source``."""
        super().__init__()
        self._source = source
        self.setAccessibleName(
            "Three originals of the initial area have moved to the additional area, each found by"
            " a pointer"
        )
        self.setFixedHeight(_PICTURE_HEIGHT)
        source.changed.connect(self.update)

    @override
    @guarded_or(QSize(460, _PICTURE_HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(_COLUMNS * _CELL, _PICTURE_HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        left = 0.0
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            for row in range(3):
                for column in range(_COLUMNS):
                    lifted = row == 2 and column in self._LIFTED
                    self._cell(painter, left, row * _CELL, column, "preserved" if lifted else "")
            for row in range(2):
                for column in range(_COLUMNS):
                    name = self._below(row, column)
                    self._cell(painter, left, _PICTURE_HEIGHT - (2 - row) * _CELL, column, name)
            for number, column in enumerate(self._LIFTED):
                start = QPointF(left + (column + 0.5) * _CELL, 3 * _CELL)
                end = QPointF(left + (4.5 + number * 3) * _CELL, _PICTURE_HEIGHT - 2 * _CELL - 3)
                self._arrow(painter, theme, start, end)

    def _below(self, row: int, column: int) -> str:
        if row == 0 and column == 0:
            return "meta"
        return "preserved" if row == 0 and column in {4, 7, 10} else "unmapped"

    def _cell(self, painter: QPainter, left: float, top: float, column: int, name: str) -> None:
        theme = self._source.theme
        box = QRectF(left + column * _CELL, top, _CELL - 2, _CELL - 2)
        painter.setBrush(theme.color(name or "shared"))
        is_free = name == "unmapped"
        painter.setPen(QPen(theme.color("unline"), 1) if is_free else QPen(Qt.PenStyle.NoPen))
        painter.drawRoundedRect(box, 2.5, 2.5)
        if name == "preserved":
            painter.setBrush(theme.color("card"))
            corner = box.topRight()
            shape = [corner, corner + QPointF(0, 5), corner - QPointF(5, 0)]
            painter.drawPolygon(QPolygonF(shape))

    def _arrow(self, painter: QPainter, theme: Theme, start: QPointF, end: QPointF) -> None:
        path = QPainterPath(start)
        reach = (end.y() - start.y()) * 0.55
        tip = QPointF(end.x(), end.y() - 5)
        path.cubicTo(start + QPointF(0, reach), end - QPointF(0, reach), tip)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for color, width in (("halo", 6.0), ("ink", 2.0)):
            painter.setPen(QPen(theme.color(color), width))
            painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("ink"))
        head = [end, end + QPointF(-4.5, -8), end + QPointF(4.5, -8)]
        painter.drawPolygon(QPolygonF(head))


class EmptyState(QWidget):
    """A sheet in the middle of the window."""

    open_recent = Signal(str)
    forget_recent = Signal(str)

    def __init__(
        self,
        source: ThemeSource,
        acts: Sequence[tuple[QAction, str]],
        parent: QWidget | None = None,
    ) -> None:
        """Offer ``acts``, the first of them as the one to press."""
        super().__init__(parent)
        self._source = source
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # holds the keyboard until Tab is pressed
        self.sheet = Card(source)
        self.sheet.setFixedWidth(SHEET_WIDTH)
        self.buttons = [
            ActionButton(source, action, icon, primary=number == 0)
            for number, (action, icon) in enumerate(acts)
        ]
        self.recent_rows: list[ThemedButton] = []
        self._recent_part = QWidget()
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._recent_title = _label("Recent", 12, 600, "sub")
        self._fill(QVBoxLayout(self.sheet))
        middle = QVBoxLayout(self)
        middle.addStretch(4)
        middle.addWidget(self.sheet, 0, Qt.AlignmentFlag.AlignHCenter)
        middle.addStretch(5)

    def _fill(self, column: QVBoxLayout) -> None:
        column.setContentsMargins(_SIDE, 36, _SIDE, 32)
        column.setSpacing(0)
        column.addWidget(_label("See an instant copy happen", 22, 650, ""))
        words = _label(
            "Take a copy of a disk image in a blink. Watch what is overwritten move aside, and "
            "what is not stay where it is.", 14, 400, "sub",
        )  # fmt: skip
        words.setWordWrap(True)
        width = SHEET_WIDTH - 2 * _SIDE  # a sheet of no fixed height would give it one line
        words.setFixedSize(width, words.heightForWidth(width))
        column.addSpacing(6)
        column.addWidget(words)
        column.addSpacing(26)
        column.addWidget(Picture(self._source))
        column.addSpacing(28)
        row = QHBoxLayout()
        row.setSpacing(9)
        for button in self.buttons:
            button.setMinimumHeight(36)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addSpacing(10)
        column.addWidget(_label("or drop a disk image here", 12, 400, "faint"))
        column.addWidget(self._recent_part)
        recent = QVBoxLayout(self._recent_part)
        recent.setContentsMargins(0, 18, 0, 0)
        recent.setSpacing(4)
        recent.addWidget(self._recent_title)
        recent.addLayout(self._recent)

    def set_recent(self, paths: Sequence[str], missing: Collection[str] = ()) -> None:
        """List what was open before, newest first; what is missing can only be removed."""
        for row in self.recent_rows:
            self._recent.removeWidget(row)
            row.deleteLater()
        self.recent_rows = [self._row(path, path not in missing) for path in paths[:_SHOWN_MAX]]
        for row in self.recent_rows:
            self._recent.addWidget(row)
        self._recent_part.setVisible(bool(self.recent_rows))

    def _row(self, path: str, is_there: bool) -> ThemedButton:
        words = f"  {Path(path).name}    {_shortened(Path(path).parent)}"
        button = ThemedButton(self._source, "disk" if is_there else "warning", words, tone="sub")
        button.set_property("bare", value=True)
        button.setStyleSheet("text-align: left;")
        button.setAccessibleName(f"Open {path}")
        button.setToolTip(path if is_there else f"{path} is missing; press to remove it from here")
        told = self.open_recent if is_there else self.forget_recent
        if not is_there:
            button.setText(words + "   (missing)")
        button.clicked.connect(guarded(lambda: told.emit(path)))
        return button


def _label(words: str, px: int, weight: int, tone: str) -> QLabel:
    label = QLabel(words)
    label.setFont(fonts.font(px, weight))
    label.setProperty("tone", tone)
    return label


def _shortened(folder: Path) -> str:
    try:
        return f"~/{folder.relative_to(Path.home())}"
    except ValueError:
        return str(folder)
