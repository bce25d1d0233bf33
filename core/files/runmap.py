# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Whose a byte of the view is: runs with owners, sorted, as columns. Pure arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from core.answers import Int64s


class Pieces(NamedTuple):
    """Parts of ranges, sorted; columns of shape (n,).

    Attributes:
        starts: First byte of each.
        stops: First byte after.
        owners: Whose it is.
        offsets: Where in its owner the part begins; -1 = not known.
    """

    starts: Int64s
    stops: Int64s
    owners: Int64s
    offsets: Int64s


class RunMap:
    """Runs that do not overlap; of two that did, the one that begins first keeps what both had."""

    def __init__(self, starts: Int64s, stops: Int64s, owners: Int64s, offsets: Int64s) -> None:
        """Sort runs, which may come in any order; see ``Pieces``."""
        order = np.argsort(starts, kind="stable")
        starts, stops, owners, offsets = (
            column[order] for column in (starts, stops, owners, offsets)
        )
        reached = np.maximum.accumulate(stops) if len(stops) else stops
        low = starts.copy()
        low[1:] = np.maximum(starts[1:], reached[:-1])
        kept = low < stops
        moved = np.where(offsets >= 0, offsets + (low - starts), -1)
        self._runs = Pieces(low[kept], stops[kept], owners[kept], moved[kept])

    def __len__(self) -> int:
        """Return the number of runs."""
        return len(self._runs.starts)

    def within(self, starts: Int64s, stops: Int64s) -> Pieces:
        """Return what of sorted, disjoint ranges has an owner."""
        runs = self._runs
        chosen, which = overlaps(starts, stops, runs.starts, runs.stops)
        low = np.maximum(starts[chosen], runs.starts[which])
        high = np.minimum(stops[chosen], runs.stops[which])
        offsets = runs.offsets[which]
        offsets = np.where(offsets >= 0, offsets + (low - runs.starts[which]), -1)
        return Pieces(low, high, runs.owners[which], offsets)


def overlaps(
    starts: Int64s, stops: Int64s, others: Int64s, other_stops: Int64s
) -> tuple[Int64s, Int64s]:
    """Return the pairs of (index of a range, index of another) that have bytes in common.

    Both are sorted and disjoint; so are the pairs' common parts, in the order returned.
    """
    first = np.searchsorted(other_stops, starts, "right")
    last = np.searchsorted(others, stops, "left")
    counts = np.maximum(last - first, 0)
    chosen = np.repeat(np.arange(len(starts)), counts)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return chosen, within + np.repeat(first, counts)


def without(
    starts: Int64s, stops: Int64s, taken: Int64s, taken_stops: Int64s
) -> tuple[Int64s, Int64s]:
    """Return what of sorted, disjoint ranges is left without others, likewise sorted."""
    if not len(taken):
        return starts, stops
    gaps = np.concatenate((np.array([np.iinfo(np.int64).min]), taken_stops))
    gap_stops = np.concatenate((taken, np.array([np.iinfo(np.int64).max])))
    chosen, which = overlaps(starts, stops, gaps, gap_stops)
    low = np.maximum(starts[chosen], gaps[which])
    high = np.minimum(stops[chosen], gap_stops[which])
    kept = low < high
    return low[kept], high[kept]
