# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The last writes, told one at a time: live, or paused and stepped through by hand.

Live, a story is told to its end, one step a ``tick``; only then the newest write is taken. So the
words can be read however many thousand writes a second there are.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np

from core.events import EventKind
from gui.models.story import Verb, read_write

if TYPE_CHECKING:
    import numpy.typing as npt

    from gui.models.story import Write

    Events = npt.NDArray[np.void]

KEPT: Final = 64
TICK_S: Final = 0.6
"""A sentence takes longer to read; five of them in three seconds can be followed."""
LAST_STEP: Final = len(Verb) - 1


class Narrator:
    """A bounded memory of writes, and which step of which one is lit."""

    def __init__(self) -> None:
        """Begin with nothing to tell."""
        self._writes: deque[Events] = deque(maxlen=KEPT)
        self._open: list[Events] = []
        self._told: Events | None = None
        self._read: Write | None = None
        self.lit = 0
        self.is_paused = False

    def clear(self) -> None:
        """Forget all: another volume is shown."""
        self._writes.clear()
        self._open.clear()
        self._tell(None, 0)

    def feed(self, events: Events) -> None:
        """Remember the last writes of a batch; what follows its last write waits for the next.

        They are only read when they are told: of many thousand a second five are.
        """
        ends = np.flatnonzero(np.isin(events["kind"], (EventKind.WRITTEN, EventKind.TRIMMED)))
        if not len(ends):
            self._open = [*self._open, events.copy()][-KEPT:]
            return
        begin = 0 if len(ends) <= KEPT else int(ends[-KEPT - 1]) + 1
        for stop in (ends[-KEPT:] + 1).tolist():
            piece = events[begin:stop]
            if begin == 0 and self._open:
                piece = np.concatenate([*self._open, piece])
            if not self.is_paused:
                self._writes.append(piece)
            begin = stop
        rest = events[begin:]
        self._open = [rest.copy()] if len(rest) else []

    @property
    def write(self) -> Write | None:
        """The write being told."""
        if self._read is None and self._told is not None:
            self._read = read_write(self._told)
        return self._read

    @property
    def place(self) -> tuple[int, int]:
        """Which of the remembered writes is told, from 1, and of how many."""
        return self._index() + 1, len(self._writes)

    def _index(self) -> int:
        for index, write in enumerate(self._writes):
            if write is self._told:
                return index
        return -1

    def tick(self) -> bool:
        """Go on live; call it every ``TICK_S`` seconds.

        Returns:
            Whether there is something new to show.
        """
        if self.is_paused or not self._writes:
            return False
        if self._told is not None and self.lit < LAST_STEP:
            self.lit += 1
            return True
        if self._told is self._writes[-1]:
            return False
        self._tell(self._writes[-1], 0)
        return True

    def _tell(self, write: Events | None, lit: int) -> None:
        self._told, self._read, self.lit = write, None, lit

    def pause(self, *, paused: bool) -> None:
        """Hold the present story, or go on with the newest."""
        self.is_paused = paused

    def light(self, step: int) -> None:
        """Light a step by hand; this pauses."""
        self.is_paused = True
        self.lit = min(max(step, 0), LAST_STEP)

    def go(self, writes: int) -> bool:
        """Pause, and tell the write that is ``writes`` later (earlier if negative).

        Returns:
            Whether there was one.
        """
        self.is_paused = True
        index = self._index() + writes
        if not 0 <= index < len(self._writes):
            return False
        self._tell(self._writes[index], LAST_STEP)
        return True

    def step(self, steps: int) -> bool:
        """Pause, and light the next step (the one before if negative), across writes."""
        self.is_paused = True
        lit = self.lit + steps
        if 0 <= lit <= LAST_STEP:
            self.lit = lit
            return True
        if not self.go(1 if steps > 0 else -1):
            return False
        self.lit = 0 if steps > 0 else LAST_STEP
        return True
