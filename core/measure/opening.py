# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How long opening takes: with nothing kept, with many copies, with many pointers in one copy.

The pointers are of every other sector, so that no two of them join and yet the image has no
fragments, which take a file system long to remove.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from core.engine import create_volume, open_volume
from core.measure.files import forget_copies, make_sparse
from core.measure.interrupts import held, opened, whole
from core.measure.rows import Row, in_turns
from core.units import GIB, KIB, SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.engine import Volume
    from core.measure.rows import Sheet
    from core.measure.setting import Setting

IMAGE_BYTES: Final = 16 * GIB
POINTERS: Final = 100_000
ROUNDS: Final = 9
_WRITES_AT_ONCE: Final = 1024


def measure(setting: Setting) -> Iterator[Sheet]:
    """Yield the milliseconds that opening takes, files in the cache."""
    pointers, copies = setting.scale.count(POINTERS), setting.scale.copies
    images = {
        "with nothing kept": setting.folder / "open-nothing.img",
        f"with {copies:,} copies": setting.folder / "open-copies.img",
        f"with {pointers:,} pointers in a copy": setting.folder / "open-pointers.img",
    }
    _, with_copies, with_pointers = images.values()
    for image in images.values():
        make_sparse(image, IMAGE_BYTES)
    with_pointers.unlink()
    create_volume(with_pointers, IMAGE_BYTES, grain_bytes=SECTOR_BYTES)
    with opened(with_copies) as volume:
        _take(volume, copies, setting)
    with opened(with_pointers) as volume:
        _point(volume, pointers, setting)
    cases = {name: whole(partial(_open, image)) for name, image in images.items()}
    topic = "Opening a volume of 16 GiB"
    values = in_turns(
        cases, setting.scale.rounds_of(ROUNDS), lambda text: setting.tell(f"opening, {text}")
    )
    yield [Row(topic, f"Rangepair, {name}", "ms", values[name]) for name in cases]
    for image in images.values():
        forget_copies(image)
        image.unlink()


def _take(volume: Volume, copies: int, setting: Setting) -> None:
    """Take copies of one pointer each."""
    for number in range(copies):
        if number % 100 == 0:
            setting.tell(f"taking {copies:,} copies: {number:,} are there")
        with held():
            volume.snapshot(f"copy-{number}")
            volume.write(number * 4 * KIB, os.urandom(4 * KIB))


def _point(volume: Volume, pointers: int, setting: Setting) -> None:
    """Take a copy, and make pointers of it that lie apart."""
    payload = os.urandom(SECTOR_BYTES)
    with held():
        volume.snapshot("before")
    for first in range(0, pointers, _WRITES_AT_ONCE):
        setting.tell(f"making {pointers:,} pointers: {first:,} are there")
        with held():
            for number in range(first, min(first + _WRITES_AT_ONCE, pointers)):
                volume.write(2 * number * SECTOR_BYTES, payload)


def _open(image: Path) -> float:
    begun = time.perf_counter()
    volume = open_volume(image)
    taken = time.perf_counter() - begun
    volume.close()
    return taken * 1e3
