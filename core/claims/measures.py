# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What each claim asks for, measured on volumes of eight portions.

A measure acts, looks, and says in a sentence what it found; the sentence is made of what was
counted, and ``is_shown`` of comparing that with what the claim asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.claims.board import Board
from core.claims.portions import LETTERS, PORTION_BYTES
from core.claims.witness import Group, Stage, Witness

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.claims.board import Seen, Slot

_ORDER: Final = [Group.RECEIVE, Group.INSTANT_COPY, Group.WRITE]


@dataclass(frozen=True)
class Measured:
    """The answer to one claim.

    Attributes:
        is_shown: Whether all that the claim asks for was seen.
        found: What was seen, in a sentence.
    """

    is_shown: bool
    found: str


class Lab:
    """Makes boards in a folder of its own and acts on them."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which whoever made it takes away again."""
        self._folder = folder
        self._count = 0
        self.witness = Witness()

    def board(self) -> Board:
        """Return a new board; its owner closes it."""
        self._count += 1
        return Board(self._folder / f"claim{self._count}.img", self.witness)

    def place(self) -> Path:
        """Return the path of a new image that is not there yet."""
        self._count += 1
        return self._folder / f"claim{self._count}.img"

    def played(self, *acts: str) -> Played:
        """Return what a new board looks like before the last of ``acts``, and after it."""
        *earlier, last = acts
        with self.board() as board:
            for act in earlier:
                board.act(act)
            before, copied = board.look(), board.copied_bytes
            stages = self.witness.watch(lambda: board.act(last))
            copied_bytes = board.copied_bytes - copied
            from_initial = board.copied_for_copies_bytes
            return Played(before, board.look(), copied_bytes, from_initial, stages)


@dataclass(frozen=True)
class Played:
    """One act, with what there was before and after.

    Attributes:
        copied_bytes: What it copied from the initial to the additional area.
        from_initial_bytes: The same, for a write to a copy.
        stages: The groups of instructions that ran, in order.
    """

    before: Seen
    after: Seen
    copied_bytes: int
    from_initial_bytes: int
    stages: Sequence[Stage]

    def slot(self, number: int) -> Slot:
        """Return what C's pointer for a portion names afterwards."""
        return self.after.copies["C"].pointers[number]

    @property
    def groups(self) -> list[Group]:
        """The groups that ran, in order."""
        return [stage.group for stage in self.stages]

    def stage(self, group: Group) -> Stage:
        """Return what a group did; nothing, if it did not run."""
        return next((stage for stage in self.stages if stage.group is group), Stage(group))


def both_branches(lab: Lab) -> Measured:
    """Claim 1: one entry for both areas; a pointer to the original or to the new data."""
    original, copy = lab.played("take C", "O3=D1"), lab.played("take C", "C5=X1")
    slots = original.slot(3), copy.slot(5)
    return Measured(
        is_shown=tuple(map(str, slots)) == ("D/o", "X1/n")
        and original.after.initial == "A B C D1 E F G H"
        and copy.after.copies["C"].reads == "A B C D E X1 G H",
        found=f"original written: pointer to {_said(slots[0])};"
        f" copy written: pointer to {_said(slots[1])}",
    )


def copied_on_write_only(lab: Lab) -> Measured:
    """Claim 2: the original portion is copied on the first write, and only then."""
    taken = lab.played("take C")
    first = lab.played("take C", "O3=D1")
    again = lab.played("take C", "O3=D1", "O3=D2")
    counts = [played.copied_bytes for played in (taken, first, again)]
    return Measured(
        is_shown=counts == [0, PORTION_BYTES, 0] and len(first.after.area) == 1,
        found="bytes copied by taking, first write, second write: {}, {}, {}".format(*counts),
    )


def points_to_preserved(lab: Lab) -> Measured:
    """Claim 3: the pointer names the preserved portion in the additional area."""
    played = lab.played("take C", "O3=D1")
    slot, copy = played.slot(3), played.after.copies["C"]
    return Measured(
        is_shown=str(slot) == "D/o"
        and copy.reads == LETTERS
        and played.after.initial.split()[3] == "D1",
        found=f"additional area holds {slot.word} at {slot.offset}; the copy reads"
        f" {copy.reads.split()[3]}, the original {played.after.initial.split()[3]}",
    )


def copy_takes_writes(lab: Lab) -> Measured:
    """Claim 4: a write may be to a location of the additional area."""
    played = lab.played("take C", "C5=X1")
    reads = played.after.copies["C"].reads.split()[5]
    return Measured(
        is_shown=played.groups[0] is Group.RECEIVE and reads == "X1",
        found=f"the write to the copy was received by the same entry; the copy reads {reads}",
    )


def nothing_from_initial(lab: Lab) -> Measured:
    """Claim 5: a write to a copy moves nothing out of the initial area, which stays as it is."""
    played = lab.played("take C", "C5=X1")
    moved = played.copied_bytes + played.from_initial_bytes
    is_same = played.before.initial == played.after.initial
    return Measured(
        is_shown=moved == 0 and is_same,
        found=f"{moved} bytes moved; the initial area is {'the same' if is_same else 'changed'}",
    )


def points_to_new(lab: Lab) -> Measured:
    """Claim 6: the pointer of a copy's write names the new data, which the original never sees."""
    played = lab.played("take C", "C5=X1")
    slot = played.slot(5)
    sees = played.after.initial.split()[5]
    return Measured(
        is_shown=str(slot) == "X1/n" and sees == "F",
        found=f"additional area holds {slot.word} at {slot.offset}, kind new;"
        f" the original reads {sees}",
    )


def table_in_area(lab: Lab) -> Measured:
    """Claim 9: the pointer lies in the additional area's own table, and is found again there."""
    played = lab.played("take C", "O3=D1")
    board_again = lab.played("take C", "O3=D1", "O6=G1")
    kept = board_again.before.copies["C"].pointers
    grown = played.after.area_used_bytes - played.before.area_used_bytes
    return Measured(
        is_shown=str(kept[3]) == "D/o" and grown >= PORTION_BYTES,
        found=f"closed and opened again, the table has {len(kept)} pointer, to {_said(kept[3])}",
    )


def range_pairs(lab: Lab) -> Measured:
    """Claim 11: a pair stands for a range; it splits, shrinks and vanishes."""
    pairs, stored = list[str](), list[int]()
    with lab.board() as board:
        board.act("take C")
        for number in (None, 3, 0, 7, 4, 1, 6, 2, 5):
            if number is not None:
                board.act(f"O{number}=Z")
            copy = board.look().copies["C"]
            pairs.append(copy.pairs)
            stored.append(copy.stored_pointers)
    return Measured(
        is_shown=pairs[:3] == ["[0-7]", "[0-2] [4-7]", "[1-2] [4-7]"]
        and pairs[-1] == ""
        and stored == [2, 5, 6, 7, 8, 9, 10, 9, 8],
        found=f"{pairs[0]}, then {pairs[1]}, then {pairs[2]}, ... none;"
        f" pointers stored: {' '.join(map(str, stored))}",
    )


def three_groups(lab: Lab) -> Measured:
    """Claims 12 and 23: three groups of instructions, in order, for both areas."""
    original, copy = lab.played("take C", "O3=D1"), lab.played("take C", "C5=X1")
    return Measured(
        is_shown=original.groups == copy.groups == _ORDER,
        found=f"original: {' > '.join(original.groups)}; copy: {' > '.join(copy.groups)}",
    )


def second_group_copies(lab: Lab) -> Measured:
    """Claim 13: it is the second group that copies the original portion."""
    played = lab.played("take C", "O3=D1")
    by_group = [stage.copied_bytes for stage in played.stages]
    return Measured(
        is_shown=played.groups == _ORDER and by_group == [0, PORTION_BYTES, 0],
        found="bytes copied by receive, instant copy, write: " + ", ".join(map(str, by_group)),
    )


def second_group_copies_nothing(lab: Lab) -> Measured:
    """Claim 16: for a write to a copy, the second group has a way that copies nothing."""
    played = lab.played("take C", "C5=X1")
    stage = played.stage(Group.INSTANT_COPY)
    return Measured(
        is_shown=stage.copied_bytes == 0 == played.from_initial_bytes and stage.pointers == 1,
        found=f"the second group ran, made {stage.pointers} pointer"
        f" and copied {stage.copied_bytes} bytes",
    )


def second_group_points(lab: Lab) -> Measured:
    """Claim 20: it is the second group that makes the pointer in the table."""
    played = lab.played("take C", "O3=D1")
    by_group = [stage.pointers for stage in played.stages]
    count = len(played.after.copies["C"].pointers)
    return Measured(
        is_shown=by_group == [0, 1, 0] and count == 1,
        found="pointers made by receive, instant copy, write: " + ", ".join(map(str, by_group)),
    )


def second_group_splits(lab: Lab) -> Measured:
    """Claim 22: the second group stores the pointer in a table with range pairs."""
    played = lab.played("take C", "O3=D1")
    before, after = played.before.copies["C"], played.after.copies["C"]
    made = played.stage(Group.INSTANT_COPY).pointers
    return Measured(
        is_shown=(before.pairs, after.pairs, made) == ("[0-7]", "[0-2] [4-7]", 1),
        found=f"the pair {before.pairs} became {after.pairs} round {made} pointer",
    )


def _said(slot: Slot) -> str:
    kinds = {"o": "original", "n": "new", "z": "zero"}
    return f"{slot.word} ({kinds[slot.kind]})"
