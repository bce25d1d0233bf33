# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What every step of the teaching scenarios must lead to, written down as tables.

Each line is an act and the state after it. ``I`` is the initial area, portion by portion. A copy is
written as its individual pointers, its range pairs with inclusive ends, and what it reads. A slot
``a0:D/o`` of the additional area holds D, kind original; its number is only a name, by which the
tables say which pointers share it. ``copied`` counts portions copied from the initial to the
additional area by this step.

Three things the engine does on purpose, all within what the claims leave open:

* a copy's second write to a location may go to a fresh place (the table still says ``a0``: one slot
  per line, known by content and sharing);
* originals are kept once, in the layer of the newest copy, and read by every older one, so no
  pointer is ever duplicated;
* a slot of such a layer that every copy has overwritten privately is freed with the layer, not
  before. ``hidden`` names those slots; no table of a copy shows them.
"""

from __future__ import annotations

from typing import Final

from core.claims.lines import WHOLE, Copy, Scenario, Step
from core.claims.moves import changed_scheme, mixed_extents, redirected_extents
from core.claims.portions import LETTERS
from core.claims.sides import copy_home, original_home


def _s5() -> tuple[Step, ...]:
    """Original writes in the order 3,0,7,4,1,6,2,5: split, edges shrink, pairs vanish."""
    rows = (
        (3, "[0-2] [4-7]"),
        (0, "[1-2] [4-7]"),
        (7, "[1-2] [4-6]"),
        (4, "[1-2] [5-6]"),
        (1, "[2-2] [5-6]"),
        (6, "[2-2] [5-5]"),
        (2, "[5-5]"),
        (5, ""),
    )
    letters, initial, area = LETTERS.split(), LETTERS.split(), list[str]()
    pointers: dict[int, str] = {}
    steps = [Step("take C", LETTERS, copies={"C": WHOLE})]
    for slot, (number, pairs) in enumerate(rows):
        initial[number] = f"{letters[number]}1"
        area.append(f"a{slot}:{letters[number]}/o")
        pointers[number] = f"{number}->a{slot}"
        table = " ".join(pointers[key] for key in sorted(pointers))
        steps.append(
            Step(
                f"O{number}={initial[number]}",
                " ".join(initial),
                " ".join(area),
                {"C": Copy(table, pairs, LETTERS)},
                copied=1,
            )
        )
    return tuple(steps)


SCENARIOS: Final = (
    Scenario("S0 create a copy", (Step("take C", LETTERS, copies={"C": WHOLE}),)),
    Scenario(
        "S0 control: no copy, no pointer",
        (Step("O3=D1", "A B C D1 E F G H"), Step("O3=D2", "A B C D2 E F G H")),
    ),
    Scenario(
        "S1 S2 write to the original, and again",
        (
            Step("take C", LETTERS, copies={"C": WHOLE}),
            Step(
                "O3=D1",
                "A B C D1 E F G H",
                "a0:D/o",
                {"C": Copy("3->a0", "[0-2] [4-7]", LETTERS)},
                copied=1,
            ),
            Step(
                "O3=D2",
                "A B C D2 E F G H",
                "a0:D/o",
                {"C": Copy("3->a0", "[0-2] [4-7]", LETTERS)},
            ),
        ),
    ),
    Scenario(
        "S3 write to the copy, again, then the original there",
        (
            Step("take C", LETTERS, copies={"C": WHOLE}),
            Step(
                "C5=X1",
                LETTERS,
                "a0:X1/n",
                {"C": Copy("5->a0", "[0-4] [6-7]", "A B C D E X1 G H")},
            ),
            Step(
                "C5=X2",
                LETTERS,
                "a0:X2/n",
                {"C": Copy("5->a0", "[0-4] [6-7]", "A B C D E X2 G H")},
            ),
            Step(
                "O5=F1",
                "A B C D E F1 G H",
                "a0:X2/n",
                {"C": Copy("5->a0", "[0-4] [6-7]", "A B C D E X2 G H")},
            ),
        ),
    ),
    Scenario(
        "S4 original first, then the copy at the same place",
        (
            Step("take C", LETTERS, copies={"C": WHOLE}),
            Step(
                "O2=C1",
                "A B C1 D E F G H",
                "a0:C/o",
                {"C": Copy("2->a0", "[0-1] [3-7]", LETTERS)},
                copied=1,
            ),
            Step(
                "C2=X1",
                "A B C1 D E F G H",
                "a0:X1/n",
                {"C": Copy("2->a0", "[0-1] [3-7]", "A B X1 D E F G H")},
                hidden="C/o",
            ),
        ),
    ),
    Scenario("S5 life of the range pairs", _s5()),
    Scenario(
        "S6 one write over several portions",
        (
            Step("take C", LETTERS, copies={"C": WHOLE}),
            Step(
                "O2-4=C1+D1+E1",
                "A B C1 D1 E1 F G H",
                "a0:C/o a1:D/o a2:E/o",
                {"C": Copy("2->a0 3->a1 4->a2", "[0-1] [5-7]", LETTERS)},
                copied=3,
            ),
        ),
    ),
    Scenario(
        "S7 two copies, sharing, deletion",
        (
            Step("take C1", LETTERS, copies={"C1": WHOLE}),
            Step(
                "O1=B1",
                "A B1 C D E F G H",
                "a0:B/o",
                {"C1": Copy("1->a0", "[0-0] [2-7]", LETTERS)},
                copied=1,
            ),
            Step(
                "take C2",
                "A B1 C D E F G H",
                "a0:B/o",
                {
                    "C1": Copy("1->a0", "[0-0] [2-7]", LETTERS),
                    "C2": Copy("", "[0-7]", "A B1 C D E F G H"),
                },
            ),
            Step(
                "O1=B2",
                "A B2 C D E F G H",
                "a0:B/o a1:B1/o",
                {
                    "C1": Copy("1->a0", "[0-0] [2-7]", LETTERS),
                    "C2": Copy("1->a1", "[0-0] [2-7]", "A B1 C D E F G H"),
                },
                copied=1,
            ),
            Step(
                "O4=E1",
                "A B2 C D E1 F G H",
                "a0:B/o a1:B1/o a2:E/o",
                {
                    "C1": Copy("1->a0 4->a2", "[0-0] [2-3] [5-7]", LETTERS),
                    "C2": Copy("1->a1 4->a2", "[0-0] [2-3] [5-7]", "A B1 C D E F G H"),
                },
                copied=1,
            ),
            Step(
                "C1.4=X1",
                "A B2 C D E1 F G H",
                "a0:B/o a1:B1/o a2:E/o a3:X1/n",
                {
                    "C1": Copy("1->a0 4->a3", "[0-0] [2-3] [5-7]", "A B C D X1 F G H"),
                    "C2": Copy("1->a1 4->a2", "[0-0] [2-3] [5-7]", "A B1 C D E F G H"),
                },
            ),
            Step(
                "delete C2",
                "A B2 C D E1 F G H",
                "a0:B/o a3:X1/n",
                {"C1": Copy("1->a0 4->a3", "[0-0] [2-3] [5-7]", "A B C D X1 F G H")},
                hidden="E/o",
            ),
            Step("delete C1", "A B2 C D E1 F G H"),
        ),
    ),
    Scenario(
        "S8 copy of a copy",
        (
            Step("take C1", LETTERS, copies={"C1": WHOLE}),
            Step(
                "C1.2=X1",
                LETTERS,
                "a0:X1/n",
                {"C1": Copy("2->a0", "[0-1] [3-7]", "A B X1 D E F G H")},
            ),
            Step(
                "O6=G1",
                "A B C D E F G1 H",
                "a0:X1/n a1:G/o",
                {"C1": Copy("2->a0 6->a1", "[0-1] [3-5] [7-7]", "A B X1 D E F G H")},
                copied=1,
            ),
            Step(
                "take C2 of C1",
                "A B C D E F G1 H",
                "a0:X1/n a1:G/o",
                {
                    "C1": Copy("2->a0 6->a1", "[0-1] [3-5] [7-7]", "A B X1 D E F G H"),
                    "C2": Copy("2->a0 6->a1", "[0-1] [3-5] [7-7]", "A B X1 D E F G H"),
                },
            ),
            Step(
                "C1.2=X2",
                "A B C D E F G1 H",
                "a0:X1/n a1:G/o a2:X2/n",
                {
                    "C1": Copy("2->a2 6->a1", "[0-1] [3-5] [7-7]", "A B X2 D E F G H"),
                    "C2": Copy("2->a0 6->a1", "[0-1] [3-5] [7-7]", "A B X1 D E F G H"),
                },
            ),
            Step(
                "C2.5=Y1",
                "A B C D E F G1 H",
                "a0:X1/n a1:G/o a2:X2/n a3:Y1/n",
                {
                    "C1": Copy("2->a2 6->a1", "[0-1] [3-5] [7-7]", "A B X2 D E F G H"),
                    "C2": Copy("2->a0 5->a3 6->a1", "[0-1] [3-4] [7-7]", "A B X1 D E Y1 G H"),
                },
            ),
            Step(
                "O5=F1",
                "A B C D E F1 G1 H",
                "a0:X1/n a1:G/o a2:X2/n a3:Y1/n a4:F/o",
                {
                    "C1": Copy("2->a2 5->a4 6->a1", "[0-1] [3-4] [7-7]", "A B X2 D E F G H"),
                    "C2": Copy("2->a0 5->a3 6->a1", "[0-1] [3-4] [7-7]", "A B X1 D E Y1 G H"),
                },
                copied=1,
            ),
            Step(
                "delete C1",
                "A B C D E F1 G1 H",
                "a0:X1/n a1:G/o a3:Y1/n",
                {"C2": Copy("2->a0 5->a3 6->a1", "[0-1] [3-4] [7-7]", "A B X1 D E Y1 G H")},
                hidden="F/o",
            ),
        ),
    ),
    Scenario(
        "S9 copy made late",
        (
            Step("O3=D1", "A B C D1 E F G H"),
            Step(
                "take C",
                "A B C D1 E F G H",
                copies={"C": Copy("", "[0-7]", "A B C D1 E F G H")},
            ),
        ),
    ),
    Scenario("S12 mapping scheme changed under a live copy", changed_scheme()),
    Scenario("S13 mixed extents", mixed_extents()),
    Scenario("S13 mixed extents, the mapping chooses the mechanism", redirected_extents()),
    Scenario("S14 all new data additional, the original's goes home", original_home()),
    Scenario("S14 all new data additional, the copy's goes home", copy_home()),
)
