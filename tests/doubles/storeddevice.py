# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A device on a disk that is always full: a write lands only where storage was reserved before.

So a byte that is handed out without storage is found at the first write to it, and what a device
takes on its disk can be told exactly.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from core.device.memory import MemoryDevice

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_PAGE_BYTES: Final = 4096


class StoredDevice(MemoryDevice):
    """A device in memory that tells bytes with storage from holes."""

    def __init__(self, size: int = 0, *, direct: bool = True) -> None:
        """Make a device of ``size`` bytes of which none has storage."""
        super().__init__(size, direct=direct)
        self.stored = set()

    @property
    def stored_bytes(self) -> int:
        return len(self.stored) * _PAGE_BYTES

    def copy(self) -> MemoryDevice:
        other = StoredDevice(self.size, direct=self.direct)
        other._pages = {number: bytearray(page) for number, page in self._pages.items()}
        other.stored = set(self.stored)
        return other

    def pwrite(self, buffer: ReadableBuffer, offset: int, /) -> int:
        length = memoryview(buffer).nbytes
        needed = range(offset // _PAGE_BYTES, -(-(offset + length) // _PAGE_BYTES))
        if length and not self.stored.issuperset(needed):
            raise OSError(errno.ENOSPC, f"no storage was reserved for {length} bytes at {offset}")
        return super().pwrite(buffer, offset)

    def allocate(self, offset: int, length: int, /) -> None:
        super().allocate(offset, length)
        self.stored.update(range(offset // _PAGE_BYTES, -(-(offset + length) // _PAGE_BYTES)))

    def discard(self, offset: int, length: int, /) -> bool:
        super().discard(offset, length)
        first, stop = -(-offset // _PAGE_BYTES), (offset + length) // _PAGE_BYTES
        self.stored.difference_update(range(first, stop))
        return True

    def resize(self, length: int, /) -> None:
        super().resize(length)
        after = -(-length // _PAGE_BYTES)
        self.stored = {number for number in self.stored if number < after}
