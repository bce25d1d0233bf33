# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map of one area: a grid of cells with addresses beside it.

The picture is a function of the model and the view, never read from the volume. Painting puts one
image down and a few outlines on it; the image is brought up to date in ``advance``, once a frame.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from core.extent import Extent
from gui.guard import guarded, guarded_or
from gui.models.address import AddressFormat
from gui.models.cellplane import CellPlane
from gui.models.focus import Place
from gui.models.viewport import Viewport
from gui.theme import fonts
from gui.views.cellimage import CellImage
from gui.views.drawing import CENTER, RIGHT, draw_focus_ring, draw_text
from gui.views.mapinput import MapInput
from gui.views.mapview import cell_box, draw_outline, outline, range_boxes, read_out, state_words
from gui.views.sprites import LARGE_PX_MIN, flat_color, gap_of, ink_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QFocusEvent, QPainterPath, QPaintEvent, QResizeEvent

    from gui.models.areamodel import AreaModel
    from gui.models.focus import Focus
    from gui.theme import ThemeSource

GUTTER_MIN: Final = 66
_ROW_LABEL_PX: Final = 34
_NUMBERED_PX_MIN: Final = 56
_MONO_11_PX: Final = 6.7
_MARGIN_PX: Final = 2
_KEYBOARD_REASONS: Final = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class AreaMap(QWidget):
    """Shows an ``AreaModel``; zooms, pans, selects and tells what is under the mouse.

    Attributes:
        port: What is in view. Whoever moves it calls ``change_view``.
        letters: Tells what the cell at a byte address holds; None writes states instead.
        cursor_address: Byte address of the keyboard's cell.

    Signals:
        view_changed: Another part is in view, or at another size.
        told: A line about the place under the mouse; empty when there is none.
    """

    view_changed = Signal()
    told = Signal(str)

    def __init__(
        self, model: AreaModel, focus: Focus, source: ThemeSource, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.model = model
        self.focus = focus
        self.port = Viewport()
        self.form = AddressFormat.of(1, 4096)
        self.letters: Callable[[int], str] | None = None
        self.cursor_address: int | None = None
        self.gutter = GUTTER_MIN
        self._source = source
        self._plane = CellPlane(model)
        self._image = CellImage(self._plane)
        self._labels: QPixmap | None = None
        self._is_stale = True
        self._has_ring = False
        self._input = MapInput(self)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        source.changed.connect(self.refresh)
        focus.selection_changed.connect(self._on_focus)
        focus.hover_changed.connect(self._on_focus)

    @guarded
    def _on_focus(self, _value: object) -> None:
        self.update()

    # Geometry

    @property
    def plane(self) -> CellPlane:
        """The cells in view."""
        return self._plane

    def set_gutter(self, width: int) -> None:
        """Leave room for addresses, as wide as those of the other map."""
        if width != self.gutter:
            self.gutter = width
            self._fit_port()

    def gutter_needed(self) -> int:
        """Return the pixels that this map's addresses need."""
        return max(GUTTER_MIN, math.ceil((self.form.digits + 2) * _MONO_11_PX) + 14)

    def grid_box(self) -> QRectF:
        """Return the place of the cells in this widget."""
        port = self.port
        columns = max(1, min(port.columns, port.cells))
        rows = max(1, -(-port.cells // port.columns)) if not port.is_hilbert else port.rows
        return QRectF(self.gutter, self._top(), columns * port.px, rows * port.px)

    def _top(self) -> int:
        """Return the y of the first row; a whole area lies in the middle of the room it leaves."""
        port = self.port
        rows = -(-port.cells // port.columns)
        if not port.is_whole or port.is_hilbert:
            return _MARGIN_PX
        return max(_MARGIN_PX, (self.height() - rows * port.px) // 2)

    def cell_rect(self, index: int) -> QRectF:
        """Return the place of a cell in view in this widget."""
        return cell_box(self.port, index).translated(self.gutter, self._top())

    def boxes_of(self, start: int, length: int) -> list[QRectF]:
        """Return the rectangles in this widget that the visible part of a byte range fills."""
        boxes, top = range_boxes(self.port, start, length), self._top()
        return [box.translated(self.gutter, top) for box in boxes]

    def outline_of(self, start: int, length: int) -> QPainterPath:
        """Return the outline in this widget of the visible part of a byte range."""
        return outline(self.boxes_of(start, length), max(1, gap_of(self.port.px)))

    def index_under(self, point: QPointF) -> int | None:
        """Return the cell under a point of this widget, None if there is none."""
        port = self.port
        x, y = point.x() - self.gutter, point.y() - self._top()
        column, row = int(x // port.px), int(y // port.px)
        if not (0 <= column < port.columns and 0 <= row < port.rows):
            return None
        index = port.index_at(row, column)
        return index if index < port.cells else None

    # Frames

    @property
    def is_due(self) -> bool:
        """Whether the next frame will look different."""
        has_grown = self.model.blocks != self.port.blocks
        return self._is_stale or has_grown or self._plane.is_stale

    def refresh(self) -> None:
        """Draw everything anew with the next frame or paint."""
        self._is_stale = True
        self.update()

    def change_view(self) -> None:
        """Follow the viewport, which somebody has moved."""
        self.refresh()
        self.describe()
        self.view_changed.emit()

    def advance(self, *, may_lengthen: bool = True) -> None:
        """Bring the picture up to date, at the price of what changed.

        An area that is being filled grows with every batch of events, and each time all that is in
        view is laid out anew; without ``may_lengthen`` that waits.
        """
        model, port = self.model, self.port
        is_other = model.block_bytes != port.block_bytes or model.blocks < port.blocks
        if is_other or (may_lengthen and model.blocks > port.blocks):
            port.set_area(model.blocks, model.block_bytes)
            self.form = AddressFormat.of(model.size, model.block_bytes)
            self.change_view()
        if self._is_stale:
            self._look_anew()
            self.update()
            return
        changed = self._plane.advance()
        if changed is None:
            self._draw_all()
            self.update()
        elif len(changed):
            self._image.update(changed)
            self.update(self.grid_box().toAlignedRect())

    def _look_anew(self) -> None:
        self._plane.look_at(self.port.level, self.port.first, self.port.cells)
        self._labels = None
        self._draw_all()

    def _draw_all(self) -> None:
        ratio = math.ceil(self.devicePixelRatioF())
        self._image.make(self.port, self._source.theme, ratio, letters=self.letters is None)
        self._is_stale = False

    def _fit_port(self) -> None:
        height = self.height() - 2 * _MARGIN_PX
        self.port.resize(max(1, self.width() - self.gutter - _MARGIN_PX), max(1, height))
        self.change_view()

    # What Qt calls

    @override
    @guarded_or(QSize(640, 240))
    def sizeHint(self) -> QSize:
        return QSize(640, 240)

    @override
    @guarded_or(QSize(GUTTER_MIN + 96, 64))
    def minimumSizeHint(self) -> QSize:
        return QSize(GUTTER_MIN + 96, 64)

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit_port()

    @override
    @guarded
    def focusInEvent(self, event: QFocusEvent) -> None:
        self._has_ring = event.reason() in _KEYBOARD_REASONS
        self.update()

    @override
    @guarded
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.update()

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._is_stale:
            self.advance()
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), self._source.theme.color("card"))
            self._image.put(painter, self.gutter, self._top())
            if self._labels is None:
                self._labels = self._draw_labels()
            painter.drawPixmap(0, 0, self._labels)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self.letters is not None and self.port.px >= LARGE_PX_MIN:
                self._paint_letters(painter)
            self._paint_marks(painter)
            if self._has_ring and self.hasFocus():
                draw_focus_ring(painter, QRectF(self.rect()), self._source.theme, 4)

    # Painting

    def _draw_labels(self) -> QPixmap:
        """Draw the addresses of some rows; along a Hilbert curve a row has none."""
        ratio = self.devicePixelRatioF()
        picture = QPixmap(QSize(self.gutter, self.height()) * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(self._source.theme.color("card"))
        port, font = self.port, fonts.font(11, mono=True)
        step = max(1, round(_ROW_LABEL_PX / port.px))
        rows = range(0) if port.is_hilbert else range(0, port.rows, step)
        with QPainter(picture) as painter:
            for row in rows:
                index = port.index_at(row, 0)
                top = self._top() + row * port.px + min(0, port.px - gap_of(port.px) - 18) / 2
                if index >= port.cells or top + 12 > self.height():
                    continue
                height = max(18, min(port.px - gap_of(port.px), 2 * _ROW_LABEL_PX))
                words = self.form.text(port.bytes_of(index)[0])
                box = QRectF(0, max(top, -4), self.gutter - 12, height)
                draw_text(painter, box, words, font, self._source.theme.faint, align=RIGHT)
        return picture

    def _paint_letters(self, painter: QPainter) -> None:
        """Write what each cell holds into it, and beneath that its number."""
        port, theme, letters = self.port, self._source.theme, self.letters
        if letters is None:
            return
        side = port.px - gap_of(port.px)
        font = fonts.font(max(13, min(44, round(side * 0.42))), 650)
        numbered = side >= _NUMBERED_PX_MIN
        for index in range(port.cells):
            box, start = self.cell_rect(index), port.bytes_of(index)[0]
            box.setSize(QSize(side, side).toSizeF())
            ink = ink_on(flat_color(int(self._plane.keys[index]) & 31, theme))
            lift = QRectF(box.x(), box.y() - (side * 0.07 if numbered else 0), side, side)
            draw_text(painter, lift, letters(start), font, ink, align=CENTER)
            if numbered:
                below = QRectF(box.x(), box.bottom() - 24, side, 18)
                number = str(start // port.cell_bytes)
                draw_text(painter, below, number, fonts.font(11, 500, mono=True), ink, align=CENTER)

    def _paint_marks(self, painter: QPainter) -> None:
        """Outline the hovered and the selected place and the keyboard's cell."""
        focus, kind = self.focus, self.model.kind
        if focus.hover is not None and focus.hover.area is kind:
            self._paint_outline(painter, *focus.hover.extent, width=1.4, name="ink")
        if focus.selection is not None and focus.selection.area is kind:
            self._paint_outline(painter, *focus.selection.extent, width=2, name="accent")
        if self.cursor_address is not None and self.hasFocus():
            start, stop = self._cursor_range()
            self._paint_outline(painter, start, stop - start, width=2, name="accent")

    def _paint_outline(
        self, painter: QPainter, start: int, length: int, *, width: float, name: str
    ) -> None:
        path = self.outline_of(start, length)
        if not path.isEmpty():
            draw_outline(painter, path, self._source.theme, width=width, name=name)

    # Words

    def _cursor_range(self) -> tuple[int, int]:
        start = (self.cursor_address or 0) // self.port.cell_bytes * self.port.cell_bytes
        return start, min(start + self.port.cell_bytes, self.port.blocks * self.port.block_bytes)

    def place_of(self, index: int) -> Place:
        """Return the bytes of a cell in view as a place."""
        start, stop = self.port.bytes_of(index)
        return Place(self.model.kind, Extent(start, stop - start))

    def line_about(self, index: int) -> str:
        """Return one line about a cell in view: where, how much, what."""
        start, stop = self.port.bytes_of(index)
        words = read_out(self.model, self.form, start, stop)
        letter = self.letters(start) if self.letters is not None else ""
        return f"{words}  holds {letter}" if letter else words

    def describe(self) -> None:
        """Say to a screen reader what is in view and where the keyboard's cell is."""
        port, kind = self.port, self.model.kind.value
        if not port.cells:
            self.setAccessibleDescription(f"The {kind} area is empty")
            return
        words = state_words(self.model, port.start, port.stop)
        spoken = f"{self.form.range_text(port.start, port.stop - port.start)} in view: {words}"
        if self.cursor_address is not None:
            start, stop = self._cursor_range()
            here = state_words(self.model, start, stop)
            spoken += f"; cursor at {self.form.text(start)}: {here}"
        self.setAccessibleDescription(spoken)
