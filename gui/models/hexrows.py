# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The bytes of one block as two views have them, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

ROW_BYTES: Final = 16
_FIRST_SHOWN, _LAST_SHOWN = 0x20, 0x7E


class HexRow(NamedTuple):
    """Sixteen bytes.

    Attributes:
        offset: Of the first of them, in the volume.
        left, right: As each view has them; shorter or empty behind its end.
        changed: Places within the row, from 0, at which they differ.
    """

    offset: int
    left: bytes
    right: bytes
    changed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class HexBlock:
    """What was read.

    Attributes:
        start: First byte in the volume.
        left, right: What each view has there.
    """

    start: int
    left: bytes
    right: bytes

    @property
    def row_count(self) -> int:
        """Rows that are needed for the longer of the two."""
        return -(-max(len(self.left), len(self.right)) // ROW_BYTES)

    def row(self, number: int) -> HexRow:
        """Return one row."""
        at = number * ROW_BYTES
        left, right = self.left[at : at + ROW_BYTES], self.right[at : at + ROW_BYTES]
        count = max(len(left), len(right))
        changed = tuple(n for n in range(count) if left[n : n + 1] != right[n : n + 1])
        return HexRow(self.start + at, left, right, changed)

    @property
    def first_changed(self) -> int | None:
        """Place of the first byte that differs, from the first of the block; None: none does."""
        if self.left == self.right:
            return None
        pairs = zip(self.left, self.right, strict=False)
        short = min(len(self.left), len(self.right))
        return next((place for place, (a, b) in enumerate(pairs) if a != b), short)

    @property
    def changed_count(self) -> int:
        """How many bytes differ."""
        if self.left == self.right:
            return 0
        short = min(len(self.left), len(self.right))
        pairs = zip(self.left[:short], self.right[:short], strict=True)
        return sum(a != b for a, b in pairs) + abs(len(self.left) - len(self.right))


def hex_words(row: bytes) -> str:
    """Return bytes as two figures each, in two groups of eight."""
    first, second = row[: ROW_BYTES // 2].hex(" "), row[ROW_BYTES // 2 :].hex(" ")
    return f"{first}  {second}".rstrip()


def text_words(row: bytes) -> str:
    """Return bytes as the characters that they are in ASCII, and points for the rest."""
    return "".join(chr(each) if _FIRST_SHOWN <= each <= _LAST_SHOWN else "\u00b7" for each in row)


def hex_column(place: int) -> int:
    """Return at which character of ``hex_words`` a byte begins."""
    return place * 3 + (place >= ROW_BYTES // 2)
