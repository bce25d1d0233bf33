# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""New data of the original that waits in memory until what it overwrites is durable.

Whole grains only: a write of part of a grain brings the rest along. Writing a grain again while it
waits changes its slot, unless the ring has the slot already: then it gets another, which counts
from then on, so that the ring is given what is new since the last flush and nothing twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.device.base import write_all
from core.format.group import RECORD, RECORD_WRITE
from core.format.layout import block_ceil
from core.journal.arena import arena

if TYPE_CHECKING:
    from core.device.base import Device
    from core.format.block import Readable


class Overlay:
    """Grains waiting to be written in place.

    Attributes:
        slots: Grain number -> byte position in the buffer.
        used_bytes: Buffer in use.
        flushed_bytes: How much of it the ring has a durable copy of; whole blocks.
    """

    def __init__(self, bytes_max: int, grain_bytes: int, size_bytes: int) -> None:
        """Make a buffer for ``bytes_max`` bytes of a volume of ``size_bytes``."""
        self._grain_bytes = grain_bytes
        self._size_bytes = size_bytes
        self._buffer = arena(block_ceil(bytes_max))
        self._view = memoryview(self._buffer)
        self.bytes_max = bytes_max
        self.used_bytes = 0
        self.flushed_bytes = 0
        self._flushed_runs = 0
        self.slots: dict[int, int] = {}
        self._runs: list[tuple[int, int, int]] = []

    def use_size(self, size_bytes: int) -> None:
        """Be of a volume of another size from now on; nothing waits."""
        self._size_bytes = size_bytes

    def has_room(self, length: int) -> bool:
        """Return whether ``length`` more bytes fit."""
        return self.used_bytes + length <= self.bytes_max

    def holds_any(self, first: int, stop: int) -> bool:
        """Return whether any grain of ``[first, stop)`` waits."""
        slots = self.slots
        if not slots:
            return False
        if stop - first == 1:
            return first in slots
        if stop - first > len(slots):
            return any(first <= grain < stop for grain in slots)
        return not slots.keys().isdisjoint(range(first, stop))

    def holds_all(self, start: int, length: int) -> bool:
        """Return whether all of a range of the volume waits, in bytes."""
        grain = self._grain_bytes
        slots = self.slots
        return all(at in slots for at in range(start // grain, -(-(start + length) // grain)))

    def put(self, first: int, stop: int, payload: Readable) -> None:
        """Take whole grains ``[first, stop)``; the volume's last grain may be shorter."""
        size, slots = self._grain_bytes, self.slots
        if not self.holds_any(first, stop):
            self._append(first, stop, payload)
            return
        source = memoryview(payload)
        for grain in range(first, stop):
            piece = source[(grain - first) * size : (grain - first + 1) * size]
            slot = slots.get(grain)
            if slot is None or slot < self.flushed_bytes:
                self._append(grain, grain + 1, piece)
            else:
                self._view[slot : slot + len(piece)] = piece

    def put_grain(self, grain: int, payload: Readable) -> None:
        """Take one whole grain, which is not the volume's last if that is shorter."""
        slot = self.slots.get(grain)
        if slot is None or slot < self.flushed_bytes:
            self.slots[grain] = slot = self.used_bytes
            self._runs.append((grain, 1, slot))
            self.used_bytes = slot + self._grain_bytes
        self._view[slot : slot + len(payload)] = payload

    def _append(self, first: int, stop: int, payload: Readable) -> None:
        slot, size = self.used_bytes, self._grain_bytes
        self._view[slot : slot + len(payload)] = payload
        self._runs.append((first, stop - first, slot))
        if stop - first == 1:
            self.slots[first] = slot
        else:
            self.slots.update(
                zip(
                    range(first, stop), range(slot, slot + (stop - first) * size, size), strict=True
                )
            )
        self.used_bytes = slot + (stop - first) * size

    def patch(self, offset: int, target: memoryview) -> None:
        """Overwrite ``target``, just read from the initial area at ``offset``, with what waits."""
        slots, size = self.slots, self._grain_bytes
        first, stop = offset // size, -(-(offset + len(target)) // size)
        grains = range(first, stop)
        if stop - first > len(slots):
            grains_waiting = [grain for grain in slots if first <= grain < stop]
        else:
            grains_waiting = [grain for grain in grains if grain in slots]
        for grain in grains_waiting:
            at = grain * size - offset
            low, high = max(at, 0), min(at + size, len(target))
            slot = slots[grain] - at
            target[low:high] = self._view[slot + low : slot + high]

    def drain(self, image: Device) -> None:
        """Write everything in place and forget it."""
        self.write_out(image)
        self.clear()

    def write_out(self, image: Device) -> None:
        """Write everything in place, and keep it for readers.

        Raises:
            OSError: The image did not take all of it.
        """
        view, size, end, pwrite = self._view, self._grain_bytes, self._size_bytes, image.pwrite
        for first, count, slot in self._runs:
            start, length = first * size, count * size
            if start + length > end:
                length = end - start
            if pwrite(view[slot : slot + length], start) != length:
                write_all(image, view[slot : slot + length], start)

    def clear(self) -> None:
        """Forget everything."""
        self._runs.clear()
        self.slots.clear()
        self.used_bytes = self.flushed_bytes = self._flushed_runs = 0

    @property
    def has_unflushed(self) -> bool:
        """Whether anything waits that the ring does not have."""
        return self.used_bytes > self.flushed_bytes

    def unflushed(self) -> memoryview:
        """Return what the ring does not have, in whole blocks."""
        return self._view[self.flushed_bytes : block_ceil(self.used_bytes)]

    def unflushed_records(self) -> bytes:
        """Return a ring record for each run of ``unflushed``; ``offset`` counts from its start."""
        size, end, base = self._grain_bytes, self._size_bytes, self.flushed_bytes
        return b"".join(
            RECORD.pack(
                first * size, min(count * size, end - first * size), slot - base, 0, 0, RECORD_WRITE
            )
            for first, count, slot in self._runs[self._flushed_runs :]
        )

    def mark_flushed(self) -> None:
        """Remember that the ring now has everything that waits."""
        self.flushed_bytes = self.used_bytes = block_ceil(self.used_bytes)
        self._flushed_runs = len(self._runs)
