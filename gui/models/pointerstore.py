# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointers of one copy as columns, and the arithmetic that turns them into table rows.

A table has a row for every individual pointer and a row for every range pair. Pairs are not
stored: a pair is the gap before a pointer, or after the last one. So a row number is the number of
a pointer plus the number of gaps before it, and any stretch of rows is computed from the pointers
beside it, never from all.

Columns only grow, so a pointer keeps its *slot* while others come and go; three short columns in
order of address (start, slot, "is there a gap before") are what an insertion moves.
"""

from __future__ import annotations

import copy
import enum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np

from core.answers import PointerKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.answers import Int64s, UInt8s

    Int32s = npt.NDArray[np.int32]
    Floats = npt.NDArray[np.float64]
    Number = TypeVar("Number", bound=np.number)

BLOCK: Final = 4096
"""Pointers per entry of the row index: one count is 0.1 us, and 1 M pointers have 245 counts."""
SLACK: Final = 1 << 16
"""Dead slots tolerated before the columns are written anew."""


class RowKind(enum.IntEnum):
    """What a table row is; the first three are ``PointerKind``."""

    ORIGINAL = 0
    NEW = 1
    ZERO = 2
    PAIR = 3

    @property
    def pointer_kind(self) -> PointerKind:
        """What an individual pointer points to. A pair is none: ValueError."""
        return PointerKind(self)


class Rows(NamedTuple):
    """Rows of a table as columns of equal length; without pairs they are pointers alone.

    Attributes:
        starts, stops: Logical bytes, half-open.
        offsets: Byte address in the additional area; 0 for ZERO and PAIR.
        kinds: ``RowKind``.
        stamps: When each came, in seconds of the clock of the caller; 0 = was there at loading.
    """

    starts: Int64s
    stops: Int64s
    offsets: Int64s
    kinds: UInt8s
    stamps: Floats

    @property
    def lengths(self) -> Int64s:
        """Bytes each row stands for."""
        lengths: Int64s = self.stops - self.starts
        return lengths

    def at(self, index: npt.NDArray[np.integer | np.bool] | slice) -> Rows:
        """Return the rows at an index, in its order."""
        return Rows(
            self.starts[index],
            self.stops[index],
            self.offsets[index],
            self.kinds[index],
            self.stamps[index],
        )

    @classmethod
    def empty(cls, count: int) -> Rows:
        """Return room for ``count`` rows, not filled in."""
        return cls(
            np.empty(count, np.int64),
            np.empty(count, np.int64),
            np.empty(count, np.int64),
            np.empty(count, np.uint8),
            np.empty(count, np.float64),
        )

    def put(self, index: npt.NDArray[np.integer | np.bool] | slice, source: Rows) -> None:
        """Write ``source`` to the places of an index."""
        self.starts[index] = source.starts
        self.stops[index] = source.stops
        self.offsets[index] = source.offsets
        self.kinds[index] = source.kinds
        self.stamps[index] = source.stamps


def distinct(numbers: Int64s) -> Int64s:
    """Return what ``np.unique`` does, which hashes and takes three times as long."""
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


class PointerStore:
    """Pointers of a volume of ``size`` bytes, kept sorted under insertion and removal."""

    def __init__(self, size: int, pointers: Rows) -> None:
        """Take the pointers; ``size`` is the volume's, in bytes."""
        self.size = size
        self._columns = pointers
        self._used = len(pointers.starts)
        self._starts = pointers.starts
        self._slots: Int32s = np.arange(self._used, dtype=np.int32)
        self._gaps: UInt8s = np.empty(self._used, np.uint8)
        self._mark_gaps(np.arange(self._used, dtype=np.int64))
        self._first_rows: Int64s | None = None

    def __len__(self) -> int:
        """Return the number of individual pointers."""
        return len(self._starts)

    @property
    def row_count(self) -> int:
        """Individual pointers plus range pairs."""
        return int(self._index()[-1]) + self._has_tail

    @property
    def pair_count(self) -> int:
        """Range pairs."""
        return self.row_count - len(self)

    @property
    def _has_tail(self) -> bool:
        count = len(self)
        return self.size > (self._stop(count - 1) if count else 0)

    def _stop(self, index: int) -> int:
        return int(self._columns.stops[self._slots[index]])

    def _mark_gaps(self, at: Int64s) -> None:
        """Find out anew whether there is a gap before the pointers at these indices."""
        at = at[at < len(self)]
        before = self._columns.stops[self._slots[at - 1]]
        before[at == 0] = 0
        self._gaps[at] = self._starts[at] > before

    def _index(self) -> Int64s:
        """Return the row of the first pointer of each block, its pair left out, and the end."""
        if self._first_rows is None:
            edges = np.arange(0, len(self), BLOCK)
            rows = np.zeros(len(edges) + 1, np.int64)
            if len(edges):
                np.cumsum(np.add.reduceat(self._gaps, edges, dtype=np.int32), out=rows[1:])
            rows[1:] += np.minimum(edges + BLOCK, len(self))
            self._first_rows = rows
        return self._first_rows

    def _rows_of(self, first: int, stop: int) -> Int64s:
        """Return the rows of the pointers with indices ``[first, stop)``."""
        block = first // BLOCK
        gaps = np.cumsum(self._gaps[block * BLOCK : stop], dtype=np.int64)
        base = int(self._index()[block]) - block * BLOCK
        rows: Int64s = gaps[first - block * BLOCK :] + np.arange(first, stop) + base
        return rows

    def _pointer_at(self, row: int) -> int:
        """Return the index of the first pointer whose row is ``row`` or more."""
        block = max(0, int(np.searchsorted(self._index(), row, "right")) - 1)
        first = block * BLOCK
        if first >= len(self):
            return len(self)
        rows = self._rows_of(first, min(first + BLOCK, len(self)))
        return first + int(np.searchsorted(rows, row, "left"))

    def rows(self, first: int, count: int) -> Rows:
        """Return up to ``count`` rows from ``first`` on, in order of address."""
        stop = min(first + count, self.row_count)
        lead = self._pointer_at(first)
        last = min(lead + max(0, stop - first), len(self))
        low = max(0, lead - 1)
        at = self._rows_of(low, last) if last > low else np.empty(0, np.int64)
        return self._fill(first, stop, at, self._slots[low:last])

    def _fill(self, first: int, stop: int, at: Int64s, slots: Int32s) -> Rows:
        """Lay the pointers down at their rows; every row between two of them is a pair."""
        count = max(0, stop - first)
        source = self._columns
        lead = int(np.searchsorted(at, first))
        ends = np.searchsorted(at, stop)
        where, inside = at[lead:ends] - first, slots[lead:ends]
        rows = Rows.empty(count)
        rows.offsets.fill(0)
        rows.kinds.fill(RowKind.PAIR)
        rows.stamps.fill(0)
        rows.put(where, source.at(inside))
        pairs = np.flatnonzero(rows.kinds == RowKind.PAIR)
        index = np.searchsorted(at, pairs + first)
        stops, starts = source.stops[slots], source.starts[slots]
        rows.starts[pairs] = np.concatenate([[0], stops])[index]
        rows.stops[pairs] = np.concatenate([starts, [self.size]])[index]
        return rows

    def snapshot(self) -> PointerStore:
        """Return the store as it is now, for another thread to read.

        Costs nothing: columns are only ever replaced, or appended to in slots not yet in use.
        """
        return copy.copy(self)

    def row_of(self, address: int) -> int:
        """Return the row that covers the logical byte ``address``, which is in the volume."""
        index = int(np.searchsorted(self._starts, address, "right")) - 1
        if index >= 0 and address < self._stop(index):
            return int(self._rows_of(index, index + 1)[0])
        if index + 1 == len(self):
            return self.row_count - 1
        return int(self._rows_of(index + 1, index + 2)[0]) - 1

    def find_area(self, offset: int) -> int:
        """Return where the pointer begins whose data lies over a byte of the additional area.

        Looks at every pointer: 3 ms for a million. -1 if there is none.
        """
        every = self._columns.at(slice(0, self._used))
        hit = (every.offsets <= offset) & (every.offsets + every.lengths > offset)
        for slot in np.flatnonzero(hit & (every.kinds <= RowKind.NEW)).tolist():
            index = int(np.searchsorted(self._starts, every.starts[slot]))
            if index < len(self) and self._slots[index] == slot:  # else it is a dead slot
                return int(every.starts[slot])
        return -1

    def span(self, starts: Int64s, stops: Int64s) -> tuple[Int64s, Int64s]:
        """Return the index ranges ``[low, high)`` of the pointers that each range overlaps."""
        low = np.searchsorted(self._starts, starts, "right")
        before = np.maximum(low - 1, 0)
        if len(self):
            ends = self._columns.stops[self._slots[before]]
            low -= (low > 0) & (ends > starts)
        return low, np.maximum(np.searchsorted(self._starts, stops, "left"), low)

    def pointers(self, indices: Int64s) -> Rows:
        """Return the pointers at ``indices``."""
        return self._columns.at(self._slots[indices])

    def take(self, indices: Int64s) -> Rows:
        """Return the pointers at sorted ``indices`` and remove them."""
        taken = self.pointers(indices)
        kept = np.ones(len(self), np.bool_)
        kept[indices] = False
        self._starts = self._starts[kept]
        self._slots = self._slots[kept]
        self._gaps = self._gaps[kept]
        self._mark_gaps(distinct(indices - np.arange(len(indices))))
        self._first_rows = None
        return taken

    def insert(self, pointers: Rows) -> None:
        """Add pointers, sorted and overlapping nothing."""
        if not len(pointers.starts):
            return
        count = len(pointers.starts)
        slots = np.arange(self._used, self._used + count, dtype=np.int32)
        self._append(pointers)
        at = np.searchsorted(self._starts, pointers.starts) + np.arange(count)
        is_held = np.ones(len(self) + count, np.bool_)
        is_held[at] = False
        self._starts = _spread(self._starts, is_held, at, pointers.starts)
        self._slots = _spread(self._slots, is_held, at, slots)
        self._gaps = _spread(self._gaps, is_held, at, np.zeros(count, np.uint8))
        self._mark_gaps(distinct(np.concatenate([at, at + 1])))
        self._first_rows = None
        if self._used > 2 * len(self) + SLACK:
            self._compact()

    def _append(self, pointers: Rows) -> None:
        """Put the pointers into fresh slots; capacity doubles, so that this is amortised."""
        stop = self._used + len(pointers.starts)
        if stop > len(self._columns.starts):
            room = max(stop, 2 * len(self._columns.starts), BLOCK)
            grown = Rows.empty(room)
            grown.put(slice(0, self._used), self._columns.at(slice(0, self._used)))
            self._columns = grown
        self._columns.put(slice(self._used, stop), pointers)
        self._used = stop

    def _compact(self) -> None:
        """Write the columns anew in order of address, without the dead slots."""
        self._columns = self._columns.at(self._slots)
        self._used = len(self)
        self._slots = np.arange(self._used, dtype=np.int32)


def _spread(
    column: npt.NDArray[Number],
    is_held: npt.NDArray[np.bool],
    at: Int64s,
    fresh: npt.NDArray[Number],
) -> npt.NDArray[Number]:
    """Return a column with ``fresh`` at the places ``at``, and what it held at all others."""
    grown = np.empty(len(is_held), column.dtype)
    grown[is_held] = column
    grown[at] = fresh
    return grown
