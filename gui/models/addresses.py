# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How addresses are written and read: as portion numbers, or as bytes.

A portion number may be followed by ``.s``: sector ``s`` of that portion, because a clone keeps
pieces as small as a sector.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from core.units import SECTOR_BYTES, parse_bytes


class AddressStyle(enum.Enum):
    """What is counted, and in which base."""

    PORTIONS_HEX = "hex"
    PORTIONS = "decimal"
    BYTES = "bytes"


_NUMBER: Final = {
    AddressStyle.PORTIONS_HEX: re.compile(r"(?:0x)?([0-9a-f]+)(?:\.(\d+))?", re.IGNORECASE),
    AddressStyle.PORTIONS: re.compile(r"(\d+)(?:\.(\d+))?"),
    AddressStyle.BYTES: re.compile(r"(?:0x)?([0-9a-f]+)", re.IGNORECASE),
}


@dataclass(frozen=True)
class AddressFormat:
    """Writes addresses of one volume, all equally wide.

    Attributes:
        size: Bytes of the area addressed.
        grain: Bytes of a portion.
    """

    size: int
    grain: int
    style: AddressStyle = AddressStyle.PORTIONS_HEX

    @property
    def digits(self) -> int:
        """Width of the widest address, a sector's suffix left out."""
        unit = 1 if self.style is AddressStyle.BYTES else self.grain
        return len(self._number(max(0, self.size - 1) // unit))

    def _number(self, value: int) -> str:
        return str(value) if self.style is AddressStyle.PORTIONS else f"{value:x}"

    def first(self, start: int) -> str:
        """Write the address of byte ``start``, where something begins."""
        if self.style is AddressStyle.BYTES:
            return self._number(start).zfill(self.digits)
        number, rest = divmod(start, self.grain)
        suffix = f".{rest // SECTOR_BYTES}" if rest else ""
        return self._number(number).zfill(self.digits) + suffix

    def last(self, stop: int) -> str:
        """Write the last address before byte ``stop``, as people count: inclusive."""
        if self.style is AddressStyle.BYTES:
            return self._number(stop - 1).zfill(self.digits)
        number, rest = divmod(stop - 1, self.grain)
        whole = rest == self.grain - 1 or stop >= self.size
        suffix = "" if whole else f".{rest // SECTOR_BYTES}"
        return self._number(number).zfill(self.digits) + suffix

    def span(self, start: int, stop: int) -> str:
        """Write a range, inclusive; a single portion is written once."""
        first, last = self.first(start), self.last(stop)
        return first if first == last else f"{first}\u2013{last}"

    def parse(self, words: str) -> int | None:
        """Return the byte that ``words`` name, or None if they name none.

        Words with a unit (``64 MiB``) are always bytes.
        """
        match = _NUMBER[self.style].fullmatch(words.strip())
        if match is None:
            return _parse_with_unit(words)
        base = 10 if self.style is AddressStyle.PORTIONS else 16
        value = int(match[1], base)
        if self.style is AddressStyle.BYTES:
            return value
        return value * self.grain + int(match[2] or 0) * SECTOR_BYTES


def _parse_with_unit(words: str) -> int | None:
    if not words.strip()[-1:].isalpha():
        return None
    try:
        return parse_bytes(words)
    except ValueError:
        return None
