# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The two files on disk and how much of each is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from core.units import format_bytes
from gui.guard import guarded, guarded_or
from gui.theme import fonts, icons
from gui.views.drawing import RIGHT, draw_bar, draw_text, text_width

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from core.answers import Stats, VolumeInfo
    from gui.theme import ThemeSource

HEIGHT: Final = 112
_BESIDE_PX: Final = 50


class _Row(NamedTuple):
    name: str
    room: str
    short_room: str
    share: float
    tone: str


class StorageBars(QWidget):
    """One line an area: file, bytes in use, a bar."""

    def __init__(self, source: ThemeSource, parent: QWidget | None = None) -> None:
        """Begin without files."""
        super().__init__(parent)
        self._source = source
        self._rows: list[_Row] = []
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Storage")
        source.changed.connect(self.update)

    def show_areas(self, info: VolumeInfo, initial_used: int, stats: Stats) -> None:
        """Show what is in use of the initial and of the additional area, in bytes."""
        rows = [self._row(info.image, initial_used, info.size, "shared")]
        if stats.area_bytes:
            rows.append(self._row(info.area, stats.area_used_bytes, stats.area_bytes, "written"))
        if rows != self._rows:
            self._rows = rows
            words = "; ".join(f"{name} {room}" for name, room, *_ in rows)
            self.setAccessibleDescription(words)
            self.setToolTip("\n".join(f"{name}: {room}" for name, room, *_ in rows))
            self.update()

    @staticmethod
    def _row(path: str, used: int, size: int, tone: str) -> _Row:
        part, whole = format_bytes(used), format_bytes(size)
        same_unit = part.split()[-1] == whole.split()[-1]
        room = f"{part.split()[0] if same_unit else part} of {whole}"
        return _Row(Path(path).name, room, part, used / size if size else 0.0, tone)

    @override
    @guarded_or(QSize(200, HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(200, HEIGHT)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            heading = QRectF(8, 2, self.width(), 20)
            font = fonts.font(11, 650)
            draw_text(painter, heading, "STORAGE", font, theme.faint)
            for number, row in enumerate(self._rows):
                self._paint_row(painter, 26 + number * 42, row)

    def _paint_row(self, painter: QPainter, top: int, row: _Row) -> None:
        theme = self._source.theme
        name, room, short, share, tone = row
        ratio = self.devicePixelRatioF()
        painter.drawPixmap(8, top + 5, icons.pixmap("disk", theme.sub, 16, ratio))
        font = fonts.font(12)
        name_font = fonts.font(13, 450)
        if text_width(name, name_font) + text_width(room, font) > self.width() - _BESIDE_PX:
            room = short
        width = text_width(room, font) + 2
        box = QRectF(self.width() - 9 - width, top, width, 26)
        draw_text(painter, box, room, font, theme.sub, align=RIGHT)
        label = QRectF(31, top, box.left() - 37, 26)
        middle = Qt.TextElideMode.ElideMiddle
        shown = fonts.metrics(13, 450).elidedText(name, middle, label.width())
        draw_text(painter, label, shown, name_font, theme.text)
        bar = QRectF(31, top + 27, self.width() - 40, 5)
        draw_bar(painter, bar, share, theme.color(tone), theme.color("line"))
