# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Whether what was seen after a step is what its line of the table says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from core.claims.portions import PORTION_BYTES

if TYPE_CHECKING:
    from core.claims.board import Board, Seen
    from core.claims.lines import Scenario, Step


def play(board: Board, scenario: Scenario) -> list[str]:
    """Act a scenario out; return what differs from its table, a sentence each."""
    differences = []
    for number, step in enumerate(scenario.steps, 1):
        before = board.copied_bytes
        board.act(step.act)
        copied_bytes = board.copied_bytes - before
        from_initial_bytes = board.copied_for_copies_bytes
        found = compare(step, board.look(), copied_bytes)
        if from_initial_bytes:
            found.append(f"a write to a copy moved {from_initial_bytes} bytes of the initial area")
        differences += [f"step {number} ({step.act}): {difference}" for difference in found]
    differences += [f"at the end: {finding.what}" for finding in board.volume.check()]
    return differences


def compare(step: Step, seen: Seen, copied_bytes: int) -> list[str]:
    """Return what differs between a step's line and what was seen after it.

    Args:
        step: The line.
        seen: Both files after the act.
        copied_bytes: What the act copied from the initial to the additional area.
    """
    found = _unequal("the initial area holds", seen.initial, step.initial)
    found += _unequal("its portions lie at", seen.places, step.places)
    found += _unequal("portions copied:", copied_bytes, step.copied * PORTION_BYTES)
    found += _unequal("there are the copies", sorted(seen.copies), sorted(step.copies))
    if not found:
        for name, copy in step.copies.items():
            found += _unequal(f"{name} reads", seen.copies[name].reads, copy.reads)
            found += _unequal(f"{name} has the pairs", seen.copies[name].pairs, copy.pairs)
        found += _compare_slots(step, seen)
    return found


def _compare_slots(step: Step, seen: Seen) -> list[str]:
    """Compare every pointer, and which of them share a slot."""
    slots = dict(part.split(":") for part in step.area.split())
    offsets: dict[str, int] = {}
    found = list[str]()
    for name, copy in step.copies.items():
        pointers = dict(part.split("->") for part in copy.pointers.split())
        told = {str(number): str(slot) for number, slot in seen.copies[name].pointers.items()}
        wanted = {number: slots[slot] for number, slot in pointers.items()}
        found += _unequal(f"{name} has the pointers", told, wanted)
        if told == wanted:
            for number, slot in seen.copies[name].pointers.items():
                slot_name = pointers[str(number)]
                first = offsets.setdefault(slot_name, slot.offset)
                found += _unequal(f"{name}'s pointer {number} names", slot.offset, first)
                is_there = (slot.offset < 0) == slot_name.startswith("k")
                found += _unequal(f"{slot_name} lies where its name says:", is_there, True)
    if len(set(offsets.values())) != len(offsets):
        found.append("two slots of the table are one place")
    held = Counter(str(slot) for slot in seen.area)
    listed = Counter([*slots.values(), *step.hidden.split()])
    return found + _unequal("the additional area holds", dict(held), dict(listed))


def _unequal(what: str, seen: object, wanted: object) -> list[str]:
    return [] if seen == wanted else [f"{what} {seen!r}, not {wanted!r}"]
