# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Words and outlines of a map: what a place is called, and the rectangles that a range covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen

from core.answers import AreaState
from core.units import SECTOR_BYTES, format_bytes
from gui.theme import STATE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QPainter

    from gui.models.address import AddressFormat
    from gui.models.areamodel import AreaModel
    from gui.models.viewport import Viewport
    from gui.theme import Theme

_OUTLINED_CELLS_MAX: Final = 400
_SHARE_MIN: Final = 0.005


def cell_box(port: Viewport, index: int) -> QRectF:
    """Return the place of a cell, in pixels from the grid's upper left corner."""
    row, column = port.place_of(index)
    return QRectF(column * port.px, row * port.px, port.px, port.px)


def _runs(port: Viewport, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Yield (row, first column, columns) of the cells ``first`` to ``last``, row by row."""
    for row in range(first // port.columns, last // port.columns + 1):
        begin = max(first - row * port.columns, 0)
        end = min(last - row * port.columns, port.columns - 1)
        yield row, begin, end - begin + 1


def range_boxes(port: Viewport, start: int, length: int) -> list[QRectF]:
    """Return the rectangles that the visible part of a byte range fills, in address order.

    Along a Hilbert curve these are single cells, and none at all for a range of very many.
    """
    first = max(0, start // port.cell_bytes - port.first)
    last = min(port.cells - 1, (start + max(length, 1) - 1) // port.cell_bytes - port.first)
    if last < first or port.cells == 0:
        return []
    if port.is_hilbert:
        if last - first >= _OUTLINED_CELLS_MAX:
            return []
        return [cell_box(port, index) for index in range(first, last + 1)]
    rows = list(_runs(port, first, last))
    if len(rows) > 3:
        # The rows between the first and the last are one block of full rows.
        top, bottom = rows[0], rows[-1]
        middle = QRectF(0, rows[1][0] * port.px, port.columns * port.px, (len(rows) - 2) * port.px)
        return [_run_box(port, *top), middle, _run_box(port, *bottom)]
    return [_run_box(port, *row) for row in rows]


def _run_box(port: Viewport, row: int, column: int, columns: int) -> QRectF:
    return QRectF(column * port.px, row * port.px, columns * port.px, port.px)


def outline(boxes: list[QRectF], gap: int) -> QPainterPath:
    """Return the outline around rectangles that touch, drawn in the gap between cells."""
    path = QPainterPath()
    for box in boxes:
        part = QPainterPath()
        part.addRoundedRect(box.adjusted(-1, -1, -gap + 1, -gap + 1), 3, 3)
        path = part if path.isEmpty() else path.united(part)
    return path


def draw_outline(
    painter: QPainter, path: QPainterPath, theme: Theme, *, width: float, name: str
) -> None:
    """Draw an outline in the colour called ``name``, with a seam that sets it off."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(theme.color("halo"), width + 2), QPen(theme.color(name), width)):
        painter.setPen(pen)
        painter.drawPath(path)


def unit_words(port: Viewport) -> str:
    """Return what one cell stands for, in words."""
    if port.level == 0:
        return "1 cell = 1 block"
    if port.level > 0:
        return f"1 cell = {1 << port.level:,} blocks"
    sectors = max(1, port.cell_bytes // SECTOR_BYTES)
    return f"1 cell = {sectors} sector" + ("s" if sectors > 1 else "")


def state_words(model: AreaModel, start: int, stop: int) -> str:
    """Return the shares of the states in a byte range, in words, largest first."""
    shares = model.share(start, stop)
    order = np.argsort(-shares, kind="stable")
    told = [int(state) for state in order if shares[state] >= _SHARE_MIN]
    if len(told) == 1:
        return STATE_LABELS[AreaState(told[0])]
    return ", ".join(f"{STATE_LABELS[AreaState(s)]} {shares[s]:.0%}" for s in told)


def read_out(model: AreaModel, form: AddressFormat, start: int, stop: int) -> str:
    """Return one line about a byte range: where, how much, what."""
    where = form.range_text(start, stop - start)
    return f"{where}  {format_bytes(stop - start)}  {state_words(model, start, stop)}"
