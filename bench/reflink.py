# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""First writes after a copy where the file system can share blocks: originals cloned, and written.

Needs root: XFS and btrfs are made in files of the folder and mounted. Each case begins with a fresh
image, written in one piece, so that none inherits the layout that another one left. Writes shorter
than 1 MiB leave a gap as long as themselves, so that no two of them make one long original.
Afterwards the image is written again, as a plain file, to see what the layout costs later. Ratios
are medians of the ratios of each round.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import subprocess
import time
from typing import TYPE_CHECKING
from unittest import mock

from bench.telling import say
from core.engine import open_volume
from core.journal import cloning
from core.measure.files import forget_copies, make_image, warm
from core.measure.rows import Row, in_turns
from core.units import KIB, MIB

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DISK_BYTES = 2048 * MIB
IMAGE_BYTES = 128 * MIB  # the smallest with groups of 4 MiB
WRITTEN_BYTES = 48 * MIB
SCATTERED_WRITES = 512
ROUNDS = 7
FILE_SYSTEMS = {"XFS": ("mkfs.xfs", "-q"), "btrfs": ("mkfs.btrfs", "-q")}
SIZES = (MIB, 512 * KIB, 256 * KIB, 128 * KIB)
NEVER = 1 << 62


def measure(folder: Path) -> list[Row]:
    """Return MB/s of first writes, and of writing the image again, on each file system."""
    rows = []
    for name, make in FILE_SYSTEMS.items():
        with _mounted(name, make, folder) as mount:
            for write_bytes in SIZES:
                say(f"{name}, {write_bytes // KIB} KiB")
                rows += _rows(name, write_bytes, mount / "disk.img")
    return rows


@contextlib.contextmanager
def _mounted(name: str, make: tuple[str, ...], folder: Path) -> Iterator[Path]:
    disk, mount = folder / f"{name}.disk", folder / name
    mount.mkdir(exist_ok=True)
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run([*make, disk], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["mount", "-o", "loop", disk, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)
        disk.unlink()
        mount.rmdir()


def _rows(name: str, write_bytes: int, image: Path) -> list[Row]:
    again: dict[str, list[tuple[float, float]]] = {}

    def case(title: str, stretch_bytes_min: int | None) -> float:
        _fresh(image)
        with mock.patch.object(cloning, "STRETCH_BYTES_MIN", stretch_bytes_min or NEVER):
            rate = (
                _plain(image, write_bytes)
                if stretch_bytes_min is None
                else _engine(image, write_bytes, is_cloning=stretch_bytes_min < NEVER)
            )
        again.setdefault(title, []).append(_again(image))
        return rate

    values = in_turns(
        {
            "plain file": lambda: case("plain file", None),
            "originals written": lambda: case("originals written", NEVER),
            "originals cloned": lambda: case("originals cloned", write_bytes),
        },
        ROUNDS,
    )
    topic = f"{name}: {write_bytes // KIB} KiB, first writes after a copy, flushed at the end"
    rows = [Row(topic, title, "MB/s", values[title]) for title in values]
    for number, what in enumerate(("in 1 MiB", f"{SCATTERED_WRITES} x 4 KiB at random")):
        later = f"{name}: after those of {write_bytes // KIB} KiB, the image again, {what}"
        rows += [
            Row(later, title, "MB/s", [pair[number] for pair in again[title]]) for title in again
        ]
    for row in rows:
        first = next(one for one in rows if one.topic == row.topic)
        if row is not first:
            pairs = zip(row.values, first.values, strict=True)
            row.ratio = statistics.median(one / plain for one, plain in pairs)
    return rows


def _fresh(image: Path) -> None:
    forget_copies(image)
    image.unlink(missing_ok=True)
    make_image(image, IMAGE_BYTES)
    warm(image)


def _offsets(write_bytes: int) -> range:
    step = write_bytes if write_bytes >= MIB else 2 * write_bytes
    return range(0, WRITTEN_BYTES // write_bytes * step, step)


def _plain(image: Path, write_bytes: int) -> float:
    payload = os.urandom(write_bytes)
    file = os.open(image, os.O_RDWR)
    try:
        begun = time.perf_counter()
        for offset in _offsets(write_bytes):
            os.pwrite(file, payload, offset)
        os.fdatasync(file)
        return WRITTEN_BYTES / 1e6 / (time.perf_counter() - begun)
    finally:
        os.close(file)


def _engine(image: Path, write_bytes: int, *, is_cloning: bool) -> float:
    payload = os.urandom(write_bytes)
    with open_volume(image) as volume:
        volume.snapshot("before")
        volume.flush()
        begun = time.perf_counter()
        for offset in _offsets(write_bytes):
            volume.write(offset, payload)
        volume.flush()
        rate = WRITTEN_BYTES / 1e6 / (time.perf_counter() - begun)
        cloned = volume.stats().preserved_by_cloning_bytes
        if is_cloning != (cloned > WRITTEN_BYTES // 2):
            raise RuntimeError(f"{cloned} bytes were cloned, so this measures something else")
    return rate


def _again(image: Path) -> tuple[float, float]:
    """Return MB/s of writing the image as a plain file, in long pieces and at random."""
    payload, offsets = os.urandom(MIB), random.Random(7)
    file = os.open(image, os.O_RDWR)
    try:
        begun = time.perf_counter()
        for offset in range(0, WRITTEN_BYTES, MIB):
            os.pwrite(file, payload, offset)
        os.fdatasync(file)
        long = WRITTEN_BYTES / 1e6 / (time.perf_counter() - begun)
        begun = time.perf_counter()
        for _ in range(SCATTERED_WRITES):
            os.pwrite(
                file, payload[: 4 * KIB], offsets.randrange(WRITTEN_BYTES // KIB // 4) * 4 * KIB
            )
        os.fdatasync(file)
        return long, SCATTERED_WRITES * 4 * KIB / 1e6 / (time.perf_counter() - begun)
    finally:
        os.close(file)
