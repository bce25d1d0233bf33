# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The grains that a layer already holds: "has this been preserved?", asked on every write.

A compressed bitmap over grain numbers: its memory follows the pointers (about two bytes each when
they are scattered), not the size of the volume as one bit or byte a grain would.
"""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Final

from pyroaring import BitMap64

if TYPE_CHECKING:
    from collections.abc import Iterable

    from core.answers import Int64s
    from core.mapping.pointerrun import PointerRun

_WINDOW_GRAINS: Final = 1 << 16
"""Grains of a mixed range looked at together, so that a whole volume needs little memory."""
_LOOP_GRAINS_MAX: Final = 32
"""Up to here one test a grain (60 ns each) is quicker than building a second bitmap."""
_BATCH_GRAINS_MIN: Final = 1 << 14
"""From here a bitmap built from an array pays; scattered, it costs 0.5 us a container at first."""


class GrainSet:
    """A set of grain numbers. Ranges are half-open, in grains.

    Attributes:
        grain_bytes: Size of a grain. The last grain of a volume may be partial; it counts as one.
    """

    __slots__ = ("_bits", "grain_bytes")

    def __init__(self, grain_bytes: int) -> None:
        """Make an empty set."""
        self.grain_bytes = grain_bytes
        self._bits = BitMap64()

    def __len__(self) -> int:
        """Return the number of grains held."""
        return len(self._bits)

    @property
    def nbytes(self) -> int:
        """Bytes the bitmap's payload takes, its tree of containers not counted."""
        counts = self._bits.get_statistics()
        arrays, runs = counts["n_bytes_array_containers"], counts["n_bytes_run_containers"]
        return arrays + runs + counts["n_bytes_bitset_containers"]

    @property
    def bits(self) -> BitMap64:
        """The bitmap itself, for a reader that cannot afford a call; not to be changed."""
        return self._bits

    def has(self, grain: int) -> bool:
        """Return whether ``grain`` is held."""
        return grain in self._bits

    def has_all(self, first: int, stop: int) -> bool:
        """Return whether every grain of ``[first, stop)`` is held."""
        return self._bits.contains_range(first, stop)

    def gaps(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Return the maximal ranges within ``[first, stop)`` that are not held, in order."""
        bits = self._bits
        held = bits.range_cardinality(first, stop)
        if held == 0:
            return [(first, stop)] if first < stop else []
        if held == stop - first:
            return []
        if stop - first <= _LOOP_GRAINS_MAX:
            return _runs([grain for grain in range(first, stop) if grain not in bits])
        return self._mixed_gaps(first, stop)

    def _mixed_gaps(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Find gaps window by window; after one that is all gap, go on at the next held grain."""
        bits, gaps = self._bits, list[tuple[int, int]]()
        while first < stop:
            until = min(stop, first + _WINDOW_GRAINS)
            held = bits.range_cardinality(first, until)
            if held == 0:
                until = self._next_held(until, stop)
                found = [(first, until)]
            elif 2 * held <= until - first:
                found = _between(bits & BitMap64(range(first, until)), first, until)
            else:
                found = _runs(BitMap64(range(first, until)) - bits)
            if gaps and found and gaps[-1][1] == found[0][0]:
                found[0] = (gaps.pop()[0], found[0][1])
            gaps += found
            first = until
        return gaps

    def _next_held(self, first: int, stop: int) -> int:
        """Return the first held grain in ``[first, stop)``, or ``stop``."""
        try:
            return min(stop, self._bits.next_set_bit(first))
        except ValueError:  # none is held from here on
            return stop

    def ranges(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Return the maximal ranges within ``[first, stop)`` that are held, in order."""
        held, at = list[tuple[int, int]](), first
        for gap_first, gap_stop in self.gaps(first, stop):
            if at < gap_first:
                held.append((at, gap_first))
            at = gap_stop
        if at < stop:
            held.append((at, stop))
        return held

    def has_any(self, first: int, stop: int) -> bool:
        """Return whether any grain of ``[first, stop)`` is held."""
        return self._bits.range_cardinality(first, stop) > 0

    def first_from(self, grain: int) -> int | None:
        """Return the first grain held from ``grain`` on, or None."""
        try:
            return self._bits.next_set_bit(grain)
        except ValueError:
            return None

    @property
    def last(self) -> int:
        """The greatest grain held, -1 if none is."""
        return self._bits.max() if self._bits else -1

    def add_one(self, grain: int) -> None:
        """Hold ``grain``; costs a fifth of ``add`` for it."""
        self._bits.add(grain)

    def add(self, first: int, stop: int) -> None:
        """Hold every grain of ``[first, stop)``."""
        self._bits.add_range(first, stop)

    def discard(self, first: int, stop: int) -> None:
        """Hold no grain of ``[first, stop)`` any more."""
        self._bits.remove_range(first, stop)

    def add_run(self, run: PointerRun) -> None:
        """Hold every grain that a pointer of ``run`` touches, a partial last one included."""
        self.add_bytes(run.starts, run.stops)

    def add_bytes(self, starts: Int64s, stops: Int64s) -> None:
        """Hold every grain that a range of bytes touches; no range is empty."""
        firsts = starts // self.grain_bytes
        lasts = (stops - 1) // self.grain_bytes
        wide = lasts > firsts
        self._add_grains(firsts[~wide])
        for first, last in zip(firsts[wide].tolist(), lasts[wide].tolist(), strict=True):
            self._bits.add_range(first, last + 1)

    def _add_grains(self, grains: Int64s) -> None:
        if len(grains) < _BATCH_GRAINS_MIN:
            for grain in grains.tolist():
                self._bits.add(grain)
        else:
            self._bits |= BitMap64(array.array("Q", grains.tobytes()))

    def copy(self) -> GrainSet:
        """Return an independent set of the same grains."""
        twin = GrainSet(self.grain_bytes)
        twin._bits = self._bits.copy()
        return twin


def _runs(grains: Iterable[int]) -> list[tuple[int, int]]:
    """Return ascending grain numbers, at least one, as maximal ranges."""
    ranges = []
    first = stop = -1
    for grain in grains:
        if grain != stop:
            ranges.append((first, stop))
            first = grain
        stop = grain + 1
    ranges.append((first, stop))
    return ranges[1:]


def _between(held: Iterable[int], first: int, stop: int) -> list[tuple[int, int]]:
    """Return what lies in ``[first, stop)`` around the ascending grain numbers ``held``."""
    ranges = []
    for grain in held:
        if first < grain:
            ranges.append((first, grain))
        first = grain + 1
    if first < stop:
        ranges.append((first, stop))
    return ranges
