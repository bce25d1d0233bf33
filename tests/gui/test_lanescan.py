# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Columns of a pointer table are exact, whether looked through at once or in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answers import PointerColumns, PointerKind, TableAnswer
from gui.models import lanescan
from gui.models.lanescan import LaneScan
from gui.models.pointerstore import RowKind
from gui.models.pointertable import Geometry, PointerTable

GRAIN = 4096


def table(kinds: list[int | None]) -> PointerTable:
    """A table with one entry a grain: a pointer kind, or None for a range pair's portion."""
    at = np.array([n for n, kind in enumerate(kinds) if kind is not None], np.int64)
    kept = np.array([kind for kind in kinds if kind is not None], np.uint8)
    columns = PointerColumns(
        at * GRAIN,
        np.full(len(at), GRAIN, np.int64),
        np.where(kept == PointerKind.ZERO, 0, (np.arange(len(at)) + 1) * GRAIN),
        kept,
        np.zeros(len(at), np.uint64),
    )
    size = len(kinds) * GRAIN
    made = PointerTable()
    answer = TableAnswer(copy_id=1, start=0, stop=size, event_seq=0, columns=columns)
    made.load(answer, "install", Geometry(size, GRAIN))
    return made


def scan(made: PointerTable | None, source, columns) -> LaneScan:
    looked = LaneScan()
    looked.begin(made, source, (0, 1 << 30), columns)
    while not looked.is_done:
        looked.step(made)
    return looked


entries = st.lists(st.sampled_from([None, None, 0, 1, 2]), min_size=1, max_size=120)


@given(entries, st.data())
def test_shares_equal_a_count_of_the_grains(kinds, data):
    first = data.draw(st.integers(0, len(kinds) - 1))
    stop = data.draw(st.integers(first + 1, len(kinds)))
    source = (first * GRAIN, stop * GRAIN)
    looked = scan(table(kinds), source, stop - first)
    assert looked.has_rows
    for column, kind in enumerate(kinds[first:stop]):
        expected = RowKind.PAIR if kind is None else kind
        assert looked.shares[:, column].tolist() == pytest.approx(
            [float(row == expected) for row in RowKind], abs=1e-6
        )


@given(entries.filter(lambda kinds: len(kinds) >= 10), st.integers(1, 7))
def test_pieces_add_up_to_the_whole(kinds, rows_a_step):
    made = table(kinds)
    source = (0, len(kinds) * GRAIN)
    whole = scan(made, source, 10)
    before = lanescan.ROWS_A_STEP
    lanescan.ROWS_A_STEP = rows_a_step
    try:
        pieced = scan(made, source, 10)
    finally:
        lanescan.ROWS_A_STEP = before
    assert pieced.shares.sum(0) == pytest.approx(np.ones(10), abs=1e-6)
    assert pieced.shares * len(kinds) == pytest.approx(whole.shares * len(kinds), abs=1.01)


def test_pointers_run_from_their_place_to_where_they_point():
    made = table([None, 0, None, 1])
    looked = LaneScan()
    looked.begin(made, (0, 4 * GRAIN), (0, 4 * GRAIN), 8)
    looked.step(made)
    links = looked.links()
    assert links.froms.tolist() == [0.25, 0.75]
    assert links.from_ends.tolist() == [0.5, 1.0]
    assert links.tos.tolist() == [0.25, 0.5]
    assert links.to_ends.tolist() == [0.5, 0.75]
    assert links.kinds.tolist() == [RowKind.ORIGINAL, RowKind.NEW]


def test_the_original_has_no_table():
    looked = scan(None, (0, GRAIN), 4)
    assert not looked.has_rows
    assert looked.shares.sum() == 0
    assert len(looked.links().froms) == 0
