# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a layer's pointers when the layer goes: handed down, or freed. No data moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.mapping.intersect import intersect
from core.mapping.pointerrun import PointerRun, overlay

if TYPE_CHECKING:
    from core.answers import Int64s
    from core.mapping.layermap import LayerMap


def hand_down(keeper: PointerRun, leaver: PointerRun) -> tuple[PointerRun, PointerRun]:
    """Merge ``leaver`` below ``keeper``.

    Returns:
        The keeper's new content, and the pieces of the leaver that the keeper did not need.
    """
    return overlay(keeper, leaver), intersect(leaver, keeper.starts, keeper.stops)


def displaced(layer: LayerMap, starts: Int64s, stops: Int64s) -> list[PointerRun]:
    """Return the pieces of a layer that pointers at sorted ranges would hide."""
    hits = []
    for run in layer.runs:
        hit = intersect(run, starts, stops)
        if len(hit):
            hits.append(hit)
            starts, stops = _subtract(starts, stops, hit)
    return hits


def extents_of(runs: list[PointerRun]) -> tuple[Int64s, Int64s]:
    """Return address and length in the additional area of all pointers that have data."""
    parts = [run for run in runs if len(run)]
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    offsets = np.concatenate([run.offsets for run in parts])
    lengths = np.concatenate([run.lengths for run in parts])
    has_bytes = offsets != 0
    return offsets[has_bytes], lengths[has_bytes]


def _subtract(starts: Int64s, stops: Int64s, hit: PointerRun) -> tuple[Int64s, Int64s]:
    """Return the ranges less what ``hit`` covers, all of which lies inside them."""
    edges = np.sort(np.concatenate((starts, stops, hit.starts, hit.stops)))
    lows, highs = edges[0::2], edges[1::2]
    some = lows < highs
    return lows[some], highs[some]
