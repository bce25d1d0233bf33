# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios in which all new data goes to the additional area, until each side gets its own (S14).

Then the original has a table, too: the first set beside the copy's second. Bringing the original's
one new portion home moves two, for what it overwrites is kept for the copy; bringing the copy's
three home moves six.
"""

from __future__ import annotations

from core.claims.lines import WHOLE, Copy, Step
from core.claims.portions import LETTERS

_FIRST = Copy("1->a0", "[0-0] [2-7]", "A B1 C D E F G H")
_SECOND = Copy("2->a1 5->a2 6->a3", "[0-1] [3-4] [7-7]", "A B X1 D E X2 X3 H")
_BOTH = "a0:B1/n a1:X1/n a2:X2/n a3:X3/n"


def _written() -> tuple[Step, ...]:
    """One write to the original and three to the copy; the initial area stays as it was."""
    one = Copy("2->a1", "[0-1] [3-7]", "A B X1 D E F G H")
    two = Copy("2->a1 5->a2", "[0-1] [3-4] [6-7]", "A B X1 D E X2 G H")
    return (
        Step("mechanism always-additional", LETTERS, copies={"original": WHOLE}),
        Step("take C", LETTERS, copies={"original": WHOLE, "C": WHOLE}),
        Step("O1=B1", LETTERS, "a0:B1/n", {"original": _FIRST, "C": WHOLE}),
        Step("C2=X1", LETTERS, "a0:B1/n a1:X1/n", {"original": _FIRST, "C": one}),
        Step("C5=X2", LETTERS, "a0:B1/n a1:X1/n a2:X2/n", {"original": _FIRST, "C": two}),
        Step("C6=X3", LETTERS, _BOTH, {"original": _FIRST, "C": _SECOND}),
    )


def original_home() -> tuple[Step, ...]:
    """The smaller amount goes home: two moves; four more and the copy needs nothing but itself."""
    written, area = "A B1 C D E F G H", "a1:X1/n a2:X2/n a3:X3/n a4:B/o"
    kept = Copy("1->a4 2->a1 5->a2 6->a3", "[0-0] [3-4] [7-7]", _SECOND.reads)
    alone = Copy("0->a5 1->a4 2->a1 3->a6 4->a7 5->a2 6->a3 7->a8", "", _SECOND.reads)
    whole = f"{area} a5:A/o a6:D/o a7:E/o a8:H/o"
    return (
        *_written(),
        Step("separate original", written, area, {"C": kept}, copied=1),
        Step("promote C", written, whole, {"C": alone}),
        Step("O2=C1", "A B1 C1 D E F G H", whole, {"C": alone}),
    )


def copy_home() -> tuple[Step, ...]:
    """The larger amount goes home: six moves, and the initial area is the copy's."""
    home = "A B X1 D E X2 X3 H"
    first = Copy("1->a0 2->a1 5->a2 6->a3", "[0-0] [3-4] [7-7]", _FIRST.reads)
    area = "a0:B1/n a1:C/o a2:F/o a3:G/o"
    second = Copy("", "[0-7]", home)
    again = Copy("1->a4", "[0-0] [2-7]", "A Y X1 D E X2 X3 H")
    back, kept = (
        "A B1 C D E F G H",
        Copy("1->a4 2->a5 5->a6 6->a7", "[0-0] [3-4] [7-7]", again.reads),
    )
    return (
        *_written(),
        Step("separate C", home, area, {"original": first, "C": second}, copied=3),
        Step("C1=Y", home, f"{area} a4:Y/n", {"original": first, "C": again}),
        Step("separate original", back, "a4:Y/n a5:X1/o a6:X2/o a7:X3/o", {"C": kept}, copied=3),
    )
