# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The life of a volume that gets longer and shorter, with copies of all sizes."""

from __future__ import annotations

from typing import Final

from tests.crash.life import ACTS, MAPPED, MIXED, TIGHT, Life, Style
from tests.doubles.oracle import SECTOR

SECTORS_MAX: Final = 240
"""What the small buffers of these volumes can take."""
_ACTS: Final = {**ACTS, "resize": 16, "snapshot": 9, "flush": 20, "restore": 14, "move": 8}
RESIZING: Final[Style] = MIXED._replace(acts=_ACTS)
RESIZING_MAPPED: Final[Style] = MAPPED._replace(
    acts={**MAPPED.acts, **_ACTS, "trim": 10, "restore": 36}
)
RESIZING_TIGHT: Final[Style] = TIGHT._replace(acts=_ACTS)


class ResizeLife(Life):
    """A volume on a disk, and its oracle."""

    def _restore(self) -> None:
        """Make the original equal to a copy, whatever its size is."""
        source = self._any(self._oracle.names())
        if source is None or self._oracle.size_of(source) == self._oracle.size:
            super()._restore()
            return
        if len(self._oracle.copies) >= 2 * self._style.copies_max:
            return
        while self._volume._state.restore is not None:
            if not self._move():
                return
        self._oracle.restore(source, self._volume.plan_restore(source).safety)
        self._try_change(lambda: self._volume.restore(source))
        self._expect(self._oracle.differences(self._volume), f"after a restore of {source}")
        self._toll.restored += 1

    def _resize(self) -> None:
        """Make the volume longer, shorter, or as long as a copy is."""
        while self._volume._state.restore is not None:
            if not self._move():
                return
        sizes = [self._oracle.size_of(name) for name in self._oracle.names()]
        step = self._rng.choice((1, 1, 3, 8, 40)) * self._rng.choice((-1, 1))
        sectors = self._oracle.size // SECTOR + step
        sizes.append(min(max(1, sectors), SECTORS_MAX) * SECTOR)
        size = self._rng.choice(sizes)
        if size == self._oracle.size:
            return
        self._oracle.resize(size)
        self._try_change(lambda: self._volume.resize(size, shrinks=True))
        self._expect(self._oracle.differences(self._volume), f"after a resize to {size}")
        self._toll.rearranged += 1
