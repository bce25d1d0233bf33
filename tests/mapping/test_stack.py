# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Stacks of runs, small and big, deep and crowded, against dictionaries of bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping import stack as module
from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.stack import stack
from tests.mapping.twin import Cells, cells_of, rows_of, runs


def seen_from_above(layers: list[PointerRun]) -> Cells:
    seen: Cells = {}
    for layer in reversed(layers):
        seen |= cells_of(layer)
    return seen


def of_starts(starts: list[int], length: int, address: int) -> PointerRun:
    count = len(starts)
    offsets = [address + start for start in starts]
    return PointerRun.from_columns(starts, [length] * count, offsets, [0] * count, offsets)


@given(st.lists(runs(), max_size=6))
def test_the_topmost_wins(layers: list[PointerRun]) -> None:
    assert cells_of(stack(layers)) == seen_from_above(layers)


@given(st.lists(runs(), min_size=3, max_size=6))
def test_merging_by_twos_sees_the_same_as_painting(layers: list[PointerRun]) -> None:
    painted = rows_of(stack(layers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PAINTED_POINTERS_MAX", 0)
        merged = rows_of(stack(layers))
    assert merged == painted


def test_disjoint_runs_keep_every_pointer_whole() -> None:
    layers = [of_starts([start], 4, 0) for start in (16, 0, 12, 4, 8)]
    merged = stack(layers)
    assert merged.starts.tolist() == merged.offsets.tolist() == [0, 4, 8, 12, 16]


def test_nothing_and_one_run_are_returned_as_they_are() -> None:
    layer = of_starts([0], 4, 0)
    assert stack([]) is EMPTY
    assert stack([EMPTY, layer]) is layer


def test_long_pointers_over_a_crowd_are_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAINTED_CELLS_MAX", 2000)
    crowd = of_starts(list(range(0, 800, 8)), 4, 10_000)
    covers = [of_starts([number], 800, 20_000 + 1000 * number) for number in range(20)]
    layers = [*covers[:10], crowd, *covers[10:]]
    assert cells_of(stack(layers)) == seen_from_above(layers)


def test_a_thousand_layers_are_one_view() -> None:
    rng = np.random.default_rng(1)
    layers = [
        of_starts(sorted(rng.choice(4000, 40, replace=False).tolist()), 1, number)
        for number in range(1000)
    ]
    assert cells_of(stack(layers)) == seen_from_above(layers)
