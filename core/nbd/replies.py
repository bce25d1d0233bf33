# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Replies, gathered in one buffer until somebody sends them, or it is full."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from core.nbd import protocol as nbd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPLY_BYTES: Final = (1 << 20) + (64 << 10)
_NUMBER: Final = struct.Struct(">I")
_EXTENT: Final = struct.Struct(">II")
_MESSAGE_BYTES_MAX: Final = 1024
_MAGIC: Final = nbd.STRUCTURED_REPLY_MAGIC
_DONE: Final = nbd.CHUNK_DONE
_OFFSET_DATA: Final = nbd.CHUNK_OFFSET_DATA
_SIMPLE_BYTES: Final = nbd.SIMPLE_REPLY.size
_pack_simple = nbd.SIMPLE_REPLY.pack_into
_pack_data = nbd.CHUNK_OF_DATA.pack_into


def packed_done(cookie: int) -> bytes:
    """Return the reply to a request without data that was carried out."""
    return nbd.SIMPLE_REPLY.pack(nbd.SIMPLE_REPLY_MAGIC, 0, cookie)


def packed_failure(cookie: int, number: int, message: str, *, is_structured: bool) -> bytes:
    """Return the reply that says why a request was not carried out."""
    if not is_structured:
        return nbd.SIMPLE_REPLY.pack(nbd.SIMPLE_REPLY_MAGIC, number, cookie)
    told = message.encode()[:_MESSAGE_BYTES_MAX].decode(errors="ignore").encode()
    content = nbd.ERROR_CHUNK.pack(number, len(told)) + told
    return _packed_chunk(cookie, nbd.CHUNK_ERROR, content, is_last=True)


def _packed_chunk(cookie: int, kind: int, content: bytes, *, is_last: bool) -> bytes:
    flags = nbd.CHUNK_DONE if is_last else 0
    return nbd.CHUNK.pack(_MAGIC, flags, kind, cookie, len(content)) + content


class Replies:
    """The replies of one connection."""

    def __init__(self, send: Callable[[memoryview], object], *, is_structured: bool) -> None:
        """Hand bytes to ``send``, which has used them when it returns."""
        self._send = send
        self._is_structured = is_structured
        self._data_head = nbd.CHUNK_OF_DATA.size if is_structured else nbd.SIMPLE_REPLY.size
        self._buffer = bytearray(REPLY_BYTES)
        self._view = memoryview(self._buffer)
        self._used = 0

    def send(self) -> None:
        """Send all that was gathered."""
        if self._used:
            used, self._used = self._used, 0
            self._send(self._view[:used])

    def done(self, cookie: int) -> None:
        """Say that a request without data was carried out."""
        used = self._used
        if used + _SIMPLE_BYTES > REPLY_BYTES:
            self.send()
            used = 0
        _pack_simple(self._buffer, used, nbd.SIMPLE_REPLY_MAGIC, 0, cookie)
        self._used = used + _SIMPLE_BYTES

    def failed(self, cookie: int, number: int, message: str) -> None:
        """Say why a request was not carried out."""
        self._put(packed_failure(cookie, number, message, is_structured=self._is_structured))

    # -- data --------------------------------------------------------------------------------

    def data_space(self, length: int, *, is_first: bool = True) -> memoryview:
        """Return where data of at most 1 MiB goes; ``data`` or ``data_piece`` then says so."""
        start = self._used
        if is_first or self._is_structured:
            start += self._data_head
        if start + length > REPLY_BYTES:
            start -= self._used
            self.send()
        return self._view[start : start + length]

    def data(self, cookie: int, offset: int, length: int) -> None:
        """Say that ``data_space`` holds all that was asked for; short, for it is frequent."""
        used = self._used
        if self._is_structured:
            _pack_data(self._buffer, used, _MAGIC, _DONE, _OFFSET_DATA, cookie, length + 8, offset)
        else:
            _pack_simple(self._buffer, used, nbd.SIMPLE_REPLY_MAGIC, 0, cookie)
        self._used = used + self._data_head + length

    def begin_data(self, cookie: int) -> None:
        """Put the head of a simple reply before its first piece."""
        nbd.SIMPLE_REPLY.pack_into(self._buffer, self._used, nbd.SIMPLE_REPLY_MAGIC, 0, cookie)
        self._used += nbd.SIMPLE_REPLY.size

    def data_piece(self, cookie: int, offset: int, length: int, *, is_last: bool) -> None:
        """Say that ``data_space`` holds the next piece, which is of ``offset`` in the export."""
        if self._is_structured:
            flags = _DONE if is_last else 0
            _pack_data(
                self._buffer, self._used, _MAGIC, flags, _OFFSET_DATA, cookie, length + 8, offset
            )
            self._used += nbd.CHUNK_OF_DATA.size
        self._used += length

    # -- block status ------------------------------------------------------------------------

    def status(
        self, cookie: int, context: int, runs: Sequence[tuple[int, int]], *, is_last: bool
    ) -> None:
        """Put the extents of one context, (length, state) each."""
        content = _NUMBER.pack(context) + b"".join(_EXTENT.pack(*run) for run in runs)
        self._put(_packed_chunk(cookie, nbd.CHUNK_BLOCK_STATUS, content, is_last=is_last))

    def _put(self, reply: bytes) -> None:
        if self._used + len(reply) > REPLY_BYTES:
            self.send()
        self._view[self._used : self._used + len(reply)] = reply
        self._used += len(reply)
