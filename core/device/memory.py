# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A sparse device in memory, for demonstrations and tests.

It keeps the whole contract of a file's device, and is stricter where a file is lenient: a transfer
off its end, or off the alignment where ``direct`` is asked for, is an error and not an accident.
"""

from __future__ import annotations

import errno
from itertools import groupby
from typing import TYPE_CHECKING, Final

from core.device.base import DIRECT_ALIGNMENT_BYTES
from core.errors import AreaFullError
from core.extent import Extent
from core.units import VOLUME_BYTES_MAX, format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import ReadableBuffer, WriteableBuffer

    from core.device.base import Device

_PAGE_BYTES: Final = 4096
_ZEROES: Final = bytes(_PAGE_BYTES)


class MemoryDevice:
    """Pages of 4 KiB in a dictionary; those that are absent read as zeroes.

    Attributes:
        path: Name to show to people.
        size: Bytes now.
        direct: Whether durable writes must be aligned, as on a direct file.
        size_max: Bytes the device refuses to grow beyond, like a full disk.
    """

    def __init__(
        self, size: int = 0, *, direct: bool = False, size_max: int = VOLUME_BYTES_MAX
    ) -> None:
        """Make a device of ``size`` zero bytes."""
        self.path = "memory"
        self.size = size
        self.direct = direct
        self.size_max = size_max
        self._pages: dict[int, bytearray] = {}

    @classmethod
    def from_bytes(cls, content: ReadableBuffer, *, direct: bool = False) -> MemoryDevice:
        """Make a device that holds ``content``; pages of zeroes become holes."""
        view = memoryview(content).cast("B")
        device = cls(view.nbytes, direct=direct)
        for start in range(0, view.nbytes, _PAGE_BYTES):
            page = bytes(view[start : start + _PAGE_BYTES])
            if page.count(0) != len(page):
                device._pages[start // _PAGE_BYTES] = bytearray(page.ljust(_PAGE_BYTES, b"\0"))
        return device

    def copy(self) -> MemoryDevice:
        """Return a device of equal content that shares nothing with this one."""
        other = MemoryDevice(self.size, direct=self.direct, size_max=self.size_max)
        other._pages = {number: bytearray(page) for number, page in self._pages.items()}
        return other

    @property
    def stored_bytes(self) -> int:
        """Bytes of all pages."""
        return len(self._pages) * _PAGE_BYTES

    @property
    def room_bytes(self) -> int:
        """Bytes by which it may grow."""
        return self.size_max - self.size

    def pread(self, length: int, offset: int, /) -> bytes:
        """Read up to ``length`` bytes at ``offset``."""
        self._check(offset, length)
        stop = min(offset + length, self.size)
        page, inside = divmod(offset, _PAGE_BYTES)
        if inside + length <= _PAGE_BYTES and offset + length <= self.size:
            return bytes(self._pages.get(page, _ZEROES)[inside : inside + length])
        return b"".join(
            self._pages.get(page, _ZEROES)[first:after]
            for page, first, after in _cut(offset, max(stop, offset))
        )

    def preadv(self, buffers: Sequence[WriteableBuffer], offset: int, flags: int = 0, /) -> int:
        """Read into ``buffers`` in turn and return the bytes read; ``flags`` mean nothing here."""
        total = 0
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            piece = self.pread(view.nbytes, offset + total)
            view[: len(piece)] = piece
            total += len(piece)
        return total

    def pwrite(self, buffer: ReadableBuffer, offset: int, /) -> int:
        """Write ``buffer`` at ``offset`` and return its length."""
        view = memoryview(buffer).cast("B")
        self._check(offset, view.nbytes)
        if offset + view.nbytes > self.size:
            raise OSError(errno.EINVAL, f"a write at byte {offset} ends behind {self.size}")
        done = 0
        for number, first, after in _cut(offset, offset + view.nbytes):
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = bytearray(_PAGE_BYTES)
            page[first:after] = view[done : done + after - first]
            done += after - first
        return done

    def pwritev(self, buffers: Sequence[ReadableBuffer], offset: int, flags: int = 0, /) -> int:
        """Write ``buffers`` one after the other and return their length."""
        total = 0
        for buffer in buffers:
            total += self.pwrite(buffer, offset + total)
        return total

    def pwritev_durable(self, buffers: Sequence[ReadableBuffer], offset: int, /) -> int:
        """Write all of ``buffers``."""
        if self.direct:
            lengths = [memoryview(buffer).nbytes for buffer in buffers]
            if any(number % DIRECT_ALIGNMENT_BYTES for number in [offset, *lengths]):
                raise OSError(errno.EINVAL, f"a direct write at byte {offset} is off its alignment")
        return self.pwritev(buffers, offset)

    def sync(self) -> None:
        """Do nothing: memory is as durable as it ever will be."""

    def allocate(self, offset: int, length: int, /) -> None:
        """Grow the device to hold the range."""
        if offset + length > self.size_max:
            raise AreaFullError(
                f"{self.path} cannot grow beyond {format_bytes(self.size_max)}; "
                "purge copies that are no longer needed"
            )
        self.size = max(self.size, offset + length)

    def punch(self, offset: int, length: int, /) -> None:
        """Make the part of a range within the device read as zeroes; whole pages are given up."""
        self._check(offset, length)
        for number, first, after in _cut(offset, min(offset + length, self.size)):
            if after - first == _PAGE_BYTES:
                self._pages.pop(number, None)
            elif number in self._pages:
                self._pages[number][first:after] = bytes(after - first)

    def discard(self, offset: int, length: int, /) -> bool:
        """Give up the pages of a range."""
        self.punch(offset, length)
        return True

    def clone(self, source: Device, start: int, length: int, offset: int, /) -> bool:
        """Copy a range of another device in memory, whose pages have nothing to share."""
        if not isinstance(source, MemoryDevice):
            return False
        self.pwrite(source.pread(length, start), offset)
        return True

    def hold_room(self, length: int, count: int, /) -> bool:
        """Do nothing: a clone has pages of its own from the start."""
        del length, count
        return True

    def release_room(self) -> bool:
        """Do nothing: there is none."""
        return False

    def zero(self, offset: int, length: int, /) -> None:
        """Make the part of a range within the device read as zeroes."""
        self.punch(offset, length)

    def resize(self, length: int, /) -> None:
        """Cut the device, or grow it with a hole, to ``length`` bytes."""
        if length > self.size:
            self.allocate(self.size, length - self.size)
            return
        last, inside = divmod(length, _PAGE_BYTES)
        if inside and last in self._pages:
            self._pages[last][inside:] = bytes(_PAGE_BYTES - inside)
        for number in [number for number in self._pages if number * _PAGE_BYTES >= length]:
            del self._pages[number]
        self.size = length

    def data_extents(self, start: int, stop: int, /) -> Iterator[Extent]:
        """Yield the ranges within ``[start, stop)`` that have pages."""
        stop = min(stop, self.size)
        held = sorted(
            n for n in self._pages if start < (n + 1) * _PAGE_BYTES and n * _PAGE_BYTES < stop
        )
        for _, run in groupby(enumerate(held), lambda pair: pair[1] - pair[0]):
            numbers = [number for _, number in run]
            first = max(start, numbers[0] * _PAGE_BYTES)
            yield Extent(first, min(stop, (numbers[-1] + 1) * _PAGE_BYTES) - first)

    def advise_willneed(self, offset: int, length: int, /) -> None:
        """Do nothing: all of it is at hand."""

    def close(self) -> None:
        """Do nothing: the content lives as long as the object."""

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0:
            raise OSError(errno.EINVAL, f"no such range: {length} bytes at {offset}")


def _cut(start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield (page number, first byte in it, byte after the last) for each page of a range."""
    while start < stop:
        number, inside = divmod(start, _PAGE_BYTES)
        after = min(_PAGE_BYTES, inside + stop - start)
        yield number, inside, after
        start += after - inside
