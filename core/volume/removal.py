# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Removing a copy: which layers go with it, and who inherits the pointers that are still needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.units import GRAIN_BYTES_MAX
from core.volume import handdown

if TYPE_CHECKING:
    from core.format.catalog import CopyRecord
    from core.mapping.pointerrun import PointerRun
    from core.volume.catalog import Catalog
    from core.volume.layer import Layer

FAR: Final = 1 << 62


def drop_layers(catalog: Catalog, copy: CopyRecord) -> list[PointerRun]:
    """Drop the layers that only a copy needed which is in the catalog no more.

    Returns:
        The pointers that nothing needs any more.
    """
    freed = _drop_private(catalog, copy.top) if copy.top is not None else []
    freed += drop_unentered(catalog, copy.base)
    return freed + _cut_unread(catalog, catalog.size_of(copy))


def drop_unentered(catalog: Catalog, layer_id: int) -> list[PointerRun]:
    """Drop a layer of the chain if no view enters at it; return what that frees."""
    restoring = catalog.restoring
    if layer_id not in catalog.layers or (
        restoring is not None and layer_id in {restoring.base, restoring.layer}
    ):
        return []
    if any(view.base == layer_id for view in catalog.views.values()):
        return []
    return _drop_from_chain(catalog, layer_id)


def _drop_private(catalog: Catalog, layer_id: int) -> list[PointerRun]:
    """Drop private layers that nothing lies on; hand one with a single user to that user."""
    freed: list[PointerRun] = []
    here: int | None = layer_id
    while here is not None:
        layer = catalog.layers[here]
        if any(view.top == here for view in catalog.views.values()) or _restores(catalog, here):
            break
        children = [other for other in catalog.layers.values() if other.parent == here]
        if len(children) > 1:
            break
        if children:
            child = children[0]
            merged, unneeded = handdown.hand_down(child.map.flatten(), layer.map.flatten())
            _replace(catalog, child, merged)
            child.parent = layer.parent
            freed.append(unneeded)
            _forget(catalog, layer)
            break
        freed.append(layer.map.flatten())
        _forget(catalog, layer)
        here = layer.parent
    return freed


def _restores(catalog: Catalog, layer_id: int) -> bool:
    """Return whether what is being restored reads through a private layer."""
    return catalog.restoring is not None and catalog.restoring.top == layer_id


def _drop_from_chain(catalog: Catalog, layer_id: int) -> list[PointerRun]:
    """Drop a layer at which no view enters; the next older one inherits what it lacks."""
    layer, index = catalog.layers[layer_id], catalog.chain.index(layer_id)
    if index == 0:
        unneeded = layer.map.flatten()
    else:
        older = catalog.layers[catalog.chain[index - 1]]
        merged, unneeded = handdown.hand_down(older.map.flatten(), layer.map.flatten())
        _replace(catalog, older, merged)
    _forget(catalog, layer)
    del catalog.chain[index]
    return [unneeded]


def _cut_unread(catalog: Catalog, size_bytes: int) -> list[PointerRun]:
    """Take from the chain what lies beyond all its readers, now that one of this size is gone."""
    freed = []
    for layer_id, reach in zip(catalog.chain, catalog.chain_reaches(), strict=True):
        if reach >= size_bytes:
            break
        layer, end = catalog.layers[layer_id], kept_end(reach)
        run = layer.map.flatten()
        if len(run) and int(run.stops[-1]) > end:
            freed.append(run.clip(end, FAR))
            _replace(catalog, layer, run.clip(0, end))
    return freed


def kept_end(reach: int) -> int:
    """Return where pointers end that views of ``reach`` bytes need: they may be of whole grains."""
    return -(-reach // GRAIN_BYTES_MAX) * GRAIN_BYTES_MAX


def _replace(catalog: Catalog, layer: Layer, run: PointerRun) -> None:
    catalog.dropped_places += [place for _, place in layer.places.values()]
    layer.places.clear()
    layer.replace(run)
    layer.cuts.clear()
    layer.note_cuts(run)


def _forget(catalog: Catalog, layer: Layer) -> None:
    catalog.dropped_places += [place for _, place in layer.places.values()]
    del catalog.layers[layer.id]
