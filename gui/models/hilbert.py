# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where each cell lies when neighbours in address are to be neighbours in the picture.

The view is cut into bands of square tiles. In a tile cells follow a Hilbert curve that enters at
the upper left and leaves at the upper right, where the next tile begins: so the curve is unbroken
along a band, and any width and height can be filled.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

TILE_MAX = 32

Ints = npt.NDArray[np.int32]


@functools.cache
def _curve(side: int) -> Ints:
    """Return the number along the curve of each place of a square, upper left to upper right."""
    if side == 1:
        return np.zeros((1, 1), np.int32)
    part = _curve(side // 2)
    size = part.size
    left, right = part.T, part.T[::-1, ::-1]
    upper = np.hstack([left, right + 3 * size])
    lower = np.hstack([part + size, part + 2 * size])
    return np.vstack([upper, lower])


@functools.lru_cache(maxsize=8)
def order(rows: int, columns: int) -> Ints:
    """Return the number of the cell at each place, row by row.

    ``columns`` must be a multiple of the side of the first band's tiles; ``tile_side`` tells it.
    """
    places = np.empty((rows, columns), np.int32)
    top, number = 0, 0
    while top < rows:
        side = tile_side(min(rows - top, columns))
        for left in range(0, columns - side + 1, side):
            places[top : top + side, left : left + side] = _curve(side) + number
            number += side * side
        top += side
    return places.reshape(-1)


def tile_side(room: int) -> int:
    """Return the largest power of two that fits, at most ``TILE_MAX``."""
    return min(TILE_MAX, 1 << (room.bit_length() - 1))
