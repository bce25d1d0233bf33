# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The header that every structure of the additional area begins with.

=======  =====  ==============================================================
offset   type   meaning
=======  =====  ==============================================================
0        8s     magic: what kind of structure this is
8        u64    its own byte offset in the file
16       16s    uuid of the volume
32       u64    sequence number, meaning per kind
40       u64    length of the body in bytes, header not included
48       u64    per kind (``extra``)
56       u64    xxh3-64 of the 56 bytes before and of the body
=======  =====  ==============================================================

Little-endian. The own offset and the uuid tell a structure from an old one left in reused space and
from one copied out of another sidecar.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

import xxhash

from core.errors import CorruptAreaError

HEADER: Final = struct.Struct("<8sQ16sQQQ")
CHECKSUM: Final = struct.Struct("<Q")
HEADER_BYTES: Final = 64
assert HEADER.size + CHECKSUM.size == HEADER_BYTES

Readable = bytes | bytearray | memoryview


class BlockHeader(NamedTuple):
    """A header that was found intact as far as itself goes; see ``verify`` for the body."""

    magic: bytes
    offset: int
    uuid: bytes
    seq: int
    body_bytes: int
    extra: int
    checksum: int


def checksum(*parts: Readable) -> int:
    """Return the xxh3-64 of the concatenation of ``parts``."""
    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return state.intdigest()


def pack_header(header: BlockHeader, *body: Readable) -> bytes:
    """Return the 64 bytes that go before ``body``; ``header.checksum`` is not looked at."""
    front = HEADER.pack(*header[:6])
    return front + CHECKSUM.pack(checksum(front, *body))


def unpack_header(raw: Readable) -> BlockHeader | None:
    """Return the header in the first 64 bytes of ``raw``, unverified; None if there are fewer."""
    if len(raw) < HEADER_BYTES:
        return None
    return BlockHeader(*HEADER.unpack_from(raw), *CHECKSUM.unpack_from(raw, HEADER.size))


def is_intact(header: BlockHeader, *body: Readable) -> bool:
    """Return whether the checksum covers header and ``body``."""
    return header.checksum == checksum(HEADER.pack(*header[:6]), *body)


def pack_block(
    magic: bytes, offset: int, uuid: bytes, seq: int, body: Readable, extra: int = 0
) -> bytes:
    """Return header and body as one string, not padded."""
    return pack_header(BlockHeader(magic, offset, uuid, seq, len(body), extra, 0), body) + body


WAY_OUT: Final = (
    "save what is left ('rangepair check IMAGE --repair OUT'), restore it from a backup, or move "
    "it away to use a plain raw image without its copies."
)
"""What can be done about an additional area that is damaged; no other image is of use without."""


def unpack_block(
    raw: Readable, magic: bytes, offset: int, uuid: bytes | None, what: str
) -> tuple[BlockHeader, memoryview]:
    """Return header and body of a structure that must be here.

    Raises:
        CorruptAreaError: It is not, or does not match its checksum.
    """
    header = unpack_header(raw)
    if header is None or header.magic != magic:
        raise CorruptAreaError(
            f"The {what} at byte {offset} of the additional area is missing; {WAY_OUT}"
        )
    body = memoryview(raw)[HEADER_BYTES : HEADER_BYTES + header.body_bytes]
    if (
        header.offset != offset
        or (uuid is not None and header.uuid != uuid)
        or len(body) != header.body_bytes
        or not is_intact(header, body)
    ):
        raise CorruptAreaError(
            f"The {what} at byte {offset} of the additional area fails its checksum; {WAY_OUT}"
        )
    return header, body
