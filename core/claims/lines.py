# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The lines of a scenario's table: an act, and the state that must be seen after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from core.claims.portions import LETTERS


@dataclass(frozen=True)
class Copy:
    """A copy's table: ``pointers`` as ``3->a0 4->a2``, ``pairs`` as ``[0-2] [4-7]``."""

    pointers: str
    pairs: str
    reads: str


@dataclass(frozen=True)
class Step:
    """One act and everything that must be seen after it.

    Attributes:
        copies: By name; with the original, if that has a table of its own.
        area: Slots that pointers name: ``a0:D/o`` in the additional area, ``k0:D/o`` in the image.
        places: Where in the image each portion lies, extents separated by bars.
    """

    act: str
    initial: str
    area: str = ""
    copies: dict[str, Copy] = field(default_factory=dict)
    copied: int = 0
    hidden: str = ""
    places: str = "0 1 2 3 4 5 6 7"


@dataclass(frozen=True)
class Scenario:
    """A list of steps from a fresh volume on."""

    name: str
    steps: tuple[Step, ...]


WHOLE: Final = Copy("", "[0-7]", LETTERS)
