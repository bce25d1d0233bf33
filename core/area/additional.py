# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The additional area as a file: its superblocks, and where its free space is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from core.area.allocator import Allocator
from core.area.freeruns import NO_RUNS, Runs
from core.device.base import aligned_buffer, read_available
from core.device.hollow import HollowDevice
from core.errors import CorruptAreaError, FormatError
from core.format import ringhead, superblock, table
from core.format.block import HEADER_BYTES, WAY_OUT
from core.format.layout import (
    BLOCK_BYTES,
    RING_HEAD_OFFSETS,
    RING_OFFSET,
    SUPERBLOCK_OFFSETS,
    Geometry,
    block_ceil,
)
from core.format.superblock import Place, Superblock, SuperblockFields

if TYPE_CHECKING:
    from core.device.base import Device

RESERVE_BYTES: Final = 256 * 1024
"""Kept for tables and catalog, so that a full area can still be folded after a purge."""


class AdditionalArea:
    """An open additional area.

    Attributes:
        device: The file.
        uuid: Of the volume.
        allocator: What is free in it.
        newest: The superblock that holds now.
        older: What the last fold replaced: free, and left as it is, so that a damaged structure may
            be made up for from it.
    """

    def __init__(self, device: Device, newest: Superblock, allocator: Allocator) -> None:
        """Bind the parts; see ``load`` and ``format_area``."""
        self.device = device
        self.uuid = newest.uuid
        self.newest = newest
        self.allocator = allocator
        self.older = NO_RUNS

    @property
    def has_data(self) -> bool:
        """Whether data can be verified; of a bundle only the structures are there."""
        return not isinstance(self.device, HollowDevice)

    @property
    def fields(self) -> SuperblockFields:
        """The fields of the superblock that holds now."""
        return self.newest.fields

    @property
    def geometry(self) -> Geometry:
        """Sizes of the parts, fixed when the area was made."""
        fields = self.fields
        return Geometry(
            ring_bytes=fields.ring_bytes,
            segment_bytes=fields.segment_bytes,
            group_payload_bytes_max=fields.group_payload_bytes_max,
            overlay_bytes_max=fields.overlay_bytes_max,
            small_flush_bytes_max=fields.small_flush_bytes_max,
        )

    def write_superblock(
        self, fields: SuperblockFields, *, incompatible: int | None = None
    ) -> None:
        """Make ``fields`` hold from now on; durable on return. None leaves the features be."""
        features = self.newest.incompatible if incompatible is None else incompatible
        following = Superblock(self.uuid, self.newest.seq + 1, fields, features)
        _write_superblock(self.device, following)
        self.newest = following

    def mark(self, *, clean: bool, fingerprint: bytes = b"", ring_ready_bytes: int = 0) -> None:
        """Write the superblock again as clean or not clean, all else as it is."""
        self.write_superblock(
            msgspec.structs.replace(
                self.fields,
                clean=clean,
                fingerprint=fingerprint,
                ring_ready_bytes=ring_ready_bytes or self.fields.ring_ready_bytes,
            )
        )

    def read_place(self, place: Place) -> bytes:
        """Return the structure at ``place``, fewer bytes if the file ends before."""
        return read_available(self.device, place.length, place.offset)

    def read_ring_dead_seq(self) -> int:
        """Return the number of the last dead group of the ring.

        Raises:
            CorruptAreaError: The sidecar is not clean, and a slot holds something but no head. No
                power cut leaves that behind, for a head lies within one sector; and without it
                nobody knows which groups were overtaken by later writes.
        """
        heads = []
        for offset in RING_HEAD_OFFSETS:
            raw = read_available(self.device, BLOCK_BYTES, offset)
            head = ringhead.unpack(raw, self.uuid, offset)
            if head is not None:
                heads.append(head)
            elif not self.fields.clean and any(raw[:HEADER_BYTES]):
                raise CorruptAreaError(
                    f"The ring head at byte {offset} of {self.device.path} is damaged, so what was "
                    "written last cannot be told from what came before; restore the additional "
                    "area from a backup, or move it away to use a plain raw image without its "
                    "copies."
                )
        return max(heads, default=0)


def read_superblock(device: Device) -> Superblock:
    """Return the newest intact superblock; as not clean if the other one is damaged.

    A clean superblock beside a damaged one may have been followed by that: then groups lie in the
    log. If it was not, there are none, and taking it for not clean does no harm.

    Raises:
        FormatError: There never was one, or it is of a newer format.
        CorruptAreaError: Both are damaged.
    """
    raws = {offset: read_available(device, BLOCK_BYTES, offset) for offset in SUPERBLOCK_OFFSETS}
    slots = [superblock.unpack(raw, offset) for offset, raw in raws.items()]
    found = [slot for slot in slots if slot is not None]
    if not found:
        if any(raw.startswith(superblock.MAGIC) for raw in raws.values()):
            raise CorruptAreaError(f"Both superblocks of {device.path} are damaged; {WAY_OUT}")
        raise FormatError(
            f"{device.path} is no additional area of Rangepair, or its beginning was overwritten; "
            f"{WAY_OUT}"
        )
    newest = max(found, key=lambda slot: slot.seq)
    if len(found) == len(slots) or not all(map(any, raws.values())):
        return newest
    fields = msgspec.structs.replace(newest.fields, clean=False)
    return msgspec.structs.replace(newest, fields=fields)


def load(device: Device) -> AdditionalArea:
    """Open what lies on ``device``.

    Raises:
        FormatError: It is no additional area this program can read.
        CorruptAreaError: The free list is damaged.
    """
    newest = read_superblock(device)
    fields = newest.fields
    place = fields.free_list
    raw = read_available(device, place.length, place.offset)
    starts, stops = table.unpack(table.FREE_MAGIC, raw, place.offset, newest.uuid)
    allocator = Allocator(
        block_ceil(RING_OFFSET + fields.ring_bytes),
        end=fields.area_end,
        capacity=device.size,
        free_runs=Runs(starts, stops - starts),
        reserve=RESERVE_BYTES,
        grow=device.allocate,
    )
    allocator.forget_storage()
    return AdditionalArea(device, newest, allocator)


def format_area(device: Device, uuid: bytes, fields: SuperblockFields) -> AdditionalArea:
    """Make an empty additional area on an empty device; not valid before ``write_superblock``.

    ``fields`` gives the geometry; its places are not looked at.

    Raises:
        AreaFullError: There is no room for it.
    """
    start = block_ceil(RING_OFFSET + fields.ring_bytes)
    device.allocate(0, start)
    allocator = Allocator(start, capacity=device.size, reserve=RESERVE_BYTES, grow=device.allocate)
    return AdditionalArea(device, Superblock(uuid, 0, fields), allocator)


def place_block(area: AdditionalArea, length: int) -> Place:
    """Return a place for a structure of ``length`` bytes, out of the reserve if need be.

    Raises:
        AreaFullError: Not even the reserve has room.
    """
    return Place(area.allocator.allocate(block_ceil(length), for_metadata=True), length)


def _write_superblock(device: Device, block: Superblock) -> None:
    offset = SUPERBLOCK_OFFSETS[block.seq % 2]
    buffer = aligned_buffer(BLOCK_BYTES)
    buffer[:] = superblock.pack(block, offset)
    device.pwritev_durable([buffer], offset)
