# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pieces of a run within many ranges, against the slow twin."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from core.mapping.intersect import intersect
from core.mapping.pointerrun import EMPTY, PointerRun, overlay, without
from tests.mapping.twin import SPAN, cells_of, ranges_of, rows_of, runs

NOTHING = np.empty(0, np.int64)


def edges_of(held: set[int], *, is_split: bool = False) -> tuple[np.ndarray, np.ndarray]:
    spans = [(byte, byte + 1) for byte in sorted(held)] if is_split else ranges_of(held)
    edges = np.array(spans, np.int64).reshape(-1, 2)
    return edges[:, 0], edges[:, 1]


@given(runs(), st.sets(st.integers(0, SPAN + 3)), st.booleans())
@example(EMPTY, {3}, False)
def test_only_the_bytes_within_the_ranges_are_left(
    run: PointerRun, asked: set[int], is_split: bool
) -> None:
    pieces = intersect(run, *edges_of(asked, is_split=is_split))
    assert cells_of(pieces) == {b: c for b, c in cells_of(run).items() if b in asked}


@given(runs(), st.sets(st.integers(0, SPAN)))
def test_what_is_within_and_what_is_without_are_the_whole(run: PointerRun, asked: set[int]) -> None:
    edges = edges_of(asked)
    assert cells_of(overlay(intersect(run, *edges), without(run, *edges))) == cells_of(run)


def test_one_pointer_across_many_ranges_is_cut_into_verifiable_pieces() -> None:
    run = PointerRun.from_columns([0], [10], [100], [0], [7])
    pieces = intersect(run, np.array([1, 4, 9]), np.array([2, 6, 20]))
    assert rows_of(pieces) == [
        (1, 1, 101, 0, 7, 1, 10),
        (4, 2, 104, 0, 7, 4, 10),
        (9, 1, 109, 0, 7, 9, 10),
    ]


def test_no_range_or_none_that_meets_a_pointer_leaves_nothing() -> None:
    run = PointerRun.from_columns([10], [10], [100], [0], [7])
    assert intersect(run, NOTHING, NOTHING) is EMPTY
    assert intersect(run, np.array([0, 20]), np.array([10, 30])) is EMPTY
