# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A restore or a separation that was under way when an additional area came to harm.

What is left to be moved reads through the layers of the source. Without these, or without the
ranges, nobody knows what the original holds there, nor copies that were taken meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.device.base import read_available
from core.errors import CorruptAreaError
from core.format import table

if TYPE_CHECKING:
    from core.device.base import Device
    from core.salvage.reading import Salvaged
    from core.volume.catalog import Catalog
    from core.volume.restoring import Restoring

_RESTORE_LOST: Final = (
    "How far a restore was is lost; the original holds parts of both states, so restore it once"
    " more."
)
NEW_DATA_LOST: Final = (
    "New data of the original that was in the additional area is lost, in part or whole; there the "
    "original reads as it was before."
)


def load(found: Salvaged, device: Device) -> None:
    """Take up a restore that was under way, or say that it is lost."""
    catalog, newest = found.state.catalog, found.newest
    restoring = catalog.restoring
    if restoring is None or restoring.place is None:
        return
    place = restoring.place
    raw = read_available(device, min(place.length, device.size), place.offset)
    try:
        columns = table.unpack(table.RANGES_MAGIC, raw, place.offset, newest.uuid)
    except CorruptAreaError:
        columns = []
    named = {restoring.source_id, restoring.safety_id} - {0}
    if columns and named <= catalog.copies.keys() and _has_layers(catalog, restoring):
        restoring.left.add_bytes(columns[0], columns[1])
        return
    _lose(found, restoring)


def drop_unreadable(found: Salvaged, lost_ids: set[int]) -> None:
    """Give up a restore whose source has lost pointers, or its safety snapshot; of lost copies."""
    catalog, restoring = found.state.catalog, found.state.catalog.restoring
    if restoring is None:
        return
    view = restoring.view
    layers = (*catalog.private_stack(view), *catalog.chain_stack(view))
    is_unreadable = found.lost_layers & {layer.id for layer in layers}
    if is_unreadable or restoring.safety_id in lost_ids:
        _lose(found, restoring)


def _lose(found: Salvaged, restoring: Restoring) -> None:
    catalog = found.state.catalog
    catalog.restoring = None
    safety = catalog.copies.get(restoring.safety_id)
    found.lost_after = restoring.layer or (catalog.chain[-1] if safety is None else safety.base)
    if restoring.safety_id:
        found.losses.append(_RESTORE_LOST)
    elif not restoring.source_id:
        found.losses.append(NEW_DATA_LOST)


def _has_layers(catalog: Catalog, restoring: Restoring) -> bool:
    """Return whether the layers are there that what is restored reads through, and is kept in."""
    entered = {restoring.base, restoring.layer or restoring.base}
    return {restoring.top} - {None} <= catalog.layers.keys() and entered <= {*catalog.chain}
