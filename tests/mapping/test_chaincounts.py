# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Counts of all views of a chain at once, against flattening each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping import chaincounts
from core.mapping.chaincounts import chain_counts
from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.stack import stack
from tests.mapping.twin import SPAN, runs


def one_by_one(layers: list[PointerRun], stop: int) -> list[tuple[int, int]]:
    views = [stack(layers[number:]) for number in range(len(layers))]
    return [(len(view), len(view.gaps(0, stop)[0])) for view in views]


def at_once(layers: list[PointerRun], stop: int) -> list[tuple[int, int]]:
    pointers, pairs = chain_counts(layers, stop)
    assert pointers.dtype == pairs.dtype == np.int64
    return list(zip(pointers.tolist(), pairs.tolist(), strict=True))


@given(st.lists(runs(), max_size=6), st.integers(SPAN, SPAN + 1))
def test_every_view_is_counted_as_if_flattened(layers: list[PointerRun], stop: int) -> None:
    assert at_once(layers, stop) == one_by_one(layers, stop)


@given(st.lists(runs(), max_size=6))
def test_crowded_chains_are_counted_by_flattening(layers: list[PointerRun]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chaincounts, "_CELLS_PER_POINTER_MAX", 0)
        assert at_once(layers, SPAN) == one_by_one(layers, SPAN)


def test_a_chain_without_pointers_shows_one_range_pair_each() -> None:
    assert at_once([EMPTY, EMPTY], 4096) == [(0, 1), (0, 1)]
    assert at_once([], 4096) == []


def test_many_layers_of_whole_portions() -> None:
    rng = np.random.default_rng(1)
    layers = []
    for _ in range(60):
        starts = np.sort(rng.choice(300, 20, replace=False)) * 4096
        nothing = np.zeros(20)
        layers.append(PointerRun.from_columns(starts, np.full(20, 4096), starts, nothing, nothing))
    assert at_once(layers, 300 * 4096) == one_by_one(layers, 300 * 4096)
