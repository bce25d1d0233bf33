# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How long taking a copy takes: small and huge volume, first and thousandth copy."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from bench.measure import Row, compared, forget_copies, say
from core.engine import open_volume
from core.units import MIB, TIB

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.session import VolumeSession

SIZES = {"16 MiB": 16 * MIB, "1 TiB": TIB}
COPIES = 1000
TAKES = 25


def measure(folder: Path) -> list[Row]:
    """Return milliseconds a take, beside the one durable write of 4 KiB that a disk needs."""
    images = {name: _sparse(folder / f"take-{size}.img", size) for name, size in SIZES.items()}
    volumes = {name: open_volume(image) for name, image in images.items()}
    bare = os.open(folder / "take-bare", os.O_RDWR | os.O_CREAT)
    os.pwrite(bare, bytes(4096), 0)
    os.fsync(bare)
    try:
        rows = _at(0, volumes, bare)
        say(f"taking {COPIES} copies of each")
        for volume in volumes.values():
            _grow(volume, COPIES)
        return rows + _at(COPIES, volumes, bare)
    finally:
        os.close(bare)
        for name, volume in volumes.items():
            volume.close()
            forget_copies(images[name])
            images[name].unlink()


def _at(copies: int, volumes: dict[str, VolumeSession], bare: int) -> list[Row]:
    cases: dict[str, Callable[[], float]] = {"4 KiB written and synced": lambda: _durable(bare)}
    for name, volume in volumes.items():
        cases[f"take of {name}"] = lambda volume=volume: _take(volume)
    return compared(f"Taking a copy when there are {copies:,}", "ms", cases, TAKES)


def _take(volume: VolumeSession) -> float:
    """Take a copy while something waits to be settled, as on a volume in use; delete it again."""
    volume.write(0, os.urandom(4096))
    begun = time.perf_counter()
    volume.snapshot("measured")
    taken = time.perf_counter() - begun
    volume.delete(["measured"], now=True)
    return taken * 1e3


def _durable(file: int) -> float:
    payload = os.urandom(4096)
    begun = time.perf_counter()
    os.pwrite(file, payload, 0)
    os.fdatasync(file)
    return (time.perf_counter() - begun) * 1e3


def _grow(volume: VolumeSession, copies: int) -> None:
    for number in range(copies):
        volume.snapshot(f"copy-{number}")
        volume.write(number * 4096, os.urandom(4096))


def _sparse(path: Path, size: int) -> Path:
    forget_copies(path)
    path.touch()
    os.truncate(path, size)
    return path
