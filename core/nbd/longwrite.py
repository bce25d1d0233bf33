# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A write that comes in pieces, each of which is written as soon as it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import RangepairError

if TYPE_CHECKING:
    from collections.abc import Callable

PIECE_BYTES: Final = 1 << 20
"""Pieces end at multiples of this, so that none cuts a grain."""


class LongWrite:
    """One write under way.

    Attributes:
        flags, cookie: Of the request.
        refusal: Why it will be refused; what comes of it is then received and dropped.
    """

    def __init__(
        self,
        write: Callable[[int, memoryview], None],
        flags: int,
        cookie: int,
        offset: int,
        length: int,
    ) -> None:
        """Begin with nothing received of ``length`` bytes."""
        self._write = write
        self.flags = flags
        self.cookie = cookie
        self.refusal: Exception | None = None
        self._offset = offset
        self._left = length
        self._piece = memoryview(bytearray(min(PIECE_BYTES, length)))
        self._filled = 0

    def space(self) -> memoryview:
        """Return where the next bytes of the payload go."""
        return self._piece[self._filled : self._piece_bytes]

    def take(self, payload: memoryview) -> None:
        """Take a beginning of the payload, which does not end it."""
        while payload:
            space = self.space()
            count = min(len(space), len(payload))
            space[:count] = payload[:count]
            payload = payload[count:]
            self.received(count)

    def received(self, count: int) -> bool:
        """Note that ``count`` bytes came to lie in ``space``; return whether that was the last."""
        self._filled += count
        if self._filled < self._piece_bytes:
            return False
        if self.refusal is None:
            try:
                self._write(self._offset, self._piece[: self._filled])
            except RangepairError as error:
                self.refusal = error
        self._offset += self._filled
        self._left -= self._filled
        self._filled = 0
        return not self._left

    @property
    def _piece_bytes(self) -> int:
        """Bytes of the piece that comes now."""
        return min(self._left, PIECE_BYTES - self._offset % PIECE_BYTES, len(self._piece))
