# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The view of a copy: its layers top down, the first that has a pointer wins.

What no layer points to is read from the initial area: those gaps are the copy's range pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.mapping.layermap import LayerMap
from core.mapping.pointerrun import PointerRun
from core.mapping.stack import stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.answers import Int64s

Layer = LayerMap | PointerRun


def resolve(maps: Sequence[Layer], start: int, stop: int) -> PointerRun:
    """Return what a view made of ``maps``, topmost first, points to within ``[start, stop)``."""
    found: list[PointerRun] = []
    missing = stop - start
    for layer in maps:
        piece = layer.clip(start, stop)
        if not len(piece):
            continue
        found.append(piece)
        missing -= int(piece.lengths.sum())
        if missing <= 0:  # perhaps all is covered, and layers below need not be asked
            found = [stack(found)]
            missing = stop - start - int(found[0].lengths.sum())
            if missing == 0:
                break
    return stack(found)


def flatten(maps: Iterable[Layer]) -> PointerRun:
    """Return everything a view made of ``maps``, topmost first, points to, as one run."""
    return stack(_runs(maps))


def changed(maps: Iterable[Layer]) -> tuple[Int64s, Int64s]:
    """Return starts and stops, sorted and maximal, of all that any of ``maps`` points to.

    With the layers between two snapshots this is where the two may differ.
    """
    runs = _runs(maps)
    starts = np.concatenate([np.empty(0, np.int64), *(run.starts for run in runs)])
    stops = np.concatenate([np.empty(0, np.int64), *(run.stops for run in runs)])
    order = starts.argsort(kind="stable")
    return _union(starts[order], stops[order])


def range_pairs(run: PointerRun, start: int, stop: int, grain_bytes: int) -> tuple[Int64s, Int64s]:
    """Return the range pairs of a view's pointers within the bytes ``[start, stop)``.

    A pair names the first and the last grain, inclusive, of a maximal stretch. A grain of which
    only some sectors have a pointer stays under its range pair.
    """
    begins, ends = run.gaps(start, stop)
    firsts, stops = _union(begins // grain_bytes, (ends - 1) // grain_bytes + 1)
    return firsts, stops - 1


def _union(starts: Int64s, stops: Int64s) -> tuple[Int64s, Int64s]:
    """Merge ranges, sorted by start, that overlap or touch."""
    if not len(starts):
        return starts, stops
    reach = np.maximum.accumulate(stops)
    breaks = (starts[1:] > reach[:-1]).nonzero()[0]
    return starts[np.append(0, breaks + 1)], reach[np.append(breaks, len(reach) - 1)]


def _runs(maps: Iterable[Layer]) -> list[PointerRun]:
    runs: list[PointerRun] = []
    for layer in maps:
        runs += layer.runs if isinstance(layer, LayerMap) else (layer,)
    return runs
