# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which file systems there are, told by what stands in fixed places, and which of them are read.

The library is told what to expect and never left to guess: some of its guesses read the whole view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.attach import filesystem as mountable

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[int, int], bytes]
    """Offset and length; fewer bytes come back at the end."""

READABLE: Final = {
    "ext4": "TSK_FS_TYPE_EXT_DETECT",
    "ntfs": "TSK_FS_TYPE_NTFS_DETECT",
    "exfat": "TSK_FS_TYPE_EXFAT",
    "vfat": "TSK_FS_TYPE_FAT_DETECT",
    "hfsplus": "TSK_FS_TYPE_HFS_DETECT",
    "iso9660": "TSK_FS_TYPE_ISO9660_DETECT",
    "ufs": "TSK_FS_TYPE_FFS_DETECT",
}
"""Kinds, and what the library calls them."""
READABLE_TOLD: Final = "ext2, ext3, ext4, NTFS, FAT, exFAT, HFS+, UFS and ISO 9660"

_MORE: Final = (
    ("hfsplus", 1024, (b"H+", b"HX")),
    ("ufs", 65536 + 1372, (b"\x19\x01\x54\x19", b"\x19\x54\x01\x19")),
    ("ufs", 8192 + 1372, (b"\x54\x19\x01\x00", b"\x00\x01\x19\x54")),
    ("apfs", 32, (b"NXSB",)),
    ("encrypted (LUKS)", 0, (b"LUKS\xba\xbe",)),
    ("encrypted (BitLocker)", 3, (b"-FVE-FS-",)),
    ("swap space", 4096 - 10, (b"SWAPSPACE2",)),
    ("LVM", 512, (b"LABELONE",)),
    ("LVM", 0, (b"LABELONE",)),
    ("bcachefs", 4096 + 24, (b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca",)),
    ("ReFS", 3, (b"ReFS\x00\x00\x00\x00",)),
    ("EROFS", 1024, (b"\xe2\xe1\xf5\xe0",)),
)
"""Kind, offset, and what may stand there, beyond what is mounted by ``attach``."""
_EXT_FEATURES_AT: Final = 1024 + 0x5C
_EXT_HAS_JOURNAL: Final = 0x4
_EXT4_INCOMPATIBLE: Final = 0x40 | 0x80 | 0x200 | 0x8000
"""Extents, 64 bit, flexible groups, inline data."""


def kind_of(read: Read) -> str:
    """Return the kind of a file system, given how to read it; empty if none is known."""
    if kind := mountable.kind_of(read):
        return kind
    for kind, offset, magics in _MORE:
        if read(offset, len(magics[0])) in magics:
            return kind
    return ""


def told_kind(kind: str, read: Read) -> str:
    """Return the kind as it is told: of ext4, which of its family it is."""
    if kind != "ext4":
        return kind
    features = read(_EXT_FEATURES_AT, 8)
    if int.from_bytes(features[4:], "little") & _EXT4_INCOMPATIBLE:
        return "ext4"
    return "ext3" if int.from_bytes(features[:4], "little") & _EXT_HAS_JOURNAL else "ext2"
