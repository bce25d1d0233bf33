# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The writes and syncs of the engine without the engine, one after the other.

First writes that survive a loss of power cost more bytes than plain ones: the original at its
permanent place, the new data in the ring, and the new data in place. This does just these, in the
engine's order and sizes and through the same calls, but remembers nothing. Beside it one sees how
much of a ratio is the disk's, and how much the engine's. It is no bound: the engine writes groups
while its caller goes on.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

from core.format.layout import BLOCK_BYTES, geometry_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Floor:
    """A file that is written to and flushed as the engine does it."""

    def __init__(self, image: Path, area: Path, write_bytes: int) -> None:
        """Open ``image``, and make a file for ring and log at ``area``."""
        self.file = os.open(image, os.O_RDWR)
        os.posix_fadvise(self.file, 0, 0, os.POSIX_FADV_RANDOM)
        self._area = os.open(area, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_DIRECT, 0o600)
        self._geometry = geometry_for(os.fstat(self.file).st_size, BLOCK_BYTES)
        self._write_bytes = write_bytes
        self._originals = memoryview(mmap.mmap(-1, self._geometry.group_payload_bytes_max))
        self._new = memoryview(mmap.mmap(-1, self._geometry.group_payload_bytes_max))
        self._head = memoryview(mmap.mmap(-1, BLOCK_BYTES))
        self._prepare_ring()
        self._log_offset = self._allocated = self._geometry.ring_bytes
        self._ring_offset = self._used = self._flushed = 0
        self._waiting: list[int] = []

    def write(self, offset: int, payload: bytes) -> None:
        """Read the original, keep both; a full group goes to its permanent place."""
        if self._used == len(self._originals):
            self._put_group()
        stop = self._used + self._write_bytes
        os.preadv(self.file, [self._originals[self._used : stop]], offset)
        self._new[self._used : stop] = payload
        self._waiting.append(offset)
        self._used = stop

    def flush(self) -> None:
        """Write what is new since the last flush to the ring; sync the image if that is full."""
        new = self._new[self._flushed : self._used]
        if self._ring_offset + BLOCK_BYTES + len(new) > self._geometry.ring_bytes:
            self.checkpoint()
            return
        os.pwritev(self._area, [self._head, new], self._ring_offset, os.RWF_DSYNC)
        self._ring_offset += BLOCK_BYTES + len(new)
        self._flushed = self._used
        if self._used == len(self._originals):
            self._put_group()

    def checkpoint(self) -> None:
        """Put everything in place, durably."""
        self._put_group()
        os.fdatasync(self.file)
        self._ring_offset = 0

    def close(self) -> None:
        """Close both files."""
        os.close(self.file)
        os.close(self._area)

    def _put_group(self) -> None:
        length = BLOCK_BYTES + self._used
        if self._log_offset + length > self._allocated:
            os.posix_fallocate(self._area, self._allocated, self._geometry.segment_bytes)
            self._allocated += self._geometry.segment_bytes
        buffers = [self._head, self._originals[: self._used]]
        os.pwritev(self._area, buffers, self._log_offset, os.RWF_DSYNC)
        self._log_offset += length
        size = self._write_bytes
        for number, offset in enumerate(self._waiting):
            os.pwrite(self.file, self._new[number * size : (number + 1) * size], offset)
        self._waiting.clear()
        self._used = self._flushed = 0

    def _prepare_ring(self) -> None:
        zeroes: Sequence[memoryview] = [memoryview(mmap.mmap(-1, self._geometry.ring_bytes))]
        os.pwritev(self._area, zeroes, 0, os.RWF_DSYNC)
