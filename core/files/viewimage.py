# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view as the library reads it: bytes asked of the process that has the volume, and kept a while.

In the reader process alone.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import pytsk3

from core.files import wire

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

_CHUNK_BYTES: Final = 64 * 1024
_CHUNKS_MAX: Final = 1024
_LARGE_BYTES: Final = 4 * _CHUNK_BYTES
"""So much at once is file content, which nobody reads again."""


class ViewBytes:
    """Reads one view. What lies past its end is not there.

    Attributes:
        size_bytes: Of the view.
    """

    def __init__(self, channel: socket.socket, number: int, size_bytes: int) -> None:
        """Read view ``number`` of those that the other side knows."""
        self._channel = channel
        self._number = number
        self.size_bytes = size_bytes
        self._newer: Mapping[int, bytes] = {}
        self._start = self._block_bytes = 0
        self._chunks = OrderedDict[int, bytes]()

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the view, fewer only at its end.

        Raises:
            OSError: They cannot be read.
        """
        stop = min(offset + length, self.size_bytes)
        if offset < 0 or stop <= offset:
            return b""
        if stop - offset >= _LARGE_BYTES:
            low, high = offset // 512 * 512, min(-(-stop // 512) * 512, self.size_bytes)
            content = self._ask(low, high - low)[offset - low : stop - low]
        else:
            first, last = offset // _CHUNK_BYTES, (stop - 1) // _CHUNK_BYTES
            content = b"".join(self._chunk(number) for number in range(first, last + 1))
            content = content[offset - first * _CHUNK_BYTES : stop - first * _CHUNK_BYTES]
        return self._renew(offset, content) if self._newer else content

    def renew(self, newer: Mapping[int, bytes], start: int, block_bytes: int) -> None:
        """From now on read some blocks as they are in a journal.

        Args:
            newer: What they hold, by their first byte.
            start: First byte of a block.
            block_bytes: Of each.
        """
        self._newer, self._start, self._block_bytes = newer, start, block_bytes

    def _chunk(self, number: int) -> bytes:
        found = self._chunks.get(number)
        if found is not None:
            self._chunks.move_to_end(number)
            return found
        start = number * _CHUNK_BYTES
        found = self._ask(start, min(_CHUNK_BYTES, self.size_bytes - start))
        self._chunks[number] = found
        if len(self._chunks) > _CHUNKS_MAX:
            self._chunks.popitem(last=False)
        return found

    def _ask(self, offset: int, length: int) -> bytes:
        """Return bytes as the volume has them.

        Raises:
            OSError: It cannot read them.
        """
        wire.send(self._channel, wire.READ, wire.READ_WANTED.pack(self._number, offset, length))
        kind, payload = wire.receive(self._channel)
        if kind != wire.BYTES or len(payload) != length:
            raise OSError(f"{length} bytes at {offset} of the view cannot be read")
        return bytes(payload)

    def _renew(self, offset: int, content: bytes) -> bytes:
        """Put in what is newer."""
        unit, stop = self._block_bytes, offset + len(content)
        first = offset - (offset - self._start) % unit
        changed: bytearray | None = None
        for start in range(first, stop, unit):
            newer = self._newer.get(start)
            if newer is None:
                continue
            changed = bytearray(content) if changed is None else changed
            low, high = max(start, offset), min(start + unit, stop)
            changed[low - offset : high - offset] = newer[low - start : high - start]
        return content if changed is None else bytes(changed)


class ViewImage(pytsk3.Img_Info):
    """The same as the library knows it."""

    def __init__(self, view: ViewBytes) -> None:
        """Read ``view``."""
        self._view = view
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def close(self) -> None:
        """Nothing is open."""

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the view."""
        return self._view.read(offset, length)

    def get_size(self) -> int:
        """Return the bytes of the view."""
        return self._view.size_bytes
