# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Groups of the ring: one small flush each, whole in itself, written by a single durable write.

::

    common header (seq = number in the ring, body = all that follows) | front | records, to a whole
    block
    originals: the stretch of the open permanent group that was staged since the ring last had one,
               originals and new data of clones; nothing if no clone was written to since then
    writes:    the new data of the original, to be written in place again at recovery

The one checksum covers everything, so the parts need no order among themselves. Records are those
of ``core.format.group``, whose own checksums nobody needs here: an original's ``offset`` is its
future place in the additional area, hence its data begins at ``offset - originals_base`` of the
originals; a write's ``offset`` counts from the first byte of the writes.

=======  =====  ==============================================================
front    type   meaning
=======  =====  ==============================================================
0        u64    record count
8        u64    length of the originals in bytes, whole blocks
16       u64    length of the writes in bytes, whole blocks
24       u64    ``originals_base``: address that the first byte of the originals will have
=======  =====  ==============================================================
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from core.format.block import (
    HEADER_BYTES,
    BlockHeader,
    Readable,
    is_intact,
    pack_header,
    unpack_header,
)
from core.format.group import RECORD_BYTES, RECORD_DTYPE, RecordArray
from core.format.layout import BLOCK_BYTES, block_ceil

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC: Final = b"RPAIRRGR"
FRONT: Final = struct.Struct("<QQQQ")
FRONT_BYTES: Final = 32
assert FRONT.size == FRONT_BYTES


class RingGroup(NamedTuple):
    """A group of the ring as found on disk."""

    seq: int
    records: RecordArray
    originals: memoryview
    writes: memoryview
    originals_base: int
    total_bytes: int


def head_bytes(record_count: int) -> int:
    """Return the length of header, front and records, in whole blocks."""
    return block_ceil(HEADER_BYTES + FRONT_BYTES + record_count * RECORD_BYTES)


def pack_head(  # noqa: PLR0913 (each is a field of the format)
    *,
    uuid: bytes,
    offset: int,
    seq: int,
    records: Readable,
    originals_base: int,
    originals: Readable,
    writes: Readable,
) -> bytes:
    """Return header, front and records, padded; ``originals`` and ``writes`` follow it on disk."""
    count = len(records) // RECORD_BYTES
    front = FRONT.pack(count, len(originals), len(writes), originals_base)
    inner = (front + records).ljust(head_bytes(count) - HEADER_BYTES, b"\0")
    body_bytes = len(inner) + len(originals) + len(writes)
    header = BlockHeader(MAGIC, offset, uuid, seq, body_bytes, 0, 0)
    return pack_header(header, inner, originals, writes) + inner


def unpack(
    uuid: bytes, offset: int, seq: int, read: Callable[[int, int], bytes], bytes_max: int
) -> RingGroup | None:
    """Return the ring group number ``seq`` at ``offset`` if an intact one lies there, else None.

    Args:
        uuid: Of the volume.
        offset: Byte offset in the additional area.
        seq: Number the group must have.
        read: ``read(length, offset)`` of the additional area; may return less at the end.
        bytes_max: What is left of the ring.
    """
    header = _header_of(read(BLOCK_BYTES, offset), uuid, offset, seq)
    if header is None:
        return None
    total = HEADER_BYTES + header.body_bytes
    if total > bytes_max or total % BLOCK_BYTES:
        return None
    raw = memoryview(read(total, offset))
    if len(raw) != total or not is_intact(header, raw[HEADER_BYTES:]):
        return None
    count, originals_bytes, writes_bytes, base = FRONT.unpack_from(raw, HEADER_BYTES)
    head = head_bytes(count)
    if head + originals_bytes + writes_bytes != total:
        return None
    records = np.frombuffer(raw, RECORD_DTYPE, count, HEADER_BYTES + FRONT_BYTES)
    originals = raw[head : head + originals_bytes]
    return RingGroup(seq, records, originals, raw[head + originals_bytes :], base, total)


def successor_offset(
    uuid: bytes, offset: int, seq: int, read: Callable[[int, int], bytes]
) -> int | None:
    """Return where the group after one that is not intact would lie; None if it is no group."""
    header = _header_of(read(BLOCK_BYTES, offset), uuid, offset, seq)
    return None if header is None else offset + HEADER_BYTES + header.body_bytes


def _header_of(raw: bytes, uuid: bytes, offset: int, seq: int) -> BlockHeader | None:
    """Return the header in ``raw``, unverified, if it claims to be of this group."""
    header = unpack_header(raw)
    if header is None:
        return None
    claimed = (header.magic, header.offset, header.uuid, header.seq)
    return header if claimed == (MAGIC, offset, uuid, seq) else None
