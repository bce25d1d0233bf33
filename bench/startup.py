# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How long the program takes to start, beside Python itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from core.engine import open_volume
from core.measure.files import forget_copies, make_image
from core.measure.rows import Row, compared
from core.units import MIB

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 9
RANGEPAIR = [sys.executable, "-m", "core.cli"]


def measure(folder: Path) -> list[Row]:
    """Return milliseconds from start to end of the shortest commands."""
    image = folder / "startup.img"
    make_image(image, 16 * MIB)
    with open_volume(image) as volume:
        for number in range(20):
            volume.snapshot(f"copy-{number}")
    commands = {
        "python doing nothing": [sys.executable, "-c", "pass"],
        "rangepair --help": [*RANGEPAIR, "--help"],
        "rangepair list": [*RANGEPAIR, "list", str(image)],
    }
    cases = {
        name: lambda command=command: _until_end(command) for name, command in commands.items()
    }
    cases["the window, first picture"] = _until_drawn
    rows = compared("Starting", "ms", cases, ROUNDS)
    forget_copies(image)
    image.unlink()
    return rows


def _until_drawn() -> float:
    """Return milliseconds to the first picture, offscreen: the screen's own pace is not ours."""
    run = subprocess.run(
        [sys.executable, "-m", "bench.firstpicture", str(time.monotonic())],
        check=True, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    return float(run.stdout) * 1e3


def _until_end(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1e3
