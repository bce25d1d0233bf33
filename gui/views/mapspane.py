# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Both maps, the pointer table's lane between them, the arrows over them, and the legend.

One timer drives all of it, and only while something changes or cools: an idle volume costs no
frames. Counting the whole area (strips, gauges) and drawing the lane are dearer than a frame of
the maps and happen a few times a second.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from gui.guard import guarded, guarded_or
from gui.models.areamodel import counted_map
from gui.models.focus import AreaKind
from gui.views.areacard import AreaCard
from gui.views.arrows import ArrowOverlay
from gui.views.legend import HEIGHT as LEGEND_HEIGHT
from gui.views.legend import Legend
from gui.views.pointerlane import HEIGHT as LANE_HEIGHT
from gui.views.pointerlane import PointerLane
from gui.views.sprites import LETTER_PX_MIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QPaintEvent, QResizeEvent, QShowEvent

    from core.answers import MapAnswer
    from gui.models.areamodel import AdditionalAreaModel, CountedMap, Events, InitialAreaModel
    from gui.models.focus import Focus
    from gui.models.lanecolumns import TableRows
    from gui.theme import ThemeSource
    from gui.views.areamap import AreaMap

FRAME_MS: Final = 16
SLOW_FRAME_S: Final = 0.012
TOTALS_S: Final = 0.125
LANE_S: Final = 0.2
LENGTH_S: Final = 0.5
_LEGEND_GAP: Final = 6
_UPPER_SHARE: Final = 0.54


class MapsPane(QWidget):
    """The middle of the window.

    Attributes:
        initial_card, additional_card: The cards of the initial and of the additional area.
        lane: The pointer table of the focused copy.

    Signals:
        told: A line about the place under the mouse, for the status bar; empty when there is none.
    """

    told = Signal(str)

    def __init__(
        self,
        initial: InitialAreaModel,
        additional: AdditionalAreaModel,
        focus: Focus,
        source: ThemeSource,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.clock: Callable[[], float] = time.perf_counter
        self.focus = focus
        self._models = (initial, additional)
        self.initial_card = AreaCard(initial, focus, source, self)
        self.additional_card = AreaCard(additional, focus, source, self)
        self.lane = PointerLane(
            self.initial_card.map, self.additional_card.map, focus, source, self
        )
        self.legend = Legend(source, self)
        self.overlay = ArrowOverlay(
            self.initial_card.map, self.additional_card.map, self.lane, source, self
        )
        self._last_frame: float | None = None
        self._totals_due = self._lane_due = self._length_due = 0.0
        self._is_table_stale = self._are_totals_stale = False
        self._turn = 0
        self._was_slow = False
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.frame)
        for view in (self.initial_card.map, self.additional_card.map, self.lane):
            view.told.connect(self._on_told)
        for card in (self.initial_card, self.additional_card):
            card.map.view_changed.connect(self._on_view_changed)
        focus.badges_changed.connect(self._on_badges)
        source.changed.connect(self.update)
        self._source = source
        self.overlay.raise_()

    # What it shows

    def load(self, answer: MapAnswer, grain_bytes: int) -> None:
        """Show both areas as the engine answered them."""
        self.take(counted_map(answer, grain_bytes))

    def take(self, counted: CountedMap) -> None:
        """Show both areas, counted already."""
        for model, area in zip(self._models, counted, strict=True):
            model.take(area)
        self.show_models()

    def show_models(self) -> None:
        """Draw both models anew after somebody else has loaded them."""
        for card in (self.initial_card, self.additional_card):
            card.map.advance()
        gutter = max(card.map.gutter_needed() for card in (self.initial_card, self.additional_card))
        for card in (self.initial_card, self.additional_card):
            card.map.set_gutter(gutter)
            card.map.advance()
            card.map.view_changed.emit()  # other bytes, even if at the same addresses
        self._are_totals_stale = True
        self._refresh_totals()
        self._place_lane()
        self.wake()

    def apply(self, events: Events) -> None:
        """Let both models follow a batch of events; the picture follows with the next frame."""
        for model in self._models:
            model.apply(events)
        self._are_totals_stale = True
        self.wake()

    def grow(self, additional_bytes: int) -> None:
        """Show an additional area that became longer."""
        _, additional = self._models
        if 0 < additional.size < additional_bytes:
            additional.grow(additional_bytes)
            self._are_totals_stale = True
            self.wake()

    def set_table(self, table: TableRows | None) -> None:
        """Show the pointer table of the focused copy in the lane."""
        self.lane.set_table(table)
        self.wake()

    def table_changed(self) -> None:
        """Draw the lane anew soon; may be called with every batch of events."""
        self._is_table_stale = True
        self.wake()

    def set_places(self, initial: str, additional: str) -> None:
        """Say where the areas lie: the names of their files."""
        self.initial_card.set_place(initial)
        self.additional_card.set_place(additional)

    def set_letters(
        self,
        initial: Callable[[int], str] | None,
        additional: Callable[[int], str] | None,
    ) -> None:
        """Write into large cells what they hold, as told by byte address; None writes states."""
        self.initial_card.map.letters, self.additional_card.map.letters = initial, additional
        for card in (self.initial_card, self.additional_card):
            card.map.refresh()

    # Moving about

    @property
    def active_map(self) -> AreaMap:
        """The map that has the keyboard, else that of the initial area."""
        return (
            self.additional_card.map
            if self.additional_card.map.hasFocus()
            else self.initial_card.map
        )

    def zoom(self, notches: int) -> None:
        """Zoom the active map about its middle."""
        port = self.active_map.port
        if port.zoom(notches, port.cells // 2):
            self.active_map.change_view()

    def fit(self) -> None:
        """Show the whole of the active map's area."""
        self.active_map.port.fit()
        self.active_map.change_view()

    def zoom_to_selection(self) -> None:
        """Fill the map with what is selected."""
        place = self.focus.selection
        if place is not None:
            view = self._map_of(place.area)
            view.port.show(place.extent.start, place.extent.stop)
            view.change_view()

    def toggle_layout(self) -> None:
        """Change the active map between rows and Hilbert curve."""
        port = self.active_map.port
        port.set_hilbert(on=not port.is_hilbert)
        self.active_map.change_view()

    def go_to(self, area: AreaKind, address: int) -> None:
        """Scroll a map so that a byte address is in view."""
        view = self._map_of(area)
        if view.port.reveal(address):
            view.change_view()

    def _map_of(self, area: AreaKind) -> AreaMap:
        return self.initial_card.map if area is AreaKind.INITIAL else self.additional_card.map

    # Frames

    def wake(self) -> None:
        """Begin to draw frames, until all has cooled."""
        if self.isVisible() and not self._timer.isActive():
            self._last_frame = None
            self._timer.start()

    @guarded
    def frame(self) -> None:
        """Draw one frame. While frames are slow the two maps take turns."""
        begin = self.clock()
        elapsed = FRAME_MS / 1000 if self._last_frame is None else begin - self._last_frame
        self._last_frame = begin
        for model in self._models:
            model.tick(elapsed)
        cards = (self.initial_card, self.additional_card)
        self._turn ^= 1
        may_lengthen = begin >= self._length_due
        for card in cards[self._turn : self._turn + 1] if self._was_slow else cards:
            card.map.advance(may_lengthen=may_lengthen)
        if may_lengthen:
            self._length_due = begin + LENGTH_S
        self._advance_lane(begin)
        if self._are_totals_stale and begin >= self._totals_due:
            cards[self._turn].refresh_totals()
            self._totals_due = begin + TOTALS_S
        self._was_slow = self.clock() - begin > SLOW_FRAME_S
        if not self._is_busy():
            self._refresh_totals()
            self._timer.stop()

    def _advance_lane(self, now: float) -> None:
        """Look through the table every other frame, draw what was found a few times a second."""
        if self.lane.is_scanning:
            if self._turn:
                self.lane.step()
        elif self._is_table_stale:
            self.lane.look_again()
            self._is_table_stale = False
        if now >= self._lane_due and self.lane.redraw():
            self._lane_due = now + LANE_S

    def _is_busy(self) -> bool:
        return (
            self._is_table_stale
            or self.lane.is_scanning
            or any(model.heat.is_warm for model in self._models)
            or any(card.map.is_due for card in (self.initial_card, self.additional_card))
        )

    def _refresh_totals(self) -> None:
        """Count both areas; while frames go on they are counted in turns."""
        self._are_totals_stale = any(model.heat.is_warm for model in self._models)
        for card in (self.initial_card, self.additional_card):
            card.refresh_totals()
        initial, additional = (model.pyramid.totals() for model in self._models)
        self.legend.set_present(initial + additional)

    # News from the parts

    @guarded
    def _on_told(self, line: str) -> None:
        self.legend.set_read_out(line)
        self.told.emit(line)

    @guarded
    def _on_view_changed(self) -> None:
        maps = (self.initial_card.map, self.additional_card.map)
        lettered = (view.port.px >= LETTER_PX_MIN for view in maps if view.letters is None)
        self.legend.set_letters(shown=any(lettered))
        self._place_lane()
        self.wake()

    @guarded
    def _on_badges(self, _badges: object) -> None:
        """Bring the first badge's places into view."""
        for badge in self.focus.badges[:1]:
            self.go_to(AreaKind.INITIAL, badge.start)
            self.go_to(AreaKind.ADDITIONAL, badge.offset)

    def _place_lane(self) -> None:
        grid = self.initial_card.map.grid_box()
        left = self.initial_card.map.x() + self.initial_card.x() + grid.left()
        self.lane.set_span(left, left + grid.width() - 1)
        self.overlay.refresh()

    # What Qt calls

    @override
    @guarded_or(QSize(700, 520))
    def sizeHint(self) -> QSize:
        return QSize(700, 520)

    @override
    @guarded_or(QSize(360, 320))
    def minimumSizeHint(self) -> QSize:
        return QSize(360, 320)

    @override
    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), self._source.theme.color("bg"))

    @override
    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        self.wake()

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        width, height = self.width(), self.height()
        cards = height - LANE_HEIGHT - LEGEND_HEIGHT - _LEGEND_GAP
        upper = int(cards * _UPPER_SHARE)
        self.initial_card.setGeometry(0, 0, width, upper)
        self.lane.setGeometry(0, upper, width, LANE_HEIGHT)
        self.additional_card.setGeometry(0, upper + LANE_HEIGHT, width, cards - upper)
        self.legend.setGeometry(6, height - LEGEND_HEIGHT, width - 12, LEGEND_HEIGHT)
        self.overlay.setGeometry(self.rect())
        self._place_lane()
