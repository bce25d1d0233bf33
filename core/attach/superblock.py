# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How long a file system says it is, read from its superblock.

The kernel refuses one that is longer than its device, and tells why only in its own log.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[int, int], bytes]
    """Offset and length; fewer bytes come back at the end of the device."""

_SUPERBLOCK_BYTES: Final = 4096
_EXT4_AT: Final = 1024
_EXT4_64_BIT: Final = 0x80
_BTRFS_AT: Final = 65536


def length_bytes(kind: str, read: Read) -> int | None:
    """Return the bytes that a file system needs of its device; None if that is not known."""
    lengths = {"ext4": _of_ext4, "xfs": _of_xfs, "btrfs": _of_btrfs}
    return lengths[kind](read) if kind in lengths else None


def _of_ext4(read: Read) -> int | None:
    block = read(_EXT4_AT, 1024)
    if len(block) < 1024:
        return None
    low, log, incompatible, high = (
        struct.unpack_from("<I", block, at)[0] for at in (0x4, 0x18, 0x60, 0x150)
    )
    count = low | (high << 32 if incompatible & _EXT4_64_BIT else 0)
    return int(count << min(10 + log, 16))


def _of_xfs(read: Read) -> int | None:
    block = read(0, 16)
    if len(block) < 16:
        return None
    block_bytes, count = struct.unpack(">4xIQ", block)
    return int(block_bytes * count)


def _of_btrfs(read: Read) -> int | None:
    """Return what it takes of this device; it may have others."""
    block = read(_BTRFS_AT, _SUPERBLOCK_BYTES)
    if len(block) < _SUPERBLOCK_BYTES:
        return None
    return int(struct.unpack_from("<Q", block, 0xD1)[0])
