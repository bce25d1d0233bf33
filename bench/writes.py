# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Writes to a volume that has a copy, beside the same writes to a plain file.

First writes preserve the original; rewrites find it preserved. The plain file is the same image,
opened alike, and synced as often as the volume is flushed. Between the two stand the bare writes
that an engine cannot do without, one after the other and by system calls alone. A load ends with a
flush, so that all have settled everything - but for the burst, which measures what a write costs
its writer while all of it may still wait in memory. Each load is run once before it is measured,
for the engine with a copy of its own, so that buffers and ring are in use already.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.floor import Floor
from bench.measure import Row, forget_copies, in_turns, make_image, say, warm
from core.engine import open_volume
from core.units import KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

IMAGE_BYTES = 256 * MIB
ROUNDS = 5


@dataclass(frozen=True)
class Load:
    """A list of writes.

    Attributes:
        flush_every: Writes; 0 is once, at the end.
        is_burst: Not even at the end.
    """

    title: str
    write_bytes: int
    count: int
    is_sequential: bool
    flush_every: int = 0
    is_burst: bool = False

    @property
    def is_flushed_in_small(self) -> bool:
        """Whether what comes between two flushes is little enough for the ring."""
        return 0 < self.flush_every * self.write_bytes <= 2 * MIB

    def offsets(self) -> list[int]:
        """Return where to write: every place at most once."""
        blocks = range(IMAGE_BYTES // self.write_bytes)
        chosen = (
            blocks[: self.count]
            if self.is_sequential
            else random.Random(7).sample(blocks, self.count)
        )
        return [block * self.write_bytes for block in chosen]


LOADS = (
    Load("4 KiB at random, a burst", 4 * KIB, 3000, is_sequential=False, is_burst=True),
    Load("4 KiB at random, flushed at the end", 4 * KIB, 20_000, is_sequential=False),
    Load("4 KiB at random, flushed every 32", 4 * KIB, 12_800, is_sequential=False, flush_every=32),
    Load("4 KiB at random, flushed each", 4 * KIB, 2000, is_sequential=False, flush_every=1),
    Load("1 MiB in sequence, flushed at the end", MIB, 256, is_sequential=True),
    Load("1 MiB in sequence, flushed every 16", MIB, 256, is_sequential=True, flush_every=16),
)


def measure(folder: Path) -> list[Row]:
    """Return writes a second of every load: plain, first and rewritten."""
    image = folder / "writes.img"
    make_image(image, IMAGE_BYTES)
    rows = []
    for load in LOADS:
        say(load.title)
        rows += _rows(load, image)
    forget_copies(image)
    image.unlink()
    return rows


def _rows(load: Load, image: Path) -> list[Row]:
    offsets = load.offsets()
    payload = os.urandom(load.write_bytes)
    rewrites: list[float] = []

    def plain() -> float:
        return _plain(image, load, offsets, payload)

    def engine() -> float:
        first, again = _engine(image, load, offsets, payload)
        rewrites.append(again)
        return first

    def floor() -> float:
        return _floor(image, load, offsets, payload)

    values = in_turns({"plain": plain, "floor": floor, "first": engine}, ROUNDS)
    rows = [
        Row(load.title, "plain file", "writes/s", values["plain"]),
        Row(load.title, "an engine's writes, no engine", "writes/s", values["floor"]),
        Row(load.title, "first write after a copy", "writes/s", values["first"]),
        Row(load.title, "rewrite", "writes/s", rewrites),
    ]
    for row in rows[1:]:
        row.ratio = row.median / rows[0].median
    return rows


def _plain(image: Path, load: Load, offsets: Sequence[int], payload: bytes) -> float:
    forget_copies(image)
    warm(image)
    file = os.open(image, os.O_RDWR)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    try:
        for _ in range(2):
            rate = _rate(
                load,
                offsets,
                lambda offset: os.pwrite(file, payload, offset),
                lambda: os.fdatasync(file),
            )
            os.fsync(file)
    finally:
        os.close(file)
    return rate


def _floor(image: Path, load: Load, offsets: Sequence[int], payload: bytes) -> float:
    forget_copies(image)
    warm(image)
    area = image.with_name(image.name + ".floor")
    floor = Floor(image, area, load.write_bytes)
    settle = floor.flush if load.is_flushed_in_small else floor.checkpoint
    try:
        for _ in range(2):
            rate = _rate(load, offsets, lambda offset: floor.write(offset, payload), settle)
            floor.checkpoint()
    finally:
        floor.close()
        area.unlink()
    return rate


def _engine(image: Path, load: Load, offsets: Sequence[int], payload: bytes) -> tuple[float, float]:
    """Return the rates of the first writes and of the same writes again."""
    forget_copies(image)
    warm(image)
    with open_volume(image) as volume:
        write = volume.write
        for number in range(2):
            volume.snapshot(f"before {number}")
            first = _rate(load, offsets, lambda offset: write(offset, payload), volume.flush)
            volume.flush()
        again = _rate(load, offsets, lambda offset: write(offset, payload), volume.flush)
    return first, again


def _rate(
    load: Load,
    offsets: Sequence[int],
    write: Callable[[int], object],
    flush: Callable[[], object],
) -> float:
    """Return writes a second; both sides pay for the same call around their write."""
    never = len(offsets) + 1
    every = never if load.is_burst else load.flush_every or len(offsets)
    begun = time.perf_counter()
    for number, offset in enumerate(offsets, 1):
        write(offset)
        if number % every == 0:
            flush()
    return len(offsets) / (time.perf_counter() - begun)
