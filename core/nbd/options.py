# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an option carries, field by field; and which metadata contexts a query means. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from core.nbd.protocol import NAME_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHORT: Final = struct.Struct(">H")
_NUMBER: Final = struct.Struct(">I")


class Fields:
    """The content of an option, read from front to back.

    Every method raises ``ValueError`` or ``struct.error`` where the content is too short or wrong.
    """

    def __init__(self, content: bytes) -> None:
        """Begin at the front."""
        self._content = content
        self._at = 0

    def short(self) -> int:
        """Return a number of 16 bits."""
        return self._unpack(_SHORT)

    def number(self) -> int:
        """Return a number of 32 bits."""
        return self._unpack(_NUMBER)

    def text(self) -> str:
        """Return a string that its length precedes."""
        return self._text(self.number())

    def rest(self) -> str:
        """Return all that is left as a string."""
        return self._text(len(self._content) - self._at)

    def end(self) -> None:
        """See to it that nothing is left."""
        if self._at != len(self._content):
            raise ValueError(f"{len(self._content) - self._at} bytes too many")

    def _text(self, length: int) -> str:
        if length > NAME_BYTES_MAX:
            raise ValueError(f"a string of {length} bytes is too long")
        piece = self._content[self._at : self._at + length]
        if len(piece) != length:
            raise ValueError("a string is cut off")
        self._at += length
        try:
            return piece.decode()
        except UnicodeDecodeError as error:
            raise ValueError("a string is no UTF-8") from error

    def _unpack(self, layout: struct.Struct) -> int:
        value: int
        (value,) = layout.unpack_from(self._content, self._at)
        self._at += layout.size
        return value


def matches(names: Sequence[str], queries: Sequence[str]) -> list[str]:
    """Return the context names that a list query means: all without a query.

    A query that ends in a colon or a slash means every name that begins with it.
    """
    if not queries:
        return list(names)
    whole = set(queries)
    beginnings = tuple(query for query in whole if query.endswith((":", "/")))
    return [name for name in names if name in whole or name.startswith(beginnings)]
