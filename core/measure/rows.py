# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Cases that are compared, in turns, and the lines that come of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Tell = Callable[[str], None]
    """Is told what is being measured now."""
    Sheet = list["Row"]
    """The rows of one topic."""

Value = TypeVar("Value")
_PER_SECOND: Final = ("/s", "per s")


@dataclass
class Row:
    """One line of a table.

    Attributes:
        unit: Of the values: something per second, of which more is better, or a time or an amount,
            of which less is.
        values: One a round.
        ratio: Of the median to that of the case compared with; None where there is none.
        base: The case compared with.
        stalls_ms: What all but one of a thousand requests took at most, one a round; empty where
            requests are not timed one by one.
        processor_us: What a request took of the server's processor time, one a round.
    """

    topic: str
    case: str
    unit: str
    values: list[float]
    ratio: float | None = None
    base: str | None = None
    stalls_ms: list[float] = field(default_factory=list)
    processor_us: list[float] = field(default_factory=list)
    median: float = field(init=False)

    def __post_init__(self) -> None:
        """Find the median."""
        self.median = statistics.median(self.values)

    @property
    def is_more_better(self) -> bool:
        """Whether the values are a rate."""
        return self.unit.endswith(_PER_SECOND)

    def compare_with(self, base: Row) -> None:
        """Find the ratio to another row; none to the row itself."""
        self.base = base.case
        if self is not base:
            self.ratio = self.median / base.median


def median_or_none(values: Sequence[float]) -> float | None:
    """Return the median, None of no values."""
    return statistics.median(values) if values else None


def in_turns(
    cases: Mapping[str, Callable[[], Value]], rounds: int, tell: Tell | None = None
) -> dict[str, list[Value]]:
    """Run every case once a round, each round in the other order, and return what they returned."""
    values: dict[str, list[Value]] = {name: [] for name in cases}
    names = list(cases)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            if tell is not None:
                tell(f"round {number + 1} of {rounds}: {name}")
            values[name].append(cases[name]())
    return values


def compared(
    topic: str,
    unit: str,
    cases: Mapping[str, Callable[[], float]],
    rounds: int,
    tell: Tell | None = None,
) -> Sheet:
    """Run cases in turns; ratios are to the first of them."""
    values = in_turns(cases, rounds, tell)
    rows = [Row(topic, name, unit, values[name]) for name in cases]
    for row in rows:
        row.compare_with(rows[0])
    return rows
