# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the search box of the pointer table understands, and which rows answer it.

``b340`` a place; ``b340-b3ff`` a range; ``@12b280`` what lies at that place of the additional
area; ``preserved``, ``new``, ``zero``, ``pairs``, ``pointers`` a kind; a copy's name that copy.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gui.models.pointerstore import RowKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.answers import Int64s
    from gui.models.address import AddressFormat
    from gui.models.pointerstore import Rows

POINTER_KINDS: Final = frozenset({RowKind.ORIGINAL, RowKind.NEW, RowKind.ZERO})
_KINDS: Final = {
    "preserved": frozenset({RowKind.ORIGINAL}),
    "original": frozenset({RowKind.ORIGINAL}),
    "new": frozenset({RowKind.NEW}),
    "zero": frozenset({RowKind.ZERO}),
    "pair": frozenset({RowKind.PAIR}),
    "pairs": frozenset({RowKind.PAIR}),
    "pointer": POINTER_KINDS,
    "pointers": POINTER_KINDS,
}
_RANGE = re.compile(r"(.+?)\s*(?:-|\u2013|\.\.)\s*(.+)")


class SortBy(enum.Enum):
    """What rows are ordered by."""

    ADDRESS = "address"
    AREA = "area"
    LENGTH = "length"
    KIND = "kind"
    RECENT = "recent"


@dataclass(frozen=True)
class Query:
    """What was asked; all that is given must hold.

    Attributes:
        start, stop: Rows that touch these logical bytes; ``stop`` 0 = to the end.
        area: Rows whose data lies over this byte of the additional area.
        kinds: Rows of these kinds; empty = all.
        copy: The name of a copy to show instead.
        is_place: A single place was named: go there, leave the other rows in view.
        problem: Why the words mean nothing; empty if they do.
    """

    start: int = 0
    stop: int = 0
    area: int | None = None
    kinds: frozenset[RowKind] = frozenset()
    copy: str = ""
    is_place: bool = False
    problem: str = ""

    @property
    def picks_rows(self) -> bool:
        """Whether rows must be looked at one by one."""
        return self.area is not None or bool(self.kinds)


def parse_query(words: str, form: AddressFormat, copies: Iterable[str]) -> Query:
    """Return what ``words`` ask for."""
    words = words.strip()
    if not words:
        return Query()
    if words in copies:
        return Query(copy=words)
    if words.lower() in _KINDS:
        return Query(kinds=_KINDS[words.lower()])
    if words.startswith("@"):
        area = form.parse(words[1:])
        return Query(area=area) if area is not None else _unknown()
    place = form.parse(words)
    if place is not None:
        return Query(start=place, stop=place + 1, is_place=True)
    return _parse_range(words, form)


def _parse_range(words: str, form: AddressFormat) -> Query:
    match = _RANGE.fullmatch(words)
    first, last = (form.parse(match[1]), form.parse(match[2])) if match else (None, None)
    if first is None or last is None:
        return _unknown()
    if last < first:
        return Query(problem="It ends before it begins")
    return Query(start=first, stop=last + form.block_bytes)


def _unknown() -> Query:
    return Query(problem="Not a block, range or copy")


def arrange(rows: Rows, query: Query, order: SortBy, *, descending: bool = False) -> Int64s:
    """Return the start address of each row that answers ``query``, in order.

    Addresses, not row numbers: an address keeps naming its row while events split the rows.
    """
    keep = _matching(rows, query)
    starts = rows.starts[keep]
    if order is SortBy.ADDRESS:
        return starts[::-1] if descending else starts
    keys = _keys(rows, order)[keep]
    ranks = np.argsort(-keys if descending else keys, kind="stable")
    arranged: Int64s = starts[ranks]
    return arranged


def _matching(rows: Rows, query: Query) -> Int64s:
    stop = query.stop or (int(rows.stops[-1]) if len(rows.stops) else 0)
    mask = (rows.starts < stop) & (rows.stops > query.start)
    if query.kinds:
        mask &= np.isin(rows.kinds, [int(kind) for kind in query.kinds])
    if query.area is not None:
        ends = rows.offsets + rows.lengths
        mask &= (rows.kinds <= RowKind.NEW) & (rows.offsets <= query.area) & (ends > query.area)
    return np.flatnonzero(mask)


def _keys(rows: Rows, order: SortBy) -> Int64s:
    keys = {
        SortBy.AREA: np.where(rows.kinds <= RowKind.NEW, rows.offsets, -1),
        SortBy.LENGTH: rows.lengths,
        SortBy.KIND: rows.kinds.astype(np.int64),
        SortBy.RECENT: (rows.stamps * 1000).astype(np.int64),
    }
    return keys[order]
