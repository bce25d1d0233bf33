# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The cells in view: one byte each, kept true from frame to frame at the price of what changed.

A byte is all a picture needs to know of a cell: bits 0 to 2 its commonest state, bits 3 and 4 how
much of it that is, bits 5 to 7 how warm it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gui.models.heat import cells_of, shown_heat
from gui.models.pyramid import OUTSIDE

if TYPE_CHECKING:
    from core.answers import Int64s, UInt8s
    from gui.models.areamodel import AreaModel
    from gui.models.heat import Batch

KEYS: Final = 256
HEAT_SHIFT: Final = 5
_STATE_MASK: Final = np.uint8((1 << HEAT_SHIFT) - 1)


class CellPlane:
    """A run of cells of one area, at one magnification.

    Attributes:
        keys: One byte a cell, as told above.
        level: Cells hold 2**level blocks; below 0 they are parts of one.
        first: First cell.
    """

    def __init__(self, model: AreaModel) -> None:
        self.model = model
        self.level = 0
        self.first = 0
        self.keys: UInt8s = np.empty(0, np.uint8)
        self._newest = np.empty(0, np.int64)
        self._shown: dict[int, tuple[int, Int64s]] = {}
        self._seen = 0
        self._generation = -1

    @property
    def is_stale(self) -> bool:
        """Whether the next ``advance`` will find something to do."""
        heat = self.model.heat
        return (
            self._generation != self.model.generation
            or self._seen != heat.next_number - 1
            or any(self._is_due(batch) for batch in heat.batches)
            or any(number < heat.oldest_number for number in self._shown)
        )

    def look_at(self, level: int, first: int, cells: int) -> None:
        """Show other cells. Does the work of a whole frame, whatever the size of the area."""
        self.level, self.first = level, first
        pyramid, heat = self.model.pyramid, self.model.heat
        if level >= 0:
            self.keys = pyramid.dominant(level, first, cells)
        else:
            parts = np.arange(first, first + cells) >> -level
            low = int(parts[0]) if cells else 0
            held = pyramid.dominant(0, low, int(parts[-1]) - low + 1 if cells else 0)
            self.keys = held[parts - low]
        self._newest = np.zeros(cells, np.int64)
        self._shown = {}
        for batch in heat.batches:
            self._warm(cells_of(batch, level, first, cells), batch, self._heat_of(batch))
        self._seen, self._generation = heat.next_number - 1, self.model.generation

    def advance(self) -> Int64s | None:
        """Follow the model. Returns the cells that changed, or None if all may have."""
        heat = self.model.heat
        behind = heat.oldest_number > self._seen + 1 and self._seen != heat.next_number - 1
        if self._generation != self.model.generation or behind:
            self.look_at(self.level, self.first, len(self.keys))
            return None
        changed = [self._follow(batch) for batch in heat.batches if self._is_due(batch)]
        changed += self._cool(heat.oldest_number)
        self._seen = heat.next_number - 1
        return np.concatenate(changed) if changed else np.empty(0, np.int64)

    def _is_due(self, batch: Batch) -> bool:
        shown = self._shown.get(batch.number)
        return shown is None or self._heat_of(batch) != shown[0]

    def _heat_of(self, batch: Batch) -> int:
        return shown_heat(self.model.heat.heat_of(batch), self.level)

    def _follow(self, batch: Batch) -> Int64s:
        """Show a new batch, or an old one at its new heat."""
        shown = self._shown.get(batch.number)
        if shown is None:
            cells = cells_of(batch, self.level, self.first, len(self.keys))
            self._refresh(cells)
        else:
            cells = shown[1][self._newest[shown[1]] == batch.number]
        self._warm(cells, batch, self._heat_of(batch))
        return cells

    def _cool(self, oldest: int) -> list[Int64s]:
        """Take the last warmth off cells whose batch is gone."""
        colder = []
        for number in [number for number in self._shown if number < oldest]:
            _, cells = self._shown.pop(number)
            cold = cells[self._newest[cells] == number]
            self.keys[cold] &= _STATE_MASK
            colder.append(cold)
        return colder

    def _refresh(self, cells: Int64s) -> None:
        """Ask anew for the states of cells."""
        at = cells + self.first
        found = self.model.pyramid.dominant_at(max(self.level, 0), at >> max(-self.level, 0))
        self.keys[cells] = found | (self.keys[cells] & ~_STATE_MASK)

    def _warm(self, cells: Int64s, batch: Batch, warmth: int) -> None:
        """Show cells at a heat; they belong to this batch until a newer one takes them."""
        self.keys[cells] = (self.keys[cells] & _STATE_MASK) | np.uint8(warmth << HEAT_SHIFT)
        self._newest[cells] = batch.number
        self._shown[batch.number] = warmth, cells


def state_of(key: int) -> int:
    """Return the state in a key; ``OUTSIDE`` past the end of the area."""
    return key & OUTSIDE


def share_of(key: int) -> int:
    """Return how many quarters of its cell that state fills, less one."""
    return key >> 3 & 3


def heat_of(key: int) -> int:
    """Return the warmth in a key, 0 for a cold cell."""
    return key >> HEAT_SHIFT
