# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How many bytes each layer of a chain has in common with the next older one, for all at once.

That is what removing the layer would free: the older one inherits only what it lacks. To intersect
a thousand small layers one by one would cost a thousand times the fixed costs of an intersection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.answers import PointerKind
from core.mapping.intersect import intersect
from core.mapping.pointerrun import EMPTY, join

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.answers import Int64s
    from core.mapping.pointerrun import PointerRun


SMALL_POINTERS_MAX: Final = 256
"""Above this an intersection's fixed costs do not matter."""


def freed_by_layer(layers: Sequence[PointerRun]) -> list[int]:
    """Return for each layer the bytes of data, zeroes left out, that nobody needs without it.

    Args:
        layers: Oldest first; of the oldest nobody else needs anything.
    """
    freed = _common_with_older([run if len(run) <= SMALL_POINTERS_MAX else EMPTY for run in layers])
    for place, (older, run) in enumerate(zip([EMPTY, *layers], layers, strict=False)):
        if not place:
            freed[place] = data_bytes(run)
        elif max(len(run), len(older)) > SMALL_POINTERS_MAX:
            freed[place] = data_bytes(intersect(run, older.starts, older.stops))
    return freed


def data_bytes(run: PointerRun) -> int:
    """Return the bytes in the additional area that the pointers of a run have."""
    return int(run.lengths[run.kinds != PointerKind.ZERO].sum())


def _common_with_older(layers: Sequence[PointerRun]) -> list[int]:
    """Return the bytes of data of each layer where the next older one has pointers, too."""
    counts = np.array([len(run) for run in layers], np.int64)
    every = join([EMPTY, *layers])
    starts, stops = every.starts, every.stops
    older = np.repeat(np.arange(len(layers)), counts) - 1
    edges = np.sort(np.concatenate((starts, stops)), kind="stable")
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

    common = covered_below(stops) - covered_below(starts)
    common[every.kinds == PointerKind.ZERO] = 0
    total = np.concatenate(([0], np.cumsum(common)))[np.concatenate(([0], np.cumsum(counts)))]
    found: list[int] = np.diff(total).tolist()
    return found
