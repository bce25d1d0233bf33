# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Answers the kernel's requests about one file: bytes of a request in, bytes of a reply out.

Any number of threads may ask at once. A request that cannot be carried out is answered with an
errno, and the next one is none the worse for it; only what is no request at all raises.
"""

from __future__ import annotations

import errno
import itertools
import logging
import stat
import struct
from typing import TYPE_CHECKING, Final, Protocol

from core.errors import RangepairError
from core.fuse import protocol
from core.fuse.protocol import FallocateMode, FileAttributes, Opcode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.format.block import Readable

    Act = Callable[[memoryview], bytes]

ATTRIBUTES_VALID_S: Final = 1
_HOT_HEAD: Final = struct.Struct("=IIQ")
_HEAD_BYTES: Final = protocol.REQUEST_HEAD.size
_OUT_BYTES: Final = protocol.REPLY_HEAD.size
_READ: Final = int(Opcode.READ)
_WRITE: Final = int(Opcode.WRITE)
_PUNCH: Final = FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE
_ZERO_MODES: Final = (
    FallocateMode.ZERO_RANGE,
    FallocateMode.ZERO_RANGE | FallocateMode.KEEP_SIZE,
)
_NOTHING: Final[tuple[Readable, ...]] = ()
_log = logging.getLogger(__name__)


class ServedFile(Protocol):
    """The file, as ``core.fuse.diskfile.DiskFile`` is one. Ranges lie within it, in bytes.

    Any method may raise a ``RangepairError``, whose errno is the answer then.
    """

    size_bytes: int
    read_only: bool
    is_fixed: bool
    changed_ns: int

    def read(self, offset: int, length: int) -> Readable:
        """Return ``length`` bytes, fewer at the end of the file."""
        ...

    def write(self, offset: int, payload: memoryview) -> None:
        """Write bytes; ``payload`` is used again afterwards."""
        ...

    def flush(self) -> None:
        """Make every write so far durable."""
        ...

    def discard(self, offset: int, length: int) -> None:
        """Make a range read as zeroes and its space free."""
        ...

    def zero(self, offset: int, length: int) -> None:
        """Make a range read as zeroes, with the space it has."""
        ...

    def data_from(self, offset: int) -> int | None:
        """Return where data is next, or None."""
        ...

    def hole_from(self, offset: int) -> int:
        """Return where a hole is next; at the end of the file there is one."""
        ...


class RefusedError(Exception):
    """A request is answered with this errno."""

    def __init__(self, number: int) -> None:
        """Answer with errno ``number``."""
        super().__init__(errno.errorcode[number])
        self.number = number


class Session:
    """What the kernel is answered about one file.

    Attributes:
        kernel: Version the kernel speaks, once it has greeted.
    """

    def __init__(self, file: ServedFile, uid: int, gid: int) -> None:
        """Show ``file`` as owned by a user, and readable by nobody else."""
        self.kernel: tuple[int, int] | None = None
        self._file = file
        self._owner = uid, gid
        self._handles: set[int] = set()
        self._next_handle = itertools.count(1)
        self._acts: dict[int, Act] = {
            Opcode.INIT: self._init,
            Opcode.GETATTR: self._get_attributes,
            Opcode.SETATTR: self._set_attributes,
            Opcode.OPEN: self._open,
            Opcode.RELEASE: self._release,
            Opcode.STATFS: lambda _: protocol.pack_statfs(self._file.size_bytes),
            Opcode.FSYNC: self._sync,
            Opcode.FALLOCATE: self._fallocate,
            Opcode.LSEEK: self._seek,
            Opcode.DESTROY: lambda _: b"",
        }

    @property
    def open_count(self) -> int:
        """How many times the file is open now."""
        return len(self._handles)

    def answer(self, received: memoryview) -> Sequence[Readable]:
        """Return the parts of the reply to one request, to be sent as one; none if it wants none.

        Raises:
            ProtocolError: It is no request.
        """
        if len(received) < _HEAD_BYTES:
            raise protocol.ProtocolError(f"a request of {len(received)} bytes")
        length, opcode, unique = _HOT_HEAD.unpack_from(received)
        try:
            # Nearly all there is; the rest takes its time.
            if opcode == _READ and length >= _HEAD_BYTES + protocol.IO.size:
                _, offset, size, _ = protocol.IO.unpack_from(received, _HEAD_BYTES)
                content = self._file.read(offset, size)
                return protocol.REPLY_HEAD.pack(_OUT_BYTES + len(content), 0, unique), content
            if opcode == _WRITE and length >= protocol.WRITE_AT:
                size = self._write(received, length)
                return (protocol.WRITTEN.pack(protocol.WRITTEN.size, 0, unique, size, 0),)
            return self._answer_seldom(received)
        except RefusedError as refusal:
            return (protocol.pack_refusal(unique, refusal.number),)
        except RangepairError as error:
            _log.warning("%s: %s", _name_of(opcode), error.message)
            return (protocol.pack_refusal(unique, error.errno),)
        except protocol.ProtocolError:
            raise
        except Exception:  # noqa: BLE001 - the file must go on being answered for
            _log.exception("%s failed", _name_of(opcode))
            return (protocol.pack_refusal(unique, errno.EIO),)

    def _write(self, received: memoryview, length: int) -> int:
        _, offset, size, _ = protocol.IO.unpack_from(received, _HEAD_BYTES)
        if protocol.WRITE_AT + size > length:
            raise protocol.ProtocolError(f"a write of {size} bytes in a request of {length}")
        if offset + size > self._file.size_bytes:
            raise RefusedError(errno.EFBIG if offset >= self._file.size_bytes else errno.ENOSPC)
        self._file.write(offset, received[protocol.WRITE_AT : protocol.WRITE_AT + size])
        return int(size)

    def _answer_seldom(self, received: memoryview) -> Sequence[Readable]:
        request = protocol.unpack_request(received)
        opcode = request.opcode
        if opcode in protocol.NO_REPLY:
            return _NOTHING
        act = self._acts.get(opcode)
        if act is None:
            refusal = protocol.REFUSALS.get(opcode, errno.ENOSYS)  # type: ignore[call-overload]
            return (protocol.pack_refusal(request.unique, refusal),)
        return (protocol.pack_reply(request.unique, act(request.body)),)

    def _init(self, body: memoryview) -> bytes:
        greeting = protocol.unpack_init(body)
        self.kernel = greeting.major, greeting.minor
        return protocol.pack_init(greeting)

    def _attributes(self) -> bytes:
        mode = stat.S_IFREG | (0o400 if self._file.read_only else 0o600)
        attributes = FileAttributes(
            size_bytes=self._file.size_bytes,
            mode=mode,
            uid=self._owner[0],
            gid=self._owner[1],
            time_ns=self._file.changed_ns,
        )
        return protocol.pack_attributes(attributes, ATTRIBUTES_VALID_S)

    def _get_attributes(self, body: memoryview) -> bytes:
        del body
        return self._attributes()

    def _set_attributes(self, body: memoryview) -> bytes:
        """Let times be set, which changes nothing, and a size that it has already."""
        valid, size = protocol.unpack_set_attributes(body)
        if valid & protocol.SET_SIZE and size != self._file.size_bytes:
            raise RefusedError(errno.EPERM)
        if valid & ~(protocol.SET_SIZE | protocol.SET_TIMES | protocol.SET_HANDLE):
            raise RefusedError(errno.EPERM)
        return self._attributes()

    def _open(self, body: memoryview) -> bytes:
        flags = protocol.unpack_open_flags(body)
        if self._file.read_only and flags & protocol.ACCESS_MODE:
            raise RefusedError(errno.EROFS)
        handle = next(self._next_handle)
        self._handles.add(handle)
        # Others may write to the volume past this file, unless it is a snapshot.
        return protocol.pack_opened(handle, protocol.KEEP_CACHE if self._file.is_fixed else 0)

    def _release(self, body: memoryview) -> bytes:
        self._handles.discard(struct.unpack_from("=Q", body)[0])
        return b""

    def _sync(self, body: memoryview) -> bytes:
        del body
        self._file.flush()
        return b""

    def _fallocate(self, body: memoryview) -> bytes:
        call = protocol.unpack_fallocate(body)
        if call.offset + call.length > self._file.size_bytes:
            raise RefusedError(errno.EFBIG)
        if call.mode == _PUNCH:
            self._file.discard(call.offset, call.length)
        elif call.mode in _ZERO_MODES:
            self._file.zero(call.offset, call.length)
        else:
            raise RefusedError(errno.EOPNOTSUPP)
        return b""

    def _seek(self, body: memoryview) -> bytes:
        offset, whence = protocol.unpack_seek(body)
        if offset >= self._file.size_bytes:
            raise RefusedError(errno.ENXIO)
        if whence == protocol.SEEK_HOLE:
            return protocol.pack_sought(self._file.hole_from(offset))
        if whence != protocol.SEEK_DATA:
            raise RefusedError(errno.EINVAL)
        found = self._file.data_from(offset)
        if found is None:
            raise RefusedError(errno.ENXIO)
        return protocol.pack_sought(found)


def _name_of(opcode: int) -> str:
    """Return what the kernel calls a request."""
    try:
        return f"FUSE {Opcode(opcode).name}"
    except ValueError:
        return f"FUSE request {opcode}"
