# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where in a view a file system is: all of it, or one of its partitions.

Partitions are numbered as the kernel does it, so that the same number means the same to ``attach``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytsk3

from core.errors import FilesError
from core.files import kinds
from core.files.viewimage import ViewImage
from core.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.files.viewimage import ViewBytes

_FIRST_LOGICAL: Final = 5
"""MBR: four partitions of the table itself come first."""
_ALLOCATED: Final = 1


class Place(NamedTuple):
    """Where a file system may be.

    Attributes:
        partition: Its number; 0 = the view as a whole.
        start: First byte.
        length: Bytes.
        kind: Of the file system that is there; empty if none is known.
    """

    partition: int
    start: int
    length: int
    kind: str


def find(view: ViewBytes, number: int) -> Place:
    """Return where the file system is that the user means.

    Args:
        view: Where to look.
        number: Of the partition, as he chose it; 0 if he did not.

    Raises:
        FilesError: There is none, or it must be chosen.
    """
    whole = Place(0, 0, view.size_bytes, kinds.kind_of(view.read))
    if whole.kind and not number:
        return whole
    partitions = list_partitions(view)
    if number:
        chosen = next((place for place in partitions if place.partition == number), None)
        if chosen is None:
            raise FilesError(f"There is no partition {number}; {_told(partitions)}.")
        if not chosen.kind:
            raise FilesError(
                f"No file system that is known was found in partition {number};"
                f" {_told(partitions)}."
            )
        return chosen
    having = [place for place in partitions if place.kind]
    if not having:
        where = "it has no partitions" if not partitions else "not in any of its partitions either"
        raise FilesError(
            f"No file system that is known was found on the volume, and {where}; files can be read"
            f" from {kinds.READABLE_TOLD}."
        )
    if len(having) > 1:
        raise FilesError(
            f"Several partitions have a file system; choose one with --partition: {_told(having)}."
        )
    return having[0]


def list_partitions(view: ViewBytes) -> list[Place]:
    """Return the partitions of a view by their numbers; none if it has no table of them."""
    try:
        table = pytsk3.Volume_Info(ViewImage(view))
        parts = [part for part in table if int(part.flags) == _ALLOCATED]
    except OSError:
        return []
    sector_bytes = int(table.info.block_size)
    is_mbr = int(table.info.vstype) == int(pytsk3.TSK_VS_TYPE_DOS)
    places = []
    logical = _FIRST_LOGICAL
    for part in sorted(
        parts, key=lambda part: (_table(part) > 0, _table(part), int(part.slot_num))
    ):
        if is_mbr and _table(part) > 0:
            number, logical = logical, logical + 1
        else:
            number = int(part.slot_num) + 1
        start, length = int(part.start) * sector_bytes, int(part.len) * sector_bytes
        if 0 <= start < view.size_bytes and length > 0:
            length = min(length, view.size_bytes - start)
            places.append(Place(number, start, length, _kind_at(view, start, length)))
    return places


def _table(part: Any) -> int:
    return int(part.table_num)


def _kind_at(view: ViewBytes, start: int, length: int) -> str:
    def read(offset: int, count: int) -> bytes:
        return view.read(start + offset, max(0, min(count, length - offset)))

    return kinds.kind_of(read)


def _told(places: Sequence[Place]) -> str:
    if not places:
        return "the volume has none"
    return ", ".join(
        f"{place.partition} ({place.kind or 'no file system'}, {format_bytes(place.length)})"
        for place in places
    )
