# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A disk that loses power: an image and an area, one ordered log, and every way a loss may end.

Of everything that is not durable when the power goes any subset survives, torn at 512-byte sectors:
each sector of each write or punch for itself, each change of size for itself, in the order they
were made. That is more cruel than a real disk, which helps: a sector written twice may hold either
content, and a file may end anywhere between its sizes.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Final

from core.device.memory import MemoryDevice
from core.units import VOLUME_BYTES_MAX
from tests.doubles.crashdevice import CrashDevice, Power, Step, Unsynced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from _typeshed import ReadableBuffer

    # Answers which parts of the n-th unsynced operation survive.
    Chooser = Callable[[int, Unsynced], Iterable[int]]

_TEARS_MAX: Final = 16


class CrashDisk:
    """An image and an additional area behind one power switch.

    Attributes:
        image: The image's device.
        area: The additional area's device.
    """

    def __init__(
        self,
        image: ReadableBuffer,
        area: ReadableBuffer = b"",
        *,
        direct: bool = True,
        area_bytes_max: int = VOLUME_BYTES_MAX,
    ) -> None:
        """Switch the power on over durable content.

        Args:
            image: Content of the image.
            area: Content of the additional area.
            direct: Whether durable writes to the area must be aligned.
            area_bytes_max: Where the area is full.
        """
        held = MemoryDevice.from_bytes(area, direct=direct)
        held.size_max = area_bytes_max
        self._connect(MemoryDevice.from_bytes(image), held)

    def _connect(self, image: MemoryDevice, area: MemoryDevice) -> None:
        self._power = Power()
        self.image = CrashDevice(self._power, "image", image)
        self.area = CrashDevice(self._power, "area", area)

    @classmethod
    def from_bytes(cls, image: ReadableBuffer, area: ReadableBuffer) -> CrashDisk:
        """Switch the power on again over what ``survivors`` returned."""
        return cls(image, area)

    @property
    def log(self) -> Sequence[Step]:
        """Every step so far, on both devices."""
        return self._power.log

    @property
    def unsynced(self) -> Sequence[Unsynced]:
        """What is not durable now, oldest first."""
        return [operation for operation in self._power.unsynced if operation.parts]

    @property
    def is_off(self) -> bool:
        """Whether the power is gone; every call but ``close`` raises ``PowerCut`` then."""
        return self._power.is_off

    def watch(self, watcher: Callable[[], None] | None) -> None:
        """Call ``watcher`` during each step from now, when a cut would come.

        It may ask what a loss at this moment leaves; the step goes on after it.
        """
        self._power.watcher = watcher

    def stop_after(self, steps: int) -> None:
        """Cut the power during the ``steps``-th step from now, the next being 1."""
        self._power.stop_after(steps)

    def cut(self) -> None:
        """Cut the power now, between two steps."""
        self._power.is_off = True

    def survivors(self, chooser: random.Random | Chooser) -> tuple[bytes, bytes]:
        """Return what a loss leaves of image and area; it may be asked many times.

        Args:
            chooser: Answers which parts survive. A ``random.Random`` chooses by one of several
                patterns: each sector by chance, whole operations, or all until a moment.
        """
        image, area = self._survive(chooser)
        return image.pread(image.size, 0), area.pread(area.size, 0)

    def after_loss(self, chooser: random.Random | Chooser) -> CrashDisk:
        """Return the disk that ``survivors`` describes with its power on, and skip the bytes."""
        disk = object.__new__(CrashDisk)
        disk._connect(*self._survive(chooser))
        return disk

    def every_survivor(self, operations_max: int = 10) -> Iterator[tuple[bytes, bytes]]:
        """Yield what a loss may leave, for every subset of whole operations and each one torn.

        Each operation is torn after up to 16 of its sectors, either side surviving, once with all
        others lost and once with all others kept.

        Raises:
            ValueError: There are more unsynced operations than ``operations_max``.
        """
        for choose in self._every_choice(operations_max):
            yield self.survivors(choose)

    def every_loss(self, operations_max: int = 10) -> Iterator[CrashDisk]:
        """Yield the disks that ``every_survivor`` describes, with their power on.

        Raises:
            ValueError: There are more unsynced operations than ``operations_max``.
        """
        for choose in self._every_choice(operations_max):
            yield self.after_loss(choose)

    def _every_choice(self, operations_max: int) -> Iterator[Chooser]:
        count = len(self.unsynced)
        if count > operations_max:
            raise ValueError(f"{count} unsynced operations are too many to try every subset")
        for kept in itertools.product((False, True), repeat=count):
            yield _whole(kept)
        for torn, operation in enumerate(self.unsynced):
            for parts in _tears(operation.parts):
                for others in (False, True):
                    yield _torn(torn, parts, others=others)

    def _survive(self, chooser: random.Random | Chooser) -> tuple[MemoryDevice, MemoryDevice]:
        held = self.unsynced
        choose = _by_chance(chooser, len(held)) if isinstance(chooser, random.Random) else chooser
        left = {device: device.durable.copy() for device in (self.image, self.area)}
        for number, operation in enumerate(held):
            operation.apply(left[operation.device], choose(number, operation))
        return left[self.image], left[self.area]


def _whole(kept: Sequence[bool]) -> Chooser:
    return lambda number, operation: operation.parts if kept[number] else ()


def _torn(torn: int, parts: Sequence[int], *, others: bool) -> Chooser:
    def choose(number: int, operation: Unsynced) -> Sequence[int]:
        if number == torn:
            return parts
        return operation.parts if others else ()

    return choose


def _tears(parts: Sequence[int]) -> Iterator[Sequence[int]]:
    stride = -(-len(parts) // _TEARS_MAX)
    for edge in range(1, len(parts), max(stride, 1)):
        yield parts[:edge]
        yield parts[edge:]


def _by_chance(rng: random.Random, count: int) -> Chooser:
    pattern = rng.choice(("sectors", "sectors", "operations", "moment"))
    if pattern == "operations":
        return _whole([rng.random() < 0.5 for _ in range(count)])
    if pattern == "moment":
        moment = rng.randrange(count + 1)
        return lambda number, operation: (
            operation.parts
            if number < moment
            else rng.sample(operation.parts, len(operation.parts) // 2)
            if number == moment
            else ()
        )
    share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    return lambda _, operation: [part for part in operation.parts if rng.random() < share]
