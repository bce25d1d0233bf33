# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Pointer runs against their slow twin, and the shapes of columns they are made from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.answers import PointerKind
from core.mapping.pointerrun import (
    EMPTY,
    PointerRun,
    coalesce,
    concat_disjoint,
    overlay,
    without,
)
from tests.mapping.twin import SPAN, cells_of, ranges, ranges_of, rows_of, runs, within

RECORD = np.dtype(
    [("kind", "u1"), ("pad", "u1", 3), ("length", "<u4"), ("start", "<u8"), ("offset", "<u8"),
     ("checksum", "<u8")]
)  # fmt: skip


def plain(*rows: tuple[int, int, int], kind: PointerKind = PointerKind.ORIGINAL) -> PointerRun:
    """Make a run of whole extents from (start, length, offset)."""
    starts, lengths, offsets = zip(*rows, strict=True)
    checks = [0 if kind is PointerKind.ZERO else 7 + start for start in starts]
    return PointerRun.from_columns(starts, lengths, offsets, [kind] * len(rows), checks)


def test_columns_may_be_fields_of_records_in_any_order() -> None:
    records = np.zeros(4, RECORD)
    records["start"] = [4096, 0, 512, 9]
    records["length"] = [512, 512, 100, 9]
    records["offset"] = [70, 80, 90, 9]
    records["checksum"] = [1, 2**64 - 1, 3, 9]
    records["kind"] = [0, 1, 0, 9]
    part = records[:3]
    run = PointerRun.from_columns(
        part["start"], part["length"], part["offset"], part["kind"], part["checksum"]
    )
    assert rows_of(run) == [
        (0, 512, 80, 1, 2**64 - 1, 0, 512),
        (512, 100, 90, 0, 3, 0, 100),
        (4096, 512, 70, 0, 1, 0, 512),
    ]
    types = [np.int64, np.int64, np.int64, np.uint8, np.uint64, np.int32, np.int32]
    columns = (
        run.starts, run.lengths, run.offsets, run.kinds, run.checksums, run.heads, run.wholes,
    )  # fmt: skip
    assert [column.dtype for column in columns] == types
    assert all(column.flags.c_contiguous for column in columns)


def test_columns_of_the_right_layout_are_not_copied() -> None:
    starts = np.arange(0, 40, 10)
    run = PointerRun.from_columns(starts, [5] * 4, [0] * 4, [0] * 4, [0] * 4, is_sorted=True)
    assert run.starts is starts


def test_heads_and_wholes_are_kept_when_given() -> None:
    run = PointerRun.from_columns([9, 0], [4, 4], [104, 200], [0, 1], [5, 6], [4, 0], [8, 4])
    assert rows_of(run) == [(0, 4, 200, 1, 6, 0, 4), (9, 4, 104, 0, 5, 4, 8)]


def test_a_zero_pointer_has_no_whole_extent() -> None:
    assert rows_of(plain((8, 8, 0), kind=PointerKind.ZERO)) == [(8, 8, 0, 2, 0, 0, 0)]


@pytest.mark.parametrize("is_sorted", [False, True])
def test_overlapping_columns_are_refused(is_sorted: bool) -> None:
    with pytest.raises(ValueError, match="must not overlap"):
        PointerRun.from_columns([0, 4], [5, 4], [0, 0], [0, 0], [0, 0], is_sorted=is_sorted)


def test_columns_said_to_be_sorted_that_are_not_are_refused() -> None:
    with pytest.raises(ValueError, match="must not overlap"):
        PointerRun.from_columns([8, 0], [4, 4], [0, 0], [0, 0], [0, 0], is_sorted=True)


def test_a_pointer_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        PointerRun.from_columns([0, 4], [4, 0], [0, 0], [0, 0], [0, 0])


def test_size_and_print() -> None:
    run = plain((0, 4, 0), (8, 4, 4))
    assert len(run) == 2
    assert run.nbytes == 2 * (4 * 8 + 2 * 4 + 1)
    assert repr(run) == "PointerRun(2 pointers in [0..11])"
    assert repr(EMPTY) == "PointerRun(empty)"
    assert EMPTY.nbytes == len(EMPTY) == 0


@given(runs(), ranges)
@example(EMPTY, (0, SPAN))
def test_clip_keeps_the_bytes_of_a_range(run: PointerRun, span: tuple[int, int]) -> None:
    before = rows_of(run)
    assert cells_of(run.clip(*span)) == within(cells_of(run), *span)
    assert rows_of(run) == before


def test_an_empty_or_backward_range_holds_nothing() -> None:
    run = plain((0, 8, 0), (8, 8, 8))
    for span in [(4, 4), (8, 8), (12, 3)]:
        assert len(run.clip(*span)) == 0
        assert run.covered_bytes(*span) == 0
        assert len(run.gaps(*span)[0]) == 0


@given(runs(), ranges)
def test_gaps_are_the_range_pairs(run: PointerRun, span: tuple[int, int]) -> None:
    starts, stops = run.gaps(*span)
    assert starts.dtype == stops.dtype == np.int64
    free = set(range(*span)) - cells_of(run).keys()
    assert list(zip(starts.tolist(), stops.tolist(), strict=True)) == ranges_of(free)
    assert run.covered_bytes(*span) == span[1] - span[0] - len(free)


@given(runs(), st.sets(st.integers(0, SPAN - 1)), st.booleans())
def test_without_cuts_ranges_away(run: PointerRun, holes: set[int], is_split: bool) -> None:
    cuts = [(byte, byte + 1) for byte in sorted(holes)] if is_split else ranges_of(holes)
    edges = np.array(cuts, np.int64).reshape(-1, 2)
    left = without(run, edges[:, 0], edges[:, 1])
    assert cells_of(left) == {b: c for b, c in cells_of(run).items() if b not in holes}


def test_without_returns_the_run_itself_when_nothing_is_cut() -> None:
    run = plain((0, 4, 0), (8, 4, 4))
    assert without(run, np.array([4]), np.array([8])) is run
    assert without(run, np.array([], np.int64), np.array([], np.int64)) is run


@given(runs(base=1000), runs(base=5000))
def test_overlay_prefers_the_top(top: PointerRun, bottom: PointerRun) -> None:
    assert cells_of(overlay(top, bottom)) == cells_of(bottom) | cells_of(top)


def test_a_write_into_one_pointer_leaves_both_ends_verifiable() -> None:
    rest = overlay(plain((4, 2, 900)), plain((0, 10, 100)))
    assert rows_of(rest) == [
        (0, 4, 100, 0, 7, 0, 10),
        (4, 2, 900, 0, 11, 0, 2),
        (6, 4, 106, 0, 7, 6, 10),
    ]


@given(runs(), st.lists(st.integers(0, SPAN), max_size=6))
def test_coalesce_undoes_cuts(run: PointerRun, edges: list[int]) -> None:
    cuts = [0, *sorted(edges), SPAN]
    pieces = [run.clip(*span) for span in itertools.pairwise(cuts)]
    merged = coalesce(concat_disjoint(pieces))
    assert cells_of(merged) == cells_of(run)
    assert rows_of(merged) == rows_of(coalesce(run))
    assert len(merged) <= len(run)


@given(runs())
def test_coalesce_leaves_nothing_to_merge(run: PointerRun) -> None:
    rows = rows_of(coalesce(run))
    for left, right in itertools.pairwise(rows):
        start, length, offset, kind, checksum, head, whole = left
        step = 0 if kind == PointerKind.ZERO else length
        follows = (start + length, offset + step, kind, checksum, head + step, whole)
        assert (right[0], *right[2:]) != follows


def test_neighbours_that_are_extents_of_their_own_stay_apart() -> None:
    run = PointerRun.from_columns([0, 4], [4, 4], [100, 104], [0, 0], [5, 5])
    assert coalesce(run) is run


def test_concat_disjoint_interleaves() -> None:
    left, right = plain((0, 4, 0), (16, 4, 4)), plain((8, 4, 8), (24, 4, 12))
    union = concat_disjoint([right, EMPTY, left])
    assert union.starts.tolist() == [0, 8, 16, 24]
    assert union.offsets.tolist() == [0, 8, 4, 12]
    assert concat_disjoint([]) is EMPTY
    assert concat_disjoint([left]) is left


def test_concat_disjoint_refuses_overlap() -> None:
    with pytest.raises(ValueError, match="must not overlap"):
        concat_disjoint([plain((0, 4, 0)), plain((3, 4, 0))])


def test_what_moves_takes_its_pointers_along_and_leaves_the_others() -> None:
    run = plain((0, 512, 8192), (512, 512, 8704), (4096, 512, 65536))
    there = [np.array([value], np.int64) for value in (8704, 4096, 512)]
    assert run.moved(*there).offsets.tolist() == [8192, 4096, 65536]
    assert run.offsets.tolist() == [8192, 8704, 65536]
    assert run.moved(*(np.array([value], np.int64) for value in (1 << 20, 4096, 512))) is run
