# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios in which the initial area's map changes under a live copy (S12, S13).

``places`` says where in the image each portion lies. No table of a copy has anything of that: pairs
end at ranges of the volume.
"""

from __future__ import annotations

from core.claims.lines import WHOLE, Copy, Step
from core.claims.portions import LETTERS


def changed_scheme() -> tuple[Step, ...]:
    """Pair ends are ranges of the volume: where they lie may change and no table does."""
    changed, area = "A B1 C D E F G H", "a0:B/o"
    held = {"C": Copy("1->a0", "[0-0] [2-7]", LETTERS)}
    converted, moved = "0 1 2 3 | 4 5 6 7", "0 1 2 3 | 4 5 | 8 | 7"
    after = {"C": Copy("1->a0 6->a1", "[0-0] [2-5] [7-7]", LETTERS)}
    written = "A B1 C D E F G1 H"
    return (
        Step("take C", LETTERS, copies={"C": WHOLE}),
        Step("O1=B1", changed, area, held, copied=1),
        Step("convert 4-7 to full-pointer", changed, area, held, places=converted),
        Step("relocate 6 to 8", changed, area, held, places=moved),
        Step("O6=G1", written, "a0:B/o a1:G/o", after, copied=1, places=moved),
        Step("delete C", written, places=moved),
        Step("compact", written, places="0 1 2 3 | 4 5 6 7"),
        Step("convert 0-7 to identity", written),
    )


def mixed_extents() -> tuple[Step, ...]:
    """One extent with a load point, shuffled full pointers beside it: the same steps for both."""
    shuffled = "0 1 2 3 | 6 | 4 | 7 | 5"
    moves = (
        ("4 to 8", "0 1 2 3 | 8 | 5 6 7"),
        ("5 to 4", "0 1 2 3 | 8 | 4 | 6 7"),
        ("7 to 5", "0 1 2 3 | 8 | 4 | 6 | 5"),
        ("6 to 7", "0 1 2 3 | 8 | 4 | 7 | 5"),
        ("4 to 6", shuffled),
    )
    changed = "A B C1 D E F G H"
    first = {"C": Copy("2->a0", "[0-1] [3-7]", LETTERS)}
    both = {"C": Copy("2->a0 5->a1", "[0-1] [3-4] [6-7]", LETTERS)}
    return (
        Step("convert 4-7 to full-pointer", LETTERS, places="0 1 2 3 | 4 5 6 7"),
        *(Step(f"relocate {move}", LETTERS, places=places) for move, places in moves),
        Step("take C", LETTERS, copies={"C": WHOLE}, places=shuffled),
        Step("O2=C1", changed, "a0:C/o", first, copied=1, places=shuffled),
        Step(
            "O5=F1",
            "A B C1 D E F1 G H",
            "a0:C/o a1:F/o",
            both,
            copied=1,
            places=shuffled,
        ),
    )
