# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Counts at every magnification equal those of a plain loop over the blocks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gui.models.pyramid import OUTSIDE, STATES, CountPyramid

blocks = hnp.arrays(np.uint8, st.integers(0, 1500), elements=st.integers(0, STATES - 1))
levels = st.integers(0, 13)


def naive(states: np.ndarray, level: int, first: int, cells: int) -> np.ndarray:
    counts = np.zeros((STATES, cells), np.int64)
    for cell in range(cells):
        part = states[(first + cell) << level : (first + cell + 1) << level]
        for state in part:
            if state != OUTSIDE:
                counts[state, cell] += 1
    return counts


def naive_dominant(counts: np.ndarray, level: int) -> list[tuple[int, int]]:
    answer = []
    for column in counts.T:
        best = max(range(STATES), key=lambda state: (column[state], state))
        if column[best] == 0:
            answer.append((OUTSIDE, 0))
        else:
            answer.append((best, (int(column[best]) - 1) * 4 >> level))
    return answer


@given(blocks, levels, st.integers(0, 40), st.integers(1, 40))
def test_counts_of_any_stretch_are_exact(states, level, first, cells):
    pyramid = CountPyramid(states)
    assert (pyramid.counts(level, first, cells) == naive(states, level, first, cells)).all()


@given(blocks, levels, st.integers(0, 40), st.integers(1, 40))
def test_dominant_state_and_share_follow_from_the_counts(states, level, first, cells):
    found = CountPyramid(states).dominant(level, first, cells)
    expected = naive_dominant(naive(states, level, first, cells), level)
    seen = [(int(key) & 7, int(key) >> 3) for key in found]
    if level >= 2:
        assert seen == expected
    else:
        assert [state for state, _ in seen] == [state for state, _ in expected]


@given(blocks.filter(len), st.data())
def test_changes_keep_every_level_true(states, data):
    pyramid = CountPyramid(states)
    twin = states.copy()
    for _ in range(data.draw(st.integers(1, 4))):
        picked = data.draw(st.lists(st.integers(0, len(states) - 1), unique=True, max_size=50))
        new = data.draw(hnp.arrays(np.uint8, len(picked), elements=st.integers(0, STATES - 1)))
        pyramid.assign(np.array(picked, np.int64), new)
        twin[picked] = new
        first = data.draw(st.integers(0, len(states) - 1))
        stop = data.draw(st.integers(first + 1, len(states)))
        state = data.draw(st.integers(0, STATES - 1))
        pyramid.fill(first, stop, state)
        twin[first:stop] = state
    for level in range(13):
        cells = (len(twin) >> level) + 2
        assert (pyramid.counts(level, 0, cells) == naive(twin, level, 0, cells)).all()
    assert (pyramid.totals() == np.bincount(twin, minlength=STATES)).all()


@given(blocks.filter(len), levels, st.data())
def test_single_cells_say_the_same_as_stretches(states, level, data):
    pyramid = CountPyramid(states)
    cells = (len(states) - 1 >> level) + 1
    whole = pyramid.dominant(level, 0, cells)
    picked = data.draw(st.lists(st.integers(0, cells - 1), max_size=30))
    found = pyramid.dominant_at(level, np.array(picked, np.int64))
    assert (found == whole[picked]).all()


def test_an_area_that_grows_counts_its_new_blocks():
    pyramid = CountPyramid(np.full(100, OUTSIDE, np.uint8))
    assert pyramid.totals().sum() == 0
    pyramid.assign(np.arange(10), np.full(10, 3, np.uint8))
    pyramid.fill(10, 20, 4)
    assert list(pyramid.totals()) == [0, 0, 0, 10, 10, 0, 0]


def test_a_mixed_pair_shows_the_rarer_state_at_half_strength():
    pyramid = CountPyramid(np.array([2, 3, 2, 2, 4], np.uint8))
    assert [(k & 7, k >> 3) for k in pyramid.dominant(1, 0, 4).tolist()] == [
        (3, 1),
        (2, 3),
        (4, 1),
        (OUTSIDE, 3),
    ]
