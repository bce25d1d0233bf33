# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A million pointers: memory each, close together and scattered over 1 TiB; time to open.

Each figure comes from a process of its own: memory that another has freed is no measure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from bench.telling import say
from core.measure.files import forget_copies
from core.measure.rows import Row
from core.units import GIB, MIB, SECTOR_BYTES, TIB

POINTERS = 1_000_000
OPENINGS = 5
LAYOUTS = {"close together": GIB, "scattered over 1 TiB": TIB}


def measure(folder: Path) -> list[Row]:
    """Return bytes a pointer and milliseconds to open, for both layouts."""
    rows = []
    for layout, size in LAYOUTS.items():
        image = folder / f"pointers-{size}.img"
        say(f"{POINTERS:,} pointers, {layout}")
        grown = _in_own_process("grow", image, str(size))
        opened = [_in_own_process("open", image) for _ in range(OPENINGS)]
        topic = f"{POINTERS:,} pointers, {layout}"
        count = grown["pointers"]
        rows += [
            Row(topic, "memory while they are made", "B/pointer", [grown["bytes"] / count]),
            Row(topic, "memory once at rest", "B/pointer", [grown["at_rest"] / count]),
            Row(topic, "memory once opened", "B/pointer", [o["bytes"] / count for o in opened]),
            Row(topic, "opening", "ms", [o["seconds"] * 1e3 for o in opened]),
        ]
        forget_copies(image)
        image.unlink()
    return rows


def grow(image: Path, size: int) -> dict[str, float]:
    """Make the volume and a million pointers in its newest copy; return what they cost."""
    from core.engine import create_volume, open_volume
    from core.engine.clock import IDLE_AFTER_S

    forget_copies(image)
    image.unlink(missing_ok=True)
    spread = size // POINTERS // SECTOR_BYTES * SECTOR_BYTES
    is_dense = size == GIB
    if is_dense:
        create_volume(image, size, grain_bytes=SECTOR_BYTES)
    else:
        image.touch()
        os.truncate(image, size)  # sparse, and plain: a thin image would be reached through a map
    with open_volume(image) as volume:
        if is_dense:
            filler = os.urandom(MIB)
            for offset in range(0, size, MIB):
                volume.write(offset, filler)
            volume.flush()
        volume.snapshot("before")
        payload = os.urandom(SECTOR_BYTES)
        before = _resident_bytes()
        for number in range(POINTERS):
            volume.write(number * spread, payload)
        volume.flush()
        bytes_used = _resident_bytes() - before
        time.sleep(IDLE_AFTER_S + 1)  # then the volume gives back what it needs no more
        at_rest = _resident_bytes() - before
        pointers = len(volume.table("before").columns)
    return {"bytes": bytes_used, "at_rest": at_rest, "pointers": pointers}


def reopen(image: Path) -> dict[str, float]:
    """Open the volume; return what that cost."""
    from core.engine import open_volume

    before = _resident_bytes()
    begun = time.perf_counter()
    volume = open_volume(image)
    seconds = time.perf_counter() - begun
    bytes_used = _resident_bytes() - before
    volume.close()
    return {"bytes": bytes_used, "seconds": seconds}


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _in_own_process(act: str, *arguments: object) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, "-m", "bench.pointers", act, *map(str, arguments)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


if __name__ == "__main__":
    if sys.argv[1] == "grow":
        print(json.dumps(grow(Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        print(json.dumps(reopen(Path(sys.argv[2]))))
