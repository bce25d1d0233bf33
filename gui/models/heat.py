# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which places changed just now, and how long ago.

Changes come in batches, one a frame. All of a batch are equally warm, so a frame cools a handful
of batches and not thousands of cells. A place that changes again is warm anew with the newer
batch: it glows steadily and never flickers.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from core.answers import Int64s

HEAT_MAX: Final = 7
HOLD_S: Final = 0.35
FADE_S: Final = 1.0
LIFE_S: Final = HOLD_S + FADE_S


class Batch(NamedTuple):
    """Block ranges ``[first, stop)`` that changed together.

    Attributes:
        number: Rises by one with every batch of a log.
        time: Seconds, on the clock of the log.
    """

    number: int
    time: float
    firsts: Int64s
    stops: Int64s


class HeatLog:
    """The batches that are still warm, oldest first."""

    def __init__(self) -> None:
        self.batches: deque[Batch] = deque()
        self.now = 0.0
        self.next_number = 1

    @property
    def is_warm(self) -> bool:
        """Whether the picture will change by cooling alone."""
        return bool(self.batches)

    @property
    def oldest_number(self) -> int:
        """Number of the oldest batch still held; ``next_number`` if there is none."""
        return self.batches[0].number if self.batches else self.next_number

    def add(self, firsts: Int64s, stops: Int64s) -> None:
        """Note ranges that have changed now."""
        self.batches.append(Batch(self.next_number, self.now, firsts, stops))
        self.next_number += 1

    def tick(self, seconds: float) -> None:
        """Let time pass; batches that have cooled are dropped."""
        self.now += seconds
        while self.batches and self.now - self.batches[0].time >= LIFE_S:
            self.batches.popleft()

    def clear(self) -> None:
        """Forget all warmth. Numbers go on rising."""
        self.batches.clear()

    def heat_of(self, batch: Batch) -> int:
        """Return 1 to ``HEAT_MAX`` for a batch that is still warm."""
        cooling = (self.now - batch.time - HOLD_S) / FADE_S
        return max(1, min(HEAT_MAX, HEAT_MAX - int(cooling * HEAT_MAX)))


def shown_heat(heat: int, level: int) -> int:
    """Return the heat that a cell of 2**level blocks shows when one of them has this heat.

    One change among thousands of blocks must be seen, but must not hide what the others are.
    """
    most = HEAT_MAX if level < 3 else 5 if level < 7 else 4
    return -(-heat * most // HEAT_MAX)


def cells_of(batch: Batch, level: int, first: int, count: int) -> Int64s:
    """Return which of ``count`` cells from cell ``first`` on a batch touches, counted from 0.

    Cells hold 2**level blocks; a negative level splits a block into 2**-level cells. A cell may
    come more than once.
    """
    if level >= 0:
        low, high = batch.firsts >> level, ((batch.stops - 1) >> level) + 1
    else:
        low, high = batch.firsts << -level, batch.stops << -level
    low, high = np.maximum(low - first, 0), np.minimum(high - first, count)
    seen = high > low
    low, spans = low[seen], (high - low)[seen]
    cells: Int64s = low
    if not len(low) or spans.max() == 1:
        return cells
    base = np.repeat(low - np.cumsum(spans) + spans, spans)
    return base + np.arange(len(base))
