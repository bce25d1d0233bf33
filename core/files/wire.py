# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What goes to and fro between a file system's user and its reader: frames, requests, answers.

A frame is a letter, a length and that many bytes. Each side knows what the other may send.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import msgspec

from core.fileanswers import (  # noqa: TC001 (msgspec resolves them)
    FileChange,
    FileEntry,
    FileSystemInfo,
    OwnedRange,
    Role,
)
from core.units import MIB

if TYPE_CHECKING:
    import socket

FRAME_BYTES_MAX: Final = 64 * MIB
PIECE_BYTES: Final = MIB
BATCH: Final = 500
"""Values in one answer: a folder may have a million."""

REQUEST: Final = b"Q"
"""To the reader: one of ``Request``."""
BYTES: Final = b"D"
"""To the reader: what it asked for."""
REFUSED: Final = b"X"
"""To the reader: what it asked for cannot be read."""
READ: Final = b"R"
"""From the reader: ``READ_WANTED``."""
ANSWER: Final = b"A"
"""From the reader: one of ``Answer``."""
PIECE: Final = b"B"
"""From the reader: where in the file (8 bytes), and what is there."""
PROGRESS: Final = b"P"
"""From the reader: how many files it has looked at since it last said so (8 bytes)."""
FAILED: Final = b"E"
"""From the reader: a sentence; the request is over."""
DONE: Final = b"."
"""From the reader: the request is over."""

READ_WANTED: Final = struct.Struct("<BQI")
"""Number of the view, offset, length."""
NUMBER: Final = struct.Struct("<Q")
_HEAD: Final = struct.Struct("<cI")


class FrameError(Exception):
    """The other side is gone, or does not keep to the protocol."""


class Open(msgspec.Struct, frozen=True, tag=True):
    """Find and open the file system of each view; the first request.

    Attributes:
        sizes: Bytes of the views.
        partition: The user's choice; 0 if there was none.
    """

    sizes: list[int]
    partition: int


class Find(msgspec.Struct, frozen=True, tag=True):
    """Return the entry of a path, links on the way and at its end followed."""

    path: bytes


class Folder(msgspec.Struct, frozen=True, tag=True):
    """Return the entries of a folder."""

    inode: int


class Content(msgspec.Struct, frozen=True, tag=True):
    """Return the content of a file as pieces; between them are zeroes."""

    inode: int


class Owners(msgspec.Struct, frozen=True, tag=True):
    """Return what ranges belong to."""

    starts: list[int]
    lengths: list[int]


class Changes(msgspec.Struct, frozen=True, tag=True):
    """Return what became of files from the first view to the second.

    Attributes:
        starts, lengths: Of the ranges that differ; little-endian int64 columns.
    """

    starts: bytes
    lengths: bytes


Request = Open | Find | Folder | Content | Owners | Changes


class Opened(msgspec.Struct, frozen=True, tag=True):
    """The file systems that were opened, one for each view."""

    systems: list[FileSystemInfo]


class Entries(msgspec.Struct, frozen=True, tag=True):
    """Some entries."""

    entries: list[FileEntry]


class Owned(msgspec.Struct, frozen=True, tag=True):
    """Some ranges with their owners."""

    ranges: list[OwnedRange]


class Changed(msgspec.Struct, frozen=True, tag=True):
    """Some changes."""

    files: list[FileChange]


class Summed(msgspec.Struct, frozen=True, tag=True):
    """What is no file's; see ``FileChanges``."""

    own: dict[Role, int]
    total_bytes: int
    unread: int


Answer = Opened | Entries | Owned | Changed | Summed

_encoder: Final = msgspec.msgpack.Encoder()
_requests: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_answers: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


def pack(message: Request | Answer) -> bytes:
    """Return a message as bytes."""
    return _encoder.encode(message)


def unpack_request(payload: bytes) -> Request:
    """Return the request that was packed."""
    return _requests.decode(payload)


def unpack_answer(payload: bytes | bytearray) -> Answer:
    """Return the answer that was packed.

    Raises:
        FrameError: It is none.
    """
    try:
        return _answers.decode(payload)
    except msgspec.MsgspecError as error:
        raise FrameError(str(error)) from error


def send(channel: socket.socket, kind: bytes, *parts: bytes | memoryview) -> None:
    """Send one frame.

    Raises:
        OSError: The other side is gone.
    """
    head = _HEAD.pack(kind, sum(map(len, parts)))
    channel.sendall(head + b"".join(parts))


def receive(channel: socket.socket) -> tuple[bytes, bytearray]:
    """Return letter and payload of the next frame.

    Raises:
        FrameError: The other side is gone, or the frame is too long.
        OSError: The connection broke, or nothing came in time.
    """
    kind, length = _HEAD.unpack(_exactly(channel, _HEAD.size))
    if length > FRAME_BYTES_MAX:
        raise FrameError(f"a frame of {length} bytes")
    return kind, _exactly(channel, length)


def _exactly(channel: socket.socket, length: int) -> bytearray:
    payload = bytearray(length)
    view = memoryview(payload)
    while view:
        count = channel.recv_into(view)
        if not count:
            raise FrameError("the other side is gone")
        view = view[count:]
    return payload
