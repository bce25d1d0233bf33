# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A pointer table turned into columns a piece at a time, so that no frame waits for a long one.

A table of a million pointers takes 150 ms to look through. Here it is cut at columns into pieces
of some thousand rows; each ``step`` looks through one and the others keep what they showed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gui.models.lanecolumns import column_shares, rows_between
from gui.models.lanelinks import LINKS_MAX, Links, bundled, joined, links_between
from gui.models.pointerstore import RowKind

if TYPE_CHECKING:
    from gui.models.lanecolumns import Shares, TableRows

ROWS_A_STEP: Final = 8_000
_PIECE_LINKS_MIN: Final = 12

Range = tuple[int, int]


class LaneScan:
    """Columns of one stretch of a table, and its pointers into one stretch of the area.

    Attributes:
        shares: Share of each row kind in each column, shape (kinds, columns).
        has_rows: Whether there is a table at all.
    """

    def __init__(self) -> None:
        self.shares: Shares = np.zeros((len(RowKind), 1))
        self.has_rows = False
        self._source: Range = (0, 1)
        self._target: Range = (0, 1)
        self._links: dict[int, Links] = {}
        self._pieces = 1
        self._next = 0

    @property
    def is_done(self) -> bool:
        """Whether every piece has been looked through since ``begin``."""
        return self._next >= self._pieces

    def begin(self, table: TableRows | None, source: Range, target: Range, columns: int) -> None:
        """Look through a table from the start. What the last look found is kept until replaced.

        Args:
            table: None if the focused view has no table.
            source: Logical byte range the columns stand for.
            target: Byte range of the additional area that is in view.
            columns: How many there are.
        """
        start, stop = source
        rows = 0
        if table is not None and start < min(stop, table.geometry.size):
            last = table.row_of(min(stop, table.geometry.size) - 1)
            rows = last - table.row_of(start) + 1 if last >= 0 else 0
        pieces = max(1, min(columns, -(-rows // ROWS_A_STEP)))
        if (source, target, columns, pieces) != (
            self._source,
            self._target,
            self.shares.shape[1],
            self._pieces,
        ):
            self.shares = np.zeros((len(RowKind), columns))
            self._links = {}
        self._source, self._target, self._pieces = source, target, pieces
        self.has_rows, self._next = rows > 0, 0

    def step(self, table: TableRows | None) -> None:
        """Look through one more piece."""
        if self.is_done:
            return
        piece, columns = self._next, self.shares.shape[1]
        self._next += 1
        first, last = (columns * edge // self._pieces for edge in (piece, piece + 1))
        start, stop = self._source
        low = start + (stop - start) * first // columns
        high = max(low + 1, start + (stop - start) * last // columns)
        rows = rows_between(table, low, high) if table is not None else None
        if rows is None or not len(rows.starts):
            self.shares[:, first:last] = 0
            self._links.pop(piece, None)
            return
        self.shares[:, first:last] = column_shares(rows, low, high, last - first)
        most = max(_PIECE_LINKS_MIN, LINKS_MAX // self._pieces)
        cut = (max(low, start), min(high, stop))
        self._links[piece] = links_between(rows, self._source, self._target, most, within=cut)

    def links(self) -> Links:
        """Return the pointers found so far, bundled."""
        return bundled(joined([self._links[piece] for piece in sorted(self._links)]), LINKS_MAX)
