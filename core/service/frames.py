# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Frames on the control socket: one small message and the bulk payloads that belong to it.

Layout, little-endian::

    u32 length of the message | u32 number of bulks | u64 length of each bulk ... | message | bulks

Bulks (data read or written, columns of pointers) travel raw beside the message, so they are neither
encoded nor copied into it. Every length is checked against a bound before memory is taken for it;
a peer that breaks a bound, or the connection, ends the connection and nothing else.
"""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import EngineGoneError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

_HEAD: Final = struct.Struct("<II")
BULKS_MAX: Final = 16


class FrameError(EngineGoneError):
    """The peer sent what is no frame; the connection cannot be used any more."""


@dataclass(frozen=True, slots=True)
class FrameBounds:
    """How much a peer may send in one frame, in bytes."""

    message_bytes_max: int
    bulk_bytes_max: int
    """Of all bulks of the frame together."""


REQUEST_BOUNDS: Final = FrameBounds(1 << 20, 8 << 20)
"""What an engine takes from a client: one write of 8 MiB, or 1 MiB of names."""
REPLY_BOUNDS: Final = FrameBounds(1 << 28, 1 << 32)
"""What a client takes from its engine: tables of 10 M pointers, lists of a million ranges."""


def send_frame(sock: socket.socket, message: bytes, bulks: Sequence[memoryview] = ()) -> None:
    """Send one frame whole.

    Raises:
        OSError: The connection broke.
    """
    head = _HEAD.pack(len(message), len(bulks))
    lengths = struct.pack(f"<{len(bulks)}Q", *(bulk.nbytes for bulk in bulks))
    sock.sendall(head + lengths + message)
    for bulk in bulks:
        sock.sendall(bulk)


def receive_frame(
    sock: socket.socket, bounds: FrameBounds
) -> tuple[bytearray, list[bytearray]] | None:
    """Return the next frame's message and bulks, or None when the peer closed between frames.

    Raises:
        FrameError: The peer closed within a frame, or passed a bound.
        OSError: The connection broke.
    """
    head = _receive_exactly(sock, _HEAD.size, may_end=True)
    if head is None:
        return None
    message_bytes, bulk_count = _HEAD.unpack(head)
    if message_bytes > bounds.message_bytes_max or bulk_count > BULKS_MAX:
        raise FrameError("The other side of the control socket sent a message too long to accept.")
    lengths = struct.unpack(f"<{bulk_count}Q", _receive_all(sock, 8 * bulk_count))
    if sum(lengths) > bounds.bulk_bytes_max:
        raise FrameError("The other side of the control socket sent more than a message may hold.")
    message = _receive_all(sock, message_bytes)
    return message, [_receive_all(sock, length) for length in lengths]


def exchange(
    sock: socket.socket, message: bytes, bulks: Sequence[memoryview]
) -> tuple[bytearray, list[bytearray]] | None:
    """Send a request; return the frame that answers it, or None when the peer has closed.

    Raises:
        FrameError: The peer closed within a frame, or passed a bound.
        OSError: The connection broke.
    """
    # What was said before it hung up, like a refusal to all, is still to be read.
    with contextlib.suppress(BrokenPipeError):
        send_frame(sock, message, bulks)
    return receive_frame(sock, REPLY_BOUNDS)


def _receive_all(sock: socket.socket, length: int) -> bytearray:
    """Return exactly ``length`` bytes."""
    received = _receive_exactly(sock, length, may_end=False)
    assert received is not None
    return received


def _receive_exactly(sock: socket.socket, length: int, *, may_end: bool) -> bytearray | None:
    """Return exactly ``length`` bytes; None if the peer closed before the first and ``may_end``."""
    received = bytearray(length)
    rest = memoryview(received)
    while rest:
        count = sock.recv_into(rest)
        if count == 0:
            if may_end and len(rest) == length:
                return None
            raise FrameError("The other side of the control socket closed it within a message.")
        rest = rest[count:]
    return received
