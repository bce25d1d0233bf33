# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m bench.bigimage IMAGE``: a sparse image of 16 GiB with a copy of a million pointers.

A quarter of a million places at random hold data; a million places at random are written after the
copy was taken, so that a sixteenth of its pointers lead to originals and the others stand for
zeroes. Three quarters of the places have no pointer yet: writes at random go on making them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import numpy as np

from bench.telling import say
from core.engine import open_volume
from core.measure.files import forget_copies
from core.units import GIB, GRAIN_BYTES_DEFAULT, MIB

SIZE: Final = 16 * GIB
POINTERS: Final = 1 << 20
HELD: Final = 1 << 18
COPY: Final = "monday"
_GRAINS: Final = SIZE // GRAIN_BYTES_DEFAULT
_BATCH: Final = 4096
_SAID_EVERY: Final = 1 << 18


def make_big_image(path: Path) -> None:
    """Make the image and its copies at ``path``; takes a minute or two of a disk."""
    forget_copies(path)
    dice = np.random.default_rng(7)
    pool = dice.bytes(MIB + GRAIN_BYTES_DEFAULT)
    _lay_data(path, np.sort(dice.choice(_GRAINS, HELD, replace=False)).tolist(), pool)
    with open_volume(path) as volume:
        volume.snapshot(COPY)
        written = dice.choice(_GRAINS, POINTERS, replace=False)
        for first in range(0, POINTERS, _BATCH):
            if first % _SAID_EVERY == 0:
                say(f"{first:,} of {POINTERS:,} pointers")
            grains = np.sort(written[first : first + _BATCH]).tolist()
            volume.write_batch([_piece(grain, pool) for grain in grains])


def _lay_data(path: Path, grains: list[int], pool: bytes) -> None:
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(file, SIZE)
        for grain in grains:
            offset, payload = _piece(grain, pool)
            os.pwrite(file, payload, offset)
        os.fsync(file)
    finally:
        os.close(file)


def _piece(grain: int, pool: bytes) -> tuple[int, bytes]:
    """Return where a grain lies, and what is written to it; no two neighbours are alike."""
    at = grain * 4099 % MIB
    return grain * GRAIN_BYTES_DEFAULT, pool[at : at + GRAIN_BYTES_DEFAULT]


if __name__ == "__main__":
    make_big_image(Path(sys.argv[1]))
