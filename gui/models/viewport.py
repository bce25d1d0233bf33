# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which part of an area is in view, and how large its cells are.

Magnification goes by rungs of a ladder, three for each doubling, so one notch is a factor of
1.26 and every cell is a whole number of pixels, always sharp:

* as long as a cell holds many blocks it keeps its size and holds more of them on each rung down;
* a cell that is one block grows up to ``BLOCK_PX_MAX``;
* past that a block opens into its sectors, and those grow until one is as high as the view.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from core.units import SECTOR_BYTES
from gui.models import hilbert

RUNGS_PER_OCTAVE: Final = 3
CELL_PX: Final = 8
CELL_SIZES: Final = (1, 2, 3, 4, 6, 8, 12, 16)
BLOCK_PX_MAX: Final = 144
SECTOR_PX_MAX: Final = 400
ROW_CELLS_MAX: Final = 16
ROW_PX_MIN: Final = 44
_GROWTH: Final = 2 ** (1 / (2 * RUNGS_PER_OCTAVE))


class Rung(NamedTuple):
    """One magnification: cells of 2**level blocks, ``px`` pixels wide and high."""

    level: int
    px: int

    @property
    def blocks_per_square_px(self) -> float:
        """Coarseness: the larger, the more of the area is seen."""
        return float(2.0**self.level / self.px**2)


def ladder(
    level_max: int,
    level_min: int,
    cell_px: int,
    fitting_px: int = 0,
    sector_px_max: int = SECTOR_PX_MAX,
) -> list[Rung]:
    """Return every magnification, coarsest first.

    Args:
        level_max: Level of the coarsest.
        level_min: Level of the finest: minus the number of halvings of a block to a sector.
        cell_px: Side of cells of many blocks.
        fitting_px: Side of the coarsest cells at which the area fills the view; the last of them.
        sector_px_max: Side of the largest sector; the last rung.
    """
    rungs = []
    for level in range(level_max, 0, -1):
        sizes = {round(cell_px * _GROWTH**step) for step in range(RUNGS_PER_OCTAVE)}
        if level == level_max:
            sizes = {fitting_px, *(px for px in sizes if px < fitting_px)}
        rungs += [Rung(level, px) for px in sorted(sizes)]
    blocks = set(_grown(0, cell_px, BLOCK_PX_MAX))
    rungs += sorted(blocks | {Rung(0, fitting_px)} if level_max == 0 else blocks)
    if level_min < 0:
        begin = round(BLOCK_PX_MAX * 2 ** (level_min / 2) * _GROWTH)
        last = max(begin, sector_px_max)
        rungs += [rung for rung in _grown(level_min, begin, last) if rung.px < last]
        rungs.append(Rung(level_min, last))
    return rungs


def _grown(level: int, begin: int, end: int) -> list[Rung]:
    sizes, size = [], float(begin)
    while round(size) <= end:
        sizes.append(round(size))
        size *= _GROWTH
    return [Rung(level, px) for px in dict.fromkeys(sizes)]


class Viewport:
    """The cells in view of an area of ``blocks`` blocks.

    Cells lie in rows like words on a page, or along a Hilbert curve. A cell's *index* counts from
    the first in view; its *place* is its row and column.

    Attributes:
        first: First cell in view.
        columns, rows: Cells that fit into the view.
    """

    def __init__(self) -> None:
        self.blocks = 0
        self.block_bytes = SECTOR_BYTES
        self.width_px = self.height_px = 0
        self.cell_px = CELL_PX
        self.first = 0
        self.columns = self.rows = 1
        self._rung = 0
        self._ladder = [Rung(0, CELL_PX)]
        self._fitting = self._ladder[0]
        self._is_fitted = True
        self._is_hilbert = False

    @property
    def rung(self) -> Rung:
        """The magnification."""
        return self._ladder[self._rung]

    @property
    def level(self) -> int:
        """Cells hold 2**level blocks."""
        return self.rung.level

    @property
    def px(self) -> int:
        """Pixels of a cell's side."""
        return self.rung.px

    @property
    def capacity(self) -> int:
        """Cells that fit into the view."""
        return self.columns * self.rows

    @property
    def total_cells(self) -> int:
        """Cells that the whole area has at this magnification."""
        if self.level <= 0:
            return self.blocks << -self.level
        return -(-self.blocks >> self.level)

    @property
    def cell_bytes(self) -> int:
        """Bytes that one cell stands for."""
        if self.level <= 0:
            return max(1, self.block_bytes >> -self.level)
        return self.block_bytes << self.level

    @property
    def cells(self) -> int:
        """Cells in view that exist."""
        return max(0, min(self.capacity, self.total_cells - self.first))

    @property
    def start(self) -> int:
        """First byte in view."""
        return self.first * self.cell_bytes

    @property
    def stop(self) -> int:
        """Byte after the last one in view, at most the end of the last block."""
        end = (self.first + self.cells) * self.cell_bytes
        return min(end, self.blocks * self.block_bytes)

    def set_area(self, blocks: int, block_bytes: int) -> None:
        """Look at another area, or at one that has grown. A view of all of it stays one."""
        if (blocks, block_bytes) == (self.blocks, self.block_bytes):
            return
        self.blocks, self.block_bytes = blocks, block_bytes
        self._rebuild()

    def resize(self, width_px: int, height_px: int) -> None:
        """Give the view another size."""
        if (width_px, height_px) != (self.width_px, self.height_px):
            self.width_px, self.height_px = width_px, height_px
            self._rebuild()

    def set_cell_px(self, cell_px: int) -> None:
        """Choose how large cells of many blocks are; about the same stretch stays in view."""
        if cell_px == self.cell_px:
            return
        self.cell_px = cell_px
        self._rebuild()

    @property
    def is_hilbert(self) -> bool:
        """Whether cells lie along a Hilbert curve and not in rows."""
        return self._is_hilbert

    def set_hilbert(self, *, on: bool) -> None:
        """Lay the cells along a Hilbert curve, or in rows; the first cell in view stays so."""
        if on != self._is_hilbert:
            self._is_hilbert = on
            self._rebuild()

    def order(self) -> hilbert.Ints | None:
        """Return the index of the cell at each place, row by row; None if they are equal."""
        return hilbert.order(self.rows, self.columns) if self._is_hilbert else None

    def index_at(self, row: int, column: int) -> int:
        """Return the index of the cell at a place."""
        place = row * self.columns + column
        order = self.order()
        return place if order is None else int(order[place])

    def place_of(self, index: int) -> tuple[int, int]:
        """Return row and column of a cell."""
        order = self.order()
        place = index if order is None else int(np.flatnonzero(order == index)[0])
        return divmod(place, self.columns)

    def _rebuild(self) -> None:
        """Make the ladder anew and stay as near as can be to what was in view."""
        start, coarseness = self.start, self.rung.blocks_per_square_px
        sectors = max(1, self.block_bytes // SECTOR_BYTES)
        level_max = max(0, self._fitting_level())
        level_min = 1 - sectors.bit_length()
        fitting_px = self._fitting_px(-(-self.blocks >> level_max))
        sector_px = min(SECTOR_PX_MAX, self.width_px, self.height_px)
        self._fitting = Rung(level_max, fitting_px)
        self._ladder = ladder(level_max, level_min, self.cell_px, fitting_px, sector_px)
        if self._is_fitted:
            self.fit()
            return
        rungs = range(len(self._ladder))
        self._go_to_rung(
            min(rungs, key=lambda i: abs(self._ladder[i].blocks_per_square_px / coarseness - 1))
        )
        self.go_to(start)

    def _fitting_level(self) -> int:
        """Return the lowest level at which the whole area fits into the view.

        Tiles of a Hilbert curve may leave up to half of the columns empty.
        """
        room = max(1, self.width_px // self.cell_px) * max(1, self.height_px // self.cell_px)
        return (max(1, -(-self.blocks // room)) - 1).bit_length() + self._is_hilbert

    def _fitting_px(self, cells: int) -> int:
        """Return the largest side at which so many cells fit into the view.

        A few are put into one row, as an example is written down.
        """
        width, height = self.width_px, self.height_px
        in_a_row = min(width // max(1, cells), height, BLOCK_PX_MAX)
        if cells <= ROW_CELLS_MAX and in_a_row >= ROW_PX_MIN:
            return in_a_row
        sides = range(min(BLOCK_PX_MAX, width, height), 0, -1)
        fitting = (px for px in sides if (width // px) * (height // px) >= cells)
        return next(fitting, self.cell_px)

    def _go_to_rung(self, rung: int) -> None:
        self._rung = min(max(rung, 0), len(self._ladder) - 1)
        self.columns = max(1, self.width_px // self.px)
        self.rows = max(1, self.height_px // self.px)
        sectors = 1 << max(0, -self.level)
        if self.columns > sectors:
            self.columns -= self.columns % sectors
        if self._is_hilbert:
            self.columns -= self.columns % hilbert.tile_side(min(self.rows, self.columns))

    def _clamp(self, first: int) -> None:
        hidden = max(0, self.total_cells - self.capacity)
        rows_hidden = -(-hidden // self.columns)
        self.first = min(max(0, first), rows_hidden * self.columns)

    @property
    def is_whole(self) -> bool:
        """Whether all of the area is in view."""
        return self.cells >= self.total_cells

    def fit(self) -> None:
        """Show the whole area, as large as it goes."""
        self._is_fitted, self.first = True, 0
        self._go_to_rung(self._ladder.index(self._fitting))
        while not self.is_whole and self._rung:
            self._go_to_rung(self._rung - 1)

    def zoom(self, notches: int, at_cell: int = 0, within: float = 0.0) -> bool:
        """Climb the ladder; what lies in ``at_cell`` stays where it is.

        Args:
            notches: Rungs up; down if negative.
            at_cell: Index of a cell in view.
            within: How far into that cell, 0 to 1.

        Returns:
            Whether there was a rung to go to.
        """
        target = min(max(self._rung + notches, 0), len(self._ladder) - 1)
        if target == self._rung:
            return False
        row, column = self.place_of(at_cell)
        inside = min(int(self.cell_bytes * within), self.cell_bytes - 1)
        address = min((self.first + at_cell) * self.cell_bytes + inside, self._last_byte())
        x, y = column * self.px, row * self.px
        self._go_to_rung(target)
        below = self.index_at(min(y // self.px, self.rows - 1), min(x // self.px, self.columns - 1))
        self._clamp(address // self.cell_bytes - below)
        self._is_fitted = target == 0 and self.is_whole
        return True

    def _last_byte(self) -> int:
        return max(0, self.blocks * self.block_bytes - 1)

    def pan_rows(self, rows: int) -> bool:
        """Move down by rows (up if negative). Returns whether anything moved."""
        return self.pan_cells(rows * self.columns)

    def pan_cells(self, cells: int) -> bool:
        """Move on by cells (back if negative). Returns whether anything moved."""
        before = self.first
        self._clamp(self.first + cells)
        self._is_fitted = self._is_fitted and self.first == before
        return self.first != before

    def go_to(self, address: int) -> None:
        """Scroll so that byte ``address`` is in the first row in view, if there is enough below."""
        cell = address // self.cell_bytes
        self._clamp(cell - cell % self.columns)
        self._is_fitted = False

    def show(self, start: int, stop: int) -> None:
        """Zoom and scroll so that a byte range fills the view as far as it goes."""
        stop = min(max(stop, start + 1), self._last_byte() + 1)
        self._is_fitted = False
        best = 0
        for rung, _ in enumerate(self._ladder):
            self._go_to_rung(rung)
            if -(-(stop - start) // self.cell_bytes) > self.capacity:
                break
            best = rung
        self._go_to_rung(best)
        spare = self.capacity - -(-(stop - start) // self.cell_bytes)
        self._clamp(start // self.cell_bytes - spare // 2)

    def reveal(self, address: int) -> bool:
        """Scroll by as little as needed so that a byte is in view; says whether it scrolled."""
        cell = address // self.cell_bytes
        if self.first <= cell < self.first + self.capacity:
            return False
        if cell < self.first:
            rows = (self.first - cell + self.columns - 1) // self.columns
            return self.pan_rows(-rows)
        rows = (cell - self.first - self.capacity) // self.columns + 1
        return self.pan_rows(rows)

    def cell_at(self, address: int) -> int | None:
        """Return the cell in view that holds a byte, counted from 0; None if it is not in view."""
        cell = address // self.cell_bytes - self.first
        return cell if 0 <= cell < self.cells else None

    def bytes_of(self, cell: int) -> tuple[int, int]:
        """Return the byte range of a cell in view, cut at the end of the area."""
        start = (self.first + cell) * self.cell_bytes
        return start, min(start + self.cell_bytes, self._last_byte() + 1)
