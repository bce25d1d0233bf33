# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One area on its card: title, gauge, controls, the map and the strip of the whole beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, QRectF
from typing_extensions import override

from core.units import format_bytes
from gui.guard import guarded
from gui.models.focus import AreaKind
from gui.theme import fonts
from gui.views.areamap import AreaMap
from gui.views.card import HEADER_HEIGHT, MARGIN, Card
from gui.views.drawing import CENTER, RIGHT, draw_bar, draw_text, text_width
from gui.views.mapcontrols import HEIGHT, LayoutSwitch, ZoomControl
from gui.views.mapview import unit_words
from gui.views.minimap import WIDTH as STRIP_WIDTH
from gui.views.minimap import Minimap

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from gui.models.areamodel import AreaModel
    from gui.models.focus import Focus
    from gui.theme import ThemeSource

_GAUGE_WIDTH: Final = 150
_GAUGE_ROOM_MIN: Final = 190
_GAP: Final = 8
_TITLES: Final = {AreaKind.INITIAL: "Initial area", AreaKind.ADDITIONAL: "Additional area"}
_NO_COPY: Final = "No copy yet, so nothing is kept here"
_NO_COPY_MORE: Final = "Take a snapshot: it moves no data. What is then overwritten is kept here."
_GAUGE_WORDS: Final = {AreaKind.INITIAL: "mapped", AreaKind.ADDITIONAL: "used"}


class AreaCard(Card):
    """The map of one area with all that belongs to it.

    The initial area's title is above its map and the additional area's below, so that the two
    grids face each other and pointers run from cell to cell.
    """

    def __init__(
        self, model: AreaModel, focus: Focus, source: ThemeSource, parent: QWidget | None = None
    ) -> None:
        is_below = model.kind is AreaKind.ADDITIONAL
        super().__init__(source, _TITLES[model.kind], title_below=is_below, parent=parent)
        self._is_below = is_below
        self._place = ""
        self._used = 0.0
        self._kept = 0
        self._subtitles = [""]
        self.map = AreaMap(model, focus, source, self)
        self.map.setAccessibleName(f"Map of the {model.kind.value} area")
        self.strip = Minimap(model, self.map.port, source, self)
        self.switch = LayoutSwitch(source, self)
        self.zoom = ZoomControl(source, self)
        self.map.view_changed.connect(self._on_view_changed)
        self.strip.asked.connect(self._on_asked)
        self.switch.chosen.connect(self._on_layout)
        self.zoom.stepped.connect(self._on_zoom)
        self._on_view_changed()

    @property
    def used_bytes(self) -> int:
        """Bytes of the area that are not free, as last counted."""
        return round(self._used * self.map.model.size)

    @property
    def kept_bytes(self) -> int:
        """Bytes of preserved originals and of new data in the area, as last counted."""
        return self._kept

    def set_place(self, words: str) -> None:
        """Say where the area lies, e.g. the name of its file."""
        self._place = words
        self.refresh_totals()

    def refresh_totals(self) -> None:
        """Count the whole area anew: strip, gauge, size."""
        model = self.map.model
        self._used = model.used_share() if model.size else 0.0
        self._kept = model.kept_bytes()
        self._show_parts()
        size = format_bytes(model.size) if model.size else "none yet"
        self._subtitles = [f"{size} in {self._place}", size, ""]
        if not self._place or not model.size:
            self._subtitles = [size, ""]
        self._choose_subtitle()
        self.strip.refresh()
        self.update(self.header_box().toAlignedRect())

    def _show_parts(self) -> None:
        """Leave out map and controls of an area that does not exist yet; words say why."""
        exists = self.map.model.size > 0 or not self._is_below
        for part in (self.map, self.strip, self.switch, self.zoom):
            part.setVisible(exists)

    @guarded
    def _on_view_changed(self) -> None:
        port = self.map.port
        self.zoom.set_words(unit_words(port))
        self.switch.show_choice(hilbert=port.is_hilbert)
        self._place_controls()
        self.strip.update()

    @guarded
    def _on_asked(self, address: int) -> None:
        port = self.map.port
        port.go_to(address)
        port.pan_rows(-(port.rows // 2))
        self.map.change_view()

    @guarded
    def _on_layout(self, hilbert: bool) -> None:
        self.map.port.set_hilbert(on=hilbert)
        self.map.change_view()

    @guarded
    def _on_zoom(self, step: int) -> None:
        port = self.map.port
        if port.zoom(step, port.cells // 2):
            self.map.change_view()

    def _choose_subtitle(self) -> None:
        """Show the longest words about the area that fit beside its title."""
        room = self.header_room() - MARGIN - 14 - text_width(self.title, fonts.font(14, 650))
        font = fonts.font(12)
        fitting = (words for words in self._subtitles if text_width(words, font) < room)
        self.set_title(self.title, next(fitting, ""))

    @override
    def header_room(self) -> float:
        return self._controls_left() - MARGIN

    def _controls_left(self) -> int:
        left = self.width() - MARGIN - self.zoom.width() - _GAP - self.switch.width()
        return left - (_GAUGE_WIDTH + 2 * _GAP if self._has_gauge(left) else 0)

    def _has_gauge(self, left: int) -> bool:
        words = text_width(self.title, fonts.font(14, 650))
        return left - words - MARGIN > _GAUGE_ROOM_MIN

    def _place_controls(self) -> None:
        top = int(self.header_box().top()) + (HEADER_HEIGHT - HEIGHT) // 2 + 1
        x = self.width() - MARGIN - self.zoom.width()
        self.zoom.move(x, top)
        self.switch.move(x - _GAP - self.switch.width(), top)
        self._choose_subtitle()
        self.update(self.header_box().toAlignedRect())

    @override
    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        top = 11 if self._is_below else HEADER_HEIGHT + 1
        height = self.height() - HEADER_HEIGHT - 11
        right = self.width() - MARGIN + 4
        self.strip.setGeometry(QRect(right - STRIP_WIDTH, top, STRIP_WIDTH, height))
        width = right - STRIP_WIDTH - 8 - 14
        self.map.setGeometry(14, top, max(1, width), max(1, height))
        self._place_controls()

    @override
    def paint_body(self, painter: QPainter) -> None:
        if not self.zoom.isVisibleTo(self):
            self._paint_hint(painter)
            return
        left = self.width() - MARGIN - self.zoom.width() - _GAP - self.switch.width()
        if not self._has_gauge(left):
            return
        words = f"{self._used:.0%} {_GAUGE_WORDS[self.map.model.kind]}".replace("%", " %", 1)
        top = self.header_box().top()
        font = fonts.font(11, 600)
        wide = text_width(words, font) + 8
        x = left - 2 * _GAP - _GAUGE_WIDTH
        box = QRectF(x + _GAUGE_WIDTH - wide, top + 13, wide, 22)
        draw_text(painter, box, words, font, self.theme.text, align=RIGHT)
        bar = QRectF(x, top + 21, _GAUGE_WIDTH - wide - 6, 6)
        draw_bar(painter, bar, self._used, self.theme.color("written"), self.theme.color("line"))

    def _paint_hint(self, painter: QPainter) -> None:
        """Say what will be here, and how it comes about."""
        middle = (self.height() - HEADER_HEIGHT) / 2
        head = QRectF(MARGIN, middle - 22, self.width() - 2 * MARGIN, 20)
        draw_text(painter, head, _NO_COPY, fonts.font(13, 600), self.theme.text, align=CENTER)
        body = QRectF(MARGIN, middle + 2, self.width() - 2 * MARGIN, 20)
        draw_text(painter, body, _NO_COPY_MORE, fonts.font(12), self.theme.sub, align=CENTER)
