# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Find a superblock and a catalog to begin from, the better one first.

Where both superblocks are gone, the sizes that a new area gets for this image are taken for those
of the old one. They are only used for what is written next: every structure says itself where it
lies.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from core.area.additional import AdditionalArea, read_superblock
from core.area.allocator import Allocator
from core.device.base import read_available
from core.device.refusals import readable_path
from core.errors import CorruptAreaError, FormatError
from core.format import catalog as catalog_format
from core.format import superblock
from core.format.block import HEADER_BYTES, unpack_header
from core.format.catalog import CatalogRecord
from core.format.layout import (
    BLOCK_BYTES,
    RING_OFFSET,
    SUPERBLOCK_OFFSETS,
    block_ceil,
    geometry_for,
)
from core.format.superblock import COPY_SIZES, Superblock, SuperblockFields, first_fields
from core.units import GRAIN_BYTES_DEFAULT
from core.volume import recover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.device.base import Device
    from core.format.group import Group


class Beginning(NamedTuple):
    """Where to begin.

    Attributes:
        newest: The newest intact superblock; as not clean if it is not sure that it is.
        base: The superblock that the catalog belongs to, whose log goes on from it; None if nobody
            knows where the log goes on.
        record: The catalog.
        losses: What that means, a sentence each.
    """

    newest: Superblock
    base: Superblock | None
    record: CatalogRecord
    losses: list[str]


def find_beginning(image: Device, device: Device) -> Beginning:
    """Return the best superblock and catalog.

    Raises:
        FormatError: It is no additional area, or of a newer program.
        CorruptAreaError: No catalog is left.
    """
    try:
        newest = read_superblock(device)
    except CorruptAreaError:
        return _without_superblocks(image, device)
    except FormatError:
        if _has_superblock(device):
            raise  # of a newer program
        return _without_superblocks(image, device)
    for slot in _slots(device, newest):
        record = _catalog_at(device, slot.fields.catalog.offset, newest.uuid)
        if record is not None:
            return Beginning(newest, slot, record, [])
    first = _first_log(device, newest)
    if first is not None:
        return Beginning(newest, first, _empty_catalog(), [])
    best = max(_stray_catalogs(device, newest.uuid), key=_age, default=None)
    if best is None:
        raise CorruptAreaError(
            f"No catalog of {readable_path(device.path)} is left, so nobody knows what its data "
            "belongs to; restore it from a backup, or move it away to use a plain raw image "
            "without its copies."
        )
    losses = ["The catalog is an older one; what changed after it is lost."]
    return Beginning(newest, None, best[1], losses)


def bare_area(device: Device, newest: Superblock) -> AdditionalArea:
    """Return an area to read groups from; of its space nothing is known."""
    start = block_ceil(RING_OFFSET + newest.fields.ring_bytes)
    return AdditionalArea(device, newest, Allocator(start, grow=lambda _offset, _length: None))


def groups_of(area: AdditionalArea, offset: int, seq: int) -> Iterator[Group]:
    """Yield the intact groups of the log, up to its end or up to one that is damaged.

    Raises:
        CorruptAreaError: One is damaged, and all before it were yielded.
    """
    try:
        for group in recover.intact_groups(area, offset, seq):
            yield group
            offset, seq = group.next_offset, group.seq + 1
    except CorruptAreaError:
        last = recover.read_group(area, offset, seq)  # it looks one ahead
        if last is not None:
            yield last
        raise


def _slots(device: Device, newest: Superblock) -> list[Superblock]:
    """Return the intact superblocks of this volume, the newest first."""
    raws = [(read_available(device, BLOCK_BYTES, at), at) for at in SUPERBLOCK_OFFSETS]
    slots = [superblock.unpack(raw, at) for raw, at in raws]
    found = [slot for slot in slots if slot is not None and slot.uuid == newest.uuid]
    return sorted(found, key=lambda slot: -slot.seq)


def _has_superblock(device: Device) -> bool:
    """Return whether something lies there that says it is one."""
    heads = [read_available(device, HEADER_BYTES, offset) for offset in SUPERBLOCK_OFFSETS]
    return any(head.startswith(superblock.MAGIC) for head in heads)


def _first_log(device: Device, newest: Superblock) -> Superblock | None:
    """Return a superblock as it was before the first copy, if the whole log since is there still.

    The first segment is the first thing that is allocated, and its groups are numbered from 1.
    """
    if newest.incompatible >> COPY_SIZES & 1:
        return None  # the log does not say when the volume had which size
    area = bare_area(device, newest)
    offset, seq = area.allocator.start, 1
    fields = msgspec.structs.replace(
        newest.fields, log_offset=offset, log_seq=seq, covered_ring_seq=0, clean=False
    )
    try:
        for group in groups_of(area, offset, seq):
            seq = group.seq + 1
    except CorruptAreaError:
        return None
    is_whole = seq > 1 and seq >= newest.fields.log_seq
    return Superblock(newest.uuid, 0, fields) if is_whole else None


def _empty_catalog() -> CatalogRecord:
    return CatalogRecord(
        generation=0, next_copy_id=1, next_layer_id=1, copies=[], layers=[], chain=[]
    )


def _catalog_at(device: Device, offset: int, uuid: bytes) -> CatalogRecord | None:
    header = unpack_header(read_available(device, HEADER_BYTES, offset))
    if header is None or header.body_bytes > device.size:
        return None
    raw = read_available(device, HEADER_BYTES + header.body_bytes, offset)
    try:
        return catalog_format.unpack(raw, offset, uuid)
    except CorruptAreaError:
        return None


def _stray_catalogs(device: Device, uuid: bytes | None) -> Iterator[tuple[bytes, CatalogRecord]]:
    """Yield every intact catalog, of all that were written and not overwritten since.

    With the uuid of its volume; of any volume, if ``uuid`` is None.
    """
    for offset in range(RING_OFFSET, device.size, BLOCK_BYTES):
        if device.pread(len(catalog_format.MAGIC), offset) != catalog_format.MAGIC:
            continue
        header = unpack_header(read_available(device, HEADER_BYTES, offset))
        if header is not None and uuid in {None, header.uuid}:
            record = _catalog_at(device, offset, header.uuid)
            if record is not None:
                yield header.uuid, record


def _age(found: tuple[bytes, CatalogRecord]) -> tuple[int, int]:
    """Return what is greater the newer a catalog is: of one generation, most have more pointers."""
    _, record = found
    tables = [table.length for layer in record.layers for table in layer.tables]
    return record.generation, sum(tables)


def _without_superblocks(image: Device, device: Device) -> Beginning:
    """Begin from the newest catalog that lies about.

    Raises:
        CorruptAreaError: There is none, or there are some of several volumes.
    """
    found = list(_stray_catalogs(device, None))
    if len({uuid for uuid, _ in found}) != 1:
        raise CorruptAreaError(
            f"Both superblocks of {readable_path(device.path)} are damaged, and no catalog of one "
            "volume is left; restore it from a backup, or move it away to use a plain raw image "
            "without its copies."
        )
    uuid, record = max(found, key=_age)
    loss = (
        "Both superblocks are damaged, so what came after the newest catalog may be lost, and "
        "writes to the original that were flushed last."
    )
    return Beginning(Superblock(uuid, 1, _guessed_fields(image, record)), None, record, [loss])


def _guessed_fields(image: Device, record: CatalogRecord) -> SuperblockFields:
    """Return what a new area would have for this image."""
    size_bytes = record.size_bytes or image.size
    return first_fields(
        size_bytes=size_bytes,
        grain_bytes=GRAIN_BYTES_DEFAULT,
        geometry=geometry_for(size_bytes, GRAIN_BYTES_DEFAULT),
        created=time.time(),
        clean=True,
    )
