# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is looked up singly is what whole-array operations find."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.answers import PointerKind
from core.mapping.pointerrun import PointerRun
from core.mapping.rows import PART, uncovered
from tests.mapping.twin import SPAN, rows_of, runs


@given(run=runs(), start=st.integers(0, SPAN), length=st.integers(1, SPAN))
def test_the_rows_of_a_range_are_its_clip(run, start, length):
    stop = start + length
    found = run.rows.find(start, stop)
    assert list(found) == rows_of(run.clip(start, stop))
    gaps = zip(*(edges.tolist() for edges in run.gaps(start, stop)), strict=True)
    assert uncovered(found, start, stop) == list(gaps)


def test_columns_may_lie_anywhere_in_memory():
    """As a table's do that was read with others."""
    raw = bytes(3) + np.arange(0, 40, 8, dtype="<i8").tobytes()
    starts = np.frombuffer(raw, "<i8", 5, 3)
    assert not starts.flags.aligned
    ones = np.ones(5, np.int64)
    kinds = np.full(5, PointerKind.ZERO, np.uint8)
    nothing = np.zeros(5, np.int32)
    run = PointerRun(starts, ones, 0 * ones, kinds, np.zeros(5, np.uint64), nothing, nothing)
    assert run.rows.find(8, 20) == [(8, 1, 0, 2, 0, 0, 0), (16, 1, 0, 2, 0, 0, 0)]


@given(run=runs(), start=st.integers(0, SPAN), length=st.integers(1, SPAN))
def test_a_glance_tells_whole_extents_from_nothing_and_from_all_else(run, start, length):
    rows = rows_of(run.clip(start, start + length))
    glance = run.rows.glance(start, start + length)
    if not rows:
        assert glance is None
    elif rows[0][1] == rows[0][6] == length:
        assert glance == (rows[0][2], rows[0][4])
    else:
        assert glance is PART
