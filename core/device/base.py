# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The protocol every device keeps, and the loops that finish short transfers.

Invariants of every device:
  D1 a read returns what was written last, whatever way either went (buffered, direct, durable);
  D2 what was written, allocated, punched or resized before a sync survives a power loss once that
     sync has returned; until then any subset of its 512-byte sectors may survive;
  D3 a durable write survives once it has returned, and says nothing about any other write;
  D4 bytes never written read as zeroes.

The four transfer calls have the argument order of ``os.pread`` and its kin without the descriptor,
so that a file's device can hold them as ``functools.partial`` objects: a wrapper in Python costs a
tenth of a 4 KiB write. Like the kernel's they may transfer less than asked, and return how much:
``if pwrite(buffer, offset) != length: write_all(...)``, or the loops below from the start.
A transfer must lie within ``[0, size)``: room is made by ``allocate`` or ``resize`` first.
"""

from __future__ import annotations

import errno
import mmap
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import ReadableBuffer, WriteableBuffer

    from core.extent import Extent

DIRECT_ALIGNMENT_BYTES: Final = 4096
_VECTOR_BUFFERS_MAX: Final = 1024  # IOV_MAX: a longer vector is refused with EINVAL


class Source(Protocol):
    """Something to read from."""

    @property
    def path(self) -> str:
        """Name to show to people."""

    @property
    def size(self) -> int:
        """Bytes now."""

    def pread(self, length: int, offset: int, /) -> bytes:
        """Read up to ``length`` bytes at ``offset``; fewer only at the end of the device."""

    def preadv(self, buffers: Sequence[WriteableBuffer], offset: int, flags: int = 0, /) -> int:
        """Read into ``buffers`` in turn and return the bytes read (``flags``: RWF_NOWAIT)."""


class Device(Source, Protocol):
    """A flat run of bytes on stable storage.

    A ``direct`` device's ``pwritev_durable`` passes the page cache by: address and length of every
    buffer, and the offset, must be multiples of ``DIRECT_ALIGNMENT_BYTES``.
    """

    @property
    def direct(self) -> bool:
        """Whether durable writes must be aligned."""

    @property
    def stored_bytes(self) -> int:
        """Bytes that the device takes on what it lies on; 0 if that cannot be told."""

    @property
    def room_bytes(self) -> int | None:
        """Bytes by which it could take more; None if that cannot be told."""

    def pwrite(self, buffer: ReadableBuffer, offset: int, /) -> int:
        """Write ``buffer`` and return the bytes written; durable after the next ``sync``."""

    def pwritev(self, buffers: Sequence[ReadableBuffer], offset: int, flags: int = 0, /) -> int:
        """Write ``buffers`` one after the other and return the bytes written."""

    def pwritev_durable(self, buffers: Sequence[ReadableBuffer], offset: int, /) -> int:
        """Write all of ``buffers``; they are durable on return. Never short."""

    def sync(self) -> None:
        """Make everything done so far durable. After an error nothing is known: never retry."""

    def allocate(self, offset: int, length: int, /) -> None:
        """Reserve storage for a range, growing the device to hold it; contents stay.

        Raises:
            AreaFullError: There is no room; ``size`` says how far the device got.
        """

    def punch(self, offset: int, length: int, /) -> None:
        """Make a range read as zeroes, and give its storage back where that is possible."""

    def discard(self, offset: int, length: int, /) -> bool:
        """Give back the storage of a range that nobody reads before it is written again.

        Returns:
            False, and nothing was done, where that is not possible.
        """

    def clone(self, source: Device, start: int, length: int, offset: int, /) -> bool:
        """Let ``length`` bytes at ``offset`` share storage with those at ``start`` of ``source``.

        It is durable after the next ``sync``, like a write of the same bytes.

        Returns:
            False where that is not possible; the range holds nothing certain then.
        """

    def hold_room(self, length: int, count: int, /) -> bool:
        """Keep other programs from using ``count`` times ``length`` bytes of what it lies on.

        Returns:
            False where that is not possible or, for all that is known, not needed.
        """

    def release_room(self) -> bool:
        """Let writes to this device use one portion of the room held, and hold no more from now on.

        Returns:
            Whether there was one left.
        """

    def zero(self, offset: int, length: int, /) -> None:
        """Make a range read as zeroes, and keep its storage."""

    def resize(self, length: int, /) -> None:
        """Cut the device, or grow it with a hole, to ``length`` bytes."""

    def data_extents(self, start: int, stop: int, /) -> Iterator[Extent]:
        """Yield the ranges in ``[start, stop)`` that may hold data; the rest reads as zeroes."""

    def advise_willneed(self, offset: int, length: int, /) -> None:
        """Tell that a range is read soon."""

    def close(self) -> None:
        """Release the device and its locks; nothing is synced. Closing twice is allowed."""


def read_exactly(device: Source, length: int, offset: int) -> bytes:
    """Read ``length`` bytes at ``offset``.

    Raises:
        OSError: EIO, when the device ends before.
    """
    piece = device.pread(length, offset)
    if len(piece) == length:
        return piece
    whole = bytearray(length)
    whole[: len(piece)] = piece
    read_into(device, memoryview(whole)[len(piece) :], offset + len(piece))
    return bytes(whole)


def read_available(device: Source, length: int, offset: int) -> bytes:
    """Read what there is of a range: less than ``length`` bytes only if the device ends before."""
    return read_exactly(device, max(0, min(length, device.size - offset)), offset)


def read_into(device: Source, buffer: WriteableBuffer, offset: int) -> None:
    """Fill ``buffer`` from ``offset``.

    Raises:
        OSError: EIO, when the device ends before.
    """
    rest = memoryview(buffer).cast("B")
    while rest:
        count = device.preadv([rest], offset)
        if count <= 0:
            raise OSError(
                errno.EIO, f"the file ends at byte {offset}, before it should", device.path
            )
        rest, offset = rest[count:], offset + count


def write_all(device: Device, buffer: ReadableBuffer, offset: int) -> None:
    """Write all of ``buffer`` at ``offset``, however short the single writes are.

    Raises:
        OSError: What the device reports; EIO when it takes nothing.
    """
    writev_all(device.pwritev, [buffer], offset)


def writev_all(
    pwritev: Callable[[Sequence[ReadableBuffer], int], int],
    buffers: Sequence[ReadableBuffer],
    offset: int,
) -> int:
    """Write all of ``buffers`` at ``offset`` through ``pwritev`` and return their bytes.

    Raises:
        OSError: What ``pwritev`` reports; EIO when it takes nothing.
    """
    rest = [view for buffer in buffers if (view := memoryview(buffer).cast("B")).nbytes]
    start = offset
    while rest:
        count = pwritev(rest[:_VECTOR_BUFFERS_MAX], offset)
        if count <= 0:
            raise OSError(errno.EIO, f"nothing could be written at byte {offset}")
        offset += count
        while rest and count >= rest[0].nbytes:
            count -= rest.pop(0).nbytes
        if count:
            rest[0] = rest[0][count:]
    return offset - start


def aligned_buffer(length: int) -> memoryview:
    """Return ``length`` zero bytes at a page's start, fit for a direct device."""
    return memoryview(mmap.mmap(-1, max(length, 1)))[:length]
