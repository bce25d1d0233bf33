# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Who uses which bytes of the additional area, and what deleting copies would give back: exact."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from core.answers import PointerKind
from core.format.catalog import Purged
from core.mapping.intersect import intersect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.format.catalog import CopyRecord
    from core.mapping.pointerrun import PointerRun
    from core.volume.catalog import Catalog, Layer

    ByParent = dict[int | None, list[Layer]]


def data_bytes(run: PointerRun) -> int:
    """Return the bytes in the additional area that the pointers of a run have."""
    return int(run.lengths[run.kinds != PointerKind.ZERO].sum())


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
    positions = {layer_id: index for index, layer_id in enumerate(catalog.chain)}
    own = {}
    for copy in catalog.views.values():
        total = _own_private(catalog, copy, tops, children)
        if bases[copy.base] == 1:
            total += _own_in_chain(catalog, positions[copy.base])
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


def _own_in_chain(catalog: Catalog, position: int) -> int:
    run = catalog.layers[catalog.chain[position]].map.flatten()
    if position == 0:
        return data_bytes(run)
    older = catalog.layers[catalog.chain[position - 1]].map.flatten()
    return data_bytes(intersect(run, older.starts, older.stops))
