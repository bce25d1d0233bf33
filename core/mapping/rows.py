# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The few pointers of a run that a read needs, one by one.

A whole-array operation costs a microsecond however little it is asked for, and a read of one grain
needs a dozen of them. Bisecting a memoryview of the same column costs 40 ns a step, and taking a
pointer's fields out of it a fraction of a microsecond.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from core.answers import PointerKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from core.mapping.pointerrun import PointerRun

_ZERO: Final = int(PointerKind.ZERO)
Row: TypeAlias = "tuple[int, int, int, int, int, int, int]"
"""A pointer's start, length, offset, kind, checksum, head, whole; see ``PointerRun``."""

Finder: TypeAlias = "Callable[[int, int], Sequence[Row]]"
"""Returns the pointers within a range, start to stop, sorted and cut at its edges."""

PART: Final = (-1, 0)
"""Pointers touch a range, and more must be asked."""
NO_ROWS: Final[tuple[Row, ...]] = ()


class Rows:
    """The pointers of one run, to be looked up singly."""

    __slots__ = ("_fields",)

    def __init__(self, run: PointerRun) -> None:
        """Look into the columns of ``run``, which do not change."""
        self._fields = (
            _cells(run.starts),
            _cells(run.lengths),
            _cells(run.offsets),
            _cells(run.kinds),
            _cells(run.checksums),
            _cells(run.heads),
            _cells(run.wholes),
        )

    def glance(self, start: int, stop: int) -> tuple[int, int] | None:
        """Look whether ``[start, stop)`` is one whole extent, for who reads just that.

        Returns:
            Offset and checksum of the extent, None if no pointer touches the range, or ``PART``.
        """
        starts, lengths, offsets, _, checksums, _, wholes = self._fields
        after = bisect_right(starts, start)
        at = after - 1
        if after and starts[at] == start:
            if start + lengths[at] == stop and lengths[at] == wholes[at]:
                return offsets[at], checksums[at]
            return PART
        if (after and starts[at] + lengths[at] > start) or (
            after < len(starts) and starts[after] < stop
        ):
            return PART
        return None

    def find(self, start: int, stop: int) -> Sequence[Row]:
        """Return the pointers within ``[start, stop)``, sorted; those across an edge are cut."""
        starts, lengths, offsets, kinds, checksums, heads, wholes = self._fields
        first = bisect_right(starts, start)
        if first and starts[first - 1] + lengths[first - 1] > start:
            first -= 1
        elif first == len(starts) or starts[first] >= stop:
            return NO_ROWS
        if first + 1 == len(starts) or starts[first + 1] >= stop:
            row: Row = (
                starts[first],
                lengths[first],
                offsets[first],
                kinds[first],
                checksums[first],
                heads[first],
                wholes[first],
            )
            return (cut(row, start, stop) if row[0] < start or row[0] + row[1] > stop else row,)
        last = bisect_left(starts, stop, first)
        found: list[Row]
        found = list(zip(*[field[first:last].tolist() for field in self._fields], strict=True))
        found[0], found[-1] = cut(found[0], start, stop), cut(found[-1], start, stop)
        return found


def resolve_rows(
    finders: Iterable[Finder], start: int, stop: int
) -> tuple[list[Row], list[tuple[int, int]]]:
    """Ask ``finders``, topmost first; return the pointers found in ``[start, stop)``, and the gaps.

    Each finder is asked only for what those above it have not. The range is not empty.
    """
    rows: list[Row] = []
    gaps = [(start, stop)]
    for find in finders:
        left: list[tuple[int, int]] = []
        for low, high in gaps:
            found = find(low, high)
            if found:
                rows += found
                left += uncovered(found, low, high)
            else:
                left.append((low, high))
        gaps = left
        if not gaps:
            break
    return rows, gaps


def cut(row: Row, start: int, stop: int) -> Row:
    """Return the piece of a pointer within ``[start, stop)``, which it touches."""
    begin, length, offset, kind, checksum, head, whole = row
    end = min(begin + length, stop)
    if begin < start:
        if kind != _ZERO:
            offset, head = offset + start - begin, head + start - begin
        begin = start
    return begin, end - begin, offset, kind, checksum, head, whole


def uncovered(rows: Sequence[Row], start: int, stop: int) -> list[tuple[int, int]]:
    """Return the parts of ``[start, stop)``, in order, between ``rows``, which lie within it."""
    gaps, at = list[tuple[int, int]](), start
    for row in rows:
        if at < row[0]:
            gaps.append((at, row[0]))
        at = row[0] + row[1]
    if at < stop:
        gaps.append((at, stop))
    return gaps


def _cells(column: npt.NDArray[np.integer]) -> memoryview:
    """Return a column as memory that Python indexes: in one piece, on the bounds of its items."""
    return np.require(column, requirements=("C", "A")).data
