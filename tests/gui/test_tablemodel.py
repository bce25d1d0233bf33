# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from core.events import EventKind
from gui.models import arranger
from gui.models.address import AddressStyle
from gui.models.pointerstore import RowKind
from gui.models.pointertable import Geometry
from gui.models.tablemodel import Column, PointerTableModel
from gui.models.tablequery import Query, SortBy
from tests.gui.tables import COPY, SIZE, Clock, G, answer, preserved


@pytest.fixture
def model(qtbot):
    made = PointerTableModel(Clock())
    made.load(answer([1, 5, 9]), "monday", Geometry(SIZE, G))
    yield made
    made.shutdown()


def column(model, number):
    return [model.index(row, number).data() for row in range(model.rowCount())]


def test_every_pointer_and_every_pair_has_a_row(model):
    assert model.rowCount() == 7
    assert column(model, Column.RANGE)[:3] == ["00000", "00001", "00002\u201300004"]
    assert column(model, Column.NOW_AT)[:3] == ["in place", "00003", "in place"]
    assert column(model, Column.LENGTH)[:3] == ["4 KiB", "4 KiB", "12 KiB"]
    assert set(column(model, Column.COPY)) == {"monday"}
    words = model.index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert words.startswith("Individual pointer to a preserved original. Blocks 00001, 4 KiB")
    assert model.headerData(1, Qt.Orientation.Horizontal) == "Initial range"


def test_events_wait_for_the_refresh_and_are_told_at_once(model, qtbot):
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    told = []
    model.rowsInserted.connect(lambda *_: told.append("rows"))
    model.dataChanged.connect(lambda *_: told.append("data"))
    rng = np.random.default_rng(4)
    seq = 1
    for _ in range(6):
        batch = rng.choice(200_000, 12, replace=False)
        model.feed(preserved(batch, seq))
        seq += 12
        before = model.rowCount()
        assert before == model.rowCount()
        model.refresh()
        assert model.rowCount() == model.table.row_count
    assert told == ["rows", "data"] * 6
    assert tester.model() is model


def test_a_batch_is_applied_by_itself(model, qtbot):
    with qtbot.waitSignal(model.refreshed, timeout=2000):
        model.feed(preserved([3]))
    assert model.rowCount() == 9


def test_rows_that_vanish_are_taken_away(model, qtmodeltester):
    events = preserved([0, 2, 3, 4])
    model.feed(events[:1])
    model.refresh()
    assert model.rowCount() == 7  # the pair before portion 1 became a pointer
    model.feed(preserved([2, 3, 4], seq=2))
    model.refresh()
    assert model.rowCount() == 9
    clone_write = preserved([0], seq=5)
    clone_write["kind"], clone_write["copy_id"], clone_write["length"] = (
        EventKind.REDIRECTED,
        COPY,
        5 * G,
    )
    model.feed(clone_write)
    model.refresh()
    assert model.rowCount() == 5
    qtmodeltester.check(model, force_py=True)


def test_a_range_shows_its_neighbours_only(model):
    model.set_query(Query(start=4 * G, stop=6 * G))
    assert column(model, Column.RANGE) == ["00002\u201300004", "00005"]
    assert model.row_at(5 * G) == 1
    assert model.row_at(0) == -1
    model.set_query(Query(start=2 * SIZE, stop=3 * SIZE))
    assert model.rowCount() == 0
    model.set_query(Query())
    assert model.rowCount() == 7


def test_a_place_hides_nothing(model):
    model.set_query(Query(start=G, stop=G + 1, is_place=True))
    assert model.rowCount() == 7


@pytest.mark.parametrize("inline", [True, False], ids=["at once", "in a thread"])
def test_rows_are_sorted_and_picked(model, qtbot, monkeypatch, inline):
    monkeypatch.setattr(arranger, "INLINE_ROWS", 20_000 if inline else 0)
    pointers = Query(kinds=frozenset({RowKind.ORIGINAL}))
    model.set_query(pointers)
    qtbot.waitUntil(lambda: model.rowCount() == 3)
    model.set_order(SortBy.AREA)
    qtbot.waitUntil(lambda: column(model, Column.RANGE) == ["00009", "00005", "00001"])
    assert model.row_at(5 * G) == 1
    model.clock.now += 60
    model.feed(preserved([7]))
    model.refresh()
    qtbot.waitUntil(lambda: column(model, Column.RANGE) == ["00009", "00005", "00001", "00007"])
    model.set_order(SortBy.ADDRESS)
    model.set_query(Query())
    assert model.rowCount() == 9


def test_a_failure_while_arranging_is_told(model, monkeypatch, qtbot):
    monkeypatch.setattr(arranger, "INLINE_ROWS", 0)
    monkeypatch.setattr(arranger, "arrange", lambda *_, **__: 1 / 0)
    told = []
    monkeypatch.setattr("gui.guard._reporter", [told.append])
    model.set_order(SortBy.LENGTH)
    qtbot.waitUntil(lambda: bool(told))
    assert isinstance(told[0], ZeroDivisionError)


def test_addresses_may_be_written_in_bytes(model):
    model.set_style(AddressStyle.BYTES)
    assert column(model, Column.RANGE)[1] == "00001000\u201300001fff"


def test_clear_leaves_nothing(model):
    model.feed(preserved([3]))
    model.clear()
    assert model.rowCount() == 0
    assert model.data(model.index(0, 0)) is None
