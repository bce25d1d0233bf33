# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How many bytes each layer of a chain has in common with the next older one, for all at once.

That is what removing the layer would free: the older one inherits only what it lacks. To intersect
a thousand small layers one by one would cost a thousand times the fixed costs of an intersection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.answers import PointerKind
from core.mapping.pointerrun import EMPTY, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.answers import Int64s
    from core.mapping.pointerrun import PointerRun


def freed_by_layer(layers: Sequence[PointerRun]) -> Int64s:
    """Return for each layer the bytes of data, zeroes left out, that nobody needs without it.

    Args:
        layers: Oldest first; of the oldest nobody else needs anything.
    """
    counts = np.array([len(run) for run in layers], np.int64)
    every = join([EMPTY, *layers])
    starts, stops = every.starts, every.stops
    older = np.repeat(np.arange(len(layers)), counts) - 1
    edges = np.unique(np.concatenate((starts, stops)))
    # Places by their rank among all edges: layer and place then fit into one number.
    width = len(edges) + 1
    keys = (older + 1) * width + edges.searchsorted(starts)
    ahead = np.concatenate(([0], np.cumsum(every.lengths)))

    def covered_below(places: Int64s) -> Int64s:
        """Return what the older layer of each pointer covers below a place, and all before it."""
        after = keys.searchsorted(older * width + edges.searchsorted(places))
        last = np.maximum(after - 1, 0)
        is_across = (after > 0) & (older[last] + 1 == older)
        covered: Int64s = ahead[after] - is_across * np.maximum(stops[last] - places, 0)
        return covered

    common = np.where(older < 0, every.lengths, covered_below(stops) - covered_below(starts))
    common[every.kinds == PointerKind.ZERO] = 0
    total = np.concatenate(([0], np.cumsum(common)))[np.concatenate(([0], np.cumsum(counts)))]
    freed: Int64s = np.diff(total)
    return freed
