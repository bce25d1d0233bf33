# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from core.extent import Extent
from gui.models.address import AddressStyle
from gui.models.focus import AreaKind, Focus, FocusedCopy, Place
from gui.models.pointerstore import RowKind
from gui.models.pointertable import Geometry
from gui.models.tablemodel import Column, PointerTableModel
from gui.models.tablequery import SortBy
from gui.views.pointertable import PointerTableCard
from tests.gui.tables import COPY, SIZE, Clock, G, answer, preserved

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def focus(qapp):
    return Focus()


@pytest.fixture
def card(qtbot, source, focus):
    model = PointerTableModel(Clock())
    model.load(answer(range(1, 4000, 2)), "monday", Geometry(SIZE, G))
    made = PointerTableCard(model, focus, source)
    qtbot.addWidget(made, before_close_func=lambda _: model.shutdown())
    made.set_copies({"monday": COPY, "tuesday": 4})
    made.resize(368, 440)
    made.show()
    qtbot.waitExposed(made)
    return made


def click(qtbot, card, row, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.mouseClick(card.view.viewport(), LEFT, modifier, card.view.row_box(row).center())


def test_a_click_badges_a_pointer_and_moves_the_focus(card, focus, qtbot):
    click(qtbot, card, 1)
    click(qtbot, card, 5, CONTROL)
    assert [(badge.number, badge.start) for badge in focus.badges] == [(1, G), (2, 5 * G)]
    assert focus.badges[0].offset == 2000 * G
    assert focus.selection == Place(AreaKind.INITIAL, Extent(G, G))


def test_a_pair_is_selected_without_a_badge(card, focus, qtbot):
    click(qtbot, card, 4)
    assert focus.badges == ()
    assert focus.selection == Place(AreaKind.INITIAL, Extent(4 * G, G))


def test_no_more_than_nine_rows_are_kept(card, focus, qtbot):
    qtbot.keyClick(card.view, Qt.Key.Key_A, CONTROL)
    assert len(card.view.keys) == 9
    assert len(focus.badges) == 4


def test_arrow_keys_walk_through_the_rows(card, focus, qtbot):
    click(qtbot, card, 1)
    qtbot.keyClick(card.view, Qt.Key.Key_Down)
    assert focus.selection.extent == Extent(2 * G, G)


def test_selection_and_view_follow_their_addresses_while_rows_come_before_them(card, focus, qtbot):
    card.view.verticalScrollBar().setValue(100)
    top = int(card.model.rows_at(100, 1).starts[0])
    click(qtbot, card, 103)
    chosen = focus.selection.extent.start
    card.model.feed(preserved([0, 2, 4]))
    card.model.refresh()
    assert int(card.model.rows_at(card.view.top_row, 1).starts[0]) == top
    assert card.view.keys == [chosen]
    rows = {index.row() for index in card.view.selectionModel().selectedIndexes()}
    assert rows == {card.model.row_at(chosen)}


def test_a_badged_pair_that_is_split_keeps_its_place(card, focus, qtbot):
    card.model.load(answer([1, 9]), "monday", Geometry(SIZE, G))
    click(qtbot, card, 2)
    card.model.feed(preserved([2]))
    card.model.refresh()
    assert [badge.start for badge in focus.badges] == [2 * G]


def test_rows_that_point_nowhere_wear_no_badge(card, focus):
    table = answer([1, 2, 3])
    table.columns.kinds[1] = RowKind.ZERO.pointer_kind
    card.model.load(table, "monday", Geometry(SIZE, G))
    card.view.select_addresses([G, 2 * G, 3 * G])
    card.view.picked.emit(card.view.keys)
    assert [badge.start for badge in focus.badges] == [G, 3 * G]


def test_rows_that_became_one_wear_one_badge(card, focus):
    start = int(card.model.rows_at(1, 1).starts[0])
    card.view.select_addresses([start, start + 512, start + 1024])
    card.view.picked.emit(card.view.keys)
    assert [badge.number for badge in focus.badges] == [1]


def test_another_copy_does_not_inherit_badges(card, focus):
    card.view.go_to(G)
    assert focus.badges
    focus.set_copy(FocusedCopy(7, "tuesday"))
    card.model.refresh()
    assert focus.badges == ()
    assert card.view.keys == []


def test_the_table_goes_where_the_maps_point(card, focus):
    focus.select(Place(AreaKind.INITIAL, Extent(3001 * G, 512)))
    assert card.view.keys == [3001 * G]
    assert card.view.row_box(card.model.row_at(3001 * G)).intersects(card.view.viewport().rect())
    offset = int(card.model.rows_at(card.model.row_at(7 * G), 1).offsets[0])
    focus.select(Place(AreaKind.ADDITIONAL, Extent(offset + 512, 512)))
    assert [badge.start for badge in focus.badges] == [7 * G]
    focus.select(Place(AreaKind.ADDITIONAL, Extent(1 << 40, 512)))
    assert [badge.start for badge in focus.badges] == [7 * G]


def test_hovering_a_row_hovers_its_place(card, focus, qtbot):
    viewport = card.view.viewport()
    QTest.mouseMove(viewport, card.view.row_box(3).center())
    qtbot.waitUntil(lambda: focus.hover == Place(AreaKind.INITIAL, Extent(3 * G, G)))
    QTest.mouseMove(card, QPoint(5, 5))
    qtbot.waitUntil(lambda: focus.hover is None)


def test_the_search_box_goes_to_a_block(card, focus, qtbot):
    qtbot.keyClicks(card.search, "f3")
    assert focus.selection.extent == Extent(0xF3 * G, G)
    assert card.model.rowCount() == 4001


def test_the_search_box_shows_a_range_a_kind_or_a_copy(card, focus, qtbot):
    card.search.setText("10-13")
    assert card.model.rowCount() == 4
    card.search.setText("pairs")
    assert card.model.rowCount() == 2001
    card.search.setText("tuesday")
    assert focus.copy.name == "original"
    qtbot.keyClick(card.search, Qt.Key.Key_Return)
    assert focus.copy == (4, "tuesday")
    assert card.search.text() == ""


def test_what_is_not_understood_is_said_and_hides_nothing(card):
    card.search.setText("wednesday")
    assert card._problem
    assert card.model.rowCount() == 4001


def test_a_click_on_a_header_sorts_and_a_second_one_turns_round(card, qtbot):
    header = card.view.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(Column.LENGTH) + 20, 10)
    qtbot.mouseClick(header.viewport(), LEFT, pos=at)
    assert card.model.arrangement.sort_by is SortBy.LENGTH
    qtbot.mouseClick(header.viewport(), LEFT, pos=at)
    assert card.model.arrangement.descending
    assert int(card.model.rows_at(0, 1).starts[0]) == 4000 * G
    copy = QPoint(header.sectionViewportPosition(Column.COPY) + 20, 10)
    qtbot.mouseClick(header.viewport(), LEFT, pos=copy)
    assert card.model.arrangement.sort_by is SortBy.LENGTH


def test_the_menu_changes_how_addresses_are_written(card, qtbot):
    menu = card.menu()
    menu.popup(card.mapToGlobal(QPoint(10, 10)))
    decimal = next(act for act in menu.actions() if act.data() is AddressStyle.BLOCKS)
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(decimal).center())
    assert card.model.form.style is AddressStyle.BLOCKS


def test_an_empty_table_says_why(card):
    assert card.message == ""
    card.search.setText("@ffff")
    assert "search" in card.message
    card.search.clear()
    card.model.clear()
    assert "original" in card.message


def test_rows_are_painted_in_the_colours_of_their_kinds(card, either_source):
    card.source.set(either_source.theme)
    image = card.grab().toImage()
    origin = card.view.viewport().mapTo(card, QPoint(0, 0))
    mark = origin + QPoint(24 - 3, card.view.row_box(1).center().y() + 3)
    assert image.pixelColor(mark).name().upper() == either_source.theme.preserved
    beside = origin + QPoint(10, card.view.row_box(2).center().y())
    assert image.pixelColor(beside).name().upper() == either_source.theme.card


def test_new_rows_glow_and_cool_down(card, qtbot):
    card.model.feed(preserved([0]))
    card.model.refresh()
    viewport = card.view.viewport()
    spot = QPoint(viewport.width() - 8, card.view.row_box(0).center().y())
    hot = viewport.grab().toImage().pixelColor(spot)
    card.model.clock.now += 5
    cold = viewport.grab().toImage().pixelColor(spot)
    assert hot != cold


def test_big_jumps_in_a_long_table_are_exact(card, qtbot):
    rng = np.random.default_rng(1)
    card.model.load(answer(rng.choice(200_000, 60_000, replace=False)), "monday", Geometry(SIZE, G))
    for address in rng.choice(200_000, 20).tolist():
        assert card.view.go_to(address * G)
        top = card.view.top_row
        assert top <= card.model.row_at(address * G) < top + 20
