# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the demonstration does, step by step, and the state that must be found after each.

Eight portions hold the letters A to H. Each scene begins with a fresh volume. The expected states
are the worked scenarios of the mechanism: the tests hold the engine to them, and so does the
window while the demonstration runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.session import ORIGINAL

PORTIONS: Final = 8
PORTION_BYTES: Final = 4096
LETTERS: Final = "ABCDEFGH"
COPY: Final = "monday"


def fill(label: str) -> bytes:
    """Return a portion that holds nothing but ``label``, of one or two characters."""
    return (label.encode() * PORTION_BYTES)[:PORTION_BYTES]


def label_of(portion: bytes) -> str:
    """Return what a portion made by ``fill`` holds."""
    pair = portion[:2].decode()
    return pair[0] if pair[0] == pair[1] else pair


@dataclass(frozen=True)
class Act:
    """One thing done to the volume.

    Attributes:
        target: The view written to; empty = the instant copy is taken.
        portion: Which portion is written.
        label: What it holds from then on.
    """

    target: str = ""
    portion: int = 0
    label: str = ""

    @property
    def is_take(self) -> bool:
        """Whether this takes the instant copy."""
        return not self.target


@dataclass(frozen=True)
class Expected:
    """What must be found after a step; lists by portion.

    Attributes:
        pairs: Range pairs, both ends inclusive.
        pointers: Portion -> what it points to, and whether that is new data of the copy.
        copied: Portions copied from the initial to the additional area, in this scene.
    """

    initial: tuple[str, ...]
    copy: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    pointers: dict[int, tuple[str, bool]]
    copied: int


@dataclass(frozen=True)
class Step:
    """One act, the state after it, and how long it is shown at normal speed."""

    scenario: str
    act: Act
    expected: Expected
    seconds: float
    lesson: str = ""


@dataclass(frozen=True)
class Scene:
    """Steps on one volume; ``has_copy``: the copy is taken before the first of them."""

    title: str
    has_copy: bool
    steps: tuple[Step, ...]


def _labels(changed: dict[int, str]) -> tuple[str, ...]:
    return tuple(changed.get(portion, letter) for portion, letter in enumerate(LETTERS))


def _expected(
    initial: dict[int, str],
    pairs: str,
    pointers: dict[int, tuple[str, bool]],
    copied: int,
) -> Expected:
    """Write a row of the scenarios: ``pairs`` as ``"0-2 4-7"``; the copy reads its pointers."""
    ends = [part.split("-") for part in pairs.split()]
    copy = _labels({portion: label for portion, (label, _) in pointers.items()})
    spans = tuple((int(first), int(last)) for first, last in ends)
    return Expected(_labels(initial), copy, spans, pointers, copied)


def _write(target: str, portion: int, label: str) -> Act:
    return Act(target, portion, label)


_PRESERVED_D = {3: ("D", False)}

_FIRST = Scene(
    "A write to the original",
    has_copy=False,
    steps=(
        Step(
            "S0",
            Act(),
            _expected({}, "0-7", {}, 0),
            2.5,
            "Taking a copy costs the same whatever the size of the volume.",
        ),
        Step(
            "S1",
            _write(ORIGINAL, 3, "D1"),
            _expected({3: "D1"}, "0-2 4-7", _PRESERVED_D, 1),
            4.5,
        ),
        Step(
            "S2",
            _write(ORIGINAL, 3, "D2"),
            _expected({3: "D2"}, "0-2 4-7", _PRESERVED_D, 1),
            3.0,
            "D1 is lost, and should be: it was never in the copy.",
        ),
    ),
)

_SECOND = Scene(
    "A write to the copy",
    has_copy=True,
    steps=(
        Step(
            "S3",
            _write(COPY, 5, "X1"),
            _expected({}, "0-4 6-7", {5: ("X1", True)}, 0),
            3.5,
        ),
        Step(
            "S3",
            _write(COPY, 5, "X2"),
            _expected({}, "0-4 6-7", {5: ("X2", True)}, 0),
            2.5,
        ),
        Step(
            "S3",
            _write(ORIGINAL, 5, "F1"),
            _expected({5: "F1"}, "0-4 6-7", {5: ("X2", True)}, 0),
            2.5,
            "The copy has its own data there, so nobody depends on F.",
        ),
    ),
)


_ENOUGH: Final = (
    "The copy needs the initial area no more. That is all there is to it: take one yourself."
)


def _life_of_pairs() -> Scene:
    """Return S5: every portion of the original is written once."""
    order = (3, 0, 7, 4, 1, 6, 2, 5)
    pairs = ("0-2 4-7", "1-2 4-7", "1-2 4-6", "1-2 5-6", "2-2 5-6", "2-2 5-5", "5-5", "")
    steps, written = [], []
    for portion, left in zip(order, pairs, strict=True):
        written.append(portion)
        initial = {at: f"{LETTERS[at]}1" for at in written}
        pointers = {at: (LETTERS[at], False) for at in written}
        last = portion == order[-1]
        steps.append(
            Step(
                "S5",
                _write(ORIGINAL, portion, f"{LETTERS[portion]}1"),
                _expected(initial, left, pointers, len(written)),
                1.5 if last else 1.0,
                _ENOUGH if last else "",
            )
        )
    return Scene("The life of range pairs", has_copy=True, steps=tuple(steps))


SCENES: Final = (_FIRST, _SECOND, _life_of_pairs())
"""Thirty seconds at normal speed, with the second that each scene begins with."""
