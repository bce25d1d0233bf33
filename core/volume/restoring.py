# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the catalog knows of a restore under way: the source, and the ranges still to be moved.

This is the durable side: a range leaves it when a change of the catalog says that the image holds
what is restored. What an open volume has moved beyond that is in ``core.volume.restore``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.format.catalog import CopyRecord, RestoringRecord, Took
from core.format.superblock import NO_PLACE, Place
from core.mapping.grainset import GrainSet
from core.mapping.resolve import changed
from core.volume import removal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.answers import Int64s
    from core.format.catalog import Moved, Restored
    from core.mapping.layermap import LayerMap
    from core.mapping.pointerrun import PointerRun
    from core.volume.catalog import Catalog


class Restoring:
    """A restore under way.

    Attributes:
        source_id: The copy that the original is made equal to.
        safety_id: The snapshot of the original as it was before.
        base, top: Through which layers the source's view of that moment reads.
        layer: In a separation (``core.volume.heads``), the layer of the chain that keeps what the
            image held; else 0, for then it is the safety snapshot's.
        left: Grains that the image does not hold yet, as far as is durable.
        whole_grains: All that differed when it began.
        place: Where the last fold wrote ``left``; None if there was none.
    """

    def __init__(
        self,
        *,
        source_id: int,
        safety_id: int,
        base: int,
        top: int | None,
        grain_bytes: int,
        layer: int = 0,
    ) -> None:
        """Begin with nothing left."""
        self.source_id = source_id
        self.safety_id = safety_id
        self.base = base
        self.top = top
        self.layer = layer
        self.left = GrainSet(grain_bytes)
        self.whole_grains = 0
        self.place: Place | None = None

    @classmethod
    def from_record(cls, record: RestoringRecord) -> Restoring:
        """Return what a checkpoint says, but for ``left``, which lies elsewhere."""
        restoring = cls(
            source_id=record.source_id,
            safety_id=record.safety_id,
            base=record.base,
            top=record.top,
            grain_bytes=record.grain_bytes,
            layer=record.layer,
        )
        restoring.whole_grains = record.whole_grains
        restoring.place = record.left
        return restoring

    def to_record(self) -> RestoringRecord:
        """Return the fields for a checkpoint."""
        return RestoringRecord(
            source_id=self.source_id,
            safety_id=self.safety_id,
            base=self.base,
            top=self.top,
            grain_bytes=self.left.grain_bytes,
            whole_grains=self.whole_grains,
            left=self.place or NO_PLACE,
            layer=self.layer,
        )

    @property
    def view(self) -> CopyRecord:
        """The source's view of the moment when the restore began, whatever became of the source."""
        return CopyRecord(
            id=self.source_id,
            name="",
            writable=False,
            parent_id=0,
            created=0.0,
            base=self.base,
            top=self.top,
        )

    def add(self, maps: Iterable[LayerMap], size_bytes: int) -> None:
        """Let all that these layers point to within the volume be left to move, in whole grains."""
        self.left.add_bytes(*changed(maps))
        self.left.discard(-(-size_bytes // self.left.grain_bytes), self.left.last + 1)
        self.whole_grains = len(self.left)

    def discard(self, ranges: Sequence[int]) -> None:
        """Take ranges as moved: start, stop, start, stop, ... in bytes."""
        grain = self.left.grain_bytes
        for start, stop in zip(ranges[::2], ranges[1::2], strict=True):
            self.left.discard(start // grain, -(-stop // grain))


def extents_of(grains: GrainSet) -> tuple[Int64s, Int64s]:
    """Return starts and stops, in bytes, of the grains held; sorted, maximal."""
    ranges = np.array(grains.ranges(0, grains.last + 1), np.int64).reshape(-1, 2)
    return ranges[:, 0] * grains.grain_bytes, ranges[:, 1] * grains.grain_bytes


def follow(catalog: Catalog, change: Moved) -> list[PointerRun]:
    """Let a restore go on in the catalog; return the pointers that nothing needs any more."""
    restoring = catalog.restoring
    assert restoring is not None
    restoring.discard(change.ranges)
    return [] if len(restoring.left) else end(catalog, restoring)


def end(catalog: Catalog, restoring: Restoring) -> list[PointerRun]:
    """End a restore; after a separation, drop the layers that only its source read."""
    if restoring.place is not None:
        catalog.dropped_places.append(restoring.place)
    catalog.restoring = None
    if restoring.safety_id:
        return []
    freed = removal.drop_layers(catalog, restoring.view)
    return freed + removal.drop_unentered(catalog, restoring.layer)


def begin(catalog: Catalog, change: Restored) -> None:
    """Keep the original as it is in a snapshot; from now on it reads as the source does."""
    source = catalog.copies[change.source_id]
    restoring = begun(catalog, source, catalog.next_copy_id, change.grain_bytes)
    catalog.take(Took(name=change.name, writable=False, source_id=0, created=change.created))
    catalog.restoring = restoring if len(restoring.left) else None


def begun(catalog: Catalog, source: CopyRecord, safety_id: int, grain_bytes: int) -> Restoring:
    """Return a restore in which all is left that differs; a clone's layer is frozen for it."""
    layers = catalog.private_stack(source) + catalog.chain_stack(source)
    restoring = Restoring(
        source_id=source.id,
        safety_id=safety_id,
        base=source.base,
        top=catalog.freeze(source) if source.writable else source.top,
        grain_bytes=grain_bytes,
    )
    restoring.add((layer.map for layer in layers), catalog.size_of(source))
    return restoring
