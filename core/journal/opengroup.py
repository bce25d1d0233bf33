# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The open group: originals and new data of clones, staged in memory at their future address.

The group's place in the log is fixed before the first byte is staged, so a pointer names its final
byte address from the start. Buffer layout = disk layout: block 0, payload, tail; so closing is one
write of one aligned buffer, without a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import xxhash

from core.format import group as group_format
from core.format.group import RECORD, RECORD_BYTES, RECORD_DTYPE, RECORD_ORIGINAL, RecordArray
from core.format.layout import BLOCK_BYTES, EXTENT_BYTES_MAX, block_ceil
from core.journal.arena import arena

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDS_MAX: Final = 16384
digest: Final = xxhash.xxh3_64_intdigest


class OpenGroup:
    """Payload and records of one group that is not yet on disk.

    Attributes:
        base: Byte address in the additional area of the first payload byte.
        used_bytes: Payload staged so far.
        ring_bytes, ring_records: How much of both the ring has a durable copy of.
        in_image: (start there, position in the payload, length) of what the image holds, too, as
            long as nothing is put in place: pieces that continue each other are one.
    """

    def __init__(self, payload_bytes_max: int, records_max: int = RECORDS_MAX) -> None:
        """Make the buffer; ``payload_bytes_max`` in whole blocks."""
        self._records_max = records_max
        tail_bytes = block_ceil(records_max * RECORD_BYTES)
        self._buffer = arena(BLOCK_BYTES + payload_bytes_max + tail_bytes)
        self._view = memoryview(self._buffer)
        self._payload = self._view[BLOCK_BYTES : BLOCK_BYTES + payload_bytes_max]
        self._records = bytearray(records_max * RECORD_BYTES)
        self.count = 0
        self.base = 0
        self.used_bytes = 0
        self.capacity_bytes = 0
        self.ring_bytes = 0
        self.ring_records = 0
        self.in_image: list[tuple[int, int, int]] = []

    def begin(self, offset: int, capacity_bytes: int) -> None:
        """Start anew: the group will lie at ``offset`` and hold ``capacity_bytes`` at most."""
        self.base = offset + BLOCK_BYTES
        self.capacity_bytes = min(capacity_bytes, len(self._payload))
        self.count = self.used_bytes = self.ring_bytes = self.ring_records = 0
        self.in_image.clear()

    def has_room(self, length: int) -> bool:
        """Return whether ``length`` bytes and their records fit."""
        pieces = 2 + length // EXTENT_BYTES_MAX
        return (
            self.used_bytes + length <= self.capacity_bytes
            and self.count + pieces <= self._records_max
        )

    def reserve(self, length: int) -> memoryview:
        """Return where the next ``length`` bytes go; they count once ``add`` was called."""
        return self._payload[self.used_bytes : self.used_bytes + length]

    def add(self, layer: int, start: int, length: int, kind: int) -> int:
        """Record the bytes just filled in; return their address in the additional area."""
        offset = self.base + self.used_bytes
        RECORD.pack_into(
            self._records, self.count * RECORD_BYTES, start, length, offset, 0, layer, kind
        )
        self.count += 1
        self.used_bytes += length
        return offset

    def note_in_image(self, start: int, length: int) -> None:
        """Say that the bytes added last were read from ``start`` of the image itself."""
        at = self.used_bytes - length
        if self.in_image:
            before, place, count = self.in_image[-1]
            if before + count == start and place + count == at:
                self.in_image[-1] = (before, place, count + length)
                return
        self.in_image.append((start, at, length))

    def read_in(
        self, preadv: Callable[[list[memoryview], int], int], layer: int, start: int, length: int
    ) -> int:
        """Stage an original straight from where it is read: ``reserve`` and ``add`` in one.

        Its checksum is computed here, while the data is at hand: at the seal it would have to
        come out of main memory again.

        Returns:
            The address in the additional area; 0 if less was read, or the first byte is 0 and the
            rest may be, too: then nothing was staged.
        """
        used = self.used_bytes
        target = self._payload[used : used + length]
        if preadv([target], start) != length or target[0] == 0:
            return 0
        offset, count = self.base + used, self.count
        RECORD.pack_into(
            self._records,
            count * RECORD_BYTES,
            start,
            length,
            offset,
            digest(target),
            layer,
            RECORD_ORIGINAL,
        )
        self.count = count + 1
        self.used_bytes = used + length
        return offset

    def add_zero(self, layer: int, start: int, length: int, kind: int) -> None:
        """Record a range that reads as zeroes and has no data."""
        RECORD.pack_into(self._records, self.count * RECORD_BYTES, start, length, 0, 0, layer, kind)
        self.count += 1

    def records(self, first: int = 0) -> RecordArray:
        """Return the records from ``first`` on as a copy, shape (n,), checksums still 0."""
        raw = bytes(self._records[first * RECORD_BYTES : self.count * RECORD_BYTES])
        return np.frombuffer(raw, RECORD_DTYPE)

    def record_bytes(self, first: int) -> bytes:
        """Return the records from ``first`` on as they lie on disk."""
        return bytes(self._records[first * RECORD_BYTES : self.count * RECORD_BYTES])

    def holds(self, offset: int) -> bool:
        """Return whether an address of the additional area is still in this buffer only."""
        return self.base <= offset < self.base + self.used_bytes

    def at(self, offset: int, length: int) -> memoryview:
        """Return the staged bytes at an address of the additional area."""
        return self._payload[offset - self.base : offset - self.base + length]

    def unflushed(self) -> memoryview:
        """Pad to a whole block and return the payload that the ring has not seen."""
        self._pad()
        return self._payload[self.ring_bytes : self.used_bytes]

    def mark_flushed(self) -> None:
        """Remember that the ring now holds everything staged."""
        self.ring_bytes, self.ring_records = self.used_bytes, self.count

    def seal(self) -> tuple[RecordArray, int]:
        """Pad, join neighbours, compute checksums; return final records and payload bytes."""
        self._pad()
        records = join_neighbours(self.records())
        payload, base = self._payload, self.base
        is_open = (records["offset"] != 0) & (records["checksum"] == 0)
        offsets = (records["offset"][is_open].astype(np.int64) - base).tolist()
        lengths = records["length"][is_open].tolist()
        records["checksum"][is_open] = [
            digest(payload[at : at + length]) for at, length in zip(offsets, lengths, strict=True)
        ]
        return records, self.used_bytes

    def image(self, group: group_format.Group, uuid: bytes) -> memoryview:
        """Lay block 0 and tail round the payload; return the whole group as it goes to disk."""
        head, tail = group_format.pack(group, uuid)
        self._view[:BLOCK_BYTES] = head
        stop = BLOCK_BYTES + self.used_bytes
        self._view[stop : stop + len(tail)] = tail
        return self._view[: stop + len(tail)]

    def _pad(self) -> None:
        padded = block_ceil(self.used_bytes)
        if padded != self.used_bytes:
            self._payload[self.used_bytes : padded] = bytes(padded - self.used_bytes)
            self.used_bytes = padded


def join_neighbours(records: RecordArray) -> RecordArray:
    """Return a writable copy in which records that continue each other are one.

    Two records continue each other if layer, kind and both address spaces do and both begin in
    the same stretch of ``EXTENT_BYTES_MAX``.
    """
    if len(records) < 2:
        return records.copy()
    start, length = records["start"], records["length"]
    offset, kind = records["offset"], records["kind"]
    bucket = start // np.uint64(EXTENT_BYTES_MAX)
    goes_on = (
        (start[1:] == start[:-1] + length[:-1])
        & (offset[1:] == offset[:-1] + length[:-1])
        & (offset[1:] != 0)
        & (offset[:-1] != 0)
        & (records["layer"][1:] == records["layer"][:-1])
        & (kind[1:] == kind[:-1])
        & (bucket[1:] == bucket[:-1])
    )
    firsts = np.flatnonzero(np.concatenate(([True], ~goes_on)))
    joined = records[firsts].copy()
    joined["length"] = np.add.reduceat(length, firsts)
    joined["checksum"][np.diff(firsts, append=len(records)) > 1] = 0
    return joined
