# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How an address is written on maps and in tables: the number of its block, in hexadecimal."""

from __future__ import annotations

from typing import NamedTuple

from core.units import SECTOR_BYTES

DIGITS_MIN = 4
EN_DASH = "\N{EN DASH}"


class AddressFormat(NamedTuple):
    """The one way an area's addresses are written, so that map and table agree.

    Attributes:
        block_bytes: Unit of the numbers, normally the grain.
        digits: Width of every number.
    """

    block_bytes: int
    digits: int

    @classmethod
    def of(cls, size_bytes: int, block_bytes: int) -> AddressFormat:
        """Return the format for an area of ``size_bytes``."""
        blocks = max(1, -(-size_bytes // block_bytes))
        return cls(block_bytes, max(DIGITS_MIN, len(f"{blocks - 1:x}")))

    def text(self, offset: int) -> str:
        """Return byte address ``offset``; one inside a block also names its sector."""
        block, rest = divmod(offset, self.block_bytes)
        words = f"{block:0{self.digits}x}"
        return f"{words}.{rest // SECTOR_BYTES}" if rest else words

    def range_text(self, start: int, length: int) -> str:
        """Return the first and last block of a run of ``length`` bytes, inclusive."""
        last = (start + max(length, 1) - 1) // self.block_bytes * self.block_bytes
        return f"{self.text(start)}{EN_DASH}{self.text(last)}" if last > start else self.text(start)
