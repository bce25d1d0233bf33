# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The ring head: which groups of the ring are dead.

Two slots, written in turn; the higher number wins. The common header alone: ``seq`` is the number
of the last dead group; the body is empty.
"""

from __future__ import annotations

from typing import Final

from core.format.block import Readable, is_intact, pack_block, unpack_header
from core.format.layout import BLOCK_BYTES

MAGIC: Final = b"RPAIRRNG"


def pack(uuid: bytes, offset: int, dead_seq: int) -> bytes:
    """Return the block as it lies at ``offset``, padded."""
    return pack_block(MAGIC, offset, uuid, dead_seq, b"").ljust(BLOCK_BYTES, b"\0")


def unpack(raw: Readable, uuid: bytes, offset: int) -> int | None:
    """Return the number of the last dead group, or None if this slot holds no intact head."""
    header = unpack_header(raw)
    if header is None or header[:3] != (MAGIC, offset, uuid) or header.body_bytes:
        return None
    return header.seq if is_intact(header) else None
