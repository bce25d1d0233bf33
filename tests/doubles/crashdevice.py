# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A device that knows what a loss of power can take from it, and the switch several share.

What the contract promises (``core.device.base``, D2 and D3) is all that counts here. A durable
write is durable once it has returned, and unsynced when the power goes during it. It takes the
changes of size before it along, as a journalling file system does, and nothing else.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from core.units import SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from _typeshed import ReadableBuffer, WriteableBuffer

    from core.device.base import Device
    from core.device.memory import MemoryDevice
    from core.extent import Extent


class PowerCut(BaseException):
    """The power is gone. No ``Exception``, so that no error handling can carry on without it."""


class Step(NamedTuple):
    """One operation that changes a device or makes it durable.

    Attributes:
        device: Its ``path``.
        operation: Name of its method.
        offset: First byte; the new size for ``resize``; 0 for ``sync``.
        length: Bytes; 0 for ``resize`` and ``sync``.
    """

    device: str
    operation: str
    offset: int
    length: int


@dataclass(eq=False)
class Unsynced:
    """One operation that is not durable: new content, or a new size.

    Attributes:
        device: The device it went to.
        start: First byte, on a sector's edge.
        content: New bytes; empty for a change of size.
        size: The new size; None for new content.
        settled: Parts that count no more, because something durable took their place.
    """

    device: CrashDevice
    start: int = 0
    content: bytes = b""
    size: int | None = None
    settled: set[int] = field(default_factory=set)

    @property
    def parts(self) -> list[int]:
        """Numbers of what may survive or not: sectors counted from ``start``; 0 for a size."""
        count = 1 if self.size is not None else -(-len(self.content) // SECTOR_BYTES)
        return [number for number in range(count) if number not in self.settled]

    def settle(self, start: int, stop: int | None = None) -> None:
        """Let none of the content within ``[start, stop)`` survive any more."""
        if self.size is None:
            after = self.start + len(self.content)
            first = max(0, start - self.start) // SECTOR_BYTES
            last = -(-(min(after, after if stop is None else stop) - self.start) // SECTOR_BYTES)
            self.settled.update(range(first, last))

    def apply(self, target: MemoryDevice, parts: Iterable[int]) -> None:
        """Put ``parts`` of it on ``target``, which grows when they lie off its end."""
        for number in parts:
            if self.size is not None:
                target.resize(self.size)
                continue
            piece = self.content[number * SECTOR_BYTES : (number + 1) * SECTOR_BYTES]
            offset = self.start + number * SECTOR_BYTES
            if offset + len(piece) > target.size:
                target.resize(offset + len(piece))
            target.pwrite(piece, offset)


class Power:
    """The switch and the log that the devices of one machine share.

    Attributes:
        log: Every step so far.
        unsynced: What is not durable, oldest first.
        is_off: The power is gone.
        watcher: Called during each step, before its effect is durable; or None.
    """

    def __init__(self) -> None:
        """Switch the power on."""
        self.log: list[Step] = []
        self.unsynced: list[Unsynced] = []
        self.is_off = False
        self.watcher: Callable[[], None] | None = None
        self._lock = threading.RLock()
        self._steps_left = 0

    @contextlib.contextmanager
    def on(self) -> Iterator[None]:
        """Keep everyone else off the disk, or raise ``PowerCut``."""
        with self._lock:
            if self.is_off:
                raise PowerCut
            yield

    def stop_after(self, steps: int) -> None:
        """Cut the power during the ``steps``-th step from now."""
        if steps < 1:
            raise ValueError(f"the power cannot go at step {steps}")
        self._steps_left = steps

    def count(self, step: Step) -> None:
        """Log ``step``, whose effect is unsynced so far, and cut the power if it is the one."""
        self.log.append(step)
        if self.watcher is not None:
            self.watcher()
        self._steps_left -= 1
        if self._steps_left == 0:
            self.is_off = True
            raise PowerCut


class CrashDevice:
    """Keeps the contract of ``core.device.base.Device``, and all that is not durable beside it.

    Attributes:
        path: Name to show to people.
        durable: What no loss of power can take.
    """

    def __init__(self, power: Power, path: str, content: MemoryDevice) -> None:
        """Start with durable ``content``."""
        self.path = path
        self.durable = content
        self._power = power
        self._now = content.copy()

    @property
    def size(self) -> int:
        """Bytes now."""
        return self._now.size

    @property
    def direct(self) -> bool:
        """Whether durable writes must be aligned."""
        return self._now.direct

    @property
    def stored_bytes(self) -> int:
        """Bytes that the device takes."""
        return self._now.stored_bytes

    @property
    def room_bytes(self) -> int:
        """Bytes by which it may grow."""
        return self._now.room_bytes

    def pread(self, length: int, offset: int, /) -> bytes:
        with self._power.on():
            return self._now.pread(length, offset)

    def preadv(self, buffers: Sequence[WriteableBuffer], offset: int, flags: int = 0, /) -> int:
        with self._power.on():
            return self._now.preadv(buffers, offset, flags)

    def pwrite(self, buffer: ReadableBuffer, offset: int, /) -> int:
        with self._power.on():
            length = self._now.pwrite(buffer, offset)
            self._note_content("pwrite", offset, length)
            return length

    def pwritev(self, buffers: Sequence[ReadableBuffer], offset: int, flags: int = 0, /) -> int:
        with self._power.on():
            length = self._now.pwritev(buffers, offset, flags)
            self._note_content("pwritev", offset, length)
            return length

    def pwritev_durable(self, buffers: Sequence[ReadableBuffer], offset: int, /) -> int:
        with self._power.on():
            length = self._now.pwritev_durable(buffers, offset)
            self._note_content("pwritev_durable", offset, length)
            if length:
                self._settle_sizes()
                self._settle_content(self._power.unsynced.pop())
            return length

    def sync(self) -> None:
        with self._power.on():
            self._power.count(Step(self.path, "sync", 0, 0))
            for operation in self._mine():
                operation.apply(self.durable, operation.parts)
                self._power.unsynced.remove(operation)

    def allocate(self, offset: int, length: int, /) -> None:
        with self._power.on():
            before = self.size
            self._now.allocate(offset, length)
            self._note_size(before, Step(self.path, "allocate", offset, length))

    def resize(self, length: int, /) -> None:
        with self._power.on():
            before = self.size
            self._now.resize(length)
            self._note_size(before, Step(self.path, "resize", length, 0))

    def punch(self, offset: int, length: int, /) -> None:
        with self._power.on():
            self._now.punch(offset, length)
            self._note_content("punch", offset, length)

    def discard(self, offset: int, length: int, /) -> bool:
        with self._power.on():
            self._now.discard(offset, length)
            self._note_content("discard", offset, length)
            return True

    def clone(self, source: Device, start: int, length: int, offset: int, /) -> bool:
        """Copy what ``source`` holds now; until the next sync it may be lost, sector by sector."""
        if not isinstance(source, CrashDevice):
            return False
        with self._power.on():
            self._now.clone(source._now, start, length, offset)
            self._note_content("clone", offset, length)
            return True

    def hold_room(self, length: int, count: int, /) -> bool:
        return self._now.hold_room(length, count)

    def release_room(self) -> bool:
        return self._now.release_room()

    def zero(self, offset: int, length: int, /) -> None:
        with self._power.on():
            self._now.zero(offset, length)
            self._note_content("zero", offset, length)

    def data_extents(self, start: int, stop: int, /) -> Iterator[Extent]:
        with self._power.on():
            return iter(list(self._now.data_extents(start, stop)))

    def advise_willneed(self, offset: int, length: int, /) -> None:
        """Advice is no step."""

    def close(self) -> None:
        """Closing is no step, and works without power: it makes nothing durable."""

    def _mine(self) -> list[Unsynced]:
        return [operation for operation in self._power.unsynced if operation.device is self]

    def _note_content(self, operation: str, offset: int, length: int) -> None:
        """Keep the whole sectors of a range, as they are now, as unsynced."""
        start = offset - offset % SECTOR_BYTES
        stop = min(offset + length + -(offset + length) % SECTOR_BYTES, self.size)
        if length and start < stop:
            content = self._now.pread(stop - start, start)
            self._power.unsynced.append(Unsynced(self, start, content))
        self._power.count(Step(self.path, operation, offset, length))

    def _note_size(self, before: int, step: Step) -> None:
        if self.size != before:
            self._power.unsynced.append(Unsynced(self, size=self.size))
        self._power.count(step)

    def _settle_sizes(self) -> None:
        mine = self._mine()
        for number, operation in enumerate(mine):
            if operation.size is not None:
                self.durable.resize(operation.size)
                for earlier in mine[:number]:
                    earlier.settle(operation.size)
                self._power.unsynced.remove(operation)

    def _settle_content(self, written: Unsynced) -> None:
        written.apply(self.durable, written.parts)
        for earlier in self._mine():
            earlier.settle(written.start, written.start + len(written.content))
