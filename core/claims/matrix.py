# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Claim -> scenarios -> what was measured, by this installation, now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.claims import measures
from core.claims.mapmeasures import changed_mapping, pointer_and_size, portion_sizes
from core.claims.measures import Lab, Measured
from core.claims.scenarios import SCENARIOS
from core.claims.verdict import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from core.claims.lines import Scenario


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        number: Of the claim; those after the first are the same for a program or an apparatus.
        text: What it asks for, in short.
        scenarios: The scenarios in which it can be watched.
        measure: Shows it.
    """

    number: int
    text: str
    scenarios: tuple[str, ...]
    measure: Callable[[Lab], Measured]


CLAIMS: Final = (
    Claim(
        1, "a write makes a pointer to original or new data", ("S1", "S3"), measures.both_branches
    ),
    Claim(
        2,
        "the original portion is copied on the write",
        ("S1", "S2", "S6"),
        measures.copied_on_write_only,
    ),
    Claim(3, "the pointer names the preserved portion", ("S1", "S4"), measures.points_to_preserved),
    Claim(4, "the write may be to the additional area", ("S3", "S8"), measures.copy_takes_writes),
    Claim(
        5,
        "which copies nothing from the initial area",
        ("S3", "S18"),
        measures.nothing_from_initial,
    ),
    Claim(6, "the pointer names the new data", ("S3", "S4"), measures.points_to_new),
    Claim(
        7,
        "the initial area's mapping may change while it is used",
        ("S12", "S13"),
        changed_mapping,
    ),
    Claim(8, "portions differ in size; just the one written is copied", ("S10",), portion_sizes),
    Claim(
        9, "the pointer lies in the additional area's table", ("S0", "S1"), measures.table_in_area
    ),
    Claim(10, "the pointer is kept with the size", ("S10", "S11"), pointer_and_size),
    Claim(
        11, "pairs of pointers stand for unchanged ranges", ("S5", "S6", "S7"), measures.range_pairs
    ),
    Claim(12, "program: three groups of instructions", ("S1", "S3", "S19"), measures.three_groups),
    Claim(
        13,
        "program: the second group copies the original",
        ("S1", "S2", "S6"),
        measures.second_group_copies,
    ),
    Claim(
        14,
        "program: the pointer names the preserved portion",
        ("S1", "S4"),
        measures.points_to_preserved,
    ),
    Claim(
        15,
        "program: the write may be to the additional area",
        ("S3", "S8"),
        measures.copy_takes_writes,
    ),
    Claim(
        16,
        "program: the second group may copy nothing",
        ("S3", "S18"),
        measures.second_group_copies_nothing,
    ),
    Claim(17, "program: the pointer names the new data", ("S3", "S4"), measures.points_to_new),
    Claim(
        18,
        "program: the mapping may change while it is used",
        ("S12", "S13"),
        changed_mapping,
    ),
    Claim(
        19,
        "program: portions differ in size; just the one written is copied",
        ("S10",),
        portion_sizes,
    ),
    Claim(
        20,
        "program: the second group makes the pointer",
        ("S0", "S1"),
        measures.second_group_points,
    ),
    Claim(21, "program: the pointer is kept with the size", ("S10", "S11"), pointer_and_size),
    Claim(
        22,
        "program: the second group splits range pairs",
        ("S5", "S6", "S7"),
        measures.second_group_splits,
    ),
    Claim(23, "apparatus: three parts in their order", ("S1", "S3", "S19"), measures.three_groups),
)


def prove_claims(folder: Path) -> Iterator[tuple[Claim, Measured]]:
    """Measure every claim, in order.

    Args:
        folder: Empty; images are made in it.

    Raises:
        RangepairError: No image can be made there.
    """
    lab = Lab(folder)
    for claim in CLAIMS:
        try:
            measured = claim.measure(lab)
        except LookupError as error:
            measured = Measured(is_shown=False, found=f"what should be there is missing: {error}")
        yield claim, measured


def play_scenarios(folder: Path) -> Iterator[tuple[Scenario, list[str]]]:
    """Play every scenario; yield it and what differed from its table.

    Args:
        folder: Empty; images are made in it.

    Raises:
        RangepairError: No image can be made there.
    """
    lab = Lab(folder)
    for scenario in SCENARIOS:
        with lab.board() as board:
            yield scenario, play(board, scenario)
