# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How many blocks of each state lie in any stretch of an area, at any magnification.

One byte of state per block, and above it counts per state for cells of 4, 16, 64 ... blocks. Cells
of level k hold 2**k blocks; the levels between two stored ones are summed when asked for. A write
of n blocks touches n counts a level, so keeping the pyramid true costs the same for every area.

Invariants:
  (1) for every stored level, the counts of a cell are the numbers of blocks of each state in it;
  (2) blocks past the end of the area are ``OUTSIDE`` and counted nowhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from core.answers import AreaState, Int64s, UInt8s

STATES: Final = len(AreaState)
OUTSIDE: Final = 7
"""State of a block past the end of the area. Also the highest value of three bits."""

STEP: Final = 2
"""Stored levels are this far apart: each cell of one is made of four cells of the one below."""
BULK_BLOCKS: Final = 4096
"""From here on, recounting a run is cheaper than adding and subtracting its blocks."""

Counts = npt.NDArray[np.unsignedinteger]
_PACK_BITS: Final = 3
_TOP_CELLS: Final = 64


def _count_type(level: int) -> type[np.unsignedinteger]:
    return np.uint8 if level < 8 else np.uint16 if level < 16 else np.uint32


class CountPyramid:
    """States of blocks, and their counts at every magnification.

    Attributes:
        states: State of each block; one of ``AreaState`` or ``OUTSIDE``. Read only.
    """

    def __init__(self, states: UInt8s) -> None:
        """Count ``states``; the array is copied where it must be padded."""
        quad = 1 << STEP
        padding = -len(states) % quad or (quad if not len(states) else 0)
        self.states = np.pad(states, (0, padding), constant_values=OUTSIDE)
        self._levels: dict[int, Counts] = {}
        level, cells = STEP, len(self.states) // quad
        while True:
            self._levels[level] = np.empty((STATES, cells), _count_type(level))
            self._recount(level, 0, cells)
            if cells <= _TOP_CELLS:
                break
            level, cells = level + STEP, -(-cells // quad)
        self.top_level = level

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return self.states.nbytes + sum(counts.nbytes for counts in self._levels.values())

    def totals(self) -> Int64s:
        """Return the number of blocks of each state in the whole area."""
        totals: Int64s = self._levels[self.top_level].sum(1, dtype=np.int64)
        return totals

    def counts(self, level: int, first: int, cells: int) -> Counts:
        """Return counts of shape (states, cells) for cells of 2**level blocks.

        Cells past the end of the area count nothing.
        """
        level, first, shrink = self._nearest(level, first)
        ratio = 1 << shrink
        found = self._stored(level, first * ratio, cells * ratio)
        if shrink:
            kind = _count_type(level + shrink)
            found = _sum_runs(found, ratio, kind)
        return found

    def _nearest(self, level: int, first: int) -> tuple[int, int, int]:
        """Return the stored level (or 0) to read, the first cell wanted, levels to sum over."""
        below = min(level - level % STEP, self.top_level)
        return below, first, level - below

    def _stored(self, level: int, first: int, cells: int) -> Counts:
        if level == 0:
            part = _padded(self.states[first : first + cells], cells, OUTSIDE)
            return np.stack([part == state for state in range(STATES)]).view(np.uint8)
        part = self._levels[level][:, first : first + cells]
        if part.shape[1] == cells:
            return part
        return np.pad(part, ((0, 0), (0, cells - part.shape[1])))

    def dominant(self, level: int, first: int, cells: int) -> UInt8s:
        """Return for each cell its commonest state, and in how many quarters of it, as one byte.

        Bits 0 to 2 are the state, ``OUTSIDE`` past the end; bits 3 and 4 are the share: 0 up to a
        quarter, 3 for more than three quarters. Of equally common states the higher number
        wins: those are the rarer and the more telling ones.
        """
        if level <= 0:
            part = self.states[first : first + cells]
            return np.bitwise_or(_padded(part, cells, OUTSIDE), np.uint8(3 << _PACK_BITS))
        if level == 1:
            return self._dominant_of_pairs(first, cells)
        return self._dominant_of(self.counts(level, first, cells), level)

    def dominant_at(self, level: int, cells: Int64s) -> UInt8s:
        """Return what ``dominant`` says of each of ``cells``, in any order."""
        if level <= 0:
            return np.bitwise_or(self.states[cells], np.uint8(3 << _PACK_BITS))
        below, _, shrink = self._nearest(level, 0)
        ratio = 1 << shrink
        parts = cells[:, None] * ratio + np.arange(ratio)
        if below == 0:
            found = self.states[parts]
            counts = np.stack([(found == s).sum(1, dtype=np.uint8) for s in range(STATES)])
            return self._dominant_of(counts, level)
        stored = self._levels[below]
        inside = parts < stored.shape[1]
        picked = stored[:, np.where(inside, parts, 0)] * inside
        return self._dominant_of(picked.sum(2, dtype=_count_type(level)), level)

    def _dominant_of_pairs(self, first: int, cells: int) -> UInt8s:
        """As ``dominant`` for level 1, straight from the states: counting would take 50 times."""
        part = _padded(self.states[first * 2 : (first + cells) * 2], cells * 2, OUTSIDE)
        left, right = part[0::2], part[1::2]
        alone = right == OUTSIDE
        winner = np.where(alone, left, np.maximum(left, right))
        share = np.where(left == right, np.uint8(3 << _PACK_BITS), np.uint8(1 << _PACK_BITS))
        packed: UInt8s = np.bitwise_or(winner, share)
        return packed

    @staticmethod
    def _dominant_of(counts: Counts, level: int) -> UInt8s:
        kind = np.uint16 if counts.dtype == np.uint8 else np.uint32
        best = counts[0].astype(kind)
        best <<= _PACK_BITS
        packed = np.empty_like(best)
        for state in range(1, STATES):
            np.left_shift(counts[state], _PACK_BITS, out=packed, dtype=kind, casting="unsafe")
            packed |= kind(state)
            np.maximum(best, packed, out=best)
        state_of = (best & 7).astype(np.uint8)
        best >>= _PACK_BITS
        empty = best == 0
        best -= ~empty
        share = (best >> (level - 2) if level >= 2 else best << 1 | 1).astype(np.uint8)
        state_of[empty] = OUTSIDE
        share[empty] = 0
        answer: UInt8s = np.bitwise_or(state_of, share << np.uint8(_PACK_BITS))
        return answer

    def assign(self, blocks: Int64s, states: UInt8s) -> None:
        """Set the states of single, distinct blocks."""
        old = self.states[blocks]
        changed = old != states
        if not changed.all():
            blocks, states, old = blocks[changed], states[changed], old[changed]
        if not len(blocks):
            return
        self.states[blocks] = states
        counted = old != OUTSIDE
        for level, counts in self._levels.items():
            flat, width, one = counts.reshape(-1), counts.shape[1], counts.dtype.type(1)
            cell = blocks >> level
            was = old[counted].astype(np.int64) * width + cell[counted]
            np.subtract.at(flat, was, one)
            np.add.at(flat, states.astype(np.int64) * width + cell, one)

    def fill(self, first: int, stop: int, state: int) -> None:
        """Set the states of a run of blocks."""
        self.states[first:stop] = state
        self.recount(first, stop)

    def recount(self, first: int, stop: int) -> None:
        """Make (1) true again for a run of blocks whose states were changed from outside."""
        for level in self._levels:
            self._recount(level, first >> level, ((stop - 1) >> level) + 1)

    def _recount(self, level: int, first: int, stop: int) -> None:
        quad = 1 << STEP
        counts = self._levels[level]
        below = self._stored(level - STEP, first * quad, (stop - first) * quad)
        counts[:, first:stop] = _sum_runs(below, quad, counts.dtype.type)


def _sum_runs(counts: Counts, ratio: int, kind: type[np.unsignedinteger]) -> Counts:
    """Add up each ``ratio`` neighbours, by strides: numpy is slow at summing short axes."""
    total: Counts = counts[:, 0::ratio].astype(kind)
    for offset in range(1, ratio):
        total += counts[:, offset::ratio]
    return total


def _padded(part: UInt8s, length: int, filler: int) -> UInt8s:
    missing = length - len(part)
    return np.pad(part, (0, missing), constant_values=filler) if missing else part
