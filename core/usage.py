# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Who uses which bytes of the additional area, and what deleting copies would give back: exact."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from core.format.catalog import Purged
from core.mapping.chainbytes import data_bytes, freed_by_layer
from core.mapping.intersect import intersect

__all__ = ["data_bytes", "freed_bytes", "own_bytes"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.format.catalog import CopyRecord
    from core.volume.catalog import Catalog, Layer

    ByParent = dict[int | None, list[Layer]]


def freed_bytes(catalog: Catalog, copies: Sequence[CopyRecord]) -> int:
    """Return what purging these copies together would free, by doing it to a shallow twin."""
    twin = catalog.twin()
    return sum(data_bytes(run) for run in twin.apply(Purged(ids=[copy.id for copy in copies])))


def own_bytes(catalog: Catalog) -> dict[int, int]:
    """Return for each copy, by id, what purging it alone would free."""
    tops = Counter(copy.top for copy in catalog.copies.values())
    bases = Counter(copy.base for copy in catalog.copies.values())
    children: ByParent = defaultdict(list)
    for layer in catalog.layers.values():
        children[layer.parent].append(layer)
    chain = [catalog.layers[layer_id].map.flatten() for layer_id in catalog.chain]
    in_chain = dict(zip(catalog.chain, freed_by_layer(chain), strict=True))
    own = {}
    for copy in catalog.copies.values():
        total = _own_private(catalog, copy, tops, children)
        if bases[copy.base] == 1:
            total += in_chain[copy.base]
        own[copy.id] = total
    return own


def _own_private(
    catalog: Catalog, copy: CopyRecord, tops: Counter[int | None], children: ByParent
) -> int:
    total, layer_id, below_gone = 0, copy.top, 0
    above: int | None = None
    while layer_id is not None:
        layer = catalog.layers[layer_id]
        users = tops[layer_id] - (layer_id == copy.top)
        lying_on = len(children[layer_id]) - below_gone
        if users or lying_on > 1:
            break
        if lying_on == 1:
            keeper = next(child for child in children[layer_id] if child.id != above)
            kept, run = keeper.map.flatten(), layer.map.flatten()
            total += data_bytes(intersect(run, kept.starts, kept.stops))
            break
        total += data_bytes(layer.map.flatten())
        above, layer_id, below_gone = layer_id, layer.parent, 1
    return total
