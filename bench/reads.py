# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Reads through copies, beside the same reads of the original and of a plain file.

Of a thousand snapshots the oldest is read where its originals were kept long ago, grain by grain at
random or in sequence, and where nothing was overwritten, so that the bytes come from the image; the
newest where they were kept just now. What was kept at random is scattered: a long read of it takes
a system call for each grain. All is in the page cache. Every read is verified as at any time.
"""

from __future__ import annotations

import os
import random
import time
from typing import TYPE_CHECKING

from bench.measure import Row, compared, forget_copies, make_image, say, warm
from core.engine import open_volume
from core.units import KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from core.engine import Volume

IMAGE_BYTES = 128 * MIB
SNAPSHOTS = 1000
ROUNDS = 7
READS = {4 * KIB: 4096, 64 * KIB: 512, MIB: 64}
OLDEST, NEWEST = "snapshot 0", f"snapshot {SNAPSHOTS - 1}"


def measure(folder: Path) -> list[Row]:
    """Return the microseconds of a read, by length and by who is read."""
    image = folder / "reads.img"
    make_image(image, IMAGE_BYTES)
    warm(image)
    say(f"{SNAPSHOTS} snapshots")
    rows = []
    with open_volume(image) as volume:
        _live(volume)
        area = image.with_name(image.name + ".rangepair")
        warm(area)
        for length, count in READS.items():
            rows += _rows(volume, image, length, count)
    forget_copies(image)
    image.unlink()
    return rows


def _live(volume: Volume) -> None:
    """Take snapshots; overwrite a first part after the oldest, and a second after the newest."""
    part = IMAGE_BYTES // 4
    for number in range(SNAPSHOTS):
        volume.snapshot(f"snapshot {number}")
        if number == 0:
            _overwrite(volume, 0, part)
            for start in range(2 * part + part // 2, 3 * part, MIB):  # in sequence
                volume.write(start, os.urandom(MIB))
        elif number == SNAPSHOTS - 1:
            _overwrite(volume, part, part)
        else:  # each holds something of its own
            volume.write(2 * part + number * 4 * KIB, os.urandom(4 * KIB))
    volume.flush()
    time.sleep(2)  # what waits is put in place when writes pause


def _overwrite(volume: Volume, start: int, length: int) -> None:
    """Write all of a range in the order of a busy disk: by grains, at random."""
    places = list(range(start, start + length, 4 * KIB))
    random.Random(2).shuffle(places)
    for place in places:
        volume.write(place, os.urandom(4 * KIB))


def _rows(volume: Volume, image: Path, length: int, count: int) -> list[Row]:
    part = IMAGE_BYTES // 4
    buffer = memoryview(bytearray(length))
    file = os.open(image, os.O_RDONLY)
    read, read_into = volume.read, volume.read_into
    try:
        return compared(
            f"reads of {length // KIB} KiB",
            "us",
            {
                "original": _case(0, part, length, count, lambda at: read(at, length)),
                "original, into a buffer": _case(
                    0, part, length, count, lambda at: read_into(at, buffer)
                ),
                "plain file": _case(0, part, length, count, lambda at: os.pread(file, length, at)),
                f"oldest of {SNAPSHOTS}": _case(
                    0, part, length, count, lambda at: read(at, length, OLDEST)
                ),
                f"oldest of {SNAPSHOTS}, into a buffer": _case(
                    0, part, length, count, lambda at: read_into(at, buffer, OLDEST)
                ),
                "the same, where it was written in sequence": _case(
                    2 * part + part // 2,
                    part // 2,
                    length,
                    count,
                    lambda at: read(at, length, OLDEST),
                ),
                "the same, where it is unchanged": _case(
                    3 * part, part, length, count, lambda at: read(at, length, OLDEST)
                ),
                "newest": _case(part, part, length, count, lambda at: read(at, length, NEWEST)),
            },
            ROUNDS,
        )
    finally:
        os.close(file)


def _case(
    start: int, length: int, step: int, count: int, read: Callable[[int], object]
) -> Callable[[], float]:
    """Return what measures reads of ``step`` bytes at random in a range."""
    places: Sequence[int] = random.Random(3).choices(
        range(start, start + length - step + 1, step), k=count
    )

    def run() -> float:
        begun = time.perf_counter()
        for place in places:
            read(place)
        return (time.perf_counter() - begun) / count * 1e6

    return run
