# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How many pointers and range pairs each snapshot of a chain shows, for all snapshots at once.

The view from layer k reads layer k first, then every newer one. To flatten a thousand such views
only to count them would place most pointers a thousand times. But a pointer is seen from an
interval of views: from those behind the last older layer that also covers its place, up to its own
layer. So the edges of all pointers divide the address space into cells, and each cell of a pointer
adds one to an interval of views - less the views that see the cell to its left as the same piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.mapping.pointerrun import EMPTY, overlay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.answers import Int64s
    from core.mapping.pointerrun import PointerRun

_CELLS_PER_POINTER_MAX: Final = 16
"""Above this long pointers lie over crowds of short ones, and flattening takes less room."""


def chain_counts(layers: Sequence[PointerRun], stop: int) -> tuple[Int64s, Int64s]:
    """Return for each layer the pointers and the range pairs of the view that begins with it.

    Args:
        layers: Oldest first; from layer k a view reads k, then k + 1 and so on.
        stop: Bytes of the volume, at least 1.
    """
    starts = np.concatenate([EMPTY.starts, *(run.starts for run in layers)])
    # Everything below runs several times as fast along ascending addresses.
    order = starts.argsort(kind="stable")
    starts = starts[order]
    stops = np.concatenate([EMPTY.stops, *(run.stops for run in layers)])[order]
    owner = np.repeat(np.arange(len(layers)), np.array([len(run) for run in layers], np.int64))
    edges = _distinct(np.concatenate((starts, stops, [0, stop])))
    first = edges.searchsorted(starts)
    cells = edges.searchsorted(stops) - first
    if int(cells.sum()) > _CELLS_PER_POINTER_MAX * len(starts):
        return _flattened_counts(layers, stop)
    rows = np.repeat(np.arange(len(starts)), cells)
    is_left_end = np.ones(len(rows), np.bool_)
    is_left_end[1:] = rows[1:] != rows[:-1]
    cell = np.arange(len(rows)) + (first - np.cumsum(cells) + cells)[rows]
    layer = owner[order][rows]
    older = _older(cell, layer, len(layers))
    # The cell to the left of the same pointer is seen from behind its own older layer: what both
    # show is one piece, not two.
    seen_from = older + 1
    until = np.where(is_left_end, layer, np.minimum(layer, np.roll(older, 1))) + 1
    pointers = _summed(seen_from, np.maximum(seen_from, until), len(layers))
    newest = np.full(len(edges) - 1, -1)
    np.maximum.at(newest, cell, layer)
    left = np.concatenate(([len(layers) - 1], newest[:-1]))
    return pointers, _summed(newest + 1, np.maximum(newest, left) + 1, len(layers))


def _distinct(numbers: Int64s) -> Int64s:
    """Return what ``np.unique`` does, which hashes and is slower on what is sorted in parts."""
    numbers.sort(kind="stable")
    return numbers[np.concatenate(([True], numbers[1:] != numbers[:-1]))]


def _older(cell: Int64s, layer: Int64s, count: int) -> Int64s:
    """Return the next older layer that has the same cell, -1 where there is none."""
    order = (cell * count + layer).argsort(kind="stable")
    cell, layer = cell[order], layer[order]
    older = np.full(len(cell), -1)
    older[order[1:]] = np.where(cell[1:] == cell[:-1], layer[:-1], -1)
    return older


def _summed(first: Int64s, stop: Int64s, count: int) -> Int64s:
    """Return how many of the intervals ``[first, stop)`` hold each number below ``count``."""
    opened = np.bincount(first, minlength=count + 1)
    closed = np.bincount(stop, minlength=count + 1)
    return np.cumsum(opened - closed)[:count]


def _flattened_counts(layers: Sequence[PointerRun], stop: int) -> tuple[Int64s, Int64s]:
    view, counts = EMPTY, []
    for layer in reversed(layers):
        view = overlay(layer, view)
        counts.append((len(view), len(view.gaps(0, stop)[0])))
    pointers, pairs = np.array(counts[::-1], np.int64).reshape(-1, 2).T
    return pointers, pairs
