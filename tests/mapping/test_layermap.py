# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A growing layer against its slow twin, and the bounds its lookups rest on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.mapping import layermap
from core.mapping.layermap import LayerMap
from core.mapping.pointerrun import EMPTY, PointerRun
from tests.mapping.twin import SPAN, Cells, cells_of, ranges, rows_of, runs, within


def originals(starts: np.ndarray, length: int = 4096) -> PointerRun:
    starts = np.sort(starts)
    count = len(starts)
    return PointerRun.from_columns(
        starts, np.full(count, length), starts, np.zeros(count), starts, is_sorted=True
    )


class GrowingLayer(RuleBasedStateMachine):
    """Every act is done on a layer and on a dictionary of bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = LayerMap()
        self.twin: Cells = {}

    @rule(run=runs())
    def write(self, run: PointerRun) -> None:
        self.layer.append(run)
        self.twin |= cells_of(run)

    @rule(run=runs())
    def inherit(self, run: PointerRun) -> None:
        self.layer.append(run, newer=False)
        self.twin = cells_of(run) | self.twin

    @rule()
    def flatten(self) -> None:
        before = self.layer.runs
        assert cells_of(self.layer.flatten()) == self.twin
        assert self.layer.runs == before

    @rule()
    def compact(self) -> None:
        flat = self.layer.compact()
        assert self.layer.flatten() is flat
        assert self.layer.runs == ((flat,) if self.twin else ())

    @rule()
    def count(self) -> None:
        assert self.layer.covered_bytes == len(self.twin)
        assert self.layer.pointer_count == len(self.layer.flatten())

    @rule(span=ranges)
    def read(self, span: tuple[int, int]) -> None:
        assert cells_of(self.layer.clip(*span)) == within(self.twin, *span)

    @invariant()
    def all_is_seen(self) -> None:
        assert cells_of(self.layer.clip(0, SPAN)) == self.twin

    @invariant()
    def runs_stay_few(self) -> None:
        assert len(self.layer.runs) <= 6


TestGrowingLayer = GrowingLayer.TestCase
TestGrowingLayer.settings = settings(stateful_step_count=16)


@given(st.lists(runs(), max_size=5))
def test_runs_are_given_newest_first(layers: list[PointerRun]) -> None:
    twin: Cells = {}
    for run in reversed(layers):
        twin |= cells_of(run)
    assert cells_of(LayerMap(layers).flatten()) == twin


def test_an_empty_layer() -> None:
    layer = LayerMap([EMPTY])
    layer.append(EMPTY)
    assert layer.runs == ()
    assert layer.clip(0, 100) is layer.flatten() is EMPTY
    assert layer.pointer_count == layer.covered_bytes == layer.nbytes == 0
    assert repr(layer) == "LayerMap(empty)"


def test_runs_are_those_appended_newest_first_until_they_are_merged() -> None:
    first, second = originals(np.array([0])), originals(np.array([8192]))
    layer = LayerMap()
    layer.append(first)
    layer.append(second)
    assert layer.runs == (second, first)
    assert layer.nbytes == first.nbytes + second.nbytes
    assert repr(layer) == "LayerMap(1 + 1)"


def test_a_disjoint_layer_is_counted_without_flattening() -> None:
    layer = LayerMap(is_disjoint=True)
    for start in range(3):
        layer.append(originals(np.array([start * 8192])))
        assert layer.pointer_count == start + 1
        assert layer.covered_bytes == (start + 1) * 4096
    assert len(layer.runs) == 3


def test_a_count_after_a_count_sees_what_came_between() -> None:
    layer = LayerMap([originals(np.array([0]))])
    assert layer.covered_bytes == 4096
    layer.append(originals(np.array([2048])))
    assert layer.covered_bytes == 2048 + 4096
    assert layer.pointer_count == 2


@pytest.mark.parametrize("is_newer", [True, False])
def test_lookups_meet_few_runs_and_pointers_are_seldom_copied(
    is_newer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = 0

    def counted(parts: list[PointerRun]) -> PointerRun:
        nonlocal copied
        copied += sum(len(part) for part in parts)
        return stack(parts)

    stack = layermap.stack
    monkeypatch.setattr(layermap, "stack", counted)
    starts = np.random.default_rng(1).permutation(1 << 14) * 8192
    layer = LayerMap(is_disjoint=True)
    sizes = [1, 16, 64, 7] * 300
    edges = np.cumsum([0, *sizes])
    edges = edges[edges <= len(starts)]
    for begin, end in itertools.pairwise(edges):
        layer.append(originals(starts[begin:end]), newer=is_newer)
        assert len(layer.runs) <= 3 * 7
    assert layer.pointer_count == edges[-1]
    assert copied <= 8 * edges[-1]
    span = (1 << 20, (1 << 27) - 2048)
    assert rows_of(layer.clip(*span)) == rows_of(originals(starts[: edges[-1]]).clip(*span))


@pytest.mark.parametrize("is_newer", [True, False])
def test_big_runs_are_left_alone_until_compact(
    is_newer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layermap, "_MERGED_POINTERS_MAX", 256)
    layer = LayerMap(is_disjoint=True)
    for part in range(10):
        layer.append(originals(np.arange(part, 10 * 256, 10) * 8192), newer=is_newer)
    assert [len(run) for run in layer.runs] == [256] * 10
    for small in range(4):
        layer.append(originals(np.array([(1 << 40) + small * 8192])), newer=is_newer)
    sizes = [len(run) for run in layer.runs]
    assert sizes == ([4] + [256] * 10 if is_newer else [256] * 10 + [4])
    assert len(layer.compact()) == layer.pointer_count == 2564
    assert len(layer.runs) == 1
