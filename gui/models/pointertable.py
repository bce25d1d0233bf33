# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointer table of one copy, loaded once and then kept true by the engine's events.

Which event wins where:

* ``PRESERVED`` - an original was kept in the newest layer. Every copy that still read it through a
  range pair reads it there from now on; where the copy has a pointer already, that one stays.
* ``REDIRECTED``, or ``TRIMMED`` of this copy - new data of this copy. It goes over everything.
* All others change no pointer of this copy.

So the order between the two sorts does not matter within a batch, and a batch is applied at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from core.answers import PointerKind
from core.events import ORIGINAL_ID, EventFlag, EventKind
from gui.models.pointerstore import PointerStore, RowKind, Rows, distinct

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.answers import Int64s, TableAnswer

    Events = npt.NDArray[np.void]

_NOTHING = Rows.empty(0)
_CELLS_A_RANGE_MAX: Final = 8
"""Above this long ranges lie over crowds of short ones, and each would be laid piece by piece."""


class Geometry(NamedTuple):
    """The volume a table belongs to, in bytes."""

    size: int
    grain: int


def paint(starts: Int64s, stops: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Lay ranges over each other, the later over the earlier.

    Returns:
        What is seen in the end, sorted: starts, stops, and which range each piece is of.
    """
    edges = distinct(np.concatenate([starts, stops]))
    first, last = np.searchsorted(edges, starts), np.searchsorted(edges, stops)
    top = np.full(len(edges), -1, np.int64)
    spans = last - first
    if int(spans.sum()) <= _CELLS_A_RANGE_MAX * len(starts):
        layers = np.repeat(np.arange(len(starts)), spans)
        cells = np.repeat(first - np.cumsum(spans) + spans, spans) + np.arange(len(layers))
        np.maximum.at(top, cells, layers)
    else:
        for layer, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
            top[low:high] = layer
    begins = np.flatnonzero(np.diff(top, prepend=-1))
    ends = np.append(begins[1:], len(edges) - 1)
    kept = top[begins] >= 0
    begins, ends = begins[kept], ends[kept]
    return edges[begins], edges[ends], top[begins]


def joined(*parts: Rows) -> Rows:
    """Return the rows of all parts, one part after the other."""
    return Rows(
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.stops for part in parts]),
        np.concatenate([part.offsets for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.stamps for part in parts]),
    )


def laid(rows: Rows) -> Rows:
    """Lay pointers over each other, the later over the earlier; return what is seen, sorted."""
    order = np.argsort(rows.starts, kind="stable")
    if np.all(rows.stops[order[:-1]] <= rows.starts[order[1:]]):
        return rows.at(order)
    return _cut(rows, *paint(rows.starts, rows.stops))


def uncovered(rows: Rows, held: Rows) -> Rows:
    """Return what of pointers that do not overlap is seen beside ``held``."""
    starts, stops, layer = paint(
        np.concatenate([rows.starts, held.starts]), np.concatenate([rows.stops, held.stops])
    )
    seen = layer < len(rows.starts)
    return _cut(rows, starts[seen], stops[seen], layer[seen])


def _cut(rows: Rows, starts: Int64s, stops: Int64s, source: Int64s) -> Rows:
    """Return pieces of pointers; ``source`` tells which pointer each is of."""
    kinds = rows.kinds[source]
    offsets = rows.offsets[source] + (starts - rows.starts[source])
    offsets[kinds == PointerKind.ZERO] = 0
    return Rows(starts, stops, offsets, kinds, rows.stamps[source])


class PointerTable:
    """Pointers and range pairs of one copy."""

    def __init__(self) -> None:
        """Begin with no volume: no rows."""
        self.copy_id = ORIGINAL_ID
        self.copy_name = ""
        self.geometry = Geometry(0, 4096)
        self.event_seq = 0
        self._has_table = False
        self._store = PointerStore(0, _NOTHING)

    def load(self, answer: TableAnswer, name: str, geometry: Geometry) -> None:
        """Show the table of an answer for the whole volume."""
        columns = answer.columns
        self.copy_id, self.copy_name, self.geometry = answer.copy_id, name, geometry
        self.event_seq = answer.event_seq
        # The original has no table while it reads the initial area alone: no pair to show.
        self._has_table = answer.copy_id != ORIGINAL_ID or answer.is_original_elsewhere
        size = geometry.size if self._has_table else 0
        self._store = PointerStore(
            size,
            Rows(
                columns.starts.astype(np.int64),
                (columns.starts + columns.lengths).astype(np.int64),
                columns.offsets.astype(np.int64),
                columns.kinds.astype(np.uint8),
                np.zeros(len(columns), np.float64),
            ),
        )

    @property
    def row_count(self) -> int:
        """Individual pointers plus range pairs."""
        return self._store.row_count

    @property
    def pointer_count(self) -> int:
        """Individual pointers."""
        return len(self._store)

    @property
    def pair_count(self) -> int:
        """Range pairs."""
        return self._store.pair_count

    def rows(self, first: int, count: int) -> Rows:
        """Return up to ``count`` rows from ``first`` on, in order of address."""
        return self._store.rows(first, count)

    def snapshot(self) -> PointerStore:
        """Return all rows as they are now, for another thread to arrange."""
        return self._store.snapshot()

    def row_of(self, address: int) -> int:
        """Return the row that covers the logical byte ``address``; -1 if there is none."""
        return self._store.row_of(address) if 0 <= address < self._store.size else -1

    def find_area(self, offset: int) -> int:
        """Return the logical byte where the pointer to a byte of the additional area begins."""
        return self._store.find_area(offset)

    def pairs_beside(self, start: int, stop: int) -> list[tuple[int, int]] | None:
        """Return the range pairs that end at ``start`` or begin at ``stop``, as byte ranges.

        None if a pair still covers part of ``[start, stop)``: events about it are yet to come.
        """
        low, high = self.row_of(start), self.row_of(stop - 1)
        if low < 0 or high < 0:
            return None
        first = max(0, low - 1)
        rows = self.rows(first, high + 2 - first)
        pairs = rows.at(rows.kinds == RowKind.PAIR)
        if np.any((pairs.starts < stop) & (pairs.stops > start)):
            return None
        return list(zip(pairs.starts.tolist(), pairs.stops.tolist(), strict=True))

    def apply(self, events: Events, stamp: float = 0.0) -> bool:
        """Take one batch of events, in order; those the table includes already are skipped.

        Returns:
            Whether any row changed.
        """
        fresh = events[np.searchsorted(events["seq"], self.event_seq, "right") :]
        if not len(fresh):
            return False
        self.event_seq = int(fresh["seq"][-1])
        if not self._has_table:
            return False
        kinds, mine = fresh["kind"], fresh["copy_id"] == self.copy_id
        trimmed = mine & (kinds == EventKind.TRIMMED)
        below = fresh[(kinds == EventKind.PRESERVED) & (fresh["start"] < self.geometry.size)]
        above = fresh[trimmed | (mine & (kinds == EventKind.REDIRECTED))]
        under = _pointers_of(below, PointerKind.ORIGINAL, stamp)
        # A longer volume preserves what this copy does not have, up to within its last grain.
        np.minimum(under.stops, self.geometry.size, out=under.stops)
        over = _pointers_of(above, PointerKind.NEW, stamp)
        is_filled = self._fill(under) if len(under.starts) else False
        is_covered = self._cover(over) if len(over.starts) else False
        return is_filled or is_covered

    def _fill(self, originals: Rows) -> bool:
        """Put originals where there is no pointer yet; pointers that are there stay untouched."""
        # Of originals of one place the first is the one the copy reads; so it is painted last.
        fresh = laid(originals.at(slice(None, None, -1)))
        low, high = self._store.span(fresh.starts, fresh.stops)
        is_met = high > low
        if is_met.any():
            held = self._store.pointers(_union(low, high))
            rest = uncovered(fresh.at(is_met), held)
            fresh = laid(joined(fresh.at(~is_met), rest))
        self._store.insert(fresh)
        return bool(len(fresh.starts))

    def _cover(self, new: Rows) -> bool:
        """Put new data of this copy over everything."""
        fresh = laid(new)
        low, high = self._store.span(fresh.starts, fresh.stops)
        held = _union(low, high)
        old = self._store.take(held) if len(held) else _NOTHING
        merged = laid(joined(old, fresh))
        self._store.insert(merged)
        return len(merged.starts) != len(old.starts) or any(
            np.any(a != b) for a, b in zip(merged, old, strict=True)
        )


def _pointers_of(events: Events, kind: PointerKind, stamp: float) -> Rows:
    """Return what the events point to, as columns in the order of the events."""
    zero = (events["flags"] & EventFlag.ZERO).astype(bool) | (events["kind"] == EventKind.TRIMMED)
    starts = events["start"].astype(np.int64)
    return Rows(
        starts,
        starts + events["length"].astype(np.int64),
        np.where(zero, 0, events["area_offset"].astype(np.int64)),
        np.where(zero, PointerKind.ZERO, kind).astype(np.uint8),
        np.full(len(events), stamp, np.float64),
    )


def _union(low: Int64s, high: Int64s) -> Int64s:
    """Return every index that lies in one of the ranges ``[low, high)``, once, sorted."""
    hit = high > low
    counts = (high - low)[hit]
    base = np.repeat(low[hit] - np.cumsum(counts) + counts, counts)
    return distinct(base + np.arange(len(base)))
