# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What grows as volumes grow: each figure at sizes ten times apart.

By pointers in one copy, by copies of one volume, by bytes of the volume; the ratio tells how many
times a figure is that of the smallest size. Each size is measured in a process of its own, for the
sake of memory. The largest image is of 10 GB, all of it written more than once. Most of the time
goes into making what is measured: ten million writes, ten thousand takes, each durable.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.telling import say
from core.engine import create_volume, open_volume
from core.measure.files import forget_copies
from core.measure.rows import Row
from core.units import GIB, KIB, MIB, SECTOR_BYTES, TIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.session import VolumeSession

POINTERS = (10_000, 100_000, 1_000_000, 10_000_000)
COPIES = (10, 100, 1_000, 10_000)
SIZES = {"64 MiB": 64 * MIB, "16 GiB": 16 * GIB, "1 TiB": TIB, "16 TiB": 16 * TIB - 64 * KIB}
"""The last is as much as ext4 lets a file have, all but a little."""
PROBES = 512
ROUNDS = 5
BLOCK_BYTES = 4 * KIB
UNITS = {
    "take": "ms",
    "first write": "us",
    "rewrite": "us",
    "read of the original": "us",
    "read of the oldest copy": "us",
    "its first read after a take": "us",
    "flush with a checkpoint": "ms",
    "table of copies": "ms",
    "deleting the newest copy": "ms",
    "deleting the oldest copy": "ms",
    "opening": "ms",
    "closing after a write": "ms",
    "memory": "MiB",
}


def measure(folder: Path) -> list[Row]:
    """Return every figure at every size."""
    image = folder / "scale.img"
    rows = []
    rows += _rows("pointers", [(f"{count:,}", count) for count in POINTERS], image)
    rows += _rows("copies", [(f"{count:,}", count) for count in COPIES], image)
    rows += _rows("bytes", list(SIZES.items()), image)
    return rows


def _rows(what: str, sizes: list[tuple[str, int]], image: Path) -> list[Row]:
    found = []
    for name, count in sizes:
        say(f"{what}: {name}")
        found.append((name, _in_own_process(what, count, image)))
        forget_copies(image)
        image.unlink()
    first = found[0][1]
    return [
        Row(f"{figure}, by {what}", name, UNITS[figure], [figures[figure]],
            figures[figure] / first[figure] if first[figure] else None)
        for figure in UNITS
        if figure in first
        for name, figures in found
    ]  # fmt: skip


def by_pointers(image: Path, count: int) -> dict[str, float]:
    """Return the figures of a volume with one copy of ``count`` pointers and one after it."""
    grain, stride = SECTOR_BYTES, 2 * SECTOR_BYTES  # neighbours would be joined
    size = -(-(count + 4 * PROBES) * stride // MIB) * MIB
    create_volume(image, size, grain_bytes=grain)
    with open_volume(image) as volume:
        _fill(volume, size)
        before = _resident_mib()
        volume.snapshot("oldest")
        payload = os.urandom(grain)
        write = volume.write
        for number in range(count):
            write(number * stride, payload)
        volume.flush()
        figures = _probe(volume, grain, (count + PROBES) * stride, count * stride)
        figures["memory"] = _resident_mib() - before
        volume.snapshot("newest")
        figures["deleting the newest copy"] = _ms(lambda: volume.delete(["newest"], now=True))
    figures["opening"], figures["closing after a write"] = _opening_and_closing(image)
    with open_volume(image) as volume:
        figures["deleting the oldest copy"] = _ms(lambda: volume.delete(["oldest"], now=True))
    return figures


def by_copies(image: Path, count: int) -> dict[str, float]:
    """Return the figures of a volume of 64 MiB with ``count`` copies of one pointer each."""
    create_volume(image, 64 * MIB)
    blocks = 64 * MIB // BLOCK_BYTES
    with open_volume(image) as volume:
        _fill(volume, 64 * MIB)
        before = _resident_mib()
        payload = os.urandom(BLOCK_BYTES)
        for number in range(count):
            volume.snapshot("oldest" if number == 0 else f"copy {number}")
            volume.write(number % (blocks // 2) * BLOCK_BYTES, payload)
        volume.flush()
        figures = _probe(volume, BLOCK_BYTES, 32 * MIB, min(count, blocks // 2) * BLOCK_BYTES)
        figures["memory"] = _resident_mib() - before
        middle, newest = f"copy {count // 2}", f"copy {count - 1}"
        figures["deleting the newest copy"] = _ms(lambda: volume.delete([newest], now=True))
        volume.delete([middle], now=True)
    figures["opening"], figures["closing after a write"] = _opening_and_closing(image)
    with open_volume(image) as volume:
        figures["deleting the oldest copy"] = _ms(lambda: volume.delete(["oldest"], now=True))
    return figures


def by_bytes(image: Path, size: int) -> dict[str, float]:
    """Return the figures of a sparse volume of ``size`` bytes, written all over."""
    image.touch()
    os.truncate(image, size)
    stride = size // (8 * PROBES) // BLOCK_BYTES * BLOCK_BYTES
    with open_volume(image) as volume:
        for number in range(8 * PROBES):  # originals that are more than zeroes
            volume.write(number * stride, os.urandom(BLOCK_BYTES))
        before = _resident_mib()
        volume.snapshot("oldest")
        places = [number * stride for number in range(8 * PROBES)]
        random.Random(1).shuffle(places)
        figures = _probe_at(volume, BLOCK_BYTES, places, places[:PROBES])
        figures["memory"] = _resident_mib() - before
    figures["opening"], figures["closing after a write"] = _opening_and_closing(image)
    return figures


def _probe(volume: VolumeSession, block: int, fresh: int, held: int) -> dict[str, float]:
    """Measure at blocks never written, from ``fresh`` on, and at such that are kept already.

    Args:
        volume: Any.
        block: Length of a write.
        fresh: Where the blocks never written begin.
        held: Where those end that the oldest copy holds, in every other block or in each.
    """
    step = 2 * block
    places = [fresh + number * step for number in range(2 * PROBES)]
    held_places = [place // step * step for place in range(0, held, max(held // PROBES, step))]
    return _probe_at(volume, block, places, held_places[:PROBES])


def _probe_at(
    volume: VolumeSession, block: int, places: list[int], held: list[int]
) -> dict[str, float]:
    payload = os.urandom(block)
    figures = {}
    takes = []
    firsts = []
    for number in range(ROUNDS):
        takes.append(_ms(lambda number=number: volume.snapshot(f"probe {number}")))
        chosen = places[:PROBES]
        firsts.append(_us_each(lambda place: volume.write(place, payload), chosen))
        volume.flush()
    figures["take"] = statistics.median(takes)
    figures["first write"] = statistics.median(firsts)
    _go_direct(volume, places[0], payload)
    figures["rewrite"] = _median_us(lambda place: volume.write(place, payload), places[:PROBES])
    volume.read(held[0], block, "oldest")
    figures["read of the original"] = _median_us(lambda place: volume.read(place, block), held)
    figures["read of the oldest copy"] = _median_us(
        lambda place: volume.read(place, block, "oldest"), held
    )
    after_takes = []
    for number in range(ROUNDS):
        volume.snapshot(f"again {number}")
        after_takes.append(_us_each(lambda place: volume.read(place, block, "oldest"), held[:1]))
    figures["its first read after a take"] = statistics.median(after_takes)
    volume.write(places[0], payload)
    figures["flush with a checkpoint"] = _ms(volume.flush)
    figures["table of copies"] = _ms(volume.info)
    for number in range(ROUNDS):
        volume.delete([f"probe {number}", f"again {number}"], now=True)
    return figures


def _go_direct(volume: VolumeSession, place: int, payload: bytes) -> None:
    """Let the writes that wait for another flush pass, so that rewrites go straight on."""
    for _ in range(2):
        for _ in range(256):
            volume.write(place, payload)
        time.sleep(0.2)  # what is under way lands


def _opening_and_closing(image: Path) -> tuple[float, float]:
    """Return the milliseconds that opening takes, and closing after a write; medians of some."""
    opening, closing = [], []
    for number in range(ROUNDS):
        begun = time.perf_counter()
        volume = open_volume(image)
        opening.append((time.perf_counter() - begun) * 1e3)
        volume.write(0, bytes([number + 1]) * BLOCK_BYTES)
        closing.append(_ms(volume.close))
    return statistics.median(opening), statistics.median(closing)


def _median_us(act: Callable[[int], object], places: list[int]) -> float:
    return statistics.median(_us_each(act, places) for _ in range(ROUNDS))


def _us_each(act: Callable[[int], object], places: list[int]) -> float:
    begun = time.perf_counter()
    for place in places:
        act(place)
    return (time.perf_counter() - begun) / len(places) * 1e6


def _ms(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1e3


def _fill(volume: VolumeSession, size: int) -> None:
    """Write all of a volume: originals that are zeroes would be kept without data."""
    chunk = os.urandom(MIB)
    for offset in range(0, size, MIB):
        volume.write(offset, chunk)
    volume.flush()


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def _in_own_process(what: str, count: int, image: Path) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, "-m", "bench.scale", what, str(count), str(image)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


if __name__ == "__main__":
    by = {"pointers": by_pointers, "copies": by_copies, "bytes": by_bytes}[sys.argv[1]]
    print(json.dumps(by(Path(sys.argv[3]), int(sys.argv[2]))))
