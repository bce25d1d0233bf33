# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The timeline card: how much was written when, and a lane for each copy from its birth to now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen
from typing_extensions import override

from core.session import ORIGINAL
from gui.guard import guarded
from gui.models.focus import FocusedCopy
from gui.models.timeline import Intensity, Lane, lay_out, tick_seconds
from gui.theme import fonts
from gui.views.card import Card
from gui.views.drawing import CENTER, draw_name, draw_text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt
    from PySide6.QtGui import QMouseEvent, QPainter, QWheelEvent
    from PySide6.QtWidgets import QWidget

    from core.answers import CopyInfo
    from gui.models.focus import Focus
    from gui.theme import ThemeSource

    Events = npt.NDArray[np.void]

LEFT_MARGIN: Final = 26
NAMES_WIDTH: Final = 100
LANE_MIN: Final = 16.0
LANE_MAX: Final = 27.0
AXIS_HEIGHT: Final = 30
TICK_ROOM: Final = 72
BAR_WIDTH: Final = 4
BAR_MAX: Final = 30.0
AHEAD: Final = 0.02
SPAN_MIN_S: Final = 10.0
ZOOM_STEP: Final = 1.25


class _Axis(NamedTuple):
    """Seconds to pixels."""

    start_s: float
    stop_s: float
    left: float
    right: float

    def x(self, at_s: float) -> float:
        share = (at_s - self.start_s) / (self.stop_s - self.start_s)
        return self.left + share * (self.right - self.left)


class TimelineCard(Card):
    """Copies as branches of the volume's line. A click on a branch puts its copy in focus."""

    def __init__(
        self,
        focus: Focus,
        source: ThemeSource,
        clock: Callable[[], float] = time.time,
        parent: QWidget | None = None,
    ) -> None:
        """Take the focus to follow; ``clock`` gives seconds since 1970."""
        super().__init__(source, "Timeline", parent=parent)
        self.focus = focus
        self._clock = clock
        self._volume = ""
        self._copies: tuple[CopyInfo, ...] = ()
        self.intensity = Intensity(clock())
        self._seen_s = self.intensity.begin_s
        self._zoom = 1.0
        focus.copy_changed.connect(self._on_copy)

    def open(self, volume: str) -> None:
        """Begin anew for a volume; what was written before is not known, so not shown."""
        self._volume = volume
        self._copies = ()
        self.intensity = Intensity(self._clock())
        self._seen_s = self.intensity.begin_s
        self.set_title("Timeline", volume)

    def set_copies(self, copies: Sequence[CopyInfo]) -> None:
        """Show these copies; soft-deleted ones are left out."""
        self._copies = tuple(copy for copy in copies if not copy.deleted)
        self.setAccessibleDescription(f"{len(self._copies)} copies, oldest first")
        self.update()

    def feed(self, events: Events) -> None:
        """Count one frame's writes; ``tick`` shows them."""
        self.intensity.feed(events)

    def tick(self) -> None:
        """Move Now on; call it a few times a second."""
        self._seen_s = self._clock()
        self.update()

    @guarded
    def _on_copy(self, copy: FocusedCopy) -> None:
        del copy
        self.update()

    # Places

    @property
    def _line_y(self) -> float:
        return max(78.0, self.height() * 0.36)

    @property
    def _lane_room(self) -> int:
        return max(0, int((self.height() - AXIS_HEIGHT - 12 - self._line_y) / LANE_MIN))

    def _lanes(self) -> tuple[list[Lane], int]:
        return lay_out(self._copies, self.focus.copy.name, self._lane_room)

    def _lane_y(self, row: int, count: int) -> float:
        room = self.height() - AXIS_HEIGHT - 14 - self._line_y
        return self._line_y + row * min(LANE_MAX, room / max(count, 1))

    def _axis(self) -> _Axis:
        now = max(self._seen_s, self.intensity.begin_s)
        oldest = min((copy.created for copy in self._copies), default=self.intensity.begin_s)
        start = min(oldest, self.intensity.begin_s, now - SPAN_MIN_S)
        start -= (now - start) * 0.08
        start = now - max((now - start) / self._zoom, SPAN_MIN_S)
        stop = now + (now - start) * AHEAD
        return _Axis(start, stop, LEFT_MARGIN, self.width() - NAMES_WIDTH)

    def copy_at(self, y: float) -> str:
        """Return the copy whose lane lies at height ``y``; empty if none does."""
        lanes, _ = self._lanes()
        for lane in lanes:
            if abs(self._lane_y(lane.row, len(lanes)) - y) <= LANE_MIN / 2:
                return lane.name
        return ORIGINAL if abs(self._line_y - y) <= LANE_MIN / 2 else ""

    @override
    @guarded
    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom into what is next to Now; scrolled back, all copies are in view again."""
        self._zoom = max(1.0, self._zoom * ZOOM_STEP ** (event.angleDelta().y() / 120))
        event.accept()
        self.update()

    @override
    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        name = self.copy_at(event.position().y())
        ids = {copy.name: copy.id for copy in self._copies} | {ORIGINAL: 0}
        if name in ids:
            self.focus.set_copy(FocusedCopy(ids[name], name))

    # Painting

    @override
    def paint_body(self, painter: QPainter) -> None:
        if not self._volume:
            return
        axis = self._axis()
        lanes, hidden = self._lanes()
        self._paint_axis(painter, axis, axis.right if hidden else axis.right + 40)
        self._paint_bars(painter, axis)
        self._paint_line(painter, axis)
        for lane in lanes:
            if lane.name != self.focus.copy.name:
                self._paint_lane(painter, axis, lane, len(lanes))
        for lane in lanes:
            if lane.name == self.focus.copy.name:
                self._paint_lane(painter, axis, lane, len(lanes))
        self._paint_births(painter, axis, lanes)
        self._paint_now(painter, axis)
        if hidden:
            box = QRectF(axis.right + 2, self.height() - AXIS_HEIGHT, NAMES_WIDTH - 10, 18)
            draw_text(painter, box, f"+ {hidden} more", fonts.font(11), self.theme.faint)

    def _paint_axis(self, painter: QPainter, axis: _Axis, right: float) -> None:
        """Paint the times that end left of ``right``."""
        span = axis.stop_s - axis.start_s
        step = tick_seconds(span, int((axis.right - axis.left) / TICK_ROOM))
        form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
        zone_s = time.localtime(axis.stop_s).tm_gmtoff
        at = -(-(axis.start_s + zone_s) // step) * step - zone_s
        while at < axis.stop_s:
            x = axis.x(at)
            painter.setPen(QPen(self.theme.color("line"), 1))
            painter.drawLine(QPointF(x, 46), QPointF(x, self.height() - AXIS_HEIGHT))
            words = time.strftime(form, time.localtime(at))
            box = QRectF(x - 35, self.height() - AXIS_HEIGHT + 3, 70, 18)
            if box.left() > 4 and box.right() < right:
                draw_text(painter, box, words, fonts.font(11), self.theme.faint, align=CENTER)
            at += step

    def _paint_bars(self, painter: QPainter, axis: _Axis) -> None:
        now = axis.x(self._seen_s)
        count = max(1, int((now - axis.left) / BAR_WIDTH))
        rates = self.intensity.between(axis.start_s, self._seen_s, count)
        peak = float(rates.max())
        if peak <= 0:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("written", 0.32))
        width = (now - axis.left) / count
        for at, share in enumerate((rates / peak).tolist()):
            if share > 0:
                height = max(1.5, share * BAR_MAX)
                box = QRectF(axis.left + at * width, self._line_y - 7 - height, width - 1.4, height)
                painter.drawRoundedRect(box, 1.2, 1.2)

    def _paint_line(self, painter: QPainter, axis: _Axis) -> None:
        begin = max(axis.left, axis.x(self.intensity.begin_s))
        color = self.theme.color("written")
        y, now = self._line_y, axis.x(self._seen_s)
        painter.setPen(QPen(color, 2, Qt.PenStyle.DotLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(axis.left, y), QPointF(begin, y))
        painter.setPen(QPen(color, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(begin, y), QPointF(now, y))
        is_focused = self.focus.copy.name == ORIGINAL
        self._paint_name(painter, axis, y, ORIGINAL, is_focused=is_focused)

    def _lane_color(self, lane: Lane) -> str:
        if lane.name == self.focus.copy.name:
            return self.theme.accent
        return self.theme.good if lane.kind == "clone" else self.theme.preserved

    def _paint_lane(self, painter: QPainter, axis: _Axis, lane: Lane, count: int) -> None:
        is_focused = lane.name == self.focus.copy.name
        x, y = axis.x(lane.created_s), self._lane_y(lane.row, count)
        top, now = self._lane_y(lane.parent_row, count), axis.x(self._seen_s)
        bend = min(12.0, (y - top) * 0.6, max(0.0, now - x))
        path = QPainterPath(QPointF(max(x, axis.left), top if x >= axis.left else y))
        if x >= axis.left:
            path.lineTo(x, y - bend)
            path.quadTo(x, y, x + bend, y)
        path.lineTo(max(now, x + bend), y)
        color = self.theme.color(self._lane_color(lane))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, 2.6 if is_focused else 2))
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(QPointF(now, y), 3.6, 3.6)
        self._paint_name(painter, axis, y, lane.name, is_focused=is_focused)

    def _paint_name(
        self, painter: QPainter, axis: _Axis, y: float, name: str, *, is_focused: bool
    ) -> None:
        x = axis.x(self._seen_s) + 12
        weight = 650 if is_focused else 600 if name == ORIGINAL else 500
        color = self.theme.accent if is_focused else self.theme.text
        box = QRectF(x, y - 9, self.width() - x - 8, 18)
        draw_name(painter, box, name, fonts.font(12, weight), color)

    def _paint_births(self, painter: QPainter, axis: _Axis, lanes: list[Lane]) -> None:
        count = len(lanes)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("faint"))
        shown = {lane.name for lane in lanes}
        for copy in self._copies:
            if copy.name not in shown and axis.x(copy.created) >= axis.left:
                painter.drawEllipse(QPointF(axis.x(copy.created), self._line_y), 2.6, 2.6)
        for lane in lanes:
            if axis.x(lane.created_s) < axis.left:
                continue
            at = QPointF(axis.x(lane.created_s), self._lane_y(lane.parent_row, count))
            is_focused = lane.name == self.focus.copy.name
            radius = 6.0 if lane.parent_row == 0 else 4.0
            if is_focused:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(self.theme.color("accent", 0.22))
                painter.drawEllipse(at, 2 * radius, 2 * radius)
            ring = self.theme.written if lane.parent_row == 0 else self._lane_color(lane)
            painter.setPen(QPen(self.theme.color(ring), 2.6 if lane.parent_row == 0 else 2))
            painter.setBrush(self.theme.color("accent" if is_focused else "card"))
            painter.drawEllipse(at, radius, radius)

    def _paint_now(self, painter: QPainter, axis: _Axis) -> None:
        x, font = axis.x(self._seen_s), fonts.font(11, 650)
        painter.setPen(QPen(self.theme.color("heat"), 1.6))
        painter.drawLine(QPointF(x, 48), QPointF(x, self.height() - AXIS_HEIGHT))
        width = text_width("Now", font) + 14
        box = QRectF(x - width / 2, 34, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("heat"))
        painter.drawRoundedRect(box, 9, 9)
        draw_text(painter, box, "Now", font, self.theme.card, align=CENTER)
