# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Views resolved through their layers, against dictionaries of bytes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.answers import PointerKind
from core.mapping.layermap import LayerMap
from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.resolve import Layer, changed, flatten, range_pairs, resolve
from tests.mapping.twin import Cells, cells_of, ranges, ranges_of, runs, within

layers = st.lists(st.one_of(runs(), st.lists(runs(), max_size=3).map(LayerMap)), max_size=5)


def spelled(layer: Layer) -> Cells:
    return cells_of(layer.flatten() if isinstance(layer, LayerMap) else layer)


def seen_from_above(maps: list[Layer]) -> Cells:
    seen: Cells = {}
    for layer in reversed(maps):
        seen |= spelled(layer)
    return seen


def pairs_of(columns: tuple[np.ndarray, np.ndarray]) -> list[tuple[int, int]]:
    first, second = columns
    assert first.dtype == second.dtype == np.int64
    return list(zip(first.tolist(), second.tolist(), strict=True))


def portions(*numbers: int, length: int = 4096, at: int = 0) -> PointerRun:
    """Point to whole portions of 4 KiB, or to the ``length`` bytes ``at`` within each."""
    starts = [number * 4096 + at for number in numbers]
    count = len(starts)
    kinds = [PointerKind.ORIGINAL] * count
    return PointerRun.from_columns(starts, [length] * count, starts, kinds, starts)


@given(layers, ranges)
def test_the_first_layer_that_has_a_pointer_wins(maps: list[Layer], span: tuple[int, int]) -> None:
    assert cells_of(resolve(maps, *span)) == within(seen_from_above(maps), *span)


@given(layers)
def test_flatten_is_the_whole_view(maps: list[Layer]) -> None:
    assert cells_of(flatten(iter(maps))) == seen_from_above(maps)


@given(layers)
def test_changed_is_all_that_any_layer_points_to(maps: list[Layer]) -> None:
    touched = set(seen_from_above(maps))
    assert pairs_of(changed(maps)) == ranges_of(touched)


@given(runs(), ranges, st.sampled_from([1, 4]))
def test_range_pairs_are_maximal_and_name_every_uncovered_grain(
    run: PointerRun, span: tuple[int, int], grain_bytes: int
) -> None:
    free = {byte // grain_bytes for byte in set(range(*span)) - cells_of(run).keys()}
    expected = [(first, stop - 1) for first, stop in ranges_of(free)]
    assert pairs_of(range_pairs(run, *span, grain_bytes)) == expected


class Spy(LayerMap):
    """A layer that counts how often it is asked."""

    asked = 0

    def clip(self, start: int, stop: int) -> PointerRun:
        self.asked += 1
        return super().clip(start, stop)


def test_layers_below_a_covered_range_are_not_asked() -> None:
    left, right = LayerMap([portions(0)]), LayerMap([portions(1)])
    below = Spy([portions(0, 1, 2)])
    assert len(resolve([left, right, below], 0, 8192)) == 2
    assert below.asked == 0
    assert len(resolve([left, right, below], 0, 8193)) == 3
    assert below.asked == 1


def test_the_same_bytes_in_two_layers_do_not_count_twice() -> None:
    maps = [portions(0), portions(0), portions(1)]
    assert resolve(maps, 0, 8192).starts.tolist() == [0, 4096]


def test_a_view_without_pointers_is_one_range_pair() -> None:
    assert resolve([], 0, 8 * 4096) is EMPTY
    assert flatten([]) is EMPTY
    assert pairs_of(changed([])) == []
    assert pairs_of(range_pairs(EMPTY, 0, 8 * 4096, 4096)) == [(0, 7)]
    assert pairs_of(range_pairs(EMPTY, 0, 8 * 4096 - 512, 4096)) == [(0, 7)]
    assert pairs_of(range_pairs(EMPTY, 0, 0, 4096)) == []


def test_life_of_the_range_pairs() -> None:
    """Eight portions, written one by one: pairs split, shrink at an edge, and vanish."""
    life = {
        3: [(0, 2), (4, 7)],
        0: [(1, 2), (4, 7)],
        7: [(1, 2), (4, 6)],
        4: [(1, 2), (5, 6)],
        1: [(2, 2), (5, 6)],
        6: [(2, 2), (5, 5)],
        2: [(5, 5)],
        5: [],
    }
    layer = LayerMap(is_disjoint=True)
    for portion, expected in life.items():
        layer.append(portions(portion))
        table = resolve([layer], 0, 8 * 4096)
        assert pairs_of(range_pairs(table, 0, 8 * 4096, 4096)) == expected


def test_a_portion_of_which_some_sectors_are_new_stays_under_its_pair() -> None:
    table = resolve([portions(5, length=512, at=512)], 0, 8 * 4096)
    assert pairs_of(range_pairs(table, 0, 8 * 4096, 4096)) == [(0, 7)]
    assert pairs_of(table.gaps(0, 8 * 4096)) == [(0, 5 * 4096 + 512), (5 * 4096 + 1024, 8 * 4096)]
