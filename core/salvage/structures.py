# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Take the structures of an additional area as they lie there, and none of its data."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from core.area.additional import AdditionalArea, read_superblock
from core.area.allocator import Allocator
from core.device.base import read_available
from core.errors import CorruptAreaError
from core.format import catalog as catalog_format
from core.format import group as group_format
from core.format import ringgroup, superblock
from core.format.block import HEADER_BYTES
from core.format.catalog import Renamed, Took, pack_change, unpack_change
from core.format.group import KIND_CHANGE
from core.format.layout import (
    BLOCK_BYTES,
    RING_HEAD_OFFSETS,
    RING_OFFSET,
    SUPERBLOCK_OFFSETS,
    block_ceil,
)
from core.salvage.catalogs import groups_of
from core.volume import recover

if TYPE_CHECKING:
    from core.device.base import Device
    from core.format.superblock import Place, Superblock

STRUCTURE_BYTES_MAX: Final = 1 << 30
Piece = tuple[int, bytes]


class Hiding(Protocol):
    """Gives names that say nothing."""

    def hide(self, name: str) -> str:
        """Return what stands for ``name``, as many bytes long."""
        ...


class Structures:
    """The structures of one additional area.

    Attributes:
        notes: What could not be taken, a sentence each.
    """

    def __init__(self, device: Device, names: Hiding | None) -> None:
        """Take them from ``device``; with ``names``, none of its names.

        Raises:
            FormatError: It is no additional area.
            CorruptAreaError: Both superblocks are damaged.
        """
        self.notes: list[str] = []
        self._device = device
        self._names = names
        newest = read_superblock(device)
        start = block_ceil(RING_OFFSET + newest.fields.ring_bytes)
        allocator = Allocator(start, grow=lambda _offset, _length: None)
        self._area = AdditionalArea(device, newest, allocator)
        self._pieces: dict[int, bytes] = {}

    def take(self) -> list[Piece]:
        """Return (address, bytes) of each structure, by address."""
        for offset in SUPERBLOCK_OFFSETS:
            slot = superblock.unpack(self._read(BLOCK_BYTES, offset), offset)
            if slot is None:
                self.notes.append(f"The superblock at byte {offset} is not intact.")
            else:
                self._take_superblock(slot, offset)
        for offset in RING_HEAD_OFFSETS:
            self._add(BLOCK_BYTES, offset)
        if not self._area.fields.clean:
            self._take_log()
            self._take_ring()
        return sorted(self._pieces.items())

    def _read(self, length: int, offset: int) -> bytes:
        return read_available(self._device, min(length, STRUCTURE_BYTES_MAX), offset)

    def _add(self, length: int, offset: int) -> None:
        self._pieces[offset] = self._read(length, offset)

    def _take_superblock(self, slot: Superblock, offset: int) -> None:
        fields = slot.fields
        self._add(fields.free_list.length, fields.free_list.offset)
        if fields.initial_map.length:
            self._add(fields.initial_map.length, fields.initial_map.offset)
        self._take_catalog(fields.catalog)
        if self._names is not None:
            name = self._names.hide(fields.image_name)
            slot = msgspec.structs.replace(
                slot, fields=msgspec.structs.replace(fields, image_name=name)
            )
        self._pieces[offset] = superblock.pack(slot, offset)

    def _take_catalog(self, place: Place) -> None:
        """Take a catalog and the tables that it names."""
        raw, uuid = self._read(place.length, place.offset), self._area.uuid
        try:
            record = catalog_format.unpack(raw, place.offset, uuid)
        except CorruptAreaError:
            self._take_damaged(raw, place.offset, "catalog")
            return
        for layer in record.layers:
            for table in layer.tables:
                self._add(table.length, table.offset)
        if self._names is not None:
            for copy in record.copies:
                copy.name = self._names.hide(copy.name)
            raw = catalog_format.pack(record, place.offset, uuid)
        self._pieces[place.offset] = raw

    def _take_damaged(self, raw: bytes, offset: int, what: str) -> None:
        if self._names is None:
            self._pieces[offset] = raw
            self.notes.append(f"The {what} at byte {offset} is damaged.")
        else:
            self._pieces[offset] = raw[:HEADER_BYTES]
            self.notes.append(f"The {what} at byte {offset} is damaged; its names are left out.")

    # -- log and ring ------------------------------------------------------------------------

    def _take_log(self) -> None:
        offset, seq = self._area.fields.log_offset, self._area.fields.log_seq
        try:
            for group in groups_of(self._area, offset, seq):
                self._take_group(group)
                offset, seq = group.next_offset, group.seq + 1
        except CorruptAreaError:
            self._take_damaged_group(offset, seq)

    def _take_group(self, group: group_format.Group) -> None:
        if group.kind == KIND_CHANGE and self._names is not None:
            change = unpack_change(group.tail)
            if isinstance(change, Took | Renamed):
                change.name = self._names.hide(change.name)
            group = group._replace(tail=pack_change(change))
        head, tail = group_format.pack(group, self._area.uuid)
        self._pieces[group.offset] = head
        if group.tail_offset is not None:
            self._pieces[group.tail_offset] = tail

    def _take_damaged_group(self, offset: int, seq: int) -> None:
        """Take a group that is damaged, and the one after it, which tells that it is."""
        read = functools.partial(read_available, self._device)
        raw = self._read(BLOCK_BYTES, offset)
        front = HEADER_BYTES + group_format.FRONT_BYTES
        kept = raw if self._names is None else raw[:front]
        self._pieces[offset] = kept
        self.notes.append(f"The group of the log at byte {offset} is damaged.")
        following = group_format.successor_offset(self._area.uuid, offset, seq, read)
        if following is not None:
            group = group_format.unpack(
                self._area.uuid, following, seq + 1, read, recover.CHANGE_BYTES_MAX
            )
            if group is not None:
                self._take_group(group)

    def _take_ring(self) -> None:
        """Make the live groups anew, with zeroes for all data."""
        position = RING_OFFSET
        try:
            dead_seq = self._area.read_ring_dead_seq()
            for group in recover.intact_ring_groups(self._area, dead_seq):
                self._pieces[position] = _hollow(group, self._area.uuid, position)
                position += group.total_bytes
        except CorruptAreaError:
            self.notes.append(f"The ring is damaged at byte {position}; the rest is left out.")


def _hollow(group: ringgroup.RingGroup, uuid: bytes, offset: int) -> bytes:
    """Return a group of the ring with zeroes for its data."""
    originals, writes = bytes(len(group.originals)), bytes(len(group.writes))
    head = ringgroup.pack_head(
        uuid=uuid,
        offset=offset,
        seq=group.seq,
        records=group.records.tobytes(),
        originals_base=group.originals_base,
        originals=originals,
        writes=writes,
    )
    return head + originals + writes
