# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Lets time run through the demonstration: play, pause, speed. Knows no Qt and no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gui.demo.controller import DemoController

SPEEDS: Final = (0.5, 1.0, 2.0, 4.0)
TELLING: Final = 0.75
"""Share of a step's time in which its sentences light up, one after the other."""


class Player:
    """Moves a controller on as time passes."""

    def __init__(self, controller: DemoController) -> None:
        """Begin paused, at normal speed."""
        self.controller = controller
        self.is_playing = False
        self.speed = 1.0
        self._elapsed_s = 0.0

    @property
    def fraction(self) -> float:
        """How much of the present step's time has passed, 0 to 1."""
        return min(1.0, self._elapsed_s / self.controller.seconds)

    @property
    def phase(self) -> float:
        """How many sentences of the step are told, with the part of the one being told."""
        count = len(self.controller.sentences)
        return min(float(count), self.fraction / TELLING * count)

    @property
    def lit(self) -> int:
        """Which sentence of the step is lit."""
        return max(0, min(len(self.controller.sentences) - 1, int(self.phase)))

    @property
    def is_at_end(self) -> bool:
        """Whether the last picture is shown."""
        return self.controller.position == self.controller.length - 1

    def play(self) -> None:
        """Run; from the end, begin again."""
        if self.is_at_end and self.fraction >= 1.0:
            self.rewind()
        self.is_playing = True

    def pause(self) -> None:
        """Stand still."""
        self.is_playing = False

    def step(self) -> bool:
        """Pause and do the next step."""
        self.pause()
        return self._show(moved=self.controller.forward())

    def back(self) -> bool:
        """Pause and undo the last step."""
        self.pause()
        return self._show(moved=self.controller.back())

    def go(self, position: int) -> None:
        """Pause at a picture."""
        self.pause()
        self.controller.go(position)
        self._show(moved=True)

    def rewind(self) -> None:
        """Go back to the very beginning, and stand still."""
        self.pause()
        self.controller.go(0)
        self._elapsed_s = 0.0

    def _show(self, *, moved: bool) -> bool:
        """Show a step reached by hand with all it has to tell."""
        if moved:
            self._elapsed_s = self.controller.seconds
        return moved

    def tick(self, passed_s: float) -> bool:
        """Let ``passed_s`` seconds pass.

        Returns:
            Whether another step is shown.
        """
        if not self.is_playing:
            return False
        self._elapsed_s += passed_s * self.speed
        if self._elapsed_s < self.controller.seconds:
            return False
        if not self.controller.forward():
            self.pause()
            return False
        self._elapsed_s = 0.0
        return True
