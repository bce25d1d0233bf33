# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A device that fails when told to: the n-th call of an operation, once or for ever."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.errors import AreaFullError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import ReadableBuffer, WriteableBuffer

    from core.device.base import Device
    from core.extent import Extent

OPERATIONS: Final = frozenset(
    {"pread", "preadv", "pwrite", "pwritev", "pwritev_durable", "sync"}
    | {"allocate", "punch", "discard", "clone", "zero", "resize"}
)
_SHORTENED: Final = frozenset({"pread", "preadv", "pwrite", "pwritev"})
_ROOM: Final = frozenset({"allocate", "resize"})


@dataclass
class _Fault:
    """What happens when ``calls_left`` has come down to 0."""

    operation: str
    calls_left: int
    code: int
    bytes_done: int | None
    is_lasting: bool


class FaultDevice:
    """Passes every call on to another device, unless a fault is due.

    Attributes:
        calls: How often each operation was called, failed calls among them.
    """

    def __init__(self, device: Device) -> None:
        """Wrap ``device``, without faults."""
        self.calls: Counter[str] = Counter()
        self._device = device
        self._faults: list[_Fault] = []

    @property
    def path(self) -> str:
        """Name to show to people."""
        return self._device.path

    @property
    def size(self) -> int:
        """Bytes now."""
        return self._device.size

    @property
    def direct(self) -> bool:
        """Whether durable writes must be aligned."""
        return self._device.direct

    @property
    def stored_bytes(self) -> int:
        """Bytes that the device takes."""
        return self._device.stored_bytes

    @property
    def room_bytes(self) -> int | None:
        """Bytes by which it could take more."""
        return self._device.room_bytes

    def fail(
        self, operation: str, nth: int = 1, code: int = errno.EIO, *, for_ever: bool = False
    ) -> None:
        """Let the ``nth`` call of ``operation`` from now fail, and none of its effect happen.

        Args:
            operation: Name of the method.
            nth: 1 for the next call.
            code: The ``errno``; ENOSPC becomes ``AreaFullError`` where the contract says so.
            for_ever: Every call after it fails as well.
        """
        self._add(operation, OPERATIONS, _Fault(operation, nth, code, None, for_ever))

    def shorten(self, operation: str, bytes_done: int, nth: int = 1) -> None:
        """Let the ``nth`` call of a transfer from now stop after ``bytes_done`` bytes."""
        self._add(operation, _SHORTENED, _Fault(operation, nth, 0, bytes_done, is_lasting=False))

    def heal(self) -> None:
        """Forget every fault that is still due."""
        self._faults.clear()

    def pread(self, length: int, offset: int, /) -> bytes:
        done = self._due("pread")
        return self._device.pread(length if done is None else min(done, length), offset)

    def preadv(self, buffers: Sequence[WriteableBuffer], offset: int, flags: int = 0, /) -> int:
        done = self._due("preadv")
        if done is None:
            return self._device.preadv(buffers, offset, flags)
        return self._device.preadv(_first(buffers, done), offset, flags)

    def pwrite(self, buffer: ReadableBuffer, offset: int, /) -> int:
        done = self._due("pwrite")
        if done is None:
            return self._device.pwrite(buffer, offset)
        return self._device.pwrite(memoryview(buffer).cast("B")[:done], offset)

    def pwritev(self, buffers: Sequence[ReadableBuffer], offset: int, flags: int = 0, /) -> int:
        done = self._due("pwritev")
        if done is None:
            return self._device.pwritev(buffers, offset, flags)
        return self._device.pwritev(_first(buffers, done), offset, flags)

    def pwritev_durable(self, buffers: Sequence[ReadableBuffer], offset: int, /) -> int:
        self._due("pwritev_durable")
        return self._device.pwritev_durable(buffers, offset)

    def sync(self) -> None:
        self._due("sync")
        self._device.sync()

    def allocate(self, offset: int, length: int, /) -> None:
        self._due("allocate")
        self._device.allocate(offset, length)

    def punch(self, offset: int, length: int, /) -> None:
        self._due("punch")
        self._device.punch(offset, length)

    def discard(self, offset: int, length: int, /) -> bool:
        self._due("discard")
        return self._device.discard(offset, length)

    def clone(self, source: Device, start: int, length: int, offset: int, /) -> bool:
        self._due("clone")
        plain = source._device if isinstance(source, FaultDevice) else source
        return self._device.clone(plain, start, length, offset)

    def hold_room(self, length: int, count: int, /) -> bool:
        return self._device.hold_room(length, count)

    def release_room(self) -> bool:
        return self._device.release_room()

    def zero(self, offset: int, length: int, /) -> None:
        self._due("zero")
        self._device.zero(offset, length)

    def resize(self, length: int, /) -> None:
        self._due("resize")
        self._device.resize(length)

    def data_extents(self, start: int, stop: int, /) -> Iterator[Extent]:
        return self._device.data_extents(start, stop)

    def advise_willneed(self, offset: int, length: int, /) -> None:
        self._device.advise_willneed(offset, length)

    def close(self) -> None:
        self._device.close()

    def _add(self, operation: str, known: frozenset[str], fault: _Fault) -> None:
        if operation not in known or fault.calls_left < 1:
            raise ValueError(f"no call {fault.calls_left} of {operation} can do that")
        self._faults.append(fault)

    def _due(self, operation: str) -> int | None:
        """Count a call; raise if it fails, or return the bytes after which it stops."""
        self.calls[operation] += 1
        done = None
        for fault in [fault for fault in self._faults if fault.operation == operation]:
            fault.calls_left -= 1
            if fault.calls_left > 0:
                continue
            if not fault.is_lasting:
                self._faults.remove(fault)
            if fault.bytes_done is None:
                raise self._failure(fault)
            done = fault.bytes_done
        return done

    def _failure(self, fault: _Fault) -> OSError | AreaFullError:
        if fault.operation in _ROOM and fault.code in {errno.ENOSPC, errno.EDQUOT}:
            return AreaFullError(f"{self.path} cannot grow: there is no room; free some space")
        return OSError(fault.code, os.strerror(fault.code), self.path)


def _first(
    buffers: Sequence[WriteableBuffer] | Sequence[ReadableBuffer], length: int
) -> list[memoryview]:
    """Return the first ``length`` bytes of ``buffers``, sharing their memory."""
    views = []
    for buffer in buffers:
        view = memoryview(buffer).cast("B")[:length]
        views.append(view)
        length -= view.nbytes
    return views
