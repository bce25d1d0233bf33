# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The maps show what the models hold, and follow hand, wheel and keys."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from core.answers import AreaState, MapAnswer, PointerColumns, TableAnswer
from core.extent import Extent
from gui.models.areamodel import AdditionalAreaModel, InitialAreaModel
from gui.models.focus import AreaKind, Badge, Focus, FocusedCopy, Place
from gui.models.pointertable import Geometry, PointerTable
from gui.theme import DARK
from gui.views.mapspane import LENGTH_S, MapsPane
from tests.gui.areas import additional_blocks, from_blocks, initial_blocks, overwrites

GRAIN = 4096
NO_BUTTON = Qt.MouseButton.NoButton
LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Bench:
    """A pane with a clock that stands still until it is told."""

    def __init__(self, qtbot, source, upper, lower, size=(900, 620)):
        self.now = 0.0
        self.focus = Focus()
        self.models = InitialAreaModel(), AdditionalAreaModel()
        self.pane = MapsPane(*self.models, self.focus, source)
        self.pane.clock = lambda: self.now
        qtbot.addWidget(self.pane)
        self.pane.resize(*size)
        self.pane.load(
            MapAnswer(
                event_seq=0,
                generation=1,
                initial=from_blocks(np.asarray(upper, np.uint8)),
                additional=from_blocks(np.asarray(lower, np.uint8)),
            ),
            GRAIN,
        )
        self.pane.show()
        qtbot.waitExposed(self.pane)
        self.pane._timer.stop()
        self.map = self.pane.initial_card.map
        self.lower_map = self.pane.additional_card.map

    def frame(self, seconds=0.016):
        self.now += seconds
        self.pane.frame()
        return self.pane.grab().toImage()

    def color_of_cell(self, view, index):
        box = view.cell_rect(index)
        image = view.grab().toImage()
        # The lower left of a cell, where no mark, letter or core is.
        inset = max(1, view.port.px // 6)
        return image.pixelColor(int(box.left()) + inset, int(box.bottom()) - inset - 1).name()

    def wheel(self, view, notches, index=0, modifiers=Qt.KeyboardModifier.NoModifier):
        spot = view.cell_rect(index).center()
        event = QWheelEvent(
            spot,
            QPointF(view.mapToGlobal(spot.toPoint())),
            QPoint(),
            QPoint(0, 120 * notches),
            NO_BUTTON,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view, event)


@pytest.fixture
def small(qtbot, source) -> Bench:
    return Bench(qtbot, source, [2, 2, 2, 3, 2, 2, 0, 1], [5, 3, 0, 0, 0, 0, 0, 0])


@pytest.fixture
def large(qtbot, source) -> Bench:
    return Bench(qtbot, source, initial_blocks(1 << 18), additional_blocks(1 << 16))


def table_of(blocks: int) -> PointerTable:
    columns = PointerColumns(
        np.array([3 * GRAIN]),
        np.array([GRAIN]),
        np.array([GRAIN]),
        np.zeros(1, np.uint8),
        np.zeros(1, np.uint64),
    )
    made = PointerTable()
    size = blocks * GRAIN
    answer = TableAnswer(copy_id=1, start=0, stop=size, event_seq=0, columns=columns)
    made.load(answer, "install", Geometry(size, GRAIN))
    return made


def test_every_cell_has_the_colour_of_its_state(qtbot, either_source):
    bench = Bench(qtbot, either_source, [2, 3, 2, 2, 1, 0, 6, 4], [5, 3, 4, 6, 0, 0, 0, 0])
    theme = either_source.theme
    for view, model in zip((bench.map, bench.lower_map), bench.models, strict=True):
        for index in range(8):
            state = model.state_at(index * GRAIN)
            if state != AreaState.ORIGINAL_ONLY:
                assert bench.color_of_cell(view, index).upper() == theme.state_color(state)


def test_eight_portions_stand_in_one_row_and_the_lane_lies_along_them(small):
    view = small.map
    assert (view.port.rows == 1) or view.port.place_of(7)[0] == 0
    boxes = [view.cell_rect(index) for index in range(8)]
    assert len({box.top() for box in boxes}) == 1
    assert boxes[0].width() >= 80
    lane = small.pane.lane
    left = view.mapTo(small.pane, boxes[3].topLeft().toPoint()).x()
    assert lane.x_of(3 * GRAIN) == pytest.approx(left, abs=2)


def test_letters_of_a_demo_are_written_into_the_cells(small):
    before = small.map.grab().toImage()
    small.pane.set_letters(lambda start: "ABCDEFGH"[start // GRAIN], None)
    assert small.map.grab().toImage() != before
    assert small.map.line_about(3).endswith("holds D")


def test_an_overwrite_is_seen_in_both_maps_and_cools(small):
    theme = small.pane._source.theme
    small.pane.apply(overwrites([0], [2 * GRAIN]))
    small.frame()
    for view, index in ((small.map, 0), (small.lower_map, 2)):
        center = view.cell_rect(index).topLeft() + QPointF(4, view.port.px / 2)
        assert view.grab().toImage().pixelColor(center.toPoint()).name().upper() == theme.heat
    small.frame(2.0)
    small.frame()
    assert small.color_of_cell(small.map, 0).upper() == theme.preserved
    assert small.color_of_cell(small.lower_map, 2).upper() == theme.preserved


def test_frames_stop_when_all_has_cooled_and_begin_again_with_a_change(large):
    pane = large.pane
    pane.apply(overwrites([GRAIN], [0]))
    assert pane._timer.isActive()
    for _ in range(100):
        large.frame(0.02)
    assert not pane._timer.isActive()
    assert not large.map.is_due
    pane.apply(overwrites([GRAIN], [0]))
    assert pane._timer.isActive()


def test_what_frames_draw_equals_drawing_anew(large):
    rng = np.random.default_rng(4)
    for _ in range(20):
        starts = rng.integers(0, 1 << 18, 40) * GRAIN
        large.pane.apply(overwrites(starts, rng.integers(0, 1 << 16, 40) * GRAIN))
        large.frame(0.05)
    followed = large.map._image.pixels.copy()
    large.map.refresh()
    large.map.advance()
    assert (large.map._image.pixels == followed).all()


def test_an_area_that_is_being_filled_is_laid_out_anew_now_and_then(large):
    large.frame(LENGTH_S)
    laid_out = []
    large.lower_map.view_changed.connect(lambda: laid_out.append(large.now))
    lower = large.models[1]
    for _ in range(20):
        large.pane.apply(overwrites([7 * GRAIN], lower.size + 100 * GRAIN))
        large.frame(LENGTH_S / 10)
    assert 2 <= len(laid_out) <= 3
    while large.pane._is_busy():
        large.frame(LENGTH_S / 2)
    assert large.lower_map.port.blocks == lower.blocks
    told = large.lower_map.grab().toImage()
    large.lower_map.refresh()
    assert large.lower_map.grab().toImage() == told


def test_hilbert_frames_equal_drawing_anew(large):
    large.pane.toggle_layout()
    large.frame()
    for block in range(0, 4000, 37):
        large.pane.apply(overwrites([block * GRAIN], [0]))
    large.frame()
    followed = large.map._image.pixels.copy()
    large.map.refresh()
    large.map.advance()
    assert (large.map._image.pixels == followed).all()


@pytest.mark.parametrize("notches", [1, 7, 30])
def test_the_wheel_zooms_about_the_mouse(large, notches):
    view, index = large.map, large.map.port.cells // 2
    address = view.port.bytes_of(index)[0]
    spot = view.cell_rect(index).center()
    large.wheel(view, notches, index)
    found = view.port.cell_at(address)
    assert found is not None
    off = view.cell_rect(found).center() - spot
    assert abs(off.y()) <= 4 * view.port.px
    assert view.port.stop - view.port.start < 1 << 30


def test_shift_and_wheel_pans(large):
    large.wheel(large.map, 9, 5)
    before = large.map.port.first
    large.wheel(large.map, -1, 0, SHIFT)
    assert large.map.port.first == before + 3 * large.map.port.columns


def test_a_click_selects_a_cell_and_a_drag_pans(large, qtbot):
    view = large.map
    large.wheel(view, 9, 5)
    spot = view.cell_rect(40).center().toPoint()
    qtbot.mouseClick(view, LEFT, pos=spot)
    start, stop = view.port.bytes_of(40)
    assert large.focus.selection == Place(AreaKind.INITIAL, Extent(start, stop - start))
    first = view.port.first
    qtbot.mousePress(view, LEFT, pos=spot)
    qtbot.mouseMove(view, spot - QPoint(0, 5 * view.port.px))
    qtbot.mouseRelease(view, LEFT, pos=spot - QPoint(0, 5 * view.port.px))
    assert view.port.first == first + 5 * view.port.columns


def test_shift_and_drag_selects_a_range(small, qtbot):
    view = small.map
    qtbot.mousePress(view, LEFT, SHIFT, view.cell_rect(5).center().toPoint())
    qtbot.mouseMove(view, view.cell_rect(2).center().toPoint())
    qtbot.mouseRelease(view, LEFT, SHIFT, view.cell_rect(2).center().toPoint())
    assert small.focus.selection == Place(AreaKind.INITIAL, Extent(2 * GRAIN, 4 * GRAIN))


def test_the_mouse_is_told_what_lies_under_it(small, qtbot):
    lines: list[str] = []
    small.pane.told.connect(lines.append)
    qtbot.mouseMove(small.map, small.map.cell_rect(3).center().toPoint())
    assert lines[-1] == "0003  4 KiB  Preserved original"
    assert small.focus.hover == Place(AreaKind.INITIAL, Extent(3 * GRAIN, GRAIN))


def test_keys_move_a_cursor_extend_the_selection_and_zoom(small, qtbot):
    view = small.map
    view.setFocus()
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert small.focus.selection == Place(AreaKind.INITIAL, Extent(2 * GRAIN, GRAIN))
    for _ in range(2):
        qtbot.keyClick(view, Qt.Key.Key_Right, SHIFT)
    assert small.focus.selection == Place(AreaKind.INITIAL, Extent(2 * GRAIN, 3 * GRAIN))
    qtbot.keyClick(view, Qt.Key.Key_Left, SHIFT)
    assert small.focus.selection == Place(AreaKind.INITIAL, Extent(2 * GRAIN, 2 * GRAIN))
    assert "cursor at 0003: Preserved original" in view.accessibleDescription()
    qtbot.keyClick(view, Qt.Key.Key_W)
    assert not view.port.is_whole or view.port.px > 60
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.port.is_whole
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert small.focus.selection is None
    qtbot.keyClick(view, Qt.Key.Key_H)
    assert view.port.is_hilbert


def test_the_header_zooms_and_changes_the_layout(large, qtbot):
    card = large.pane.initial_card
    words = card.zoom._words
    for _ in range(4):
        qtbot.mouseClick(card.zoom._plus, LEFT)
    assert card.zoom._words != words
    qtbot.mouseClick(card.switch._hilbert, LEFT)
    assert large.map.port.is_hilbert
    qtbot.mouseClick(card.switch._rows, LEFT)
    assert not large.map.port.is_hilbert


def test_a_click_on_the_strip_brings_that_place_into_view(large, qtbot):
    card = large.pane.initial_card
    large.wheel(large.map, 12)
    strip = card.strip
    qtbot.mouseClick(strip, LEFT, pos=QPoint(8, strip.height() // 2))
    middle = large.models[0].size // 2
    assert large.map.port.start <= middle <= large.map.port.stop


def test_badges_tie_both_places_with_an_arrow(small):
    plain = small.frame()
    small.focus.set_copy(FocusedCopy(1, "install"))
    small.pane.set_table(table_of(8))
    small.focus.set_badges([Badge(0, 3 * GRAIN, GRAIN, GRAIN)])
    (link,) = small.pane.overlay.links()
    assert link.source is not None
    assert link.target is not None
    upper = small.map.cell_rect(3).translated(small.map.mapTo(small.pane, QPoint(0, 0)))
    assert link.source == upper
    shown = small.frame()
    x, y = int(link.target.center().x()), int(link.target.top())
    head = [QPoint(x, y - above) for above in range(4, 12)]
    ink = small.pane._source.theme.ink
    assert ink not in {plain.pixelColor(spot).name().upper() for spot in head}
    assert ink in {shown.pixelColor(spot).name().upper() for spot in head}


def test_arrows_keep_off_every_word(large):
    """Titles, addresses and the lane's name lie outside of the columns of the grids."""
    large.focus.set_badges([Badge(0, 0, GRAIN, 60000 * GRAIN), Badge(0, 1 << 29, GRAIN, 0)])
    pane = large.pane
    left = large.map.mapTo(pane, large.map.grid_box().topLeft().toPoint()).x()
    for link in pane.overlay.links():
        for box in (link.source, link.target):
            assert box is not None
            assert box.left() >= left
    assert pane.initial_card.header_box().bottom() <= large.map.y()
    assert pane.additional_card.header_box().top() >= large.lower_map.geometry().bottom()


def test_a_badge_out_of_view_is_scrolled_to(large):
    large.wheel(large.map, 30)
    far = (200_000) * GRAIN
    large.focus.set_badges([Badge(0, far, GRAIN, 0)])
    assert large.map.port.cell_at(far) is not None


def test_the_lane_shows_the_table_and_tells_its_rows(small, qtbot):
    small.focus.set_copy(FocusedCopy(1, "install"))
    small.pane.set_table(table_of(8))
    lane, theme = small.pane.lane, small.pane._source.theme
    image = lane.grab().toImage()
    middle = lane.bar_box().center().y()
    for block, color in ((1, theme.shared), (3, theme.preserved), (6, theme.shared)):
        spot = QPoint(round(lane.x_of(block * GRAIN + GRAIN // 2)), round(middle))
        assert image.pixelColor(spot).name().upper() == color
    lines: list[str] = []
    lane.told.connect(lines.append)
    qtbot.mouseMove(lane, QPoint(round(lane.x_of(3 * GRAIN + 2048)), round(middle)))
    assert lines[-1] == "0003  4 KiB  individual pointer to a preserved original at 0001"
    qtbot.mouseClick(lane, LEFT, pos=QPoint(round(lane.x_of(GRAIN)), round(middle)))
    assert small.focus.selection == Place(AreaKind.INITIAL, Extent(0, 3 * GRAIN))


def test_another_theme_repaints_everything(small):
    small.pane._source.set(DARK)
    image = small.frame()
    assert image.pixelColor(4, small.pane.height() // 4).name().upper() == DARK.card
    assert small.color_of_cell(small.map, 0).upper() == DARK.shared


def test_everything_to_operate_has_a_name(large):
    for child in large.pane.findChildren(QWidget):
        if child.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert child.accessibleName(), child


@pytest.mark.parametrize("size", [(360, 320), (628, 490), (1204, 758), (1800, 1000)])
def test_titles_and_controls_never_overlap(qtbot, source, size):
    bench = Bench(qtbot, source, initial_blocks(1 << 16), additional_blocks(1 << 14), size)
    for card in (bench.pane.initial_card, bench.pane.additional_card):
        assert not card.zoom.geometry().intersects(card.switch.geometry())
        assert card.header_room() <= card.switch.x()
        assert card.zoom.geometry().right() <= card.width()
        assert not card.map.geometry().intersects(card.strip.geometry())


def test_an_area_that_is_empty_is_drawn_without_complaint(qtbot, source):
    bench = Bench(qtbot, source, [0] * 8, [])
    bench.frame()
    assert bench.lower_map.accessibleDescription() == "The additional area is empty"
