# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The requests that the kernel writes to ``/dev/fuse``, and the replies it reads: bytes alone.

After ``include/uapi/linux/fuse.h``, version 7. A request is a header of 40 bytes, a structure that
depends on the opcode, and for a write its data; a reply is a header of 16 bytes and another
structure. All in the byte order of the machine, every field at its natural place.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

MAJOR: Final = 7
MINOR: Final = 31
"""What is spoken here; the kernel adapts to an older partner."""
MINOR_MIN: Final = 28
"""Linux 4.20: the first that takes requests of more than 128 KiB."""
PAGE_BYTES: Final = 4096
PAYLOAD_BYTES_MAX: Final = 1 << 20
"""Most that one read or write carries."""
PAGES_MAX: Final = PAYLOAD_BYTES_MAX // PAGE_BYTES
ROOT_NODE: Final = 1
"""The only node there is: the file."""

REQUEST_HEAD: Final = struct.Struct("=IIQQIIIHH")
"""length, opcode, unique, node, uid, gid, pid, length of extensions, padding"""
REPLY_HEAD: Final = struct.Struct("=IiQ")
"""length, negative errno, unique"""
IO: Final = struct.Struct("=QQII")
"""handle, offset, size, flags: how ``fuse_read_in`` and ``fuse_write_in`` begin"""
WRITTEN: Final = struct.Struct("=IiQII")
"""a whole reply to a write: its head, the size, padding"""
WRITE_AT: Final = REQUEST_HEAD.size + 40
"""Where in a request the data of a write begins."""
REQUEST_BYTES_MAX: Final = WRITE_AT + PAYLOAD_BYTES_MAX

_INIT_IN: Final = struct.Struct("=IIII")
_INIT_OUT: Final = struct.Struct("=IIIIHHIIHHI28x")
_ATTRIBUTES: Final = struct.Struct("=QIIQQQQQQIIIIIIIIII")
_OPENED: Final = struct.Struct("=QIi")
_FALLOCATE: Final = struct.Struct("=QQQII")
_SEEK: Final = struct.Struct("=QQII")
_SOUGHT: Final = struct.Struct("=Q")
_SET_ATTRIBUTES: Final = struct.Struct("=IIQQQ")
_STATFS: Final = struct.Struct("=QQQQQIIII24x")


class Opcode(IntEnum):
    """What the kernel may ask of a file; whatever else it asks is answered with ENOSYS."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    FLUSH = 25
    INIT = 26
    ACCESS = 34
    INTERRUPT = 36
    DESTROY = 38
    IOCTL = 39
    BATCH_FORGET = 42
    FALLOCATE = 43
    LSEEK = 46


class Ability(IntFlag):
    """Flags of INIT: what both sides can do. The kernel offers, the reply chooses."""

    ASYNC_READ = 1 << 0
    BIG_WRITES = 1 << 5
    ASYNC_DIO = 1 << 15
    PARALLEL_DIROPS = 1 << 18
    MAX_PAGES = 1 << 22


class FallocateMode(IntFlag):
    """Modes of ``fallocate(2)``."""

    KEEP_SIZE = 0x01
    PUNCH_HOLE = 0x02
    ZERO_RANGE = 0x10


WANTED: Final = (
    Ability.ASYNC_READ | Ability.BIG_WRITES | Ability.ASYNC_DIO | Ability.MAX_PAGES
)  # and not WRITEBACK_CACHE; see the head of this package
MAX_BACKGROUND: Final = 64
CONGESTION: Final = 48
SET_SIZE: Final = 1 << 3
"""Flag of SETATTR: the size is to change."""
SET_TIMES: Final = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10
"""Flags of SETATTR that concern times."""
SET_HANDLE: Final = 1 << 6 | 1 << 9
"""Flags of SETATTR that only say who asks."""
ACCESS_MODE: Final = 3
"""Bits of the flags of OPEN; 0 is for reading alone."""
SEEK_DATA: Final = 3
SEEK_HOLE: Final = 4
KEEP_CACHE: Final = 1 << 1
"""Flag of a reply to OPEN: pages read before are still right."""


class ProtocolError(Exception):
    """What was received is no request that this side can answer."""


class Request(NamedTuple):
    """The head of a request.

    Attributes:
        unique: Names the request in its reply.
        body: What follows the head, uncopied.
    """

    opcode: int
    unique: int
    node: int
    body: memoryview


class Greeting(NamedTuple):
    """INIT as the kernel sends it: its version, the readahead it likes, the abilities it offers."""

    major: int
    minor: int
    readahead_bytes: int
    abilities: int


class FallocateCall(NamedTuple):
    """FALLOCATE: a range, and what becomes of it."""

    offset: int
    length: int
    mode: int


@dataclass(frozen=True, slots=True)
class FileAttributes:
    """What ``stat`` tells of the file.

    Attributes:
        mode: Kind and permission bits.
        time_ns: Of the last change, since 1970.
    """

    size_bytes: int
    mode: int
    uid: int
    gid: int
    time_ns: int


def unpack_request(received: memoryview) -> Request:
    """Return the head of a whole request.

    Raises:
        ProtocolError: It is cut off, or longer than it says.
    """
    if len(received) < REQUEST_HEAD.size:
        raise ProtocolError(f"a request of {len(received)} bytes")
    length, opcode, unique, node, _, _, _, extensions, _ = REQUEST_HEAD.unpack_from(received)
    stop = length - 8 * extensions
    if length != len(received) or stop < REQUEST_HEAD.size:
        raise ProtocolError(f"a request of {len(received)} bytes says that it has {length}")
    return Request(opcode, unique, node, received[REQUEST_HEAD.size : stop])


def pack_request(opcode: int, unique: int, body: bytes = b"", node: int = ROOT_NODE) -> bytes:
    """Return a request, as the kernel packs it."""
    length = REQUEST_HEAD.size + len(body)
    return REQUEST_HEAD.pack(length, opcode, unique, node, 0, 0, 0, 0, 0) + body


def pack_reply(unique: int, body: bytes = b"") -> bytes:
    """Return the reply to a request that was carried out."""
    return REPLY_HEAD.pack(REPLY_HEAD.size + len(body), 0, unique) + body


def pack_refusal(unique: int, number: int) -> bytes:
    """Return the reply to a request that was not; ``number`` is an errno, positive."""
    return REPLY_HEAD.pack(REPLY_HEAD.size, -number, unique)


def unpack_reply(reply: bytes) -> tuple[int, int, bytes]:
    """Return errno, unique and body of a reply, as the kernel reads it.

    Raises:
        ProtocolError: Its length is not what it says.
    """
    length, error, unique = REPLY_HEAD.unpack_from(reply)
    if length != len(reply):
        raise ProtocolError(f"a reply of {len(reply)} bytes says that it has {length}")
    return -error, unique, bytes(reply[REPLY_HEAD.size :])


def unpack_init(body: memoryview) -> Greeting:
    """Return what the kernel greets with.

    Raises:
        ProtocolError: It is too old or too new to be spoken with.
    """
    greeting = Greeting(*_unpack(_INIT_IN, body))
    if greeting.major < MAJOR or (greeting.major == MAJOR and greeting.minor < MINOR_MIN):
        raise ProtocolError(f"the kernel speaks FUSE {greeting.major}.{greeting.minor}")
    return greeting


def pack_init(greeting: Greeting) -> bytes:
    """Return the body of the answer; a newer kernel asks again in the version it names."""
    if greeting.major > MAJOR:
        return _INIT_OUT.pack(MAJOR, MINOR, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return _INIT_OUT.pack(
        MAJOR,
        MINOR,
        greeting.readahead_bytes,
        WANTED & greeting.abilities,
        MAX_BACKGROUND,
        CONGESTION,
        PAYLOAD_BYTES_MAX,
        1,
        PAGES_MAX,
        0,
        0,
    )


def unpack_init_reply(body: bytes) -> dict[str, int]:
    """Return the fields of the answer to INIT that matter, as the kernel reads them."""
    fields = _INIT_OUT.unpack(body)
    names = ("major", "minor", "readahead", "abilities", "background", "congestion", "write_bytes")
    return dict(zip(names, fields, strict=False)) | {"pages": fields[8]}


def pack_attributes(attributes: FileAttributes, valid_s: int) -> bytes:
    """Return the body of the answer to GETATTR and SETATTR, to be remembered for ``valid_s``."""
    seconds, rest = divmod(attributes.time_ns, 10**9)
    return _ATTRIBUTES.pack(
        valid_s, 0, 0,
        ROOT_NODE, attributes.size_bytes, attributes.size_bytes >> 9,
        seconds, seconds, seconds, rest, rest, rest,
        attributes.mode, 1, attributes.uid, attributes.gid, 0, PAGE_BYTES, 0,
    )  # fmt: skip


def unpack_attributes(body: bytes) -> FileAttributes:
    """Return what the kernel reads of the answer to GETATTR."""
    fields = _ATTRIBUTES.unpack(body)
    return FileAttributes(
        size_bytes=fields[4],
        mode=fields[12],
        uid=fields[14],
        gid=fields[15],
        time_ns=fields[7] * 10**9 + fields[10],
    )


def pack_opened(handle: int, flags: int) -> bytes:
    """Return the body of the answer to OPEN."""
    return _OPENED.pack(handle, flags, 0)


def unpack_open_flags(body: memoryview) -> int:
    """Return the flags that the file is opened with."""
    return int(_unpack(struct.Struct("=II"), body)[0])


def unpack_fallocate(body: memoryview) -> FallocateCall:
    """Return the range and the mode of FALLOCATE."""
    _, offset, length, mode, _ = _unpack(_FALLOCATE, body)
    return FallocateCall(offset, length, mode)


def pack_fallocate(call: FallocateCall) -> bytes:
    """Return the body of FALLOCATE, as the kernel packs it."""
    return _FALLOCATE.pack(0, call.offset, call.length, call.mode, 0)


def unpack_seek(body: memoryview) -> tuple[int, int]:
    """Return offset and whence of LSEEK."""
    _, offset, whence, _ = _unpack(_SEEK, body)
    return offset, whence


def pack_seek(offset: int, whence: int) -> bytes:
    """Return the body of LSEEK, as the kernel packs it."""
    return _SEEK.pack(0, offset, whence, 0)


def pack_sought(offset: int) -> bytes:
    """Return the body of the answer to LSEEK."""
    return _SOUGHT.pack(offset)


def unpack_set_attributes(body: memoryview) -> tuple[int, int]:
    """Return which attributes SETATTR is to set, and the size if that is among them."""
    valid, _, _, size, _ = _unpack(_SET_ATTRIBUTES, body)
    return valid, size


def pack_statfs(size_bytes: int) -> bytes:
    """Return the body of the answer to STATFS: full, because the file never grows."""
    blocks = -(-size_bytes // PAGE_BYTES)
    return _STATFS.pack(blocks, 0, 0, 1, 0, PAGE_BYTES, 255, PAGE_BYTES, 0)


def pack_io(offset: int, size: int) -> bytes:
    """Return the body of READ, or how the one of WRITE begins, as the kernel packs it."""
    return IO.pack(0, offset, size, 0) + bytes(WRITE_AT - REQUEST_HEAD.size - IO.size)


def _unpack(layout: struct.Struct, body: memoryview) -> tuple[int, ...]:
    """Return the fields at the beginning of ``body``; newer kernels append some."""
    if len(body) < layout.size:
        raise ProtocolError(f"a request with {len(body)} of {layout.size} bytes")
    return layout.unpack_from(body)


REFUSALS: Final = {
    Opcode.LOOKUP: errno.ENOTDIR,
    Opcode.IOCTL: errno.ENOTTY,
    # "Never ask again": closing costs nothing, access is told by the mode, and what is under way is
    # always finished.
    Opcode.FLUSH: errno.ENOSYS,
    Opcode.ACCESS: errno.ENOSYS,
    Opcode.INTERRUPT: errno.ENOSYS,
}
"""Requests that are always answered alike."""
NO_REPLY: Final = frozenset({Opcode.FORGET, Opcode.BATCH_FORGET})
