# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The original's head, and how it is given up: what the catalog knows of always-additional.

Copy-on-write has the original's new data in the initial area and keeps what it overwrites in the
additional one. Always-additional has all new data in the additional area, the original's as well:
the initial area stays as it was when that began. Then the original has a *head*, a view like a
clone's: a private layer over the initial area, with pointers to its new data. A snapshot of the
original freezes that layer, and so costs nothing; a restore lets the head lie on the source's
layers, and moves nothing.

A *separation* gives each side an area of its own again. The new data of one view goes home to the
initial area: the original's, and then its head is given up; or a copy's, which then reads the
initial area, and the original what was there before. It is a restore whose source is the very
view, so all that ``core.volume.restore`` says of the order holds for it. There is no safety
snapshot. What the initial area held is kept in the layer that is active when it begins
(``Restoring.layer``), as far as others still read it. When nothing is left, the layers that only
the source read are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.format.catalog import (
    CopyRecord,
    HeadRecord,
    Moved,
    Redirected,
    Restored,
    Separated,
    Took,
)
from core.session import ORIGINAL
from core.volume import restoring
from core.volume.restoring import Restoring

if TYPE_CHECKING:
    from core.mapping.pointerrun import PointerRun
    from core.volume.catalog import Catalog


def from_record(record: HeadRecord) -> CopyRecord:
    """Return the original's view as a checkpoint has it."""
    return CopyRecord(
        id=0,
        name=ORIGINAL,
        writable=True,
        parent_id=0,
        created=record.created,
        base=record.base,
        top=record.top,
    )


def to_record(head: CopyRecord) -> HeadRecord:
    """Return the fields for a checkpoint."""
    assert head.top is not None
    return HeadRecord(created=head.created, base=head.base, top=head.top)


def follow(catalog: Catalog, change: Restored | Moved | Redirected | Separated) -> list[PointerRun]:
    """Let the original read something else; return the pointers that nothing needs any more."""
    match change:
        case Restored() if catalog.head is not None:
            _restore(catalog, catalog.head, change)
        case Restored():
            restoring.begin(catalog, change)
        case Moved():
            return restoring.follow(catalog, change)
        case Redirected():
            _begin(catalog, change)
        case Separated():
            return _separate(catalog, change)
    return []


def _begin(catalog: Catalog, change: Redirected) -> None:
    """Give the original a head; all it reads lies in the initial area."""
    base, top = catalog.extend_chain(), catalog.new_layer(private=True).id
    catalog.head = from_record(HeadRecord(created=change.created, base=base, top=top))


def _restore(catalog: Catalog, head: CopyRecord, change: Restored) -> None:
    """Keep the original as it is in a snapshot; from now on its head lies on the source."""
    source = catalog.copies[change.source_id]
    catalog.take(Took(name=change.name, writable=False, source_id=0, created=change.created))
    assert head.top is not None
    del catalog.layers[head.top]  # made just now for what would be written next
    parent = catalog.freeze(source) if source.writable else source.top
    head.base, head.top = source.base, catalog.new_layer(private=True, parent=parent).id


def _separate(catalog: Catalog, change: Separated) -> list[PointerRun]:
    """Let the new data of a view go home; return the pointers that nothing needs any more."""
    view = catalog.views[change.copy_id]
    going_home = Restoring(
        source_id=view.id,
        safety_id=0,
        base=view.base,
        top=view.top,
        grain_bytes=change.grain_bytes,
        layer=catalog.chain[-1],
    )
    layers = catalog.private_stack(view) + catalog.chain_stack(view)
    going_home.add((layer.map for layer in layers), catalog.size_of(view))
    if view is catalog.head:
        catalog.head = None
    else:
        catalog.enter_anew(view)
    catalog.restoring = going_home
    return [] if len(going_home.left) else restoring.end(catalog, going_home)
