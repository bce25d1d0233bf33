# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What differs between two points in time, from pointers: a million of them, over 100 GiB.

They lie in a thousand places, every other sector: no two of them join, and yet the image takes up
little of the disk and is soon removed, which one of a million fragments is not.
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from bench.telling import say
from core.engine import create_volume, open_volume
from core.measure.files import forget_copies
from core.measure.rows import Row, compared
from core.service.client import connect
from core.service.launcher import connect_or_start
from core.session import ORIGINAL
from core.units import GIB, SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.session import VolumeSession

SIZE = 100 * GIB
POINTERS = 1_000_000
PLACES = 1000
SNAPSHOTS = ("first", "second", "third")
ROUNDS = 9


def measure(folder: Path) -> list[Row]:
    """Return milliseconds for the difference of any two of three snapshots and the original."""
    image = folder / "diff.img"
    forget_copies(image)
    image.unlink(missing_ok=True)
    say(f"{POINTERS:,} sectors of {SIZE // GIB} GiB written at random, between three snapshots")
    _grow(image)
    topic = f"Difference from pointers, {SIZE // GIB} GiB, {POINTERS:,} pointers"
    with open_volume(image) as volume:
        rows = compared(f"{topic}, in process", "ms", _cases(volume), ROUNDS)
    with connect_or_start(image) as client:
        rows += compared(f"{topic}, from an engine process", "ms", _cases(client), ROUNDS)
    connect(image).shutdown()
    forget_copies(image)
    image.unlink()
    return rows


def _grow(image: Path) -> None:
    """Make the volume; a third of the pointers after each snapshot."""
    create_volume(image, SIZE, thin=True, grain_bytes=SECTOR_BYTES)  # its pointers alone count
    step = SIZE // PLACES // SECTOR_BYTES * SECTOR_BYTES
    offsets = [
        place * step + number * 2 * SECTOR_BYTES
        for place in range(PLACES)
        for number in range(POINTERS // PLACES)
    ]
    random.Random(1).shuffle(offsets)
    payload = os.urandom(SECTOR_BYTES)
    with open_volume(image) as volume:
        for place in range(PLACES):
            volume.write(place * step, os.urandom(2 * SECTOR_BYTES * POINTERS // PLACES))
        volume.flush()
        for number, name in enumerate(SNAPSHOTS):
            volume.snapshot(name)
            for offset in offsets[number :: len(SNAPSHOTS)]:
                volume.write(offset, payload)
        volume.flush()


def _cases(volume: VolumeSession) -> dict[str, Callable[[], float]]:
    pairs = (("first", ORIGINAL), ("first", "third"), ("second", "third"), ("third", "first"))
    return {
        f"{source} to {target}": lambda source=source, target=target: _taken(volume, source, target)
        for source, target in pairs
    }


def _taken(volume: VolumeSession, source: str, target: str) -> float:
    begun = time.perf_counter()
    found = volume.diff(source, target)
    taken = time.perf_counter() - begun
    assert len(found) >= POINTERS // len(SNAPSHOTS) - 1
    return taken * 1e3
