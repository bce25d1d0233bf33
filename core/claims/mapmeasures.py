# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the claims about the initial area's own mapping ask for, measured."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from core.claims.measures import Measured
from core.claims.portions import LETTERS, PORTION_BYTES, portion, word_of
from core.engine import create_portions, open_volume
from core.volume.portions import SLOT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.claims.measures import Lab
    from core.engine import Volume

PORTION_SIZES: Final = (4096, 2048, 8192, 1024)
"""Of the volume of portions of S10 and S11."""
_AS_TAKEN: Final = list(zip("ABCD", PORTION_SIZES, strict=True))


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


def portion_sizes(lab: Lab) -> Measured:
    """Claims 8 and 19: portions differ in size, and exactly the one that is written is copied."""
    copied = list[int]()
    with _portions(lab) as path, open_volume(path) as volume:
        volume.clone("C")
        for number, word in ((2, "c"), (3, "d"), (2, "e")):
            before = volume.stats().preserved_bytes
            volume.write_portion(number, portion(word, PORTION_SIZES[number]))
            copied.append(volume.stats().preserved_bytes - before)
        reads = _reads(volume, "C")
    return Measured(
        is_shown=copied == [8192, 1024, 0] and reads == _AS_TAKEN,
        found="portions of {}, {}, {} and {} bytes; copied when the third, the fourth and the third"
        " again was written: {}, {}, {} bytes".format(*PORTION_SIZES, *copied),
    )


def pointer_and_size(lab: Lab) -> Measured:
    """Claims 10 and 21: the pointer and the size that the portion had are kept together.

    Closed and opened again, with portions that have other sizes by then.
    """
    with _portions(lab) as path:
        with open_volume(path) as volume:
            volume.clone("C")
            volume.write_portion(1, portion("b", 1024))
            volume.write_portion(3, portion("d", 3072))
        with open_volume(path) as volume:
            kept, now, reads = volume.portions("C"), volume.portions(), _reads(volume, "C")
    kinds = [one.kind for one in kept]
    before, after = (kept[1].size, kept[3].size), (now[1].size, now[3].size)
    return Measured(
        is_shown=(before, after) == ((2048, 1024), (1024, 3072))
        and kinds == ["unchanged", "original", "unchanged", "original"]
        and reads == _AS_TAKEN,
        found=f"two portions written with other sizes have {after[0]} and {after[1]} bytes;"
        f" the copy's pointers say {before[0]} and {before[1]}",
    )


@contextmanager
def _portions(lab: Lab) -> Iterator[Path]:
    """Yield the path of a new volume of portions that say A to D; take it away afterwards."""
    path = lab.place()
    create_portions(path, PORTION_SIZES)
    with open_volume(path) as volume:
        for number, (word, size) in enumerate(_AS_TAKEN):
            volume.write_portion(number, portion(word, size))
    yield path
    path.unlink()
    path.with_name(f"{path.name}.rangepair").unlink()


def _reads(volume: Volume, copy: str) -> list[tuple[str, int]]:
    """Return word and size of each portion of a copy."""
    return [
        (word_of(volume.read(one.number * SLOT_BYTES, one.size, copy)), one.size)
        for one in volume.portions(copy)
    ]
