# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which ranges of two views may differ, from pointers alone; no data is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.answers import DiffRange

if TYPE_CHECKING:
    from core.format.catalog import CopyRecord
    from core.volume.state import VolumeState


def changed_ranges(
    state: VolumeState, source: CopyRecord | None, target: CopyRecord | None
) -> list[DiffRange]:
    """Return sorted, disjoint ranges outside of which the two views are equal; None = the original.

    Views are stacks of layers over the initial area. What both stacks hold cannot make a difference
    where nothing above it does, so the pointers of the layers that only one of them has are the
    answer.
    """
    differing = _layer_ids(state, source) ^ _layer_ids(state, target)
    runs = [state.catalog.layers[layer_id].map.flatten() for layer_id in differing]
    runs += [state.staged_run(layer_id) for layer_id in differing]
    runs = [run for run in runs if len(run)]
    if not runs:
        return []
    starts = np.concatenate([run.starts for run in runs])
    stops = np.concatenate([run.stops for run in runs])
    order = np.argsort(starts, kind="stable")
    starts, stops = starts[order], np.maximum.accumulate(stops[order])
    firsts = np.flatnonzero(np.concatenate(([True], starts[1:] > stops[:-1])))
    lasts = np.concatenate((firsts[1:] - 1, [len(starts) - 1]))
    return [
        DiffRange(start, stop - start)
        for start, stop in zip(starts[firsts].tolist(), stops[lasts].tolist(), strict=True)
    ]


def _layer_ids(state: VolumeState, copy: CopyRecord | None) -> set[int]:
    if copy is None:
        return set()
    catalog = state.catalog
    return {layer.id for layer in catalog.private_stack(copy) + catalog.chain_stack(copy)}
