# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How an address is written on maps and in tables, and read in a search box.

Normally as the number of its block, in hexadecimal. A number may be followed by ``.s``: sector
``s`` of that block, because a clone keeps pieces as small as a sector.
"""

from __future__ import annotations

import enum
import re
from typing import Final, NamedTuple

from core.units import SECTOR_BYTES, parse_bytes

DIGITS_MIN: Final = 4
EN_DASH: Final = "\N{EN DASH}"


class AddressStyle(enum.Enum):
    """What is counted, and in which base."""

    BLOCKS_HEX = "hex"
    BLOCKS = "decimal"
    BYTES = "bytes"


_NUMBER: Final = {
    AddressStyle.BLOCKS_HEX: re.compile(r"(?:0x)?([0-9a-f]+)(?:\.(\d+))?", re.IGNORECASE),
    AddressStyle.BLOCKS: re.compile(r"(\d+)(?:\.(\d+))?"),
    AddressStyle.BYTES: re.compile(r"(?:0x)?([0-9a-f]+)", re.IGNORECASE),
}


_IN_IMAGE: Final = "in image"


class AddressFormat(NamedTuple):
    """The one way an area's addresses are written, so that map and table agree.

    Attributes:
        block_bytes: Unit of the numbers, normally the grain.
        digits: Width of every number.
    """

    block_bytes: int
    digits: int
    style: AddressStyle = AddressStyle.BLOCKS_HEX

    @classmethod
    def of(
        cls, size_bytes: int, block_bytes: int, style: AddressStyle = AddressStyle.BLOCKS_HEX
    ) -> AddressFormat:
        """Return the format for an area of ``size_bytes``."""
        unit = 1 if style is AddressStyle.BYTES else block_bytes
        last = max(0, -(-size_bytes // unit) - 1)
        wide = len(str(last) if style is AddressStyle.BLOCKS else f"{last:x}")
        return cls(block_bytes, max(DIGITS_MIN, wide), style)

    def text(self, offset: int) -> str:
        """Return byte address ``offset``; one inside a block also names its sector.

        Below 0 are addresses of originals that stayed in the image.
        """
        if offset < 0:
            return _IN_IMAGE
        if self.style is AddressStyle.BYTES:
            return self._number(offset)
        block, rest = divmod(offset, self.block_bytes)
        return self._number(block) + (f".{rest // SECTOR_BYTES}" if rest else "")

    def last_text(self, stop: int) -> str:
        """Return the last address before byte ``stop``, as people count: inclusive."""
        if self.style is AddressStyle.BYTES:
            return self._number(stop - 1)
        block, rest = divmod(stop - 1, self.block_bytes)
        whole = rest == self.block_bytes - 1
        return self._number(block) + ("" if whole else f".{rest // SECTOR_BYTES}")

    def span_text(self, start: int, stop: int) -> str:
        """Return a range to the sector, inclusive; a single block is written once."""
        first, last = self.text(start), self.last_text(stop)
        return first if first == last else f"{first}{EN_DASH}{last}"

    def range_text(self, start: int, length: int) -> str:
        """Return the first and last block of a run of ``length`` bytes, inclusive."""
        last = (start + max(length, 1) - 1) // self.block_bytes * self.block_bytes
        return f"{self.text(start)}{EN_DASH}{self.text(last)}" if last > start else self.text(start)

    def parse(self, words: str) -> int | None:
        """Return the byte that ``words`` name, or None if they name none.

        Words with a unit (``64 MiB``) are always bytes.
        """
        match = _NUMBER[self.style].fullmatch(words.strip())
        if match is None:
            return _parse_with_unit(words)
        value = int(match[1], 10 if self.style is AddressStyle.BLOCKS else 16)
        if self.style is AddressStyle.BYTES:
            return value
        return value * self.block_bytes + int(match[2] or 0) * SECTOR_BYTES

    def _number(self, value: int) -> str:
        digits = str(value) if self.style is AddressStyle.BLOCKS else f"{value:x}"
        return digits.zfill(self.digits)


def _parse_with_unit(words: str) -> int | None:
    if not words.strip()[-1:].isalpha():
        return None
    try:
        return parse_bytes(words)
    except ValueError:
        return None
