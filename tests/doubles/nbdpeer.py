# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The other end of an NBD conversation, as strict as the protocol.

Packs what is said, and takes apart what comes back, byte by byte. Written from the protocol, with
none of the server's code.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

GREETING = b"NBDMAGICIHAVEOPT\x00\x03"
READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS = range(8)
FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO = 1, 2, 4, 8, 16
EXPORT_NAME, ABORT, LIST, _, STARTTLS, INFO, GO, STRUCTURED, LIST_META, SET_META = range(1, 11)
ACK, SERVER, INFO_REPLY, META = 1, 2, 3, 4
ERR_UNSUP, ERR_POLICY, ERR_INVALID, ERR_TLS_REQD, ERR_UNKNOWN, ERR_TOO_BIG = (
    (1 << 31) + number for number in (1, 2, 3, 5, 6, 9)
)


def client_flags(flags=3):
    return struct.pack(">I", flags)


def option(number, content=b"", magic=b"IHAVEOPT"):
    return magic + struct.pack(">II", number, len(content)) + content


def text(string):
    encoded = string if isinstance(string, bytes) else string.encode()
    return struct.pack(">I", len(encoded)) + encoded


def go(name="", infos=(), number=GO):
    return option(number, text(name) + struct.pack(f">H{len(infos)}H", len(infos), *infos))


def meta(number, name="", queries=()):
    content = text(name) + struct.pack(">I", len(queries)) + b"".join(map(text, queries))
    return option(number, content)


def request(command, cookie=1, offset=0, length=0, *, flags=0, payload=b"", magic=0x25609513):
    if command == WRITE and not length:
        length = len(payload)
    return struct.pack(">IHHQQI", magic, flags, command, cookie, offset, length) + payload


def simple_reply(cookie, error=0):
    """Return a reply without data."""
    return struct.pack(">IIQ", 0x67446698, error, cookie)


class OddReplyError(AssertionError):
    """The server said something that the protocol does not allow."""


def option_replies(said):
    """Return (option, kind, content) of each reply; all bytes must belong to one."""
    found, at = [], 0
    while at < len(said):
        magic, number, kind, length = struct.unpack_from(">QIII", said, at)
        if magic != 0x3E889045565A9 or at + 20 + length > len(said):
            raise OddReplyError(said[at : at + 40])
        found.append((number, kind, bytes(said[at + 20 : at + 20 + length])))
        at += 20 + length
    return found


@dataclass
class Reply:
    """All that came back for one request."""

    error: int = 0
    message: str = ""
    data: dict[int, bytes] = field(default_factory=dict)
    statuses: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    chunks: int = 0

    @property
    def content(self):
        """The data, which must be one run."""
        at = min(self.data, default=0)
        whole = b""
        for offset in sorted(self.data):
            if offset != at + len(whole):
                raise OddReplyError("a hole between chunks")
            whole += self.data[offset]
        return whole


class Replies:
    """Takes replies apart as they come.

    Attributes:
        done: Cookie -> what came back, of the requests that were answered to their end.
    """

    def __init__(self):
        self.done = {}
        self._reads = {}
        self._open = {}
        self._said = bytearray()

    def expect(self, cookie, read_length=0):
        """Say that a request was sent; ``read_length`` if a simple reply would carry data."""
        if cookie in self._open:
            raise ValueError(cookie)
        self._open[cookie] = Reply()
        self._reads[cookie] = read_length

    @property
    def unanswered(self):
        return len(self._open)

    def feed(self, said):
        self._said += said
        while self._one():
            pass

    def end(self):
        """See to it that nothing was said by half."""
        if self._said:
            raise OddReplyError(f"{len(self._said)} bytes too many: {bytes(self._said[:40])!r}")

    def _one(self):
        said = self._said
        if len(said) < 16:
            return False
        (magic,) = struct.unpack_from(">I", said)
        if magic == 0x67446698:
            return self._simple()
        if magic != 0x668E33EF:
            raise OddReplyError(f"a reply begins with {magic:#x}")
        if len(said) < 20:
            return False
        _, flags, kind, cookie, length = struct.unpack_from(">IHHQI", said)
        if len(said) < 20 + length:
            return False
        content = bytes(said[20 : 20 + length])
        del said[: 20 + length]
        self._chunk(self._reply_of(cookie), kind, content)
        if flags & ~1:
            raise OddReplyError(f"chunk flags {flags:#x}")
        if flags & 1:
            self.done[cookie] = self._open.pop(cookie)
        return True

    def _simple(self):
        _, error, cookie = struct.unpack_from(">IIQ", self._said)
        reply = self._reply_of(cookie)
        length = 0 if error else self._reads[cookie]
        if len(self._said) < 16 + length:
            return False
        reply.error = error
        if length:
            reply.data[0] = bytes(self._said[16 : 16 + length])
        del self._said[: 16 + length]
        self.done[cookie] = self._open.pop(cookie)
        return True

    def _reply_of(self, cookie):
        if cookie not in self._open:
            raise OddReplyError(f"a reply to {cookie}, which was not asked or was answered")
        return self._open[cookie]

    @staticmethod
    def _chunk(reply, kind, content):
        reply.chunks += 1
        if kind == 1:
            (offset,) = struct.unpack_from(">Q", content)
            reply.data[offset] = content[8:]
        elif kind == 5:
            if len(content) < 12 or len(content) % 8 != 4:
                raise OddReplyError("a block status of odd length")
            number, *numbers = struct.unpack(f">{len(content) // 4}I", content)
            reply.statuses[number] = list(zip(numbers[::2], numbers[1::2], strict=True))
        elif kind == 32769:
            reply.error, length = struct.unpack_from(">IH", content)
            reply.message = content[6 : 6 + length].decode()
            if not reply.error or len(content) != 6 + length:
                raise OddReplyError("an error chunk of odd length")
        elif kind != 0:
            raise OddReplyError(f"a chunk of kind {kind}")
