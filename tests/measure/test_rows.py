# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from core.measure.rows import Row, compared, in_turns, median_or_none
from core.measure.setting import QUICK, SHORT, WHOLE
from core.units import MIB


def test_cases_run_in_turns_and_each_round_the_other_way() -> None:
    order: list[str] = []
    told: list[str] = []

    def case(name: str) -> float:
        order.append(name)
        return float(len(order))

    cases = {name: lambda name=name: case(name) for name in "abc"}
    values = in_turns(cases, 3, told.append)
    assert "".join(order) == "abccbaabc"
    assert values == {"a": [1, 6, 7], "b": [2, 5, 8], "c": [3, 4, 9]}
    assert told[:2] == ["round 1 of 3: a", "round 1 of 3: b"]


def test_ratios_are_of_medians_to_the_first() -> None:
    figures = iter([1.0, 10.0, 20.0, 3.0, 2.0, 30.0])
    first, second = compared("t", "ms", {"a": lambda: next(figures), "b": lambda: next(figures)}, 3)
    assert (first.values, second.values) == ([1, 3, 2], [10, 20, 30])
    assert (first.median, first.ratio, first.base) == (2, None, "a")
    assert (second.median, second.ratio, second.base) == (20, 10, "a")


@pytest.mark.parametrize(
    ("unit", "is_more"), [("writes/s", True), ("per s", True), ("ms", False), ("B/pointer", False)]
)
def test_of_rates_more_is_better(unit: str, is_more: bool) -> None:
    assert Row("t", "c", unit, [1.0]).is_more_better is is_more


def test_no_values_have_no_median() -> None:
    assert median_or_none([]) is None
    assert median_or_none([3.0, 1.0, 2.0]) == 2.0


def test_scales_shrink_what_is_counted_but_not_to_nothing() -> None:
    assert WHOLE.count(20_000) == 20_000
    assert SHORT.count(20_000) == 10_000
    assert QUICK.count(100) == 32
    assert QUICK.count(5) == 5
    assert QUICK.size_bytes(512 * MIB) == 32 * MIB
    assert QUICK.size_bytes(16 * MIB) == 16 * MIB
    assert (WHOLE.rounds_of(7), SHORT.rounds_of(7)) == (7, 3)
