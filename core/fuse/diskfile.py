# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view of a volume as a file of fixed size that takes any range, from any thread.

A volume takes whole sectors, the page cache writes any bytes. What does not begin and end at a
sector is read, changed and written again under a lock of its own, so that two such writes to one
sector both count. Against whole sectors it needs none: the kernel never sends two writes to one
sector of a file at the same time.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from core.errors import NoSuchCopyError, ReadOnlyError
from core.session import ORIGINAL
from core.units import MIB, SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.answers import Ranges
    from core.format.block import Readable
    from core.session import VolumeSession

_INSIDE_SECTOR: Final = SECTOR_BYTES - 1
ZEROES: Final = bytes(MIB)


class DiskFile:
    """One view of an open volume.

    Attributes:
        size_bytes: Of the view; it never changes while the file is there.
        read_only: Whether every change is refused.
        is_fixed: Whether nobody can change the view, by whichever way.
        changed_ns: When it was last written to, since 1970.
    """

    def __init__(self, volume: VolumeSession, copy: str, *, read_only: bool = False) -> None:
        """Show ``copy`` of ``volume``, which must keep its name as long.

        Raises:
            NoSuchCopyError: There is none of this name, or it is deleted.
        """
        told = volume.info()
        kinds = {one.name: one.kind for one in told.copies}
        if copy != ORIGINAL and copy not in kinds:
            raise NoSuchCopyError.named(copy)
        if any(one.deleted for one in told.copies if one.name == copy):
            raise NoSuchCopyError(f"The copy {copy!r} is deleted; undelete it first.")
        self.size_bytes = told.size_of(copy)
        self.is_fixed = kinds.get(copy) == "snapshot"
        self.read_only = read_only or told.read_only or self.is_fixed
        self.changed_ns = time.time_ns()
        self._volume = volume
        self._copy = copy
        self._partial = threading.Lock()
        self._allocation: tuple[int, Ranges] | None = None

    def read(self, offset: int, length: int) -> Readable:
        """Return ``length`` bytes at ``offset``, fewer at the end of the file."""
        length = min(length, self.size_bytes - offset)
        if length <= 0:
            return b""
        if not (offset | length) & _INSIDE_SECTOR:
            return self._volume.read(offset, length, self._copy)
        low = offset & ~_INSIDE_SECTOR
        high = -(-(offset + length) // SECTOR_BYTES) * SECTOR_BYTES
        whole = self._volume.read(low, high - low, self._copy)
        return memoryview(whole)[offset - low : offset - low + length]

    def write(self, offset: int, payload: memoryview) -> None:
        """Write bytes that lie within the file; ``payload`` may be used again afterwards."""
        self.check_writable()
        if (offset | len(payload)) & _INSIDE_SECTOR:
            self._write_partial(offset, payload)
        else:
            self._volume.write(offset, payload, self._copy)  # type: ignore[arg-type]
        self.changed_ns = time.time_ns()

    def _write_partial(self, offset: int, payload: memoryview) -> None:
        """Write the sectors that ``payload`` covers in part, the rest of them as it was."""
        with self._partial:
            low = offset & ~_INSIDE_SECTOR
            high = -(-(offset + len(payload)) // SECTOR_BYTES) * SECTOR_BYTES
            whole = bytearray(self._volume.read(low, high - low, self._copy))
            whole[offset - low : offset - low + len(payload)] = payload
            self._volume.write(low, whole, self._copy)  # type: ignore[arg-type]

    def flush(self) -> None:
        """Make every write so far durable."""
        if not self.read_only:
            self._volume.flush()

    def discard(self, offset: int, length: int) -> None:
        """Make a range read as zeroes, and its space free where that is possible."""
        self.check_writable()
        low, high = -(-offset // SECTOR_BYTES) * SECTOR_BYTES, offset + length & ~_INSIDE_SECTOR
        if low < high:
            self._volume.trim(low, high - low, self._copy)
            self._zero(offset, low)
            self._zero(high, offset + length)
        else:
            self._zero(offset, offset + length)
        self.changed_ns = time.time_ns()

    def zero(self, offset: int, length: int) -> None:
        """Make a range read as zeroes and keep the space it has; holes stay holes."""
        self.check_writable()
        for start, stop in self._data_within(offset, offset + length):
            self._zero(start, stop)
        self.changed_ns = time.time_ns()

    def _zero(self, start: int, stop: int) -> None:
        for at in range(start, stop, len(ZEROES)):
            self.write(at, memoryview(ZEROES)[: min(len(ZEROES), stop - at)])

    def data_from(self, offset: int) -> int | None:
        """Return the first byte at or after ``offset`` that may be other than zero; None if none.

        ``offset`` lies within the file.
        """
        ranges = self._ranges()
        after = int(np.searchsorted(ranges.starts, offset, side="right"))
        if after and offset < int(ranges.starts[after - 1] + ranges.lengths[after - 1]):
            return offset
        return int(ranges.starts[after]) if after < len(ranges) else None

    def hole_from(self, offset: int) -> int:
        """Return the first byte at or after ``offset`` that is in a hole, or the file's size."""
        ranges = self._ranges()
        after = int(np.searchsorted(ranges.starts, offset, side="right"))
        if not after:
            return offset
        # Ranges are maximal, so what ends is followed by a hole.
        return max(offset, int(ranges.starts[after - 1] + ranges.lengths[after - 1]))

    def _data_within(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield start and end of what may be other than zero between ``start`` and ``stop``."""
        ranges = self._ranges()
        first = int(np.searchsorted(ranges.starts + ranges.lengths, start, side="right"))
        last = int(np.searchsorted(ranges.starts, stop, side="left"))
        for low, length in zip(
            ranges.starts[first:last].tolist(), ranges.lengths[first:last].tolist(), strict=True
        ):
            yield max(low, start), min(low + length, stop)

    def _ranges(self) -> Ranges:
        """Return outside of what the view reads as zeroes, asked again only after writes.

        Who looks for holes asks about each of them, and the answer costs as much as there are.
        """
        written = self._written()  # first: what is written from here on makes the answer old
        if self._allocation is None or self._allocation[0] != written:
            self._allocation = written, self._volume.allocation(self._copy)
        return self._allocation[1]

    def _written(self) -> int:
        """Return a number that rises with every write to the view, whoever makes it."""
        if self.is_fixed:
            return 0
        stats = self._volume.stats()
        return stats.writes + stats.copy_writes

    def check_writable(self) -> None:
        """See to it that the file takes changes.

        Raises:
            ReadOnlyError: It does not.
        """
        if self.read_only:
            raise ReadOnlyError("The file is attached read-only; detach it and attach it to write.")
