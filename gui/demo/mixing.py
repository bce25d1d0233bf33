# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The picture in the middle of a step: what is told already has happened, the rest has not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.demo.stage import Pointer, Stage
    from gui.models.story import Write

COPY_PHASE = 2
POINT_PHASE = 3
WRITE_PHASE = 4
TAKE_PHASE = 1


@dataclass(frozen=True)
class Traveller:
    """A portion on its way to the additional area.

    Attributes:
        portion: Where it comes from.
        place: Where it goes.
        share: How far it is, 0 to 1.
    """

    portion: int
    place: int
    label: str
    is_new: bool
    share: float


@dataclass(frozen=True)
class Picture:
    """What to draw: a state, the portion in play, and what is on its way."""

    stage: Stage
    played: int | None = None
    traveller: Traveller | None = None


def mix(before: Stage, after: Stage, write: Write | None, portion: int, phase: float) -> Picture:
    """Return the picture when ``phase`` sentences are told."""
    if write is None:
        return Picture(after if phase >= TAKE_PHASE else before)
    stage = before
    traveller = None
    pointer = after.pointer_of(portion)
    moves = bool(write.preserved or write.redirected)
    leave = WRITE_PHASE if write.copy_id else COPY_PHASE
    if moves and pointer is not None and leave <= phase < leave + 1:
        traveller = _travel(pointer, phase - leave)
    if phase >= POINT_PHASE:
        stage = replace(after, initial=before.initial)
    if phase >= WRITE_PHASE:
        stage = after
    return Picture(stage, portion, traveller)


def _travel(pointer: Pointer, share: float) -> Traveller:
    eased = share * share * (3 - 2 * share)
    return Traveller(pointer.portion, pointer.place, pointer.label, pointer.is_new, eased)
