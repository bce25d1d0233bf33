# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Groups of the log: originals and new data with their pointers, or a change of the catalog.

A permanent group lies where its data stays for ever::

    block 0      common header (seq = number in the log) | front | tail, if it fits
    then         payload: the data, in whole blocks
    then         tail in whole blocks, if it did not fit into block 0

The tail holds ``record_count`` records of 40 bytes, or (kind CHANGE) a MessagePack value. The
common header's checksum covers front and tail; each record carries the checksum of its data. A
group is written only after the one before it has returned from its durable write, so only the last
group of the log can be torn.

=======  =====  ==============================================================
front    type   meaning
=======  =====  ==============================================================
0        u32    kind: 1 data, 2 change
4        u32    record count
8        u64    payload length in bytes, whole blocks
16       u64    length of the tail in bytes
24       u64    offset of the next group
32       u64    end of the segment that the next group lies in
40       u64    what ring groups up to this number hold of this area is here or before; of
                kind 2, so are the originals of all that they write
=======  =====  ==============================================================

=======  =====  ==============================================================
record   type   meaning
=======  =====  ==============================================================
0        u64    logical start in bytes
8        u64    length in bytes
16       u64    byte address in the additional area (0 for ZERO)
24       u64    xxh3-64 of the data (0 for ZERO)
32       u32    layer id
36       u8     kind: 0 original, 1 new, 2 zero, 3 write in place (ring groups only)
37       3x     zero
=======  =====  ==============================================================
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.format.block import (
    HEADER_BYTES,
    BlockHeader,
    is_intact,
    pack_header,
    unpack_header,
)
from core.format.layout import BLOCK_BYTES, block_ceil

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC: Final = b"RPAIRGRP"
KIND_RECORDS: Final = 1
KIND_CHANGE: Final = 2
FRONT: Final = struct.Struct("<IIQQQQQ")
FRONT_BYTES: Final = 48
assert FRONT.size == FRONT_BYTES

RECORD: Final = struct.Struct("<QQQQIB3x")
RECORD_DTYPE: Final = np.dtype(
    {
        # numpy leaves what no field names as it happens to be in memory: the zeroes need a name.
        "names": ["start", "length", "offset", "checksum", "layer", "kind", "spare"],
        "formats": ["<u8", "<u8", "<u8", "<u8", "<u4", "u1", "V3"],
        "offsets": [0, 8, 16, 24, 32, 36, 37],
        "itemsize": 40,
    }
)
RECORD_BYTES: Final = 40
RECORD_ORIGINAL: Final = 0
RECORD_WRITE: Final = 3
assert RECORD.size == RECORD_DTYPE.itemsize == RECORD_BYTES

OFFSET_MAX: Final = (1 << 63) - (1 << 32)
"""No file reaches it; a field that does is damaged."""
INLINE_BYTES: Final = BLOCK_BYTES - HEADER_BYTES - FRONT_BYTES
RecordArray = npt.NDArray[np.void]


class Group(NamedTuple):
    """A permanent group as found on disk; ``tail`` is records or a change, by ``kind``."""

    offset: int
    seq: int
    kind: int
    record_count: int
    payload_bytes: int
    next_offset: int
    next_segment_stop: int
    covers_ring_seq: int
    tail: bytes

    @property
    def records(self) -> RecordArray:
        """The records, shape (record_count,), of ``RECORD_DTYPE``."""
        return np.frombuffer(self.tail, RECORD_DTYPE, self.record_count)

    @property
    def total_bytes(self) -> int:
        """Length on disk, whole blocks."""
        return group_bytes(self.payload_bytes, len(self.tail))

    @property
    def tail_offset(self) -> int | None:
        """Where the tail lies if it has blocks of its own."""
        if len(self.tail) <= INLINE_BYTES:
            return None
        return self.offset + BLOCK_BYTES + self.payload_bytes


def group_bytes(payload_bytes: int, tail_bytes: int) -> int:
    """Return the length on disk of a group, whole blocks."""
    return (
        BLOCK_BYTES + payload_bytes + (0 if tail_bytes <= INLINE_BYTES else block_ceil(tail_bytes))
    )


def pack(group: Group, uuid: bytes) -> tuple[bytes, bytes]:
    """Return block 0 and the padded tail (empty if it fits into block 0)."""
    front = FRONT.pack(
        group.kind,
        group.record_count,
        group.payload_bytes,
        len(group.tail),
        group.next_offset,
        group.next_segment_stop,
        group.covers_ring_seq,
    )
    header = BlockHeader(MAGIC, group.offset, uuid, group.seq, FRONT_BYTES + len(group.tail), 0, 0)
    head = pack_header(header, front, group.tail) + front
    if len(group.tail) <= INLINE_BYTES:
        return (head + group.tail).ljust(BLOCK_BYTES, b"\0"), b""
    return head.ljust(BLOCK_BYTES, b"\0"), group.tail.ljust(block_ceil(len(group.tail)), b"\0")


def unpack(
    uuid: bytes, offset: int, seq: int, read: Callable[[int, int], bytes], tail_bytes_max: int
) -> Group | None:
    """Return the group number ``seq`` at ``offset`` if an intact one lies there, else None.

    Args:
        uuid: Of the volume.
        offset: Byte offset in the additional area.
        seq: Number the group must have.
        read: ``read(length, offset)`` of the additional area; may return less at the end.
        tail_bytes_max: A longer tail is taken for damage, so that no huge read is tried.
    """
    raw = read(BLOCK_BYTES, offset)
    header = _header_of(raw, uuid, offset, seq)
    if header is None:
        return None
    front = raw[HEADER_BYTES : HEADER_BYTES + FRONT_BYTES]
    kind, count, payload_bytes, tail_bytes, following, stop, covers = FRONT.unpack(front)
    if header.body_bytes != FRONT_BYTES + tail_bytes or tail_bytes > tail_bytes_max:
        return None
    if kind == KIND_RECORDS and count * RECORD_BYTES != tail_bytes:
        return None
    if payload_bytes > OFFSET_MAX - offset:
        return None
    if tail_bytes <= INLINE_BYTES:
        tail = raw[HEADER_BYTES + FRONT_BYTES :][:tail_bytes]
    else:
        tail = read(tail_bytes, offset + BLOCK_BYTES + payload_bytes)
    if len(tail) != tail_bytes or not is_intact(header, front, tail):
        return None
    return Group(offset, seq, kind, count, payload_bytes, following, stop, covers, tail)


def successor_offset(
    uuid: bytes, offset: int, seq: int, read: Callable[[int, int], bytes]
) -> int | None:
    """Return where a group that is not intact says that the next one lies; None if it is none."""
    raw = read(BLOCK_BYTES, offset)
    if _header_of(raw, uuid, offset, seq) is None:
        return None
    return int(FRONT.unpack_from(raw, HEADER_BYTES)[4])


def _header_of(raw: bytes, uuid: bytes, offset: int, seq: int) -> BlockHeader | None:
    """Return the header in ``raw``, unverified, if it claims to be of this group."""
    header = unpack_header(raw)
    if header is None or len(raw) < BLOCK_BYTES:
        return None
    claimed = (header.magic, header.offset, header.uuid, header.seq)
    return header if claimed == (MAGIC, offset, uuid, seq) else None
