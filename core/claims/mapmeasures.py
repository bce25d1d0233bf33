# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the claims about the initial area's own mapping ask for, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.claims.measures import Measured
from core.claims.portions import LETTERS, PORTION_BYTES

if TYPE_CHECKING:
    from core.claims.measures import Lab


def changed_mapping(lab: Lab) -> Measured:
    """Claims 7 and 18: a range is converted and moved under a live copy, and no view changes.

    What is written to it then is copied from where it lies now, and goes there.
    """
    moved = lab.played("take C", "O1=B1", "convert 4-7 to full-pointer", "relocate 6 to 8")
    written = lab.played(
        "take C", "O1=B1", "convert 4-7 to full-pointer", "relocate 6 to 8", "O6=G1"
    )
    before, after = moved.before, moved.after
    is_same = (before.initial, before.copies, before.area) == (
        after.initial,
        after.copies,
        after.area,
    )
    return Measured(
        is_shown=is_same
        and (before.places, after.places) == ("0 1 2 3 | 4 5 6 7", "0 1 2 3 | 4 5 | 8 | 7")
        and written.copied_bytes == PORTION_BYTES
        and str(written.slot(6)) == "G/o"
        and written.after.places == after.places
        and written.after.initial == "A B1 C D E F G1 H"
        and written.after.copies["C"].reads == LETTERS,
        found=f"portion 6 moved from place 6 to {after.places.split()[8]}, views and pairs"
        f" {'the same' if is_same else 'changed'}; then written: {written.copied_bytes} bytes"
        " copied from there",
    )
