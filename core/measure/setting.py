# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where a measurement takes place, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.units import MIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.measure.rows import Tell

_IMAGE_BYTES_MIN: Final = 16 * MIB


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes:
        share: Of the counts and sizes that a topic names.
        rounds: Of every topic; 0 = as many as the topic has of its own.
        takes: How often a copy is taken, which is quickly done.
        copies: How many are many.
        is_whole: Also what only a change of the engine needs to know.
        is_quick: On smaller images than figures should come from.
    """

    share: float
    rounds: int
    takes: int
    copies: int
    is_whole: bool = False
    is_quick: bool = False

    def count(self, whole: int) -> int:
        """Return how many of ``whole`` requests to make."""
        return max(min(whole, 32), round(whole * self.share))

    def size_bytes(self, whole: int) -> int:
        """Return how long an image to make in place of one of ``whole`` bytes."""
        return max(_IMAGE_BYTES_MIN, round(whole * self.share / MIB) * MIB)

    def rounds_of(self, own: int) -> int:
        """Return how many rounds to make of a topic that has ``own``."""
        return self.rounds or own


WHOLE: Final = Scale(share=1.0, rounds=0, takes=25, copies=1000, is_whole=True)
SHORT: Final = Scale(share=0.5, rounds=3, takes=25, copies=1000)
QUICK: Final = Scale(share=1 / 16, rounds=2, takes=5, copies=100, is_quick=True)


def tell_nobody(_text: str) -> None:
    """Take what is told, and do nothing with it."""


@dataclass(frozen=True)
class Setting:
    """What a topic needs to be measured.

    Attributes:
        folder: Where images are made; on the disk in question.
        tell: Is told what is being measured now.
        note: Is told, in a sentence, what a reader of the figures has to know.
    """

    folder: Path
    scale: Scale
    tell: Tell = tell_nobody
    note: Callable[[str], None] = tell_nobody
