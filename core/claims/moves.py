# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Scenarios in which the initial area's map changes under a live copy (S12, S13).

In the second half of S13 the mapping chooses the mechanism: where a portion has a load point, the
original is copied; where it has a full pointer, it stays, and its portion goes elsewhere. Such a
slot is called ``k0``: it lies in the image.

``places`` says where in the image each portion lies. No table of a copy has anything of that: pairs
end at ranges of the volume.
"""

from __future__ import annotations

from typing import Final

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


_SHUFFLED: Final = "0 1 2 3 | 6 | 4 | 7 | 5"
"""Portions 0 to 3 with one load point, 4 to 7 with full pointers."""


def _shuffled() -> tuple[Step, ...]:
    """One extent with a load point, shuffled full pointers beside it."""
    moves = (
        ("4 to 8", "0 1 2 3 | 8 | 5 6 7"),
        ("5 to 4", "0 1 2 3 | 8 | 4 | 6 7"),
        ("7 to 5", "0 1 2 3 | 8 | 4 | 6 | 5"),
        ("6 to 7", "0 1 2 3 | 8 | 4 | 7 | 5"),
        ("4 to 6", _SHUFFLED),
    )
    return (
        Step("convert 4-7 to full-pointer", LETTERS, places="0 1 2 3 | 4 5 6 7"),
        *(Step(f"relocate {move}", LETTERS, places=places) for move, places in moves),
    )


def mixed_extents() -> tuple[Step, ...]:
    """Both kinds of extents take the same steps, addresses resolved by the scheme of each."""
    changed = "A B C1 D E F G H"
    first = {"C": Copy("2->a0", "[0-1] [3-7]", LETTERS)}
    both = {"C": Copy("2->a0 5->a1", "[0-1] [3-4] [6-7]", LETTERS)}
    return (
        *_shuffled(),
        Step("take C", LETTERS, copies={"C": WHOLE}, places=_SHUFFLED),
        Step("O2=C1", changed, "a0:C/o", first, copied=1, places=_SHUFFLED),
        Step(
            "O5=F1",
            "A B C1 D E F1 G H",
            "a0:C/o a1:F/o",
            both,
            copied=1,
            places=_SHUFFLED,
        ),
    )


def redirected_extents() -> tuple[Step, ...]:
    """The mapping chooses the mechanism: copied by load point, redirected by full pointer.

    The same writes as in ``mixed_extents``: then two portions were copied, here it is one. New
    data goes to the first free place of the image. When the copies go, so do the places.
    """
    first = {"C": Copy("2->a0", "[0-1] [3-7]", LETTERS)}
    both = {"C": Copy("2->a0 5->k0", "[0-1] [3-4] [6-7]", LETTERS)}
    once, again = "A B C1 D E F1 G H", "A B C1 D E F2 G H"
    moved, back = "0 1 2 3 | 6 | 8 | 7 | 5", "0 1 2 3 | 6 | 9 | 7 | 5"
    later = {**both, "C2": Copy("", "[0-7]", once)}
    kept = {
        "C": Copy("2->a0 5->k0", "[0-1] [3-4] [6-7]", LETTERS),
        "C2": Copy("5->k1", "[0-4] [6-7]", once),
    }
    whole = {"C2": kept["C2"]}
    across = {"C2": Copy("3->a1 4->k2 5->k1", "[0-2] [6-7]", once)}
    crossed, new = "A B C1 D1 E1 F2 G H", "0 1 2 3 | 4 | 9 | 7 | 5"
    plain = {"C2": Copy("3->a1 4->a2 5->a3", "[0-2] [6-7]", once)}
    return (
        *_shuffled(),
        Step("mechanism redirect-on-write", LETTERS, places=_SHUFFLED),
        Step("take C", LETTERS, copies={"C": WHOLE}, places=_SHUFFLED),
        Step("O2=C1", "A B C1 D E F G H", "a0:C/o", first, copied=1, places=_SHUFFLED),
        Step("O5=F1", once, "a0:C/o k0:F/o", both, places=moved),
        Step("take C2", once, "a0:C/o k0:F/o", later, places=moved),
        Step("O5=F2", again, "a0:C/o k0:F/o k1:F1/o", kept, places=back),
        Step("delete C", again, "k1:F1/o", whole, places=back),
        Step("O3-4=D1+E1", crossed, "a1:D/o k1:F1/o k2:E/o", across, copied=1, places=new),
        Step("convert 0-7 to identity", crossed, "a1:D/o a2:E/o a3:F1/o", plain),
        Step("delete C2", crossed),
    )
