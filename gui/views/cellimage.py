# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of the cells in view: pixels that this process owns, and an image that shows them.

Large cells are copied from an atlas; small ones are one pixel each, drawn enlarged. Either way a
frame writes the pixels of the cells that changed and leaves the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage

from gui.models.pyramid import OUTSIDE
from gui.views.sprites import SPRITE_PX_MIN, Atlas, palette

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from core.answers import Int64s
    from gui.models.cellplane import CellPlane
    from gui.models.hilbert import Ints
    from gui.models.viewport import Viewport
    from gui.theme import Theme
    from gui.views.sprites import Pixels

_ATLASES_MAX: Final = 8


class CellImage:
    """Pixels of the cells that a plane holds, laid out as a viewport says."""

    def __init__(self, plane: CellPlane) -> None:
        self._plane = plane
        self._pixels: Pixels = np.zeros((1, 1), np.uint32)
        self._image = QImage()
        self._order: Ints | None = None
        self._places: Ints | None = None
        self._palette: Pixels = np.zeros(256, np.uint32)
        self._theme: Theme | None = None
        self._atlases: dict[tuple[int, int, bool], Atlas] = {}
        self._atlas: Atlas | None = None
        self._shape = (1, 1, 1)

    @property
    def pixels(self) -> Pixels:
        """What is shown, one word 0xffRRGGBB a pixel; a pixel a cell where cells are small."""
        return self._pixels

    def make(self, port: Viewport, theme: Theme, ratio: int, *, letters: bool) -> None:
        """Draw everything anew."""
        if theme is not self._theme:
            self._theme, self._palette = theme, palette(theme)
            self._atlases.clear()
        self._shape = (port.rows, port.columns, port.px)
        self._order = port.order()
        self._places = None if self._order is None else np.argsort(self._order).astype(np.int32)
        keys = self._plane.keys
        missing = port.capacity - len(keys)
        if missing > 0:
            keys = np.pad(keys, (0, missing), constant_values=OUTSIDE)
        grid = keys if self._order is None else keys[self._order]
        if port.px < SPRITE_PX_MIN:
            self._atlas = None
            self._pixels = np.take(self._palette, grid).reshape(port.rows, port.columns)
        else:
            self._atlas = self._atlas_for(theme, port.px, ratio, letters=letters)
            side = port.px * ratio
            self._pixels = np.empty((port.rows * side, port.columns * side), np.uint32)
            shape = (port.rows, port.columns, side, side)
            self._by_cell()[:] = self._atlas.cells(grid).reshape(shape)
        self._wrap()

    def _atlas_for(self, theme: Theme, px: int, ratio: int, *, letters: bool) -> Atlas:
        if len(self._atlases) > _ATLASES_MAX:
            self._atlases.clear()
        name = (px, ratio, letters)
        if name not in self._atlases:
            self._atlases[name] = Atlas(theme, px, ratio, letters=letters)
        return self._atlases[name]

    def _by_cell(self) -> Pixels:
        """Return a view of the pixels with the axes row, column, y, x."""
        rows, columns, px = self._shape
        side = px * (self._atlas.ratio if self._atlas else 1)
        return self._pixels.reshape(rows, side, columns, side).transpose(0, 2, 1, 3)

    def _wrap(self) -> None:
        height, width = self._pixels.shape
        stride = self._pixels.strides[0]
        form = QImage.Format.Format_RGB32
        self._image = QImage(self._pixels.data, width, height, stride, form)

    def update(self, cells: Int64s) -> None:
        """Draw the cells whose keys have changed."""
        keys = self._plane.keys[cells]
        places = cells if self._places is None else self._places[cells]
        if self._atlas is None:
            self._pixels.reshape(-1)[places] = self._palette[keys]
            return
        rows, columns = np.divmod(places, self._shape[1])
        self._by_cell()[rows, columns] = self._atlas.cells(keys)

    def put(self, painter: QPainter, left: int, top: int) -> None:
        """Put the picture into a widget, its upper left corner at a point."""
        rows, columns, px = self._shape
        painter.drawImage(QRect(left, top, columns * px, rows * px), self._image)
