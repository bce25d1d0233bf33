# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The part of a run that lies within given ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.mapping.pointerrun import EMPTY, PointerRun, without

if TYPE_CHECKING:
    from core.answers import Int64s

_FAR: Final = np.iinfo(np.int64)


def intersect(run: PointerRun, starts: Int64s, stops: Int64s) -> PointerRun:
    """Return the pieces of ``run`` within the ranges ``[starts, stops)``, sorted and disjoint.

    Costs a search for each range and work for each pointer found, not for each pointer of the run.
    """
    if not len(run) or not len(starts):
        return EMPTY
    first = run.starts.searchsorted(starts, "right")
    reaches = first > 0
    reaches &= run.starts[first - 1] + run.lengths[first - 1] > starts
    first -= reaches
    counts = np.maximum(run.starts.searchsorted(stops, "left") - first, 0)
    total = int(counts.sum())
    if not total:
        return EMPTY
    rows = np.arange(total) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    rows = rows[np.concatenate(([True], rows[1:] != rows[:-1]))]
    outside_starts = np.concatenate(([_FAR.min], stops))
    outside_stops = np.concatenate((starts, [_FAR.max]))
    some = outside_starts < outside_stops
    return without(run.take(rows), outside_starts[some], outside_stops[some])
