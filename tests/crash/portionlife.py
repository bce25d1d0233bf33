# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The life of a volume of portions by a seed: they are written, and written with other sizes.

No sector that is written holds nothing but zeroes here, so the content of a view says how long each
of its portions is, and the oracle's must say the same as the engine does.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from core.area.additional import RESERVE_BYTES
from core.area.places import IMAGE_BYTES_MIN
from core.errors import AreaFullError
from core.format.layout import RING_OFFSET
from core.units import KIB
from core.volume.portions import SLOT_BYTES
from tests.crash.life import ACTS, MIXED, Life, Style, Toll
from tests.doubles.bareengine import new_volume
from tests.doubles.crashdisk import CrashDisk
from tests.doubles.oracle import ORIGINAL, SECTOR, Oracle

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_BYTES = {"trim", "trim_copy", "restore", "move", "promote"}
"""What a volume of portions refuses."""
PORTIONED: Style = MIXED._replace(
    acts={
        **{name: often for name, often in ACTS.items() if name not in _OF_BYTES},
        "resize": 16,
        "compact_initial": 3,
        "full_pointer": 2,
    }
)
SIZES = (1, 1, 2, 2, 4, 8, 20, 128)


class PortionLife(Life):
    """A volume of portions on a disk, and its oracle."""

    @classmethod
    def of_seed(
        cls, seed: int, toll: Toll, *, share: float = 1.0, style: Style = PORTIONED
    ) -> PortionLife:
        """Begin with a fresh volume whose portions the seed decides, all of them written."""
        rng = random.Random(seed)
        sizes = [rng.choice(SIZES) * SECTOR for _ in range(rng.randrange(1, 5))]
        geometry = style.geometry
        needed = RING_OFFSET + geometry.ring_bytes + geometry.segment_bytes + RESERVE_BYTES
        limit = needed + 64 * KIB + rng.randrange(style.area_bytes_spare)
        disk = CrashDisk(bytes(IMAGE_BYTES_MIN), area_bytes_max=limit)
        volume = new_volume(disk.image, disk.area, SECTOR, geometry=geometry, portions=sizes)
        oracle = Oracle(bytes(len(sizes) * SLOT_BYTES))
        life = cls(rng, disk, volume, oracle, toll, share=share, style=style)
        for number, size in enumerate(sizes):
            payload = life._payload(size)
            volume.write_portion(number, payload)
            oracle.original.write(number * SLOT_BYTES, payload)
        life._flush()
        return life

    def run(self, acts: int) -> None:
        super().run(acts)
        self._expect(self._wrong_sizes(), "sizes at the end")

    def _recover(self) -> None:
        super()._recover()
        self._expect(self._wrong_sizes(), "sizes after a loss of power")

    def _payload(self, length: int) -> bytes:
        self._number += 1
        return b"".join(self._sector(at) for at in range(length // SECTOR))

    def _portion(self, name: str) -> tuple[int, int]:
        """Return the number and size of any portion of a view."""
        portion = self._rng.choice(self._volume.portions(name))
        return portion.number, portion.size

    def _write(self, name: str = ORIGINAL) -> None:
        number, size = self._portion(name)
        first = self._rng.randrange(size // SECTOR) if self._rng.random() < 0.5 else 0
        stop = self._rng.randrange(first, size // SECTOR) + 1
        offset = number * SLOT_BYTES + first * SECTOR
        payload = self._payload((stop - first) * SECTOR)
        self._oracle.view(name).write(offset, payload)
        self._try_bytes(name, lambda: self._volume.write(offset, payload, name))

    def _resize(self) -> None:
        number, before = self._portion(ORIGINAL)
        payload = self._payload(self._rng.choice(SIZES) * SECTOR)
        rest = bytes(max(0, before - len(payload)))
        self._oracle.original.write(number * SLOT_BYTES, payload + rest)
        try:
            self._volume.write_portion(number, payload)
        except AreaFullError:
            raise AssertionError("the area has room for all there is") from None
        if len(payload) != before:
            self._oracle.flush()

    def _wrong_sizes(self) -> Iterator[str]:
        for name in (ORIGINAL, *self._oracle.names()):
            content = self._oracle.view(name).now
            for portion in self._volume.portions(name):
                start = portion.number * SLOT_BYTES
                held = content[start : start + SLOT_BYTES].rstrip(b"\0")
                if -(-len(held) // SECTOR) * SECTOR != portion.size:
                    yield f"portion {portion.number} of {name} has {portion.size}"
