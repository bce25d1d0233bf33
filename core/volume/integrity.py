# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of the bytes of each copy: intact, damaged here, suspect there.

Kept in the catalog beside the copies, and so durable with the next fold. Nothing that is read
depends on it: a read verifies by itself.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from core.answers import ByteRange
from core.format.catalog import IntegrityRecord
from core.volume.moment import moment_of
from core.volume.read import Views

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.answers import Integrity
    from core.extent import Extent
    from core.format.catalog import CopyRecord
    from core.volume.catalog import Catalog
    from core.volume.state import VolumeState

    Range = tuple[int, int]

RANGES_MAX: Final = 64
"""Ranges kept of one copy; a catalog must stay short, whatever a disk has lost."""


def known_of(catalog: Catalog, copy_id: int) -> IntegrityRecord:
    """Return what is known of a copy; nothing at first."""
    known = catalog.integrity.get(copy_id)
    return known or IntegrityRecord(id=copy_id, scrubbed=0.0, damaged=[], suspect=[])


def badge_of(known: IntegrityRecord) -> Integrity:
    """Return it in one word, the worst first."""
    if known.damaged:
        return "damaged"
    if known.suspect:
        return "suspect"
    return "intact" if known.scrubbed else "unchecked"


def told(ranges: Iterable[Range]) -> list[ByteRange]:
    """Return ranges as an answer carries them."""
    return [ByteRange(start, length) for start, length in ranges]


def note_damage(state: VolumeState, copy: CopyRecord, start: int, length: int) -> bool:
    """Remember that a range of a copy cannot be read; return whether that is news."""
    known = known_of(state.catalog, copy.id)
    damaged = bounded([*known.damaged, (start, length)])
    if damaged == known.damaged:
        return False
    state.catalog.integrity[copy.id] = msgspec.structs.replace(known, damaged=damaged)
    return True


def note_scrubbed(
    state: VolumeState,
    copy_id: int,
    when: float,
    damaged: list[Range],
    *,
    keeps_suspect: bool = False,
) -> None:
    """Take the result of a scrub; a suspicion is over with it, unless it is to be kept."""
    known = known_of(state.catalog, copy_id)
    state.catalog.integrity[copy_id] = IntegrityRecord(
        id=copy_id,
        scrubbed=when,
        damaged=bounded(damaged),
        suspect=known.suspect if keeps_suspect else [],
    )


def note_suspect_whole(state: VolumeState, copy: CopyRecord) -> None:
    """Mark all of a copy: pointers that belong to it may be missing."""
    known = known_of(state.catalog, copy.id)
    whole = [(0, state.catalog.size_of(copy))]
    state.catalog.integrity[copy.id] = msgspec.structs.replace(known, suspect=whole)


def note_suspects(state: VolumeState, changed: Sequence[Extent]) -> bool:
    """Mark the copies that read the image at places that another program changed.

    Returns:
        Whether there is any such copy.
    """
    if not changed:
        return False
    views, catalog = Views(moment_of(state)), state.catalog
    is_any = False
    for copy in catalog.copies.values():
        run, size = views.flatten(copy), catalog.size_of(copy)
        inside = [extent for extent in changed if extent.start < size]
        gaps = [run.gaps(extent.start, min(extent.stop, size)) for extent in inside]
        reads = [
            (start, stop - start)
            for starts, stops in gaps
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        ]
        if reads:
            known = known_of(catalog, copy.id)
            suspect = bounded([*known.suspect, *reads])
            catalog.integrity[copy.id] = msgspec.structs.replace(known, suspect=suspect)
            is_any = True
    return is_any


def bounded(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges sorted and joined, at most ``RANGES_MAX``: then the nearest are one."""
    joined: list[list[int]] = []
    for start, length in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], start + length)
        else:
            joined.append([start, start + length])
    if len(joined) > RANGES_MAX:
        widths = sorted(
            (after[0] - before[1], number)
            for number, (before, after) in enumerate(pairwise(joined))
        )
        breaks = sorted(number + 1 for _, number in widths[-(RANGES_MAX - 1) :])
        edges = zip([0, *breaks], [*breaks, len(joined)], strict=True)
        joined = [[joined[first][0], joined[stop - 1][1]] for first, stop in edges]
    return [(start, stop - start) for start, stop in joined]
