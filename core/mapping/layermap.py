# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointers of one layer while it grows: few sorted runs, merged as they become many.

Pointers arrive in groups, as they were made durable. A group becomes a run at the newer end; runs
are graded by size in tiers of a factor of four, and as soon as four runs at an end are of the
newest one's tier or below, they are merged. So a pointer is copied once a tier it rises, and a
lookup meets at most three runs a tier.

Invariant: runs are ordered newest first and a newer run wins over an older one; merging never
changes what ``clip`` answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.stack import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from core.mapping.rows import Rows

_TIER_RUNS: Final = 4
"""Runs of one tier that are merged; with 2 a pointer is copied twice as often, with 8 a lookup
meets twice the runs."""
_TIER_BITS: Final = _TIER_RUNS.bit_length() - 1
_LOWEST_TIER_BITS: Final = 5
"""Below 2**5 pointers a merge costs the same whatever the size, so all of these are one tier."""


_MERGED_POINTERS_MAX: Final = 1 << 18
"""Runs of this size are left alone until ``compact``: a write must not wait longer than some 20 ms
for a merge. A lookup then costs 1 us more for each such run."""


class LayerMap:
    """Pointers of one layer: of the original's, whose runs never overlap, or of a clone's.

    Attributes:
        is_disjoint: The owner promises that no byte is ever pointed to twice, as for layers of
            the original; then it can be counted without flattening.
    """

    __slots__ = ("_counts", "_rows", "_runs", "is_disjoint")

    def __init__(self, runs: Iterable[PointerRun] = (), *, is_disjoint: bool = False) -> None:
        """Start from ``runs``, newest first."""
        self.is_disjoint = is_disjoint
        self._runs = list[PointerRun]()
        self._counts: tuple[int, int] | None = None
        self._rows: list[Rows] | None = None
        for run in runs:
            self.append(run, newer=False)

    def __repr__(self) -> str:
        """Show the sizes of the runs, newest first."""
        return f"LayerMap({' + '.join(str(len(run)) for run in self._runs) or 'empty'})"

    @property
    def runs(self) -> tuple[PointerRun, ...]:
        """The runs, newest first."""
        return tuple(self._runs)

    @property
    def rows(self) -> Sequence[Rows]:
        """The pointers of each run, to be looked up singly; newest first."""
        if self._rows is None:
            self._rows = [run.rows for run in self._runs]
        return self._rows

    @property
    def pointer_count(self) -> int:
        """Number of individual pointers that are not hidden under newer ones."""
        return self._count()[0]

    @property
    def covered_bytes(self) -> int:
        """Bytes that have a pointer."""
        return self._count()[1]

    @property
    def nbytes(self) -> int:
        """Bytes of memory the columns take."""
        return sum(run.nbytes for run in self._runs)

    def append(self, run: PointerRun, *, newer: bool = True) -> None:
        """Add ``run`` above all others, or below them if not ``newer``."""
        if not len(run):
            return
        if newer:
            self._runs.insert(0, run)
        else:
            self._runs.append(run)
        self._counts = self._rows = None
        while len(self._runs) >= _TIER_RUNS:
            count = self._crowd(newer=newer)
            if count < _TIER_RUNS:
                break
            end = slice(0, count) if newer else slice(len(self._runs) - count, None)
            self._runs[end] = [stack(self._runs[end])]

    def twin(self, newest: PointerRun = EMPTY) -> LayerMap:
        """Return a map of its own with the same runs, and ``newest`` above them; merges nothing."""
        twin = LayerMap(is_disjoint=self.is_disjoint)
        twin._runs = [newest, *self._runs] if len(newest) else list(self._runs)
        return twin

    def clip(self, start: int, stop: int) -> PointerRun:
        """Return the pointers within ``[start, stop)``; those across an edge are cut there."""
        found = [piece for run in self._runs if len(piece := run.clip(start, stop))]
        if len(found) == 1:
            return found[0]
        return stack(found) if found else EMPTY

    def flatten(self) -> PointerRun:
        """Return all pointers as one run; the layer keeps its runs as they are."""
        return stack(self._runs)

    def compact(self) -> PointerRun:
        """Keep all pointers as one run from now on, for a layer that grows no more; return it."""
        flat = self.flatten()
        if len(self._runs) > 1:
            self._runs = [flat]
            self._rows = None
        return flat

    def move(self, change: Callable[[PointerRun], PointerRun]) -> None:
        """Put ``change`` of each run in its place: other offsets, all else as it was."""
        self._runs = [change(run) for run in self._runs]
        self._rows = None

    def _crowd(self, *, newer: bool) -> int:
        """Return how many runs at one end are of the tier of the outermost one, or below.

        A run that is left alone ends the count.
        """
        runs = self._runs if newer else self._runs[::-1]
        tier = min(_tier(len(runs[0])), _tier(_MERGED_POINTERS_MAX) - 1)
        return next((i for i, run in enumerate(runs) if _tier(len(run)) > tier), len(runs))

    def _count(self) -> tuple[int, int]:
        """Return visible pointers and covered bytes, counted once between two appends."""
        if self._counts is None:
            runs = self._runs if self.is_disjoint else [self.flatten()]
            covered = sum(int(run.lengths.sum()) for run in runs)
            self._counts = (sum(len(run) for run in runs), covered)
        return self._counts


def _tier(pointers: int) -> int:
    return max(0, pointers.bit_length() - _LOWEST_TIER_BITS) // _TIER_BITS
