# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The catalog: which copies and layers there are, and the changes that the log records.

Both are MessagePack; field names are those of the structs below. The catalog block begins with the
common header (seq = generation).
"""

from __future__ import annotations

import bisect
from typing import Final

import msgspec

from core.errors import CorruptAreaError
from core.format.block import WAY_OUT, Readable, pack_block, unpack_block
from core.format.superblock import Place  # noqa: TC001 (msgspec resolves it)
from core.format.table import KeptPointer, MapRow  # noqa: TC001
from core.units import SECTOR_BYTES, VOLUME_BYTES_MAX

MAGIC: Final = b"RPAIRCAT"


class CopyRecord(msgspec.Struct, kw_only=True):
    """One copy.

    Attributes:
        id: Never reused.
        parent_id: The copy it was taken of; 0 = the original.
        base: Id of the layer of the original's chain at which its view enters the chain.
        top: Id of its own topmost private layer; None for a snapshot of the original.
        size_bytes: Of its view; 0 = as many as the volume has now.
    """

    id: int
    name: str
    writable: bool
    parent_id: int
    created: float
    base: int
    top: int | None
    locked: bool = False
    deleted: bool = False
    size_bytes: int = 0


class LayerRecord(msgspec.Struct, kw_only=True):
    """One layer: its pointer tables, newest first, and what it lies on if it is private."""

    id: int
    private: bool
    parent: int | None
    tables: list[Place]


class DroppedRecord(msgspec.Struct, kw_only=True, frozen=True):
    """A copy that was dropped because the additional area was full, and when."""

    name: str
    when: float


class PolicyRecord(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What happens when the additional area is full.

    Attributes:
        when_full: ``refuse`` the write, let it ``wait`` for room, or ``drop`` copies; anything else
            is taken for ``refuse``.
        timeout_s: How long a write waits.
        area_limit_bytes: The area's file may take so much on its disk; 0 = all there is.
        expendable: Ids of the copies that may be dropped, the first one first.
        dropped: The copies that were, the newest last.
    """

    when_full: str = "refuse"
    timeout_s: float = 30.0
    area_limit_bytes: int = 0
    expendable: list[int] = []
    dropped: list[DroppedRecord] = []


Range = tuple[int, int]
"""First byte and length."""


class LostExtent(msgspec.Struct, frozen=True, array_like=True):
    """An extent whose data is known to be lost: where it lies, and the checksum that it fails."""

    address: int
    checksum: int


class IntegrityRecord(msgspec.Struct, kw_only=True, frozen=True):
    """What is known of the bytes of one copy.

    Attributes:
        id: Of the copy.
        scrubbed: Seconds since 1970 of the last scrub; 0 = never.
        damaged: Ranges of its view that cannot be read.
        suspect: Ranges that it reads from the image, where another program changed that.
    """

    id: int
    scrubbed: float
    damaged: list[Range]
    suspect: list[Range]


class HeadRecord(msgspec.Struct, kw_only=True, frozen=True):
    """Through which layers the original reads while its new data goes to the additional area."""

    created: float
    base: int
    top: int


class RestoringRecord(msgspec.Struct, kw_only=True):
    """A restore under way: ranges that read as its source does, not as the image.

    Attributes:
        source_id: The copy that the original is made equal to; 0 in a separation of the original.
        safety_id: The snapshot of the original as it was before; 0 in a separation.
        base, top: Through which layers the source's view of that moment reads.
        grain_bytes: Of the volume; ranges are whole grains.
        whole_grains: All that differed when it began.
        left: Where the ranges lie that are not in the image yet.
        layer: In a separation, the layer of the chain that keeps what the image held before; else
            0, for then it is the safety snapshot's.
    """

    source_id: int
    safety_id: int
    base: int
    top: int | None
    grain_bytes: int
    whole_grains: int
    left: Place
    layer: int = 0


class CatalogRecord(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The whole catalog at a checkpoint.

    Attributes:
        chain: Layer ids of the original, oldest first.
        size_bytes: Of the volume; 0 = as the superblock says.
        integrity: Of those copies of which something is known.
        lost: Data that is known to be lost, and that a check need not find anew.
        policy: What happens when the additional area is full.
        head: Of the original, if its new data goes to the additional area.
        redirects: Originals that have a full pointer are kept where they lie.
    """

    generation: int
    next_copy_id: int
    next_layer_id: int
    copies: list[CopyRecord]
    layers: list[LayerRecord]
    chain: list[int]
    integrity: list[IntegrityRecord] = []
    lost: list[LostExtent] = []
    policy: PolicyRecord = PolicyRecord()
    restoring: RestoringRecord | None = None
    size_bytes: int = 0
    head: HeadRecord | None = None
    redirects: bool = False


class Took(msgspec.Struct, tag="took", kw_only=True):
    """A copy was taken of ``source_id``; ids follow from the counters of the catalog."""

    name: str
    writable: bool
    source_id: int
    created: float


class Renamed(msgspec.Struct, tag="renamed", kw_only=True):
    """A copy got another name."""

    id: int
    name: str


class Marked(msgspec.Struct, tag="marked", kw_only=True):
    """Copies were locked, unlocked, soft-deleted or undeleted; None leaves a mark as it is."""

    ids: list[int]
    locked: bool | None = None
    deleted: bool | None = None


class Purged(msgspec.Struct, tag="purged", kw_only=True):
    """Copies were removed for good."""

    ids: list[int]


class Remapped(msgspec.Struct, tag="remapped", kw_only=True, omit_defaults=True):
    """The map of the initial area changed; rows take their ranges one after the other.

    Attributes:
        pointers: To originals that the rows keep where they lay; true with them, or not at all.
    """

    rows: list[MapRow]
    pointers: list[KeptPointer] = []


class Compacted(msgspec.Struct, tag="compacted", kw_only=True):
    """Extents of the additional area lie elsewhere now, checksums and all.

    Attributes:
        layers: Ids of the layers whose pointers name them.
        sources: Where each range lay, in bytes; sorted, not overlapping.
        targets: Where it lies now; was free before.
        lengths: Bytes.
    """

    layers: list[int]
    sources: list[int]
    targets: list[int]
    lengths: list[int]

    def address_after(self, address: int) -> int:
        """Return where lies now what lay at an address."""
        row = bisect.bisect_right(self.sources, address) - 1
        if row < 0 or address >= self.sources[row] + self.lengths[row]:
            return address
        return address - self.sources[row] + self.targets[row]


class PolicySet(msgspec.Struct, tag="policy-set", kw_only=True):
    """The policy for a full area is another one; which copies were dropped stays."""

    policy: PolicyRecord


class Dropped(msgspec.Struct, tag="dropped", kw_only=True):
    """A copy was removed because the additional area was full."""

    id: int
    when: float


class Restored(msgspec.Struct, tag="restored", kw_only=True):
    """The original reads as a copy from now on.

    A snapshot ``name`` of the original was taken first, and a clone's layer frozen. The ranges that
    differ follow from the pointers there are at this moment.
    """

    source_id: int
    name: str
    created: float
    grain_bytes: int


class Moved(msgspec.Struct, tag="moved", kw_only=True):
    """The image holds what is restored within these ranges: start, stop, start, stop, ..."""

    ranges: list[int]


class Promoted(msgspec.Struct, tag="promoted", kw_only=True):
    """A copy without a private layer was given one."""

    id: int


class Redirected(msgspec.Struct, tag="redirected", kw_only=True):
    """New data of the original goes to the additional area from now on."""

    created: float


class Separated(msgspec.Struct, tag="separated", kw_only=True):
    """New data of one view goes home to the initial area from now on.

    Attributes:
        copy_id: Whose; 0 = the original's, which is copied on write from now on.
        grain_bytes: Of the volume.
    """

    copy_id: int
    grain_bytes: int


CopyChange = Took | Renamed | Marked | Purged | Dropped | Promoted
Change = CopyChange | Remapped | Compacted | PolicySet | Restored | Moved | Redirected | Separated

_change_decoder: msgspec.msgpack.Decoder[Change] = msgspec.msgpack.Decoder(Change)
_catalog_decoder = msgspec.msgpack.Decoder(CatalogRecord)


def pack_change(change: Change) -> bytes:
    """Return ``change`` as the tail of a group."""
    return msgspec.msgpack.encode(change)


def unpack_change(raw: Readable) -> Change:
    """Return the change in a group's tail.

    Raises:
        CorruptAreaError: It makes no sense.
    """
    try:
        return _change_decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise CorruptAreaError(f"A change in the journal cannot be read: {error}.") from None


def encode(catalog: CatalogRecord) -> bytes:
    """Return what a catalog has behind its header."""
    return msgspec.msgpack.encode(catalog)


def pack(catalog: CatalogRecord, offset: int, uuid: bytes, encoded: bytes | None = None) -> bytes:
    """Return the catalog as it lies at ``offset``, not padded; ``encoded`` is ``encode`` of it."""
    body = encode(catalog) if encoded is None else encoded
    return pack_block(MAGIC, offset, uuid, catalog.generation, body)


def unpack(raw: Readable, offset: int, uuid: bytes) -> CatalogRecord:
    """Return the catalog at ``offset``.

    Raises:
        CorruptAreaError: It is not one or fails its checksum.
    """
    _, body = unpack_block(raw, MAGIC, offset, uuid, "catalog")
    try:
        catalog = _catalog_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise CorruptAreaError(f"The catalog at byte {offset} cannot be read: {error}.") from None
    for size in (catalog.size_bytes, *(copy.size_bytes for copy in catalog.copies)):
        if not 0 <= size <= VOLUME_BYTES_MAX or size % SECTOR_BYTES:
            raise CorruptAreaError(
                f"The catalog at byte {offset} says that something has {size} bytes; {WAY_OUT}"
            )
    return catalog
