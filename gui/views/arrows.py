# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Arrows over the maps: from the place a badged row stands for to the place it points to.

They run from grid to grid in ink with a halo of the ground, and wear the number of their row. The
two titles lie beyond the grids, so that no arrow crosses words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from core.answers import PointerKind
from gui.guard import guarded
from gui.views.drawing import BADGE_RADIUS, draw_badge
from gui.views.mapview import draw_outline

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from gui.models.focus import Badge
    from gui.theme import Theme, ThemeSource
    from gui.views.areamap import AreaMap
    from gui.views.pointerlane import PointerLane

INK_PX: Final = 2.2
HALO_PX: Final = 6.5
LANE_BADGE_RADIUS: Final = 7.5
_HEAD_PX: Final = 9.5
_INSIDE_PX_MIN: Final = 40
_ROOM_PX: Final = 24
_CORNER_PX: Final = 4
_BESIDE_PX_MAX: Final = 40
_DISCS_PX: Final = 10 * 2 * BADGE_RADIUS


class Link(NamedTuple):
    """One badge with the boxes of its two places, where they are in view."""

    badge: Badge
    source: QRectF | None
    target: QRectF | None
    outlines: list[QPainterPath]


def arrow_path(
    source: QRectF, target: QRectF, way: QPointF | None = None
) -> tuple[QPainterPath, QPointF]:
    """Return the curve from beneath one box to above another, and the tip of its arrow.

    Where the table's entry, ``way``, lies straight beneath the first box, the curve goes by it.
    """
    begin = QPointF(source.center().x(), source.bottom() + 1)
    tip = QPointF(target.center().x(), target.top() - 2)
    path = QPainterPath(begin)
    if way is not None and abs(way.x() - begin.x()) <= source.width() / 2 and way.y() > begin.y():
        path.lineTo(way)
        begin = way
    drop = tip.y() - begin.y()
    path.cubicTo(
        QPointF(begin.x(), begin.y() + drop * 0.5),
        QPointF(tip.x(), tip.y() - drop * 0.6),
        QPointF(tip.x(), tip.y() - 6),
    )
    return path, tip


def badge_center(box: QRectF, top: float = -1e9) -> QPointF:
    """Return where the badge of a box goes: above a small cell, on the corner of a large one.

    Above ``top``, the upper edge of the map, are words: there it goes beside the cell.
    """
    if box.height() >= _INSIDE_PX_MIN:
        return QPointF(box.left() + _CORNER_PX, max(top + BADGE_RADIUS, box.top() + _CORNER_PX))
    above = box.top() - BADGE_RADIUS - 0.5
    if above - BADGE_RADIUS >= top:
        return QPointF(box.center().x(), above)
    beside = box.left() + min(box.width(), _BESIDE_PX_MAX) + BADGE_RADIUS + 2
    return QPointF(beside, max(box.center().y(), top + BADGE_RADIUS))


def spread(wanted: list[QPointF], radius: float) -> list[QPointF]:
    """Return places for discs near those wanted, none over another: late ones go to the right."""
    apart = 2 * radius + 1
    taken: list[QPointF] = []
    for spot in wanted:
        x = spot.x()
        for other in sorted(taken, key=QPointF.x):
            if abs(other.y() - spot.y()) < apart and abs(other.x() - x) < apart:
                x = other.x() + apart
        taken.append(QPointF(x, spot.y()))
    return taken


class ArrowOverlay(QWidget):
    """Lies over both maps, lets the mouse through, and draws what ties them together."""

    def __init__(
        self,
        upper: AreaMap,
        lower: AreaMap,
        lane: PointerLane,
        source: ThemeSource,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._ground = parent
        self._upper = upper
        self._lower = lower
        self._lane = lane
        self._focus = focus = upper.focus
        self._source = source
        self._picture: QPixmap | None = None
        self._corner = QPoint()
        self._is_stale = True
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        for news in (source.changed, upper.view_changed, lower.view_changed):
            news.connect(self.refresh)
        focus.badges_changed.connect(self._on_badges)

    @guarded
    def _on_badges(self, _badges: object) -> None:
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Draw the arrows anew with the next paint; what lies beneath is painted again as well."""
        self._is_stale = True
        if self._focus.badges or self._picture is not None:
            self.update()

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        self.refresh()

    def links(self) -> list[Link]:
        """Return the badges with their places, in pixels of this widget."""
        return [self._link(badge) for badge in self._focus.badges]

    def _link(self, badge: Badge) -> Link:
        source = self._place(self._upper, badge.start, badge.length)
        target = None
        if badge.kind != PointerKind.ZERO:
            target = self._place(self._lower, badge.offset, badge.length)
        places = [place for place in (source, target) if place is not None]
        return Link(
            badge,
            source[0] if source else None,
            target[0] if target else None,
            [path for _, path in places],
        )

    def _place(self, view: AreaMap, start: int, length: int) -> tuple[QRectF, QPainterPath] | None:
        """Return the first box and the outline of the visible part of a byte range."""
        boxes = view.boxes_of(start, length)
        if not boxes:
            return None
        origin = QPointF(view.mapTo(self._ground, QPoint(0, 0)) - self.pos())
        return boxes[0].translated(origin), view.outline_of(start, length).translated(origin)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._is_stale:
            self._picture, self._is_stale = self._draw(), False
        if self._picture is not None:
            with QPainter(self) as painter:
                painter.drawPixmap(self._corner, self._picture)

    def _draw(self) -> QPixmap | None:
        """Draw all arrows into a picture of their bounds: stroking them takes milliseconds."""
        links = self.links()
        bounds = QRectF()
        for link in links:
            spot = self._spot_in_lane(link.badge)
            spots = [] if spot is None else [QRectF(spot, spot)]
            for box in (
                link.source,
                link.target,
                *[p.boundingRect() for p in link.outlines],
                *spots,
            ):
                if box is not None:
                    bounds |= box.adjusted(-_ROOM_PX, -_ROOM_PX, _DISCS_PX, _ROOM_PX)
        area = bounds.toAlignedRect().intersected(self.rect())
        if area.isEmpty():
            return None
        self._corner = area.topLeft()
        ratio = self.devicePixelRatioF()
        picture = QPixmap(area.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        with QPainter(picture) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.translate(-QPointF(self._corner))
            self._paint(painter, links)
        return picture

    def _paint(self, painter: QPainter, links: list[Link]) -> None:
        theme = self._source.theme
        for link in links:
            for path in link.outlines:
                draw_outline(painter, path, theme, width=2, name="ink")
        for link in links:
            self._paint_arrow(painter, link, theme)
        self._paint_badges(painter, links, theme)

    def _paint_badges(self, painter: QPainter, links: list[Link], theme: Theme) -> None:
        """Number the places, and the entries in the lane; no disc hides another."""
        numbers, centers, entries, spots = [], [], [], []
        top = QPointF(self._upper.mapTo(self._ground, QPoint(0, 0)) - self.pos()).y()
        for link in links:
            if link.source is None or link.target is None:
                continue  # a number that ties nothing together says nothing
            numbers.append(link.badge.number)
            centers.append(badge_center(link.source, top))
            spot = self._spot_in_lane(link.badge)
            if spot is not None:
                entries.append(link.badge.number)
                spots.append(spot)
        for number, center in zip(numbers, spread(centers, BADGE_RADIUS), strict=True):
            draw_badge(painter, center, number, theme)
        for number, center in zip(entries, spread(spots, LANE_BADGE_RADIUS), strict=True):
            draw_badge(painter, center, number, theme, LANE_BADGE_RADIUS)

    def _spot_in_lane(self, badge: Badge) -> QPointF | None:
        spot = self._lane.spot_of(badge.start + badge.length // 2)
        return None if spot is None else spot + QPointF(self._lane.pos() - self.pos())

    def _paint_arrow(self, painter: QPainter, link: Link, theme: Theme) -> None:
        if link.source is None or link.target is None:
            return
        way = self._spot_in_lane(link.badge)
        path, tip = arrow_path(link.source, link.target, way)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        round_cap = Qt.PenCapStyle.RoundCap
        solid = Qt.PenStyle.SolidLine
        painter.setPen(QPen(theme.color("halo", 0.92), HALO_PX, solid, round_cap))
        painter.drawPath(path)
        painter.setPen(QPen(theme.color("ink"), INK_PX, solid, round_cap))
        painter.drawPath(path)
        wing = _HEAD_PX * 0.58
        head = [tip, QPointF(tip.x() - wing, tip.y() - _HEAD_PX)]
        head.append(QPointF(tip.x() + wing, tip.y() - _HEAD_PX))
        painter.setPen(QPen(theme.color("halo"), 2))
        painter.setBrush(theme.color("ink"))
        painter.drawPolygon(QPolygonF(head))
