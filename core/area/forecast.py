# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How much more the additional area can take, and when it will be full if things go on so."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.area.additional import AdditionalArea

WINDOW_S: Final = 60.0
"""The rate is that of so long a time: a burst of a second foretells nothing."""
STEP_S: Final = 1.0
KNOWN_AFTER_S: Final = 2.0


class RateMeter:
    """How fast bytes are placed in the area, over the last minute."""

    def __init__(self) -> None:
        """Begin without knowing anything."""
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, now_s: float, placed_bytes: int) -> None:
        """Take the counter of bytes placed so far; more often than once a second is ignored."""
        samples = self._samples
        if samples and now_s - samples[-1][0] < STEP_S:
            return
        samples.append((now_s, placed_bytes))
        while now_s - samples[0][0] > WINDOW_S:
            samples.popleft()

    @property
    def bytes_per_s(self) -> float | None:
        """The rate; None as long as it is not known."""
        if len(self._samples) < 2:
            return None
        (first_s, first_bytes), (last_s, last_bytes) = self._samples[0], self._samples[-1]
        if last_s - first_s < KNOWN_AFTER_S:
            return None
        return (last_bytes - first_bytes) / (last_s - first_s)


def room_bytes(area: AdditionalArea) -> int:
    """Return how many bytes the area can take beside what is in use, its reserve left out.

    Free bytes with storage count, and what its disk has beyond; a limit bounds both.
    """
    allocator = area.allocator
    storage = allocator.storage
    room = area.device.room_bytes
    if room is None:  # a block device has all the storage it will ever have
        return max(allocator.free_bytes - allocator.reserve, 0)
    if storage.limit_bytes:
        room = min(room, max(storage.limit_bytes - storage.held_bytes, 0))
    return max(allocator.solid_bytes + room - allocator.reserve, 0)


def full_in_s(room: int, bytes_per_s: float | None) -> float | None:
    """Return in how many seconds the area is full; None if nothing speaks for it."""
    return room / bytes_per_s if bytes_per_s else None
