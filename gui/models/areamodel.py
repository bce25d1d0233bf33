# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One storage area as the window knows it: the state of every block, and what changed just now.

A model is loaded from an answer of the engine and kept true by events alone. A block is a grain;
above 2**24 of them it is a power of two of grains, so that memory does not follow the volume.

What a state is decided by, where an extent covers only part of a block: the highest state number
among those in it, which is the rarest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from core.answers import AreaState
from core.events import ORIGINAL_ID, EventFlag, EventKind
from gui.models.focus import AreaKind
from gui.models.heat import HeatLog
from gui.models.pyramid import BULK_BLOCKS, OUTSIDE, STATES, CountPyramid

if TYPE_CHECKING:
    from core.answers import AreaExtents, Int64s, MapAnswer, UInt8s
    from gui.models.pyramid import Counts

    Events = npt.NDArray[np.void]

BLOCKS_MAX: Final = 1 << 24
_GROWTH: Final = 8


class CountedArea(NamedTuple):
    """An area as the engine answered it, counted for showing; sizes in bytes."""

    size: int
    block_bytes: int
    pyramid: CountPyramid


class CountedMap(NamedTuple):
    """Both areas, counted. That takes a tenth of a second a million extents: not in a frame."""

    initial: CountedArea
    additional: CountedArea


def counted(area: AreaExtents, grain_bytes: int) -> CountedArea:
    """Count an area's blocks: grains, or as many of them as keep their number within bounds."""
    block_bytes = grain_bytes
    while -(-area.size // block_bytes) > BLOCKS_MAX:
        block_bytes *= 2
    return CountedArea(area.size, block_bytes, CountPyramid(_states_of(area, block_bytes)))


def counted_map(answer: MapAnswer, grain_bytes: int) -> CountedMap:
    """Count both areas; in any thread."""
    return CountedMap(counted(answer.initial, grain_bytes), counted(answer.additional, grain_bytes))


class AreaModel:
    """States and warmth of one area's blocks.

    Attributes:
        size: Bytes of the area.
        block_bytes: Bytes of a block.
        generation: Rises when everything may have changed and pictures must be made anew. An area
            that only became longer is the same as before, up to where it ended.
    """

    kind: ClassVar[AreaKind]

    def __init__(self) -> None:
        self.size = 0
        self.block_bytes = 4096
        self.generation = 0
        self.heat = HeatLog()
        self._pyramid = CountPyramid(np.empty(0, np.uint8))

    @property
    def blocks(self) -> int:
        """Number of blocks, a partial last one included."""
        return -(-self.size // self.block_bytes)

    @property
    def pyramid(self) -> CountPyramid:
        """The states and their counts; another object once the area is loaded or longer."""
        return self._pyramid

    def load(self, area: AreaExtents, grain_bytes: int = 4096) -> None:
        """Show an area as the engine answered it; all warmth is forgotten."""
        self.take(counted(area, grain_bytes))

    def take(self, area: CountedArea) -> None:
        """Show an area that is counted already, and follow it from now on."""
        self.size, self.block_bytes, self._pyramid = area
        self.heat.clear()
        self.generation += 1

    def counts(self, level: int, first: int, cells: int) -> Counts:
        """Return how many blocks of each state lie in cells of 2**level blocks."""
        return self._pyramid.counts(level, first, cells)

    def share(self, start: int, stop: int) -> npt.NDArray[np.float64]:
        """Return the share of each state among the blocks of a byte range; they add up to 1."""
        first = max(0, start // self.block_bytes)
        last = min(self.blocks, -(-stop // self.block_bytes))
        if last <= first:
            return np.zeros(STATES)
        level = max(0, (last - first).bit_length() - 12)
        low, high = first >> level, ((last - 1) >> level) + 1
        counted = self._pyramid.counts(level, low, high - low).sum(1, dtype=np.float64)
        shares: npt.NDArray[np.float64] = counted / max(1.0, counted.sum())
        return shares

    def state_at(self, offset: int) -> AreaState | None:
        """Return the state of the block that holds byte ``offset``; None outside the area."""
        block = offset // self.block_bytes
        if not 0 <= block < self.blocks:
            return None
        return AreaState(int(self._pyramid.states[block]))

    def used_share(self) -> float:
        """Return the share of the area that is not free."""
        totals = self._pyramid.totals()
        return 1.0 - float(totals[AreaState.FREE]) / max(1, int(totals.sum()))

    def kept_bytes(self) -> int:
        """Return how many bytes of preserved originals and of new data there are."""
        totals = self._pyramid.totals()
        blocks = int(totals[AreaState.PRESERVED]) + int(totals[AreaState.NEW])
        return blocks * self.block_bytes

    def grow(self, size: int) -> None:
        """Show an area that became longer; the engine makes room ahead of what it stores."""
        if self.size:
            self._grow(size)

    def tick(self, seconds: float) -> None:
        """Let time pass: what changed cools."""
        self.heat.tick(seconds)

    def apply(self, events: Events) -> None:
        """Follow one batch of events, in their order."""
        raise NotImplementedError

    def _follow(self, starts: Int64s, lengths: Int64s, rules: UInt8s) -> None:
        """Change byte ranges by a rule each; where ranges overlap the last one's rule counts."""
        if not len(starts):
            return
        stops = starts + lengths
        self._grow(int(stops.max()))
        firsts, ends = self._blocks_within(starts, stops)
        spans = ends - firsts
        if spans.max() >= BULK_BLOCKS:
            for first, stop, rule in zip(firsts.tolist(), ends.tolist(), rules, strict=True):
                run = self._pyramid.states[first:stop]
                run[:] = _AFTER[rule][run]
                self._pyramid.recount(first, stop)
            return
        base = np.repeat(firsts - np.cumsum(spans) + spans, spans)
        blocks, chosen = base + np.arange(len(base)), np.repeat(rules, spans)
        unique, last = np.unique(blocks[::-1], return_index=True)
        states = _AFTER[chosen[::-1][last], self._pyramid.states[unique]]
        self._pyramid.assign(unique, states)

    def _warm(self, starts: Int64s, lengths: Int64s) -> None:
        self.heat.add(*self._blocks_within(starts, starts + lengths))

    def _blocks_within(self, starts: Int64s, stops: Int64s) -> tuple[Int64s, Int64s]:
        """Return the block ranges that byte ranges touch."""
        ends: Int64s = np.minimum(-(-stops // self.block_bytes), self.blocks)
        return starts // self.block_bytes, ends

    def _grow(self, stop: int) -> None:
        """Make the area reach byte ``stop``; blocks that come into being are free."""
        if stop <= self.size:
            return
        before, self.size = self.blocks, stop
        room = len(self._pyramid.states)
        if self.blocks > room:
            states = np.full(self.blocks + self.blocks // _GROWTH, OUTSIDE, np.uint8)
            states[:before] = self._pyramid.states[:before]
            states[before : self.blocks] = AreaState.FREE
            self._pyramid = CountPyramid(states)
        elif self.blocks > before:
            self._pyramid.fill(before, self.blocks, AreaState.FREE)


class InitialAreaModel(AreaModel):
    """The initial area: what the original reads, and what copies still read through range pairs."""

    kind = AreaKind.INITIAL

    def apply(self, events: Events) -> None:
        """Turn preserved places amber, fill and punch holes, and warm what was written.

        A write or trim does not change what copies need: that is said by the PRESERVED events
        that come before it, so those are followed first.
        """
        kinds = events["kind"]
        kept = kinds == EventKind.PRESERVED
        content = (events["copy_id"] == ORIGINAL_ID) & np.isin(kinds, _CONTENT_KINDS)
        content &= (events["flags"] & EventFlag.ELSEWHERE) == 0
        inside = (events["length"] > 0) & (events["start"] + events["length"] <= self.size)
        for chosen in (kept & inside, content & inside):
            ours = events[chosen]
            self._follow(*_ranges(ours, "start"), _RULE_OF_INITIAL[ours["kind"]])
        ours = events[(kept | content) & inside]
        if len(ours):
            self._warm(*_ranges(ours, "start"))


class AdditionalAreaModel(AreaModel):
    """The additional area: originals kept, new data of clones, metadata."""

    kind = AreaKind.ADDITIONAL

    def apply(self, events: Events) -> None:
        """Fill the places that were allocated, and follow what became free."""
        kinds = events["kind"]
        stored = (events["flags"] & (EventFlag.ZERO | EventFlag.IN_PLACE)) == 0
        placed = np.isin(kinds, _PLACED_KINDS) & stored
        ours = events[(placed | (kinds == EventKind.AREA_CHANGED)) & (events["length"] > 0)]
        if not len(ours):
            return
        rules = _RULE_OF_ADDITIONAL[ours["kind"]]
        told = ours["kind"] == EventKind.AREA_CHANGED
        rules[told] = np.minimum(ours["flags"][told], STATES - 1)
        self._follow(*_ranges(ours, "area_offset"), rules)
        self._warm(*_ranges(ours, "area_offset"))


_CONTENT_KINDS: Final = (EventKind.WRITTEN, EventKind.TRIMMED)
_PLACED_KINDS: Final = (EventKind.PRESERVED, EventKind.REDIRECTED)

_FILL_HOLE: Final = STATES
_PUNCH_HOLE: Final = STATES + 1
# Row: a rule; column: the state before; value: the state after. The first rules are "becomes s".
_AFTER: Final = np.empty((STATES + 2, OUTSIDE + 1), np.uint8)
_AFTER[:STATES] = np.arange(STATES, dtype=np.uint8)[:, None]
_AFTER[STATES:] = np.arange(OUTSIDE + 1, dtype=np.uint8)
_AFTER[_FILL_HOLE, AreaState.FREE] = AreaState.ORIGINAL_ONLY
_AFTER[_PUNCH_HOLE, AreaState.ORIGINAL_ONLY] = AreaState.FREE

_RULE_OF_INITIAL: Final = np.zeros(len(EventKind) + 1, np.uint8)
_RULE_OF_INITIAL[EventKind.PRESERVED] = AreaState.PRESERVED
_RULE_OF_INITIAL[EventKind.WRITTEN] = _FILL_HOLE
_RULE_OF_INITIAL[EventKind.TRIMMED] = _PUNCH_HOLE
_RULE_OF_ADDITIONAL: Final = np.zeros(len(EventKind) + 1, np.uint8)
_RULE_OF_ADDITIONAL[EventKind.PRESERVED] = AreaState.PRESERVED
_RULE_OF_ADDITIONAL[EventKind.REDIRECTED] = AreaState.NEW


def _ranges(events: Events, address: str) -> tuple[Int64s, Int64s]:
    """Return start and length of each event, in the address space of the column named."""
    return events[address].astype(np.int64), events["length"].astype(np.int64)


def _states_of(area: AreaExtents, block_bytes: int) -> UInt8s:
    """Return the state of every block of an area."""
    blocks = -(-area.size // block_bytes)
    starts = np.minimum(area.starts, area.size)
    stops = np.minimum(area.stops, area.size)
    ends = np.where(stops == area.size, blocks * block_bytes, stops)
    firsts, lasts = -(-starts // block_bytes), ends // block_bytes
    lasts = np.maximum(lasts, firsts)
    edges = np.empty(2 * len(firsts) + 2, np.int64)
    edges[0], edges[-1] = 0, blocks
    edges[1:-1:2], edges[2:-1:2] = firsts, lasts
    kinds = np.full(2 * len(firsts) + 1, area.rest, np.uint8)
    kinds[1::2] = area.states
    states = np.repeat(kinds, np.maximum(np.diff(edges), 0))[:blocks]
    for edge, partial in (
        (starts // block_bytes, starts % block_bytes != 0),
        (ends // block_bytes, ends % block_bytes != 0),
    ):
        np.maximum.at(states, edge[partial], area.states[partial])
    return states
