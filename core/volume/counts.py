# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Pointers and range pairs of every copy at once, and of the original if it has a head.

Views without private layers are counted together (``core.mapping.chaincounts``). A clone that has
not written anything shows what a snapshot at its place in the chain shows. The others are gone
through from the newest place in the chain to the oldest, so that what they lie on is made of what
the one before lay on, and of the layers between. Copies of a size of their own are few, and counted
one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.mapping.chaincounts import chain_counts
from core.mapping.pointerrun import EMPTY, overlay
from core.mapping.stack import stack
from core.volume.frozen import FrozenRuns
from core.volume.read import Views

if TYPE_CHECKING:
    from core.volume.state import VolumeState

    Counts = tuple[int, int]


def counts_of_views(moment: VolumeState) -> dict[int, Counts]:
    """Return pointers and range pairs of each view, by id; of a moment, nothing is staged there."""
    catalog, frozen = moment.catalog, FrozenRuns(moment)
    runs = [catalog.layers[layer_id].map.flatten() for layer_id in catalog.chain]
    sized = [copy for copy in catalog.views.values() if catalog.size_of(copy) != catalog.size_bytes]
    if sized:  # what only they have lies beyond the others
        runs = [run.clip(0, moment.size_bytes) for run in runs]
    pointers, pairs = chain_counts(runs, moment.size_bytes)
    in_chain = list(zip(pointers.tolist(), pairs.tolist(), strict=True))
    place_of = {layer_id: place for place, layer_id in enumerate(catalog.chain)}
    view, begins = EMPTY, len(runs)
    counts: dict[int, Counts] = {}
    for copy in sorted(catalog.views.values(), key=lambda copy: place_of[copy.base], reverse=True):
        place = place_of[copy.base]
        counts[copy.id] = in_chain[place]
        if copy.top is None:
            continue
        top = catalog.layers[copy.top]
        private = stack([top.map.flatten(), frozen.run_of(top.parent)])
        if len(private):
            view, begins = stack([*runs[place:begins], view]), place
            shown = overlay(private, view)
            counts[copy.id] = len(shown), len(shown.gaps(0, moment.size_bytes)[0])
    views = Views(moment)
    for copy in sized:
        shown = views.flatten(copy)
        counts[copy.id] = len(shown), len(shown.gaps(0, catalog.size_of(copy))[0])
    return counts
