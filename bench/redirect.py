# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""First writes after a copy on a volume of full pointers: originals copied, and kept in place.

Each case begins with a fresh image that was converted to full pointers, and ends with a flush, so
that all of both mechanisms is counted. Afterwards what was written is read in order, to see what
scattered places cost.
"""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING

from bench.telling import say
from core.engine import open_volume
from core.measure.files import area_of, make_image, warm
from core.measure.rows import Row, compared
from core.units import KIB, MIB

if TYPE_CHECKING:
    from pathlib import Path

    from core.answers import Mechanism

IMAGE_BYTES = 128 * MIB
ROUNDS = 5
MECHANISMS: tuple[Mechanism, ...] = ("copy-on-write", "redirect-on-write")


def measure(folder: Path) -> list[Row]:
    """Return microseconds a first write, by size, order and how often it is flushed."""
    path, rows = folder / "redirect.img", []
    for name, write_bytes, count, flush_each in (
        ("1 MiB in order", MIB, 48, False),
        ("64 KiB at random", 64 * KIB, 512, False),
        ("4 KiB at random", 4 * KIB, 4096, False),
        ("4 KiB at random, each flushed", 4 * KIB, 256, True),
    ):
        say(name)
        case = partial(_written, path, write_bytes, count, flush_each=flush_each)
        cases = {f"{name}, {each}": partial(case, each) for each in MECHANISMS}
        rows += compared("redirect", "us/write", cases, ROUNDS)
    say("reading in order what was written at random")
    cases = {f"read 1 MiB, {each}": partial(_read, path, each) for each in MECHANISMS}
    return [*rows, *compared("redirect", "us/read", cases, ROUNDS)]


def _begin(path: Path) -> None:
    area_of(path).unlink(missing_ok=True)
    make_image(path, IMAGE_BYTES)
    warm(path)


def _offsets(write_bytes: int, count: int) -> list[int]:
    places = range(IMAGE_BYTES // write_bytes)
    if write_bytes == MIB:
        return [place * write_bytes for place in places[:count]]
    return [place * write_bytes for place in random.Random(1).sample(places, count)]


def _written(
    path: Path, write_bytes: int, count: int, mechanism: Mechanism, *, flush_each: bool
) -> float:
    _begin(path)
    payload = random.Random(2).randbytes(write_bytes)
    with open_volume(path) as volume:
        volume.rearrange("full-pointer")
        volume.choose_mechanism(mechanism)
        volume.snapshot("S")
        begun = time.perf_counter()
        for offset in _offsets(write_bytes, count):
            volume.write(offset, payload)
            if flush_each:
                volume.flush()
        volume.flush()
        return (time.perf_counter() - begun) / count * 1e6


def _read(path: Path, mechanism: Mechanism) -> float:
    _begin(path)
    with open_volume(path) as volume:
        volume.rearrange("full-pointer")
        volume.choose_mechanism(mechanism)
        volume.snapshot("S")
        for offset in _offsets(4 * KIB, 4096):
            volume.write(offset, bytes([1]) * (4 * KIB))
        volume.flush()
        begun = time.perf_counter()
        for offset in range(0, IMAGE_BYTES, MIB):
            volume.read(offset, MIB)
        return (time.perf_counter() - begun) / (IMAGE_BYTES // MIB) * 1e6
