# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A sorted run of individual pointers, and the algebra of such runs.

A run holds one column per field, so that a million pointers are searched, cut and merged by a few
whole-array operations. It keeps these invariants, which every function here relies on:

  (1) ``lengths`` are at least 1, and pointers are sorted by start and never overlap;
  (2) columns are of equal length and are not changed once they are in a run (runs share them);
  (3) a piece cut from a pointer keeps the checksum of the whole extent. ``offset - head`` is where
      that whole extent begins in the additional area and ``whole`` is its length, so that a reader
      of any piece can fetch and verify the whole, if the other pieces are there and were not moved
      without this one;
  (4) a ZERO pointer has offset, head, whole and checksum 0, however it is cut.

Range pairs are not stored anywhere: they are the gaps of a run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from core.answers import PointerKind
from core.mapping.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from core.answers import Int64s, UInt8s, UInt64s

    Int32s = npt.NDArray[np.int32]

Chosen: TypeAlias = "slice | npt.NDArray[np.intp]"

_ZERO: Final = int(PointerKind.ZERO)
_FAR: Final = np.iinfo(np.int64)
_COLUMNS: Final = ("starts", "lengths", "offsets", "kinds", "checksums", "heads", "wholes")


class PointerRun:
    """Sorted pointers of disjoint ranges, as columns of shape (n,). Immutable.

    Attributes:
        starts: Logical first byte.
        lengths: Bytes.
        offsets: Byte address of this piece in the additional area; 0 for ZERO.
        kinds: ``PointerKind``.
        checksums: xxh3-64 of the whole extent the piece was cut from; 0 for ZERO.
        heads: Bytes of the whole extent before this piece, int32: extents are short.
        wholes: Bytes of the whole extent, int32; 0 for ZERO.
    """

    __slots__ = (*_COLUMNS, "_rows")

    def __init__(  # noqa: PLR0913, PLR0917 - one argument a column
        self,
        starts: Int64s,
        lengths: Int64s,
        offsets: Int64s,
        kinds: UInt8s,
        checksums: UInt64s,
        heads: Int32s,
        wholes: Int32s,
    ) -> None:
        """Keep the columns, unchecked: they obey the invariants already."""
        self.starts = starts
        self.lengths = lengths
        self.offsets = offsets
        self.kinds = kinds
        self.checksums = checksums
        self.heads = heads
        self.wholes = wholes
        self._rows: Rows | None = None

    @classmethod
    def from_columns(  # noqa: PLR0913, PLR0917 - one argument a column
        cls,
        starts: npt.ArrayLike,
        lengths: npt.ArrayLike,
        offsets: npt.ArrayLike,
        kinds: npt.ArrayLike,
        checksums: npt.ArrayLike,
        heads: npt.ArrayLike | None = None,
        wholes: npt.ArrayLike | None = None,
        *,
        is_sorted: bool = False,
    ) -> PointerRun:
        """Return a run of the given columns, which may be fields of a structured array.

        Columns that have the right type and layout are kept, not copied. Without ``heads`` and
        ``wholes`` every pointer is a whole extent of its own.

        Raises:
            ValueError: A length is below 1, or two pointers overlap.
        """
        spans = _int64s(lengths)
        sorts = np.ascontiguousarray(kinds, dtype=np.uint8)
        run = cls(
            _int64s(starts),
            spans,
            _int64s(offsets),
            sorts,
            np.ascontiguousarray(checksums, dtype=np.uint64),
            np.zeros(len(spans), np.int32) if heads is None else _int32s(heads),
            _int32s(spans * (sorts != _ZERO) if wholes is None else wholes),
        )
        if not is_sorted:
            run = run.sorted_by_start()
        if len(spans) and int(spans.min()) < 1:
            raise ValueError("a pointer must cover at least one byte")
        if run.has_overlap():
            raise ValueError("pointers of one run must not overlap")
        return run

    def __len__(self) -> int:
        """Return the number of pointers."""
        return len(self.starts)

    def __repr__(self) -> str:
        """Show how much of what is pointed to."""
        if not len(self):
            return "PointerRun(empty)"
        last = int(self.starts[-1] + self.lengths[-1]) - 1
        return f"PointerRun({len(self)} pointers in [{int(self.starts[0])}..{last}])"

    @property
    def stops(self) -> Int64s:
        """First byte after each pointer's range."""
        return self.starts + self.lengths

    @property
    def nbytes(self) -> int:
        """Bytes of memory the columns refer to."""
        return sum(getattr(self, name).nbytes for name in _COLUMNS)

    @property
    def rows(self) -> Rows:
        """The same pointers, to be looked up singly."""
        if self._rows is None:
            self._rows = Rows(self)
        return self._rows

    def index_range(self, start: int, stop: int) -> slice:
        """Return the rows whose pointers touch the bytes ``[start, stop)``."""
        starts = self.starts
        if stop <= start or not len(starts):
            return slice(0, 0)
        first = int(starts.searchsorted(start, "right"))
        if first and starts.item(first - 1) + self.lengths.item(first - 1) > start:
            first -= 1
        elif first == len(starts) or starts.item(first) >= stop:
            return slice(first, first)
        return slice(first, int(starts.searchsorted(stop, "left")))

    def clip(self, start: int, stop: int) -> PointerRun:
        """Return the pointers within ``[start, stop)``; those across an edge are cut there."""
        rows = self.index_range(start, stop)
        if rows.start == rows.stop:
            return EMPTY
        return _trimmed(self.take(rows), start, stop)

    def gaps(self, start: int, stop: int) -> tuple[Int64s, Int64s]:
        """Return starts and stops of what no pointer covers in ``[start, stop)``: range pairs."""
        rows = self.index_range(start, stop)
        begins = np.empty(rows.stop - rows.start + 1, np.int64)
        ends = np.empty_like(begins)
        begins[0], ends[-1] = start, stop
        ends[:-1] = self.starts[rows]
        np.add(self.starts[rows], self.lengths[rows], out=begins[1:])
        some = begins < ends
        return begins[some], ends[some]

    def covered_bytes(self, start: int, stop: int) -> int:
        """Return how many bytes of ``[start, stop)`` have an individual pointer."""
        rows = self.index_range(start, stop)
        if rows.start == rows.stop:
            return 0
        last = rows.stop - 1
        before = max(0, start - self.starts.item(rows.start))
        after = max(0, self.starts.item(last) + self.lengths.item(last) - stop)
        return int(self.lengths[rows].sum()) - before - after

    def take(self, rows: Chosen) -> PointerRun:
        """Return the pointers of the given rows, uncut, in that order."""
        return PointerRun(
            self.starts[rows],
            self.lengths[rows],
            self.offsets[rows],
            self.kinds[rows],
            self.checksums[rows],
            self.heads[rows],
            self.wholes[rows],
        )

    def cut(self, rows: Chosen, starts: Int64s, stops: Int64s) -> PointerRun:
        """Return, for each of ``rows``, the piece of its pointer within ``[starts, stops)``."""
        kinds = self.kinds[rows]
        ahead = starts - self.starts[rows]
        ahead *= kinds != _ZERO
        return PointerRun(
            starts,
            stops - starts,
            self.offsets[rows] + ahead,
            kinds,
            self.checksums[rows],
            _int32s(self.heads[rows] + ahead),
            self.wholes[rows],
        )

    def moved(self, sources: Int64s, targets: Int64s, lengths: Int64s) -> PointerRun:
        """Return the run after its data in ``sources`` went to ``targets``.

        Sources are sorted ranges of the additional area that begin and end between pointers. A run
        that names none of them is returned itself.
        """
        range_of = sources.searchsorted(self.offsets, "right") - 1
        hit = (range_of >= 0) & (self.kinds != _ZERO)
        hit &= self.offsets < sources[range_of] + lengths[range_of]
        if not hit.any():
            return self
        moved = self.take(slice(None))
        moved.offsets = self.offsets + (targets - sources)[range_of] * hit
        return moved

    def sorted_by_start(self) -> PointerRun:
        """Return the same pointers in order of start, equal starts in the order they had."""
        if not (self.starts[1:] < self.starts[:-1]).any():
            return self
        return self.take(self.starts.argsort(kind="stable"))

    def has_overlap(self) -> bool:
        """Return whether a pointer reaches into the next one or starts after it."""
        return bool((self.starts[:-1] + self.lengths[:-1] > self.starts[1:]).any())


def _int32s(column: npt.ArrayLike) -> Int32s:
    return np.ascontiguousarray(column, dtype=np.int32)


def _int64s(column: npt.ArrayLike) -> Int64s:
    return np.ascontiguousarray(column, dtype=np.int64)


EMPTY: Final = PointerRun.from_columns([], [], [], [], [])


def _trimmed(run: PointerRun, start: int, stop: int) -> PointerRun:
    """Cut the outer two pointers of ``run`` to ``[start, stop)``, which touches both."""
    before = start - run.starts.item(0)
    after = run.starts.item(-1) + run.lengths.item(-1) - stop
    if before <= 0 and after <= 0:
        return run
    starts, lengths, offsets, heads = run.starts, run.lengths.copy(), run.offsets, run.heads
    if before > 0:
        starts = starts.copy()
        starts[0] = start
        lengths[0] -= before
        if run.kinds[0] != _ZERO:
            offsets, heads = offsets.copy(), heads.copy()
            offsets[0] += before
            heads[0] += before
    if after > 0:
        lengths[-1] -= after
    return PointerRun(starts, lengths, offsets, run.kinds, run.checksums, heads, run.wholes)


def join(runs: list[PointerRun]) -> PointerRun:
    """Return the pointers of ``runs`` one run after the other, unsorted (no invariant holds)."""
    return PointerRun(
        np.concatenate([run.starts for run in runs]),
        np.concatenate([run.lengths for run in runs]),
        np.concatenate([run.offsets for run in runs]),
        np.concatenate([run.kinds for run in runs]),
        np.concatenate([run.checksums for run in runs]),
        np.concatenate([run.heads for run in runs]),
        np.concatenate([run.wholes for run in runs]),
    )


def concat_disjoint(runs: Iterable[PointerRun]) -> PointerRun:
    """Return the union of runs that have no byte in common.

    Raises:
        ValueError: Two runs point to the same byte.
    """
    parts = sorted((run for run in runs if len(run)), key=lambda run: int(run.starts[0]))
    if not parts:
        return EMPTY
    if len(parts) == 1:
        return parts[0]
    union = join(parts).sorted_by_start()
    if union.has_overlap():
        raise ValueError("runs that are concatenated must not overlap")
    return union


def without(run: PointerRun, starts: Int64s, stops: Int64s) -> PointerRun:
    """Return ``run`` less the ranges ``[starts, stops)``, which are sorted and disjoint."""
    if not len(run) or not len(starts):
        return run
    ends = run.stops
    first = stops.searchsorted(run.starts, "right")
    holes = starts.searchsorted(ends, "left") - first
    if not holes.any():
        return run
    # A pointer with k holes leaves k + 1 pieces, some empty: piece j lies between hole j - 1 and
    # hole j counted from its first. The hole before piece 0 ends ahead of the pointer and the one
    # after piece k begins behind it, so max and min put the pointer's own ends there.
    holes += 1
    rows = np.repeat(np.arange(len(run)), holes)
    first -= np.cumsum(holes) - holes
    hole = np.arange(len(rows)) + first[rows]
    after = np.concatenate(([_FAR.min], stops))[hole]
    until = np.concatenate((starts, [_FAR.max]))[hole]
    np.maximum(after, run.starts[rows], out=after)
    np.minimum(until, ends[rows], out=until)
    some = (after < until).nonzero()[0]
    return run.cut(rows[some], after[some], until[some])


def overlay(top: PointerRun, bottom: PointerRun) -> PointerRun:
    """Return both runs as one; where both point to a byte, ``top`` wins and ``bottom`` is cut."""
    return concat_disjoint((top, without(bottom, top.starts, top.stops)))


def coalesce(run: PointerRun) -> PointerRun:
    """Return ``run`` with neighbours merged that are adjoining pieces of one whole extent.

    Adjoining ZERO pointers merge as well: they have no extent that could keep them apart.
    """
    if len(run) < 2:
        return run
    reach = run.lengths * (run.kinds != _ZERO)
    joined = run.starts[:-1] + run.lengths[:-1] == run.starts[1:]
    joined &= run.kinds[:-1] == run.kinds[1:]
    joined &= run.offsets[:-1] + reach[:-1] == run.offsets[1:]
    joined &= run.heads[:-1] + reach[:-1] == run.heads[1:]
    joined &= run.checksums[:-1] == run.checksums[1:]
    joined &= run.wholes[:-1] == run.wholes[1:]
    if not joined.any():
        return run
    rows = np.concatenate(([0], (~joined).nonzero()[0] + 1))
    merged = run.take(rows)
    merged.lengths = np.add.reduceat(run.lengths, rows)
    return merged
