# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Mouse, wheel and keys on a map.

Wheel zooms about the mouse, Shift+wheel pans, Ctrl+wheel changes the size of cells. Drag pans,
Shift+drag selects, a click selects a cell. Arrows move the keyboard's cell, with Shift they extend
the selection; A and D pan, W and S zoom, 0 fits, F zooms to the selection, H changes the layout.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QCursor, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip
from typing_extensions import override

from core.extent import Extent
from gui.guard import guarded, guarded_or
from gui.models.focus import Place
from gui.models.viewport import CELL_SIZES

if TYPE_CHECKING:
    from collections.abc import Callable

    from gui.views.areamap import AreaMap

NOTCH: Final = 120
PAN_ROWS: Final = 3
TOOLTIP_MS: Final = 300
_CLICK_PX: Final = 4

_Key = Qt.Key
_NO_MODIFIER = Qt.KeyboardModifier.NoModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_CTRL = Qt.KeyboardModifier.ControlModifier
_ALT = Qt.KeyboardModifier.AltModifier


class MapInput(QObject):
    """Turns what a hand does on a map into moves of its view and of the focus."""

    def __init__(self, view: AreaMap) -> None:
        super().__init__(view)
        self._view = view
        self._wheel = 0.0
        self._pressed: QPointF | None = None
        self._panned = QPointF()
        self._anchor: int | None = None
        self._is_drag = False
        self._under: QPointF | None = None  # where the mouse is, while it is over the map
        self._has_told = False
        self._tip = QTimer(self)
        self._tip.setSingleShot(True)
        self._tip.setInterval(TOOLTIP_MS)
        self._tip.timeout.connect(self._show_tip)
        self._mouse: dict[QEvent.Type, Callable[[QMouseEvent], None]] = {
            QEvent.Type.MouseButtonPress: self._press,
            QEvent.Type.MouseMove: self._move,
            QEvent.Type.MouseButtonRelease: self._release,
            QEvent.Type.MouseButtonDblClick: self._double_click,
        }
        view.installEventFilter(self)
        view.view_changed.connect(self._on_view_changed)

    @override
    @guarded_or(False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QWheelEvent):
            return self._turn(event)
        if isinstance(event, QMouseEvent):
            act = self._mouse.get(event.type())
            if act is not None:
                act(event)
        elif isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        elif event.type() in {QEvent.Type.Leave, QEvent.Type.Hide}:
            self._leave()
        return False

    # Wheel

    def _turn(self, event: QWheelEvent) -> bool:
        delta = event.angleDelta()
        self._wheel += delta.y() or delta.x()
        notches = int(self._wheel / NOTCH)
        self._wheel -= notches * NOTCH
        view, modifiers = self._view, event.modifiers()
        if not notches:
            return True
        self._under = event.position()
        if modifiers & _CTRL:
            self.resize_cells(notches)
        elif modifiers & _SHIFT or not delta.y():
            self._moved(view.port.pan_rows(-notches * PAN_ROWS))
        else:
            self.zoom_at(event.position(), notches)
        return True

    def zoom_at(self, point: QPointF | None, notches: int) -> None:
        """Zoom about a point of the map, or about the keyboard's cell or the middle."""
        view, port = self._view, self._view.port
        index = view.index_under(point) if point is not None else self._cursor_index()
        if index is None:
            index, within = max(0, port.cells // 2), 0.0
        elif point is not None:
            within = (point.x() - view.cell_rect(index).left()) / port.px
        else:
            within = 0.0
        self._moved(port.zoom(notches, index, within))

    def resize_cells(self, steps: int) -> None:
        """Make cells of many blocks larger or smaller."""
        port = self._view.port
        at = CELL_SIZES.index(port.cell_px) if port.cell_px in CELL_SIZES else 5
        chosen = CELL_SIZES[min(max(at + steps, 0), len(CELL_SIZES) - 1)]
        if chosen != port.cell_px:
            port.set_cell_px(chosen)
            self._moved(True)

    def _moved(self, moved: bool) -> None:
        if moved:
            self._view.change_view()

    # Mouse

    def _press(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._tip.stop()
        self._pressed = self._panned = event.position()
        self._is_drag = False
        is_select = bool(event.modifiers() & _SHIFT)
        self._anchor = self._address_under(event.position()) if is_select else None

    def _move(self, event: QMouseEvent) -> None:
        point = event.position()
        if self._pressed is None:
            self._hover(point)
            return
        if (point - self._pressed).manhattanLength() >= _CLICK_PX:
            self._is_drag = True
        if self._anchor is not None:
            self._select_to(self._address_under(point))
        elif self._is_drag:
            self._drag(point)

    def _drag(self, point: QPointF) -> None:
        view, px = self._view, self._view.port.px
        view.setCursor(Qt.CursorShape.ClosedHandCursor)
        rows = int((self._panned.y() - point.y()) / px)
        if rows:
            self._panned -= QPointF(0, rows * px)
            self._moved(view.port.pan_rows(rows))

    def _release(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            return
        if not self._is_drag and self._anchor is None:
            index = self._view.index_under(event.position())
            self._view.focus.select(None if index is None else self._view.place_of(index))
            if index is not None:
                self._view.cursor_address = self._view.port.bytes_of(index)[0]
                self._view.describe()
        self._pressed = self._anchor = None
        self._view.unsetCursor()

    def _double_click(self, event: QMouseEvent) -> None:
        self.zoom_at(event.position(), 3)

    @guarded
    def _on_view_changed(self) -> None:
        """Tell of the cell that is under the mouse now, although the mouse has not moved."""
        if self._under is not None and self._pressed is None:
            self._hover(self._under, is_other_view=True)

    def _hover(self, point: QPointF, *, is_other_view: bool = False) -> None:
        view = self._view
        self._under = point
        index = view.index_under(point)
        if index is None:
            self._unhover()
            return
        place = view.place_of(index)
        if is_other_view or place != view.focus.hover:
            view.focus.set_hover(place)
            self._has_told = True
            view.told.emit(view.line_about(index))
            QToolTip.hideText()
        self._tip.start()

    def _leave(self) -> None:
        self._under = None
        self._unhover()

    def _unhover(self) -> None:
        self._tip.stop()
        view = self._view
        if view.focus.hover is not None and view.focus.hover.area is view.model.kind:
            view.focus.set_hover(None)
        if self._has_told:
            self._has_told = False
            view.told.emit("")

    @guarded
    def _show_tip(self) -> None:
        view = self._view
        point = QCursor.pos()
        index = view.index_under(QPointF(view.mapFromGlobal(point)))
        if index is not None and view.underMouse():
            QToolTip.showText(point, view.line_about(index), view)

    # Selecting

    def _address_under(self, point: QPointF) -> int | None:
        index = self._view.index_under(point)
        return None if index is None else self._view.port.bytes_of(index)[0]

    def _select_to(self, address: int | None) -> None:
        if address is None or self._anchor is None:
            return
        view = self._view
        low, high = min(self._anchor, address), max(self._anchor, address)
        end = min(high + view.port.cell_bytes, view.port.blocks * view.port.block_bytes)
        view.focus.select(Place(view.model.kind, Extent(low, end - low)))

    # Keys

    def _cursor_index(self) -> int | None:
        view = self._view
        return None if view.cursor_address is None else view.port.cell_at(view.cursor_address)

    def _key(self, event: QKeyEvent) -> bool:
        if event.modifiers() & (_CTRL | _ALT):
            return False
        steps = self._steps().get(event.key())
        if steps is not None:
            self._step(steps, extend=bool(event.modifiers() & _SHIFT))
            return True
        act = self._acts().get(event.key())
        if act is not None:
            act()
        return act is not None

    def _steps(self) -> dict[int, int]:
        columns = self._view.port.columns
        return {
            _Key.Key_Left: -1,
            _Key.Key_Right: 1,
            _Key.Key_Up: -columns,
            _Key.Key_Down: columns,
        }

    def _acts(self) -> dict[int, Callable[[], None]]:
        port = self._view.port
        quarter = max(1, port.rows // 4)
        return {
            _Key.Key_A: lambda: self._moved(port.pan_rows(-quarter)),
            _Key.Key_D: lambda: self._moved(port.pan_rows(quarter)),
            _Key.Key_PageUp: lambda: self._moved(port.pan_rows(-port.rows)),
            _Key.Key_PageDown: lambda: self._moved(port.pan_rows(port.rows)),
            _Key.Key_W: lambda: self.zoom_at(None, 1),
            _Key.Key_Plus: lambda: self.zoom_at(None, 1),
            _Key.Key_Equal: lambda: self.zoom_at(None, 1),
            _Key.Key_S: lambda: self.zoom_at(None, -1),
            _Key.Key_Minus: lambda: self.zoom_at(None, -1),
            _Key.Key_0: self.fit,
            _Key.Key_F: self.show_selection,
            _Key.Key_H: self.toggle_layout,
            _Key.Key_Return: self._pick,
            _Key.Key_Enter: self._pick,
            _Key.Key_Escape: lambda: self._view.focus.select(None),
        }

    def fit(self) -> None:
        """Show the whole area."""
        self._view.port.fit()
        self._moved(True)

    def show_selection(self) -> None:
        """Zoom to what is selected, if it is in this area."""
        place = self._view.focus.selection
        if place is not None and place.area is self._view.model.kind:
            self._view.port.show(place.extent.start, place.extent.stop)
            self._moved(True)

    def toggle_layout(self) -> None:
        """Change between rows and Hilbert curve."""
        port = self._view.port
        port.set_hilbert(on=not port.is_hilbert)
        self._moved(True)

    def _pick(self) -> None:
        index = self._cursor_index()
        if index is not None:
            self._view.focus.select(self._view.place_of(index))

    def _step(self, cells: int, *, extend: bool) -> None:
        """Move the keyboard's cell; with ``extend`` the selection grows from where it was."""
        view, port = self._view, self._view.port
        unit = port.cell_bytes
        before = port.first - cells if view.cursor_address is None else view.cursor_address // unit
        address = min(max(before + cells, 0), max(0, port.total_cells - 1)) * unit
        view.cursor_address = address
        if extend:
            self._extend(before * unit, address)
        if port.reveal(address):
            view.change_view()
        else:
            view.describe()
        view.told.emit(view.line_about(port.cell_at(address) or 0))
        view.update()

    def _extend(self, before: int, address: int) -> None:
        view, place = self._view, self._view.focus.selection
        if place is None or place.area is not view.model.kind:
            self._anchor = before
        else:
            is_at_end = before + view.port.cell_bytes >= place.extent.stop
            last = place.extent.stop - view.port.cell_bytes
            self._anchor = place.extent.start if is_at_end else last
        self._select_to(address)
        self._anchor = None
