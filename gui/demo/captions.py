# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One caption for each step, made from what the engine said and what is found afterwards.

Nothing is foretold: where the engine has a choice - a second write to a copy may go to a fresh
place or over the old one - the caption tells which way it went.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.answers import AreaState
from gui.demo.script import COPY

if TYPE_CHECKING:
    from gui.demo.script import Act, Step
    from gui.demo.stage import Stage
    from gui.models.story import Write


class Caption(NamedTuple):
    """A bold line, and what it means."""

    headline: str
    words: str


def pairs_text(pairs: tuple[tuple[int, int], ...]) -> str:
    """Return range pairs as they are written in the scenarios: ``[0-2] and [4-7]``."""
    spans = (f"{a}\u2013{b}" if b > a else f"{a}" for a, b in pairs)
    return " and ".join(f"[{span}]" for span in spans) or "none"


def caption_of_begin(title: str, stage: Stage) -> Caption:
    """Return what is said before the first step of a scene."""
    words = "The volume is eight portions, A to H. There is no copy: the additional area is empty."
    if stage.has_copy:
        words = "Eight portions hold the letters A to H."
        words += f" Copy \u201c{COPY}\u201d has just been taken: "
        words += f"one range pair {pairs_text(stage.pairs)}."
    return Caption(title, words)


def caption_of_step(step: Step, before: Stage, after: Stage, write: Write | None) -> Caption:
    """Return what happened in a step."""
    if step.act.is_take or write is None:
        headline = "An instant copy is taken"
        words = (
            f"One range pair {pairs_text(after.pairs)} stands for all eight portions; "
            f"{after.copied} portions are copied."
        )
    elif write.copy_id:
        headline, words = _of_copy_write(step.act, before, after)
    else:
        headline, words = _of_original_write(step.act, before, after, write)
    return Caption(headline, f"{words} {step.lesson}".strip())


def _of_original_write(act: Act, before: Stage, after: Stage, write: Write) -> tuple[str, str]:
    old = before.initial[act.portion]
    headline = f"The original writes {act.label} over {old} in portion {act.portion}"
    pointer = after.pointer_of(act.portion)
    if not write.preserved or pointer is None:
        return headline, "Nothing is copied, and no pointer changes."
    return headline, (
        f"The copy still reads {pointer.label} there, so {pointer.label} is first copied to "
        f"a{pointer.place}; {_pairs_effect(act.portion, before, after)}."
    )


def _of_copy_write(act: Act, before: Stage, after: Stage) -> tuple[str, str]:
    headline = f"The copy writes {act.label} in portion {act.portion}"
    old, new = before.pointer_of(act.portion), after.pointer_of(act.portion)
    if new is None:
        return headline, "No pointer was made."
    if old is None:
        return headline, (
            f"{act.label} goes to the additional area, a{new.place}, and nothing is copied: "
            f"{_pairs_effect(act.portion, before, after)}."
        )
    if old.place == new.place:
        return headline, f"{act.label} takes the place of {old.label} in a{new.place} itself."
    fate = "is free again"
    if after.places[old.place] not in {AreaState.FREE, AreaState.RECLAIMABLE}:
        fate = "will be free again once this write is durable"
    return headline, (
        f"{act.label} goes to a fresh place, a{new.place}; the pointer follows, and "
        f"a{old.place} {fate}."
    )


def _pairs_effect(portion: int, before: Stage, after: Stage) -> str:
    """Say what became of the range pair that covered a portion."""
    pair = next((one for one in before.pairs if one[0] <= portion <= one[1]), None)
    if pair is None:
        return "no range pair changes"
    left = tuple(one for one in after.pairs if pair[0] <= one[0] and one[1] <= pair[1])
    was = pairs_text((pair,))
    if not left:
        return f"the pair {was} vanishes"
    return f"the pair {was} {'splits into' if len(left) > 1 else 'shrinks to'} {pairs_text(left)}"
