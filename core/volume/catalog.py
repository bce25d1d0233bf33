# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Copies and layers: who reads through what, and what every change does to that.

The original has a *chain* of layers, oldest first; the newest is *active* and takes what writes to
the original overwrite. A copy enters the chain at its ``base`` and reads upwards to the active
layer, then the initial area. A writable copy has a private ``top`` layer before that; private
layers lie on one another through ``parent``.

``apply`` is the only way to change anything here. It runs once when a change is made and again,
with the same outcome, when the log is replayed.
"""

from __future__ import annotations

from copy import copy as copied
from itertools import accumulate
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from core.format.catalog import (
    CatalogRecord,
    Change,
    Compacted,
    CopyRecord,
    Dropped,
    DroppedRecord,
    IntegrityRecord,
    LayerRecord,
    Marked,
    Moved,
    PolicyRecord,
    PolicySet,
    Promoted,
    Purged,
    Redirected,
    Renamed,
    Restored,
    Separated,
    Took,
)
from core.volume import heads, removal, restoring
from core.volume.layer import Layer

if TYPE_CHECKING:
    from core.format.catalog import LostExtent
    from core.format.superblock import Place
    from core.mapping.pointerrun import PointerRun

COPIES_MAX: Final = 65536
DROPPED_TOLD_MAX: Final = 64
"""So many names of dropped copies are remembered, the newest."""
ORIGINAL_COPY_ID: Final = 0


class Catalog:
    """All copies and layers of a volume.

    Attributes:
        copies: By id, in the order in which they were taken.
        layers: By id.
        chain: Ids of the original's layers, oldest first.
        generation: Rises with every change.
        size_bytes: Of the volume, and of every copy that has no size of its own.
        policy: What happens when the additional area is full.
        dropped_places: Tables of layers that are gone; their space is free after the next fold.
        integrity: By the id of a copy, what is known of its bytes.
        lost: Extents that are known to fail their checksum.
        restoring: What the original is being made equal to, as far as that is durable, or None.
        head: The original's view if its new data goes to the additional area, else None.
        redirects: Originals that have a full pointer are kept where they lie.
    """

    def __init__(self, size_bytes: int) -> None:
        """Make the catalog of a volume without copies."""
        self.size_bytes = size_bytes
        self.copies: dict[int, CopyRecord] = {}
        self.layers: dict[int, Layer] = {}
        self.chain: list[int] = []
        self.generation = 0
        self.next_copy_id = 1
        self.next_layer_id = 1
        self.policy = PolicyRecord()
        self.dropped_places: list[Place] = []
        self.integrity: dict[int, IntegrityRecord] = {}
        self.lost: list[LostExtent] = []
        self.restoring: restoring.Restoring | None = None
        self.head: CopyRecord | None = None
        self.redirects = False
        self._ids_by_name: dict[str, int] = {}
        self._plain_snapshots = 0

    @classmethod
    def from_record(cls, record: CatalogRecord, size_bytes: int) -> Catalog:
        """Return the catalog of a checkpoint; the layers' maps are still empty.

        ``size_bytes`` is what the superblock says of the volume, for a record that does not.
        """
        catalog = cls(record.size_bytes or size_bytes)
        catalog.generation = record.generation
        catalog.next_copy_id = record.next_copy_id
        catalog.next_layer_id = record.next_layer_id
        catalog.chain = list(record.chain)
        catalog.integrity = {known.id: known for known in record.integrity}
        catalog.lost = list(record.lost)
        catalog.policy, catalog.redirects = record.policy, record.redirects
        for copy in record.copies:
            catalog.copies[copy.id] = copy
            catalog._ids_by_name[copy.name] = copy.id
            catalog._plain_snapshots += copy.top is None
        for layer in record.layers:
            catalog.layers[layer.id] = Layer(layer.id, private=layer.private, parent=layer.parent)
        if record.restoring is not None:
            catalog.restoring = restoring.Restoring.from_record(record.restoring)
        if record.head is not None:
            catalog.head = heads.from_record(record.head)
        return catalog

    def to_record(self, places: dict[int, list[Place]]) -> CatalogRecord:
        """Return the catalog for a checkpoint; ``places``: layer id -> its tables, newest first."""
        return CatalogRecord(
            generation=self.generation,
            next_copy_id=self.next_copy_id,
            next_layer_id=self.next_layer_id,
            copies=list(self.copies.values()),
            layers=[
                LayerRecord(
                    id=layer.id, private=layer.private, parent=layer.parent, tables=places[layer.id]
                )
                for layer in self.layers.values()
            ],
            chain=list(self.chain),
            integrity=[known for known in self.integrity.values() if known.id in self.views],
            lost=list(self.lost),
            policy=self.policy,
            size_bytes=self.size_bytes,
            restoring=None if self.restoring is None else self.restoring.to_record(),
            head=None if self.head is None else heads.to_record(self.head),
            redirects=self.redirects,
        )

    def twin(self) -> Catalog:
        """Return a catalog that can be changed without this one noticing; it shares pointers."""
        twin = Catalog(self.size_bytes)
        vars(twin).update(vars(self))
        twin.copies = {copy_id: copied(record) for copy_id, record in self.copies.items()}
        twin.layers = {layer_id: layer.twin() for layer_id, layer in self.layers.items()}
        twin.chain, twin.dropped_places = list(self.chain), []
        twin.integrity, twin.lost = dict(self.integrity), list(self.lost)
        twin.head = copied(self.head)
        twin._ids_by_name = dict(self._ids_by_name)
        return twin

    # -- questions ---------------------------------------------------------------------------

    @property
    def active(self) -> Layer | None:
        """The layer that keeps what is overwritten now; None without copies."""
        return self.layers[self.chain[-1]] if self.chain else None

    def find(self, name: str) -> CopyRecord | None:
        """Return the copy of this name, soft-deleted or not."""
        copy_id = self._ids_by_name.get(name)
        return None if copy_id is None else self.copies[copy_id]

    def private_stack(self, copy: CopyRecord) -> list[Layer]:
        """Return the private layers of a view, top first."""
        return self.stack_from(copy.top)

    def stack_from(self, layer_id: int | None) -> list[Layer]:
        """Return a private layer and those that it lies on, top first."""
        stack = []
        while layer_id is not None:
            layer = self.layers[layer_id]
            stack.append(layer)
            layer_id = layer.parent
        return stack

    def chain_stack(self, copy: CopyRecord) -> list[Layer]:
        """Return the layers of the original's chain that a view reads through, oldest first."""
        return [self.layers[layer_id] for layer_id in self.chain[self.chain.index(copy.base) :]]

    def size_of(self, copy: CopyRecord | None) -> int:
        """Return the bytes of a view, None the original's."""
        return self.size_bytes if copy is None else copy.size_bytes or self.size_bytes

    @property
    def has_other_sizes(self) -> bool:
        """Whether a copy has another size than the volume."""
        return any(copy.size_bytes for copy in self.copies.values())

    def chain_reaches(self) -> list[int]:
        """Return for each layer of the chain the size of the longest view that reads through it."""
        sizes = {view.base: self.size_of(view) for view in self.views.values()}
        if self.restoring is not None and self.restoring.layer:  # a separation: all are of one size
            sizes[self.restoring.base] = sizes[self.restoring.layer] = self.size_bytes
        return list(accumulate((sizes.get(layer_id, 0) for layer_id in self.chain), max))

    @property
    def views(self) -> dict[int, CopyRecord]:
        """All that read through layers, by id: the copies, and the original if it has a head."""
        if self.head is None:
            return self.copies
        return {**self.copies, ORIGINAL_COPY_ID: self.head}

    @property
    def newest_id(self) -> int:
        """Id of the copy taken last; the original's if there is none."""
        return next(reversed(self.copies), ORIGINAL_COPY_ID)

    @property
    def needs_every_original(self) -> bool:
        """Whether some view has no private layer."""
        return self._plain_snapshots > 0

    # -- changes -----------------------------------------------------------------------------

    def apply(self, change: Change) -> list[PointerRun]:
        """Make ``change`` happen; return the pointers that nothing needs any more."""
        self.generation += 1
        match change:
            case Took():
                self.take(change)
            case Renamed():
                copy = self.copies[change.id]
                del self._ids_by_name[copy.name]
                copy.name = change.name
                self._ids_by_name[copy.name] = copy.id
            case Marked():
                self._mark(change)
            case Purged():
                return [run for copy_id in change.ids for run in self._purge(copy_id)]
            case Compacted():
                self._follow_compaction(change)
            case PolicySet():
                self.policy = msgspec.structs.replace(change.policy, dropped=self.policy.dropped)
            case Dropped():
                name = self.copies[change.id].name
                dropped = [*self.policy.dropped, DroppedRecord(name=name, when=change.when)]
                kept = dropped[-DROPPED_TOLD_MAX:]
                self.policy = msgspec.structs.replace(self.policy, dropped=kept)
                return self._purge(change.id)
            case Restored() | Moved() | Redirected() | Separated():
                return heads.follow(self, change)
            case Promoted():
                self.copies[change.id].top = self.new_layer(private=True).id
                self._plain_snapshots -= 1
        return []

    def take(self, change: Took) -> None:
        """Add a copy, with the layers that it needs."""
        source = self.copies[change.source_id] if change.source_id else self.head
        if source is None:
            base, parent = self.extend_chain(), None
        elif source.writable:
            base, parent = source.base, self.freeze(source)
        else:
            base, parent = source.base, source.top
        top = self.new_layer(private=True, parent=parent).id if change.writable else parent
        copy = CopyRecord(
            id=self.next_copy_id,
            name=change.name,
            writable=change.writable,
            parent_id=change.source_id,
            created=change.created,
            base=base,
            top=top,
            size_bytes=0 if source is None else source.size_bytes,
        )
        self.next_copy_id += 1
        self.copies[copy.id] = copy
        self._ids_by_name[copy.name] = copy.id
        self._plain_snapshots += top is None

    def resize(self, size_bytes: int) -> None:
        """Let the volume have another size; every copy keeps the one that it has."""
        for copy in self.copies.values():
            kept = self.size_of(copy)
            copy.size_bytes = 0 if kept == size_bytes else kept
        self.size_bytes = size_bytes

    def freeze(self, source: CopyRecord) -> int | None:
        """Give a clone a fresh private layer; return the one that others may now lie on."""
        frozen = source.top
        source.top = self.new_layer(private=True, parent=frozen).id
        return frozen

    def extend_chain(self) -> int:
        """Let a fresh layer keep what is overwritten in the initial area; return its id."""
        self.chain.append(self.new_layer(private=False).id)
        return self.chain[-1]

    def enter_anew(self, copy: CopyRecord) -> None:
        """Let a copy read the initial area as it will be, through fresh layers only."""
        self._plain_snapshots -= copy.top is None
        copy.base = self.extend_chain()
        copy.top = self.new_layer(private=True).id if copy.writable else None
        self._plain_snapshots += copy.top is None

    def new_layer(self, *, private: bool, parent: int | None = None) -> Layer:
        """Add an empty layer that nothing reads yet."""
        layer = Layer(self.next_layer_id, private=private, parent=parent)
        self.next_layer_id += 1
        self.layers[layer.id] = layer
        return layer

    def _mark(self, change: Marked) -> None:
        for copy_id in change.ids:
            copy = self.copies[copy_id]
            if change.locked is not None:
                copy.locked = change.locked
            if change.deleted is not None:
                copy.deleted = change.deleted

    def _follow_compaction(self, change: Compacted) -> None:
        columns = (change.sources, change.targets, change.lengths)
        ranges = [np.array(column, np.int64) for column in columns]
        for layer_id in change.layers:
            layer = self.layers[layer_id]
            # What a newer run hides may have been freed and be anybody's, at the same address.
            layer.map.compact()
            layer.map.move(lambda run: run.moved(*ranges))
        self.lost = [
            msgspec.structs.replace(known, address=change.address_after(known.address))
            for known in self.lost
        ]

    def _purge(self, copy_id: int) -> list[PointerRun]:
        copy = self.copies.pop(copy_id)
        if copy_id in self.policy.expendable:
            left = [other for other in self.policy.expendable if other != copy_id]
            self.policy = msgspec.structs.replace(self.policy, expendable=left)
        self._plain_snapshots -= copy.top is None
        del self._ids_by_name[copy.name]
        return removal.drop_layers(self, copy)
