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
from functools import partial
from typing import TYPE_CHECKING, Final

from core.measure.files import forget_copies, make_image, warm
from core.measure.floor import Floor
from core.measure.interrupts import opened, whole
from core.measure.rows import Row, in_turns
from core.units import KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from core.measure.rows import Sheet
    from core.measure.setting import Setting

IMAGE_BYTES: Final = 256 * MIB
IMAGE_BYTES_MIN: Final = 128 * MIB
"""Of shorter ones originals are kept in shorter groups; below 256 MiB the ring is shorter."""
ROUNDS: Final = 5


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

    def offsets(self, image_bytes: int, count: int) -> list[int]:
        """Return where ``count`` writes go, or as many as fit: every place at most once."""
        blocks = range(image_bytes // self.write_bytes)
        count = min(count, len(blocks))
        dice = random.Random(7)  # noqa: S311 - the same places each time
        chosen = blocks[:count] if self.is_sequential else dice.sample(blocks, count)
        return [block * self.write_bytes for block in chosen]


LOADS: Final = (
    Load("4 KiB at random, a burst", 4 * KIB, 3000, is_sequential=False, is_burst=True),
    Load("4 KiB at random, flushed at the end", 4 * KIB, 20_000, is_sequential=False),
    Load("4 KiB at random, flushed every 32", 4 * KIB, 12_800, is_sequential=False, flush_every=32),
    Load("4 KiB at random, flushed each", 4 * KIB, 2000, is_sequential=False, flush_every=1),
    Load("1 MiB in sequence, flushed at the end", MIB, 256, is_sequential=True),
    Load("1 MiB in sequence, flushed every 16", MIB, 256, is_sequential=True, flush_every=16),
)
SHOWN: Final = (LOADS[2], LOADS[1], LOADS[5])
"""Those that the README shows."""


def measure(setting: Setting) -> Iterator[Sheet]:
    """Yield writes a second of every load: plain, first and rewritten."""
    image = setting.folder / "writes.img"
    setting.tell("making an image")
    image_bytes = IMAGE_BYTES_MIN if setting.scale.is_quick else IMAGE_BYTES
    make_image(image, image_bytes)
    for load in LOADS if setting.scale.is_whole else SHOWN:
        offsets = load.offsets(image_bytes, setting.scale.count(load.count))
        yield _sheet(load, image, offsets, setting)
    forget_copies(image)
    image.unlink()


def _sheet(load: Load, image: Path, offsets: Sequence[int], setting: Setting) -> Sheet:
    payload = os.urandom(load.write_bytes)
    rewrites: list[float] = []

    def engine() -> float:
        first, again = _engine(image, load, offsets, payload)
        rewrites.append(again)
        return first

    cases = {
        "plain": whole(partial(_plain, image, load, offsets, payload)),
        "floor": whole(partial(_floor, image, load, offsets, payload)),
        "first": whole(engine),
    }
    values = in_turns(
        cases, setting.scale.rounds_of(ROUNDS), lambda text: setting.tell(f"{load.title}, {text}")
    )
    topic = f"Writes of {load.title}"
    rows = [
        Row(topic, "plain file", "writes/s", values["plain"]),
        Row(topic, "the bare writes, no engine", "writes/s", values["floor"]),
        Row(topic, "Rangepair, first after a copy", "writes/s", values["first"]),
        Row(topic, "Rangepair, again", "writes/s", rewrites),
    ]
    for row in rows:
        row.compare_with(rows[0])
    return rows


def _plain(image: Path, load: Load, offsets: Sequence[int], payload: bytes) -> float:
    forget_copies(image)
    warm(image)
    file = os.open(image, os.O_RDWR)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    rates = []
    try:
        for _ in range(2):
            rate = _rate(
                load,
                offsets,
                lambda offset: os.pwrite(file, payload, offset),
                lambda: os.fdatasync(file),
            )
            rates.append(rate)
            os.fsync(file)
    finally:
        os.close(file)
    return rates[-1]


def _floor(image: Path, load: Load, offsets: Sequence[int], payload: bytes) -> float:
    forget_copies(image)
    warm(image)
    area = image.with_name(image.name + ".floor")
    floor = Floor(image, area, load.write_bytes)
    settle = floor.flush if load.is_flushed_in_small else floor.checkpoint
    rates = []
    try:
        for _ in range(2):
            rates.append(_rate(load, offsets, lambda at: floor.write(at, payload), settle))
            floor.checkpoint()
    finally:
        floor.close()
        area.unlink()
    return rates[-1]


def _engine(image: Path, load: Load, offsets: Sequence[int], payload: bytes) -> tuple[float, float]:
    """Return the rates of the first writes and of the same writes again."""
    forget_copies(image)
    warm(image)
    with opened(image) as volume:
        write = volume.write
        rates = []
        for number in range(2):
            volume.snapshot(f"before {number}")
            rates.append(_rate(load, offsets, lambda at: write(at, payload), volume.flush))
            volume.flush()
        rates.append(_rate(load, offsets, lambda at: write(at, payload), volume.flush))
    return rates[1], rates[2]


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
