# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Many runs seen from above: at every byte the topmost pointer wins.

Big runs are merged two at a time, halves of the stack first, so that k runs copy a pointer log2(k)
times. Small ones - what a read finds in each of many layers - would drown in the fixed cost of
every merge. They are painted instead, all at once: the edges of all pointers divide the address
space into cells, each pointer bids for the cells it covers with its rank from the top, and the
lowest rank gets the cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.mapping.pointerrun import EMPTY, PointerRun, join, overlay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.answers import Int64s

_PAINTED_POINTERS_MAX: Final = 1 << 13
"""Above this the random searches of painting cost more than the copies of merging."""
_PAINTED_CELLS_MAX: Final = 1 << 17
"""Above this long pointers lie over crowds of short ones, and each would bid for all of them."""


def stack(runs: Sequence[PointerRun]) -> PointerRun:
    """Return ``runs``, topmost first, as one run."""
    if len(runs) == 1:
        return runs[0]
    parts = [run for run in runs if len(run)]
    if len(parts) < 2:
        return parts[0] if parts else EMPTY
    if len(parts) > 2:
        starts = np.concatenate([run.starts for run in parts])
        order = starts.argsort(kind="stable")
        stops = np.concatenate([run.stops for run in parts])[order]
        if not (stops[:-1] > starts[order[1:]]).any():
            return join(parts).take(order)
    return _merged(parts)


def _merged(parts: list[PointerRun]) -> PointerRun:
    """Return at least one run, topmost first, as one."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        return overlay(*parts)
    if sum(len(run) for run in parts) <= _PAINTED_POINTERS_MAX:
        painted = _painted(join(parts))
        if painted is not None:
            return painted
    half = len(parts) // 2
    return overlay(_merged(parts[:half]), _merged(parts[half:]))


def _painted(ranked: PointerRun) -> PointerRun | None:
    """Return what is seen of pointers that stand in order of rank, or None if it takes too long."""
    edges = np.unique(np.concatenate((ranked.starts, ranked.stops)))
    first = edges.searchsorted(ranked.starts)
    counts = edges.searchsorted(ranked.stops) - first
    if int(counts.sum()) > _PAINTED_CELLS_MAX:
        return None
    owners = _owners(first, counts, len(edges))
    breaks = (owners[1:] != owners[:-1]).nonzero()[0] + 1
    # The last edge begins a cell that nobody owns, so every owned stretch ends at a break.
    begins, ends = np.concatenate(([0], breaks[:-1])), breaks
    owned = (owners[begins] < len(ranked)).nonzero()[0]
    begins, ends = begins[owned], ends[owned]
    return ranked.cut(owners[begins], edges[begins], edges[ends])


def _owners(first: Int64s, counts: Int64s, cells: int) -> Int64s:
    """Return the lowest row that covers each cell; the number of rows where none does.

    Row i covers ``counts[i]`` cells from ``first[i]``.
    """
    rows = np.repeat(np.arange(len(first)), counts)
    ahead = np.cumsum(counts) - counts
    covered = np.arange(len(rows)) + (first - ahead)[rows]
    owners = np.full(cells, len(first))
    np.minimum.at(owners, covered, rows)
    return owners
