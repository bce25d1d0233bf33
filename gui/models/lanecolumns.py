# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A stretch of a copy's pointer table in as many columns as there are pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from gui.models.pointerstore import RowKind

if TYPE_CHECKING:
    from gui.models.pointerstore import Rows
    from gui.models.pointertable import Geometry

Shares = npt.NDArray[np.float64]


class TableRows(Protocol):
    """What a lane needs of a pointer table; ``gui.models.pointertable.PointerTable`` is one."""

    copy_name: str
    geometry: Geometry

    @property
    def row_count(self) -> int:
        """Individual pointers plus range pairs."""
        ...

    def rows(self, first: int, count: int) -> Rows:
        """Return rows in order of address; they cover the volume without a gap."""
        ...

    def row_of(self, address: int) -> int:
        """Return the row that covers a byte; -1 if there is none."""
        ...


def rows_between(table: TableRows, start: int, stop: int) -> Rows | None:
    """Return the rows that touch a byte range; None if the table is empty."""
    stop = min(stop, table.geometry.size)
    first = table.row_of(start) if start < stop else -1
    if first < 0:
        return None
    return table.rows(first, table.row_of(stop - 1) - first + 1)


def column_shares(rows: Rows, start: int, stop: int, columns: int) -> Shares:
    """Return the share of each row kind in each of ``columns`` equal parts of a byte range.

    Shape (kinds, columns). Exact: rows are cut where columns are.
    """
    edges = np.linspace(start, stop, columns + 1)
    bounds = np.append(rows.starts, rows.stops[-1]).astype(np.float64)
    lengths = np.diff(bounds)
    shares = np.empty((len(RowKind), columns))
    for kind in RowKind:
        covered = np.concatenate([[0.0], np.cumsum(np.where(rows.kinds == kind, lengths, 0.0))])
        shares[kind] = np.diff(np.interp(edges, bounds, covered))
    width = max(1e-9, (stop - start) / columns)
    return shares / width
