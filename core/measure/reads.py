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
from typing import TYPE_CHECKING, Final

from core.measure.files import area_of, forget_copies, make_image, warm
from core.measure.interrupts import held, opened, whole
from core.measure.rows import compared
from core.units import KIB, MIB, format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from core.engine import Volume
    from core.measure.rows import Sheet
    from core.measure.setting import Setting

IMAGE_BYTES: Final = 128 * MIB
ROUNDS: Final = 7
READS: Final = {4 * KIB: 4096, 64 * KIB: 512, MIB: 64}
_WRITES_AT_ONCE: Final = 256
_SETTLE_S: Final = 2.0


def measure(setting: Setting) -> Iterator[Sheet]:
    """Yield the microseconds of a read, by length and by who is read."""
    image = setting.folder / "reads.img"
    setting.tell("making an image")
    make_image(image, setting.scale.size_bytes(IMAGE_BYTES))
    warm(image)
    with opened(image) as volume:
        _live(volume, setting)
        warm(area_of(image))
        for length, count in READS.items():
            yield _sheet(volume, image, length, count, setting)
    forget_copies(image)
    image.unlink()


def _live(volume: Volume, setting: Setting) -> None:
    """Take snapshots; overwrite a first part after the oldest, and a second after the newest."""
    part = volume.info().size // 4
    copies = setting.scale.copies
    for number in range(copies):
        if number % 100 == 0:
            setting.tell(f"taking {copies:,} snapshots: {number:,} are there")
        with held():
            volume.snapshot(f"snapshot {number}")
        if number == 0:
            _overwrite(volume, 0, part)
            for start in range(2 * part + part // 2, 3 * part, MIB):  # in sequence
                with held():
                    volume.write(start, os.urandom(MIB))
        elif number == copies - 1:
            _overwrite(volume, part, part)
        else:  # each holds something of its own
            with held():
                volume.write(2 * part + number * 4 * KIB % (part // 2), os.urandom(4 * KIB))
    with held():
        volume.flush()
    time.sleep(_SETTLE_S)  # what waits is put in place when writes pause


def _overwrite(volume: Volume, start: int, length: int) -> None:
    """Write all of a range in the order of a busy disk: by grains, at random."""
    places = list(range(start, start + length, 4 * KIB))
    random.Random(2).shuffle(places)  # noqa: S311 - the same order each time
    for first in range(0, len(places), _WRITES_AT_ONCE):
        with held():
            for place in places[first : first + _WRITES_AT_ONCE]:
                volume.write(place, os.urandom(4 * KIB))


def _sheet(volume: Volume, image: Path, length: int, count: int, setting: Setting) -> Sheet:
    file = os.open(image, os.O_RDONLY)
    cases = _cases(volume, file, length, setting)
    chosen = {
        name: whole(_case(start, part, length, setting.scale.count(count), read))
        for name, (start, part, read) in cases.items()
    }
    try:
        return compared(
            f"Reads of {format_bytes(length)} at random",
            "us",
            chosen,
            setting.scale.rounds_of(ROUNDS),
            lambda text: setting.tell(f"reads of {format_bytes(length)}, {text}"),
        )
    finally:
        os.close(file)


def _cases(
    volume: Volume, file: int, length: int, setting: Setting
) -> dict[str, tuple[int, int, Callable[[int], object]]]:
    """Return what is read: where, of how many bytes, and how."""
    copies = setting.scale.copies
    oldest, newest = "snapshot 0", f"snapshot {copies - 1}"
    part = volume.info().size // 4
    buffer = memoryview(bytearray(length))
    read, read_into = volume.read, volume.read_into

    def of_oldest(at: int) -> bytes:
        return read(at, length, oldest)

    cases: dict[str, tuple[int, int, Callable[[int], object]]] = {
        "Rangepair, original": (0, part, lambda at: read(at, length)),
        "plain file": (0, part, lambda at: os.pread(file, length, at)),
        f"Rangepair, oldest of {copies:,}": (0, part, of_oldest),
        "Rangepair, where written in sequence": (2 * part + part // 2, part // 2, of_oldest),
        "Rangepair, where unchanged": (3 * part, part, of_oldest),
        "Rangepair, newest": (part, part, lambda at: read(at, length, newest)),
    }
    if setting.scale.is_whole:
        cases["Rangepair, original, into a buffer"] = (0, part, lambda at: read_into(at, buffer))
        cases["Rangepair, oldest, into a buffer"] = (
            0,
            part,
            lambda at: read_into(at, buffer, oldest),
        )
    return cases


def _case(
    start: int, length: int, step: int, count: int, read: Callable[[int], object]
) -> Callable[[], float]:
    """Return what measures reads of ``step`` bytes at random in a range."""
    dice = random.Random(3)  # noqa: S311 - the same places each time
    places: Sequence[int] = dice.choices(range(start, start + length - step + 1, step), k=count)

    def run() -> float:
        begun = time.perf_counter()
        for place in places:
            read(place)
        return (time.perf_counter() - begun) / count * 1e6

    return run
