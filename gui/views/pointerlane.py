# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointer table of the focused copy as one bar between the two maps.

Range pairs shine up, to the initial area; individual pointers run down, to their places in the
additional area: the picture itself says where the copy reads from. The bar's axis is what the
initial map has in view, the axis beneath is what the additional map has in view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from core.extent import Extent
from core.units import format_bytes
from gui.guard import guarded, guarded_or
from gui.models.focus import AreaKind, Place
from gui.models.lanescan import LaneScan
from gui.models.pointerstore import RowKind
from gui.theme import fonts
from gui.views.drawing import draw_elided
from gui.views.weave import weave

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent, QPaintEvent, QResizeEvent

    from gui.models.focus import Focus
    from gui.models.lanecolumns import Shares, TableRows
    from gui.models.lanelinks import Links
    from gui.models.pointerstore import Rows
    from gui.theme import Theme, ThemeSource
    from gui.views.areamap import AreaMap

HEIGHT: Final = 58
BAR_TOP: Final = 15
BAR_PX: Final = 13
_FOOT_PX: Final = 4
_WORDS_ROOM: Final = 5
_STACK: Final = (RowKind.ORIGINAL, RowKind.NEW, RowKind.ZERO, RowKind.PAIR)
_COLOR_NAMES: Final = {
    RowKind.PAIR: "shared",
    RowKind.ORIGINAL: "preserved",
    RowKind.NEW: "written",
    RowKind.ZERO: "unmapped",
}
_WORDS: Final = {
    RowKind.PAIR: "range pair, read from the initial area",
    RowKind.ORIGINAL: "individual pointer to a preserved original",
    RowKind.NEW: "individual pointer to new data",
    RowKind.ZERO: "individual pointer to zeroes",
}


class PointerLane(QWidget):
    """Shows the table of the focused copy where the initial map looks.

    Signals:
        told: A line about the row under the mouse; empty when there is none.
    """

    told = Signal(str)

    def __init__(
        self,
        upper: AreaMap,
        lower: AreaMap,
        focus: Focus,
        source: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._upper = upper
        self._lower = lower
        self._focus = focus
        self._source = source
        self._table: TableRows | None = None
        self._span = (0.0, 1.0)
        self._scan = LaneScan()
        self._is_fresh = True
        self._picture: QPixmap | None = None
        self.setFixedHeight(HEIGHT)
        self.setMouseTracking(True)
        self.setAccessibleName("Pointer table of the chosen copy")
        for news in (source.changed, upper.view_changed, lower.view_changed):
            news.connect(self.refresh)
        focus.copy_changed.connect(self._on_copy)
        focus.hover_changed.connect(self._on_focus)

    @guarded
    def _on_focus(self, _value: object) -> None:
        self.update()

    @guarded
    def _on_copy(self, _copy: object) -> None:
        self.refresh()

    def set_table(self, table: TableRows | None) -> None:
        """Show another table; it is asked again at each ``refresh``."""
        self._table = table
        self.refresh()

    def set_span(self, left: float, right: float) -> None:
        """Lay the axis between two x, those of the grids above and below."""
        if (left, right) != self._span:
            self._span = (left, right)
            self.refresh()

    @property
    def is_scanning(self) -> bool:
        """Whether ``step`` has more to do."""
        return not self._scan.is_done

    @guarded
    def refresh(self) -> None:
        """Look at the table and draw it anew; a long one takes some steps more."""
        self.look_again()
        self.redraw()

    def look_again(self) -> None:
        """Look at the table anew, without drawing it."""
        port = self._lower.port
        target = (port.start, max(port.stop, port.start + 1))
        columns = max(1, round(self.bar_box().width()))
        self._scan.begin(self._table, self._range, target, columns)
        self.step()

    def step(self) -> None:
        """Look through some more of a long table."""
        self._scan.step(self._table)
        self._is_fresh = False

    def redraw(self) -> bool:
        """Draw what was found since the last time; says whether there was anything."""
        if self._is_fresh:
            return False
        self._picture, self._is_fresh = None, True
        self.update()
        return True

    @property
    def _range(self) -> tuple[int, int]:
        """Logical bytes on the axis."""
        return self._upper.port.start, max(self._upper.port.stop, self._upper.port.start + 1)

    def x_of(self, address: int) -> float:
        """Return the x of a logical byte address; outside the axis if it is not in view."""
        start, stop = self._range
        left, right = self._span
        return left + (address - start) / (stop - start) * (right - left)

    def spot_of(self, address: int) -> QPointF | None:
        """Return where a logical byte address lies on the bar; None if it is not in view."""
        x = self.x_of(address)
        return QPointF(x, BAR_TOP + BAR_PX / 2) if self._span[0] <= x <= self._span[1] else None

    def bar_box(self) -> QRectF:
        """Return the place of the bar."""
        left, right = self._span
        return QRectF(left, BAR_TOP, max(1.0, right - left), BAR_PX)

    # Painting

    @override
    @guarded_or(QSize(640, HEIGHT))
    def sizeHint(self) -> QSize:
        return QSize(640, HEIGHT)

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        self.refresh()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None:
            self._picture = self._draw()
        theme = self._source.theme
        with QPainter(self) as painter:
            painter.drawPixmap(0, 0, self._picture)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_hover(painter, theme)

    def _paint_hover(self, painter: QPainter, theme: Theme) -> None:
        place = self._focus.hover
        if place is None or place.area is not AreaKind.INITIAL or not self._scan.has_rows:
            return
        left, right = self._span
        x0, x1 = self.x_of(place.extent.start), self.x_of(place.extent.stop)
        if x1 < left or x0 > right:
            return
        x0, x1 = max(left, x0), min(right, max(x1, x0 + 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(theme.color("halo"), 3.4), QPen(theme.color("ink"), 1.4)):
            painter.setPen(pen)
            painter.drawRoundedRect(QRectF(x0 - 1, BAR_TOP - 1, x1 - x0 + 2, BAR_PX + 2), 2, 2)

    def _draw(self) -> QPixmap:
        ratio, theme = self.devicePixelRatioF(), self._source.theme
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(theme.color("bg"))
        with QPainter(picture) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._draw_name(painter, theme)
            if self._scan.has_rows:
                self._draw_table(painter, theme)
            else:
                self._draw_nothing(painter, theme)
        return picture

    def _draw_name(self, painter: QPainter, theme: Theme) -> None:
        box = QRectF(10, BAR_TOP - 3, max(1.0, self._span[0] - 18), BAR_PX + 6)
        draw_elided(painter, box, self._focus.copy.name, fonts.font(11, 600), theme.text)

    def _draw_nothing(self, painter: QPainter, theme: Theme) -> None:
        box = self.bar_box().adjusted(0, -_WORDS_ROOM, 0, _WORDS_ROOM)
        painter.setPen(QPen(theme.color("unline"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        words = "Reads the initial area; only copies have a pointer table"
        inside = box.adjusted(10, 0, -10, 0)
        draw_elided(painter, inside, words, fonts.font(11), theme.sub)

    def _draw_table(self, painter: QPainter, theme: Theme) -> None:
        box, shares = self.bar_box(), self._scan.shares
        above = QRectF(box.x(), 0, box.width(), BAR_TOP - 1)
        painter.drawImage(above, _rays(shares[RowKind.PAIR], round(above.height()), theme))
        self._draw_links(painter, self._scan.links(), theme)
        painter.save()
        path = QPainterPath()
        path.addRoundedRect(box, 3, 3)
        painter.setClipPath(path)
        painter.drawImage(box, _stacked(shares, BAR_PX, theme))
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("unline"), 1))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)

    def _draw_links(self, painter: QPainter, links: Links, theme: Theme) -> None:
        """Draw ribbons down to a line that stands for what the additional map has in view."""
        box = self.bar_box()
        foot = QRectF(box.x(), HEIGHT - _FOOT_PX - 2, box.width(), _FOOT_PX)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("line"))
        painter.drawRoundedRect(foot, 2, 2)
        width, top = round(box.width()), box.bottom()
        for kind in (RowKind.ORIGINAL, RowKind.NEW):
            chosen = links.kinds == kind
            if width < 2 or not chosen.any():
                continue
            ours = links.only(chosen)
            color = theme.color(_COLOR_NAMES[kind])
            ribbons = weave(ours, width, round(foot.top() - top), color)
            painter.drawImage(QPointF(box.x(), top), ribbons)
            painter.setBrush(color)
            for begin, end in zip(ours.tos.tolist(), ours.to_ends.tolist(), strict=True):
                wide = max(2.0, (end - begin) * width)
                x = min(box.x() + begin * width, box.right() - wide)
                painter.drawRect(QRectF(x, foot.top(), wide, _FOOT_PX))

    # Mouse

    @override
    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        found = self._row_at(event.position())
        if found is None:
            self._leave()
            return
        rows, _ = found
        extent = Extent(int(rows.starts[0]), int(rows.lengths[0]))
        self._focus.set_hover(Place(AreaKind.INITIAL, extent))
        self.told.emit(self._line_about(rows))

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self._row_at(event.position())
        if found is not None and event.button() == Qt.MouseButton.LeftButton:
            rows, _ = found
            extent = Extent(int(rows.starts[0]), int(rows.lengths[0]))
            self._focus.select(Place(AreaKind.INITIAL, extent))

    @override
    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        self._leave()

    def _leave(self) -> None:
        self._focus.set_hover(None)
        self.told.emit("")

    def _row_at(self, point: QPointF) -> tuple[Rows, int] | None:
        """Return the table row under a point, as a stretch of one, and its number."""
        left, right = self._span
        if self._table is None or not left <= point.x() < right:
            return None
        start, stop = self._range
        address = start + int((point.x() - left) / (right - left) * (stop - start))
        row = self._table.row_of(address)
        return None if row < 0 else (self._table.rows(row, 1), row)

    def _line_about(self, rows: Rows) -> str:
        kind = RowKind(int(rows.kinds[0]))
        form = self._upper.form
        words = form.range_text(int(rows.starts[0]), int(rows.lengths[0]))
        line = f"{words}  {format_bytes(int(rows.lengths[0]))}  {_WORDS[kind]}"
        if kind in {RowKind.ORIGINAL, RowKind.NEW}:
            line += f" at {self._lower.form.text(int(rows.offsets[0]))}"
        return line


def _stacked(shares: Shares, height: int, theme: Theme) -> QImage:
    """Return columns in which each kind fills its share of the height, the pairs lowest."""
    ends = np.rint(np.cumsum(shares[list(_STACK)], axis=0) * height)
    ends[-1] = height
    rows = np.arange(height)
    index = (rows[None, :, None] >= ends[:, None, :]).sum(0)
    colors = [theme.color(_COLOR_NAMES[kind]).rgb() for kind in _STACK]
    pixels = np.ascontiguousarray(np.array(colors, np.uint32)[np.minimum(index, 3)])
    form = QImage.Format.Format_RGB32
    return QImage(pixels.data, pixels.shape[1], height, pixels.strides[0], form).copy()


def _rays(pairs: Shares, height: int, theme: Theme) -> QImage:
    """Return columns as strong as the share of range pairs in them, fading upwards."""
    color = QColor(theme.shared)
    fade = np.linspace(0.18, 0.62, height)[:, None]
    alpha = np.clip(pairs[None, :] * fade * 255, 0, 255).astype(np.uint32)
    pixels = np.ascontiguousarray(alpha << 24 | np.uint32(color.rgb() & 0xFFFFFF))
    form = QImage.Format.Format_ARGB32
    return QImage(pixels.data, pixels.shape[1], height, pixels.strides[0], form).copy()
