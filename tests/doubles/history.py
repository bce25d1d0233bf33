# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume with a past, made of chance, and a full copy of every view beside it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.session import VolumeSession

ORIGINAL = "original"


class History:
    """Acts at random on a volume and on plain bytes alike.

    Attributes:
        views: Name -> content.
        clones: Names of the copies that can be written to.
    """

    def __init__(self, volume: VolumeSession, seed: int) -> None:
        self.volume = volume
        self.rng = random.Random(seed)
        self.size = volume.info().size
        self.views = {ORIGINAL: bytearray(volume.read(0, self.size))}
        self.clones: list[str] = []
        self._count = 0

    def write_some(self, acts: int, view: str = ORIGINAL) -> None:
        """Write, write zeroes and discard, here and there."""
        rng = self.rng
        for _ in range(acts):
            start = rng.randrange(self.size // 512) * 512
            length = min(512 * rng.choice((1, 1, 3, 8, 8, 40, 200)), self.size - start)
            act = rng.random()
            payload = bytes(length) if act < 0.3 else rng.randbytes(length)
            if act < 0.2:
                self.volume.trim(start, length, view)
            else:
                self.volume.write(start, payload, view)
            self.views[view][start : start + length] = payload

    def snapshot(self, of: str = ORIGINAL) -> str:
        """Take a snapshot; return its name."""
        return self._take("snapshot", of)

    def clone(self, of: str = ORIGINAL) -> str:
        """Take a clone; return its name."""
        name = self._take("clone", of)
        self.clones.append(name)
        return name

    def purge(self, name: str) -> None:
        """Remove a copy for good."""
        self.volume.delete([name], now=True)
        del self.views[name]
        if name in self.clones:
            self.clones.remove(name)

    def live(self, acts: int) -> None:
        """Do anything, many times."""
        for _ in range(acts):
            copies = [name for name in self.views if name != ORIGINAL]
            act = self.rng.random()
            if act < 0.5 or not copies:
                self.write_some(3, self.rng.choice([ORIGINAL, *self.clones]))
            elif act < 0.7:
                self.snapshot(self.rng.choice([ORIGINAL, ORIGINAL, *copies]))
            elif act < 0.85:
                self.clone(self.rng.choice([ORIGINAL, *copies]))
            elif act < 0.95:
                self.purge(self.rng.choice(copies))
            else:
                self.volume.flush()
            if not copies:
                self.snapshot()

    def _take(self, kind: str, of: str) -> str:
        self._count += 1
        name = f"{kind}-{self._count}"
        getattr(self.volume, kind)(name, of)
        self.views[name] = bytearray(self.views[of])
        return name
