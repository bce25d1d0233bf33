# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Who uses which bytes of the additional area, and what deleting copies would give back: exact."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from core.format.catalog import Purged
from core.mapping.chainbytes import data_bytes, freed_by_layer
from core.mapping.intersect import intersect
from core.volume.removal import FAR, kept_end

__all__ = ["data_bytes", "freed_bytes", "own_bytes"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.format.catalog import CopyRecord
    from core.volume.catalog import Catalog
    from core.volume.layer import Layer

    ByParent = dict[int | None, list[Layer]]


def freed_bytes(catalog: Catalog, copies: Sequence[CopyRecord]) -> int:
    """Return what purging these copies together would free, by doing it to a shallow twin."""
    twin = catalog.twin()
    return sum(data_bytes(run) for run in twin.apply(Purged(ids=[copy.id for copy in copies])))


def own_bytes(catalog: Catalog) -> dict[int, int]:
    """Return for each view, by id, what lies in the additional area for it alone."""
    tops = Counter(view.top for view in catalog.views.values())
    bases = Counter(view.base for view in catalog.views.values())
    children: ByParent = defaultdict(list)
    for layer in catalog.layers.values():
        children[layer.parent].append(layer)
    sizes = {view.base: catalog.size_of(view) for view in catalog.views.values()}
    in_chain = _own_in_chain(catalog, sizes)
    own = {}
    for view in catalog.views.values():
        total = _own_private(catalog, view, tops, children)
        if bases[view.base] == 1:
            total += in_chain[view.base]
        own[view.id] = total
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


def _own_in_chain(catalog: Catalog, sizes: dict[int, int]) -> dict[int, int]:
    """Return by layer the bytes that the only copy at it alone needs; ``sizes``: by base."""
    if set(sizes.values()) <= {catalog.size_bytes}:
        chain = [catalog.layers[layer_id].map.flatten() for layer_id in catalog.chain]
        return dict(zip(catalog.chain, freed_by_layer(chain), strict=True))
    return {
        layer_id: _own_of_sized(catalog, position, sizes)
        for position, layer_id in enumerate(catalog.chain)
        if layer_id in sizes
    }


def _own_of_sized(catalog: Catalog, position: int, sizes: dict[int, int]) -> int:
    """Return the same for one layer, where copies have different sizes."""
    chain = catalog.chain
    run, size = catalog.layers[chain[position]].map.flatten(), sizes[chain[position]]
    reach = max((sizes.get(layer_id, 0) for layer_id in chain[:position]), default=0)
    total = _beyond(catalog, position, reach, sizes) if reach < size else 0
    if position == 0:
        return total + data_bytes(run)
    older = catalog.layers[chain[position - 1]].map.flatten()
    if reach < size:
        total += data_bytes(run.clip(kept_end(reach), FAR))
        run = run.clip(0, kept_end(reach))
    return total + data_bytes(intersect(run, older.starts, older.stops))


def _beyond(catalog: Catalog, position: int, reach: int, sizes: dict[int, int]) -> int:
    """Return the bytes of newer layers beyond all their readers but the copy at ``position``."""
    total, size = 0, sizes[catalog.chain[position]]
    for layer_id in catalog.chain[position + 1 :]:
        reach = max(reach, sizes.get(layer_id, 0))
        if reach >= size:
            break
        total += data_bytes(catalog.layers[layer_id].map.flatten().clip(kept_end(reach), FAR))
    return total
