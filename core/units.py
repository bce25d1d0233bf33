# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Sizes: the constants of the field, and how people write them and read them."""

from __future__ import annotations

import re
from typing import Final

SECTOR_BYTES: Final = 512
KIB: Final = 1 << 10
MIB: Final = 1 << 20
GIB: Final = 1 << 30
TIB: Final = 1 << 40

VOLUME_BYTES_MAX: Final = (1 << 63) - SECTOR_BYTES  # off_t is signed
KEPT_BASE: Final = -(1 << 62)
"""From here up to 0 are the addresses of originals that copies read where they lay in the image:
before every byte of a volume and of an additional area."""
GRAIN_BYTES_DEFAULT: Final = 4 * KIB
GRAIN_BYTES_MIN: Final = SECTOR_BYTES
GRAIN_BYTES_MAX: Final = 64 * KIB

_FACTOR: Final = {
    "": 1, "B": 1, "K": KIB, "KIB": KIB, "M": MIB, "MIB": MIB, "G": GIB, "GIB": GIB,
    "T": TIB, "TIB": TIB, "P": 1 << 50, "PIB": 1 << 50, "E": 1 << 60, "EIB": 1 << 60,
    "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15, "EB": 10**18,
}  # fmt: skip
_SIZE_CHARACTERS_MAX: Final = 64
_SIZE = re.compile(r"\s*(0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)


def parse_bytes(text: str) -> int:
    """Return the number of bytes that ``text`` names: ``512``, ``0x200``, ``4KiB``, ``1.5GiB``.

    A bare letter is binary, as QEMU and the coreutils read it (``4K`` = 4096); ``kB`` is decimal.

    Raises:
        ValueError: ``text`` is no size, or not a whole number of bytes.
    """
    match = _SIZE.fullmatch(text) if len(text) <= _SIZE_CHARACTERS_MAX else None
    factor = _FACTOR.get(match[2].upper()) if match else None
    if match is None or factor is None:
        raise ValueError(
            f"{text[:_SIZE_CHARACTERS_MAX]!r} is not a size; write it like 512, 4KiB or 1.5GiB"
        )
    if match[1][:2].lower() == "0x":
        return int(match[1], 16) * factor
    whole, _, fraction = match[1].partition(".")
    scale: int = 10 ** len(fraction)
    scaled, rest = divmod(int(whole + fraction) * factor, scale)
    if rest:
        raise ValueError(f"{text!r} is not a whole number of bytes")
    return scaled


_NEXT_UNIT: Final = 1023.95
"""From here on one decimal would read 1024.0."""


def format_bytes(count: int) -> str:
    """Return ``count`` bytes in the binary unit a person would choose, e.g. ``1.5 GiB``."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if abs(size) < _NEXT_UNIT or unit == "PiB":
            break
        size /= 1024
    if unit == "B" or size == int(size):
        return f"{int(size)} {unit}"
    return f"{size:.1f} {unit}"
