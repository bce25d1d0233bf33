# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which ranges of two views may differ, from pointers alone; no data is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.answers import Ranges
from core.area.freeruns import Runs, complement
from core.mapping.pointerrun import EMPTY

if TYPE_CHECKING:
    from core.format.catalog import CopyRecord
    from core.volume.state import VolumeState


def changed_ranges(
    state: VolumeState, source: CopyRecord | None, target: CopyRecord | None
) -> Ranges:
    """Return the ranges outside of which the two views are equal; None = the original.

    Views are stacks of layers over the initial area. What both stacks hold cannot make a difference
    where nothing above it does, so the pointers of the layers that only one of them has are the
    answer. A view has no bytes past its size: where only one of two goes on, they differ.
    """
    sizes = (state.catalog.size_of(source), state.catalog.size_of(target))
    differing = _layer_ids(state, source) ^ _layer_ids(state, target)
    runs = [run for layer_id in differing for run in state.catalog.layers[layer_id].map.runs]
    runs += [state.staged_run(layer_id) for layer_id in differing]
    starts = [EMPTY.starts, *(run.starts for run in runs)]
    lengths = [EMPTY.lengths, *(run.lengths for run in runs)]
    restore = state.restore
    if restore is not None and restore.is_newer(source) != restore.is_newer(target):
        left, stops = restore.left_extents()
        starts.append(left)
        lengths.append(stops - left)
    starts.append(np.array([min(sizes)], np.int64))
    lengths.append(np.array([max(sizes) - min(sizes)], np.int64))
    pointed = Runs(np.concatenate(starts), np.concatenate(lengths))
    unchanged = complement(pointed, 0, max(sizes))
    changed = complement(unchanged, 0, max(sizes))
    return Ranges(starts=changed.starts, lengths=changed.lengths)


def _layer_ids(state: VolumeState, copy: CopyRecord | None) -> set[int]:
    if copy is None:
        return set()
    catalog = state.catalog
    return {layer.id for layer in catalog.private_stack(copy) + catalog.chain_stack(copy)}
