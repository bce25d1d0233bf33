# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The set of preserved grains against a Python set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping.grainset import GrainSet
from core.mapping.pointerrun import PointerRun
from tests.mapping.twin import ranges_of

FAR = 1 << 32
"""Grains of a 16 TiB volume."""
WINDOW = 1 << 16

spans = st.tuples(st.integers(0, 90), st.integers(0, 90)).map(sorted).map(tuple)
acts = st.lists(st.tuples(st.booleans(), spans), max_size=12)


def filled(*held: tuple[int, int]) -> GrainSet:
    grains = GrainSet(4096)
    for first, stop in held:
        grains.add(first, stop)
    return grains


@given(acts, spans)
def test_it_is_a_set(steps: list[tuple[bool, tuple[int, int]]], asked: tuple[int, int]) -> None:
    grains, twin = GrainSet(4096), set[int]()
    for is_added, span in steps:
        if is_added:
            grains.add(*span)
            twin |= set(range(*span))
        else:
            grains.discard(*span)
            twin -= set(range(*span))
    assert len(grains) == len(twin)
    assert [grains.has(grain) for grain in range(90)] == [grain in twin for grain in range(90)]
    assert grains.has_all(*asked) == (set(range(*asked)) <= twin)
    assert grains.gaps(*asked) == ranges_of(set(range(*asked)) - twin)


def test_one_grain_all_gap_and_no_gap() -> None:
    grains = filled((10, 20))
    assert grains.gaps(9, 10) == [(9, 10)]
    assert grains.gaps(10, 11) == []
    assert grains.gaps(10, 20) == []
    assert grains.gaps(20, 4000) == [(20, 4000)]
    assert grains.gaps(15, 15) == grains.gaps(9, 9) == []


@pytest.mark.parametrize("base", [0, WINDOW - 20, 7 * WINDOW + 3, FAR - 500])
@pytest.mark.parametrize("is_mostly_held", [False, True])
def test_a_mixed_range_longer_than_the_loop(base: int, is_mostly_held: bool) -> None:
    marks = {(base + grain * grain) for grain in range(20)}
    held = set(range(base, base + 400)) - marks if is_mostly_held else marks
    grains = filled(*ranges_of(held))
    assert grains.gaps(base, base + 400) == ranges_of(set(range(base, base + 400)) - held)


def test_gaps_of_a_whole_volume_join_across_windows() -> None:
    held = [(5, 6), (3 * WINDOW, 4 * WINDOW), (9 * WINDOW - 1, 9 * WINDOW + 1)]
    grains = filled(*held)
    assert grains.gaps(0, FAR) == [
        (0, 5),
        (6, 3 * WINDOW),
        (4 * WINDOW, 9 * WINDOW - 1),
        (9 * WINDOW + 1, FAR),
    ]
    assert grains.gaps(0, 3 * WINDOW - 1) == [(0, 5), (6, 3 * WINDOW - 1)]
    assert grains.gaps(6, 8 * WINDOW) == [(6, 3 * WINDOW), (4 * WINDOW, 8 * WINDOW)]


def test_every_grain_a_pointer_touches_is_added() -> None:
    run = PointerRun.from_columns(
        [0, 4096, 8192 + 512, 5 * 4096, 20 * 4096, 40 * 4096 - 512],
        [4096, 512, 512, 3 * 4096 + 1, 10 * 4096, 1024],
        [0] * 6, [0] * 6, [0] * 6,
    )  # fmt: skip
    grains = filled((100, 101))
    grains.add_run(run)
    assert grains.gaps(0, 101) == [(3, 5), (9, 20), (30, 39), (41, 100)]
    assert len(grains) == 3 + 4 + 10 + 2 + 1


def test_many_single_grains_are_added_at_once() -> None:
    numbers = np.arange(0, 3 * 30_000, 3)
    one = np.full(30_000, 512)
    nothing = np.zeros(30_000, np.int64)
    run = PointerRun.from_columns(numbers * 512, one, nothing, nothing, nothing)
    grains = GrainSet(512)
    grains.add(1, 3)
    grains.add_run(run)
    assert len(grains) == 30_002
    assert grains.gaps(0, 10) == [(4, 6), (7, 9)]
    assert grains.gaps(89_990, 90_002) == [(89_990, 89_991), (89_992, 89_994), (89_995, 89_997),
                                           (89_998, 90_002)]  # fmt: skip


def test_a_copy_goes_its_own_way() -> None:
    grains = filled((1, 3))
    twin = grains.copy()
    twin.add(7, 8)
    grains.discard(1, 2)
    assert [grain for grain in range(10) if grains.has(grain)] == [2]
    assert [grain for grain in range(10) if twin.has(grain)] == [1, 2, 7]
    assert twin.grain_bytes == grains.grain_bytes == 4096


def test_memory_follows_the_grains_held() -> None:
    scattered = GrainSet(4096)
    for grain in range(0, FAR, FAR // 1000):
        scattered.add(grain, grain + 1)
    assert 0 < scattered.nbytes <= 4 * len(scattered)
    assert filled((0, FAR)).nbytes < FAR // 512
