# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The window while 20 000 writes a second fall on a volume with a million pointers.

Engine and window are the processes that run every day. With the window and without it take turns
on one engine; each begins with a fresh copy, so that there are originals to preserve. What the
engine writes flat out, with and without, says what watching costs it; the window is not timed then.
All of it takes six minutes and some 15 GB of the disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, Final

from bench.bigimage import COPY, make_big_image
from bench.measure import Row, forget_copies, say
from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.service.client import RemoteVolume

RATE: Final = 20_000
WATCHED_S: Final = 20.0
ALONE_S: Final = 8.0
ROUNDS: Final = 2
SIZES: Final = ((1280, 800), (1920, 1080))
_STARTED_S: Final = 1.0


def measure(folder: Path) -> list[Row]:
    """Return frames and work of the window at both sizes, and writes of the engine."""
    image = folder / "window.img"
    is_ours = not image.exists()
    if is_ours:
        make_big_image(image)
    rows: list[Row] = []
    with connect_or_start(image) as engine:
        for size in SIZES:
            rows += _watched(image, engine, size)
        rows += _flat_out(image, engine)
        engine.shutdown()
    if is_ours:
        forget_copies(image)
        image.unlink()
    return rows


def _watched(image: Path, engine: RemoteVolume, size: tuple[int, int]) -> list[Row]:
    """Return the figures of a window of a size at the steady rate."""
    topic = f"Window of {size[0]} x {size[1]}, {RATE:,} writes/s"
    runs, alone, watched = [], [], []
    for _ in range(ROUNDS):
        say(topic)
        _start(engine, RATE)
        alone.append(_writes_per_s(engine, lambda: time.sleep(ALONE_S)))
        watched.append(_writes_per_s(engine, lambda: runs.append(_window(image, size))))
        engine.stop_workload()
    rows = [Row(topic, "frames a second", "/s", [run["fps"] for run in runs])]
    for name, title in (("interval", "between frames"), ("work", "work a frame")):
        rows += [
            Row(topic, f"{title}, {cut}", "ms", [run[name][cut] for run in runs])
            for cut in ("p50", "p95", "p99", "max")
        ]
    rows += [
        Row(topic, f"  of it {pane}", "ms", [run["panes"].get(pane, (0.0,))[0] for run in runs])
        for pane in runs[0]["panes"]
    ]
    rows += [Row(topic, "events coalesced", "", [float(run["lost"]) for run in runs])]
    return [*rows, *_engine_rows(topic, alone, watched)]


def _flat_out(image: Path, engine: RemoteVolume) -> list[Row]:
    """Return what the engine writes as fast as it can."""
    alone, watched = [], []
    for _ in range(ROUNDS):
        say("flat out")
        _start(engine, 0)
        alone.append(_writes_per_s(engine, lambda: time.sleep(ALONE_S)))
        watched.append(_writes_per_s(engine, lambda: _window(image, SIZES[0])))
        engine.stop_workload()
    return _engine_rows("Writes flat out", alone, watched)


def _engine_rows(topic: str, alone: list[float], watched: list[float]) -> list[Row]:
    rows = [
        Row(topic, "engine without a window", "writes/s", alone),
        Row(topic, "engine with the window", "writes/s", watched),
    ]
    rows[1].ratio = rows[1].median / rows[0].median
    return rows


def _start(engine: RemoteVolume, rate: float) -> None:
    engine.snapshot(f"run {time.time_ns()}")
    engine.start_workload("random", rate, allow_overwrite=True, seed=time.time_ns() % 1000)
    time.sleep(_STARTED_S)


def _writes_per_s(engine: RemoteVolume, work: Callable[[], object]) -> float:
    """Return the writes a second that the engine makes while ``work`` is done."""
    before, begun = _writes(engine), time.perf_counter()
    work()
    return (_writes(engine) - before) / (time.perf_counter() - begun)


def _writes(engine: RemoteVolume) -> int:
    status = engine.workload_status()
    assert status is not None
    assert not status["error"], status["error"]
    return int(str(status["writes"]))


def _window(image: Path, size: tuple[int, int]) -> dict[str, Any]:
    """Run the window until it was watched for long enough; return its figures."""
    arguments = [str(image), COPY, str(WATCHED_S), str(size[0]), str(size[1])]
    with tempfile.TemporaryDirectory() as home:
        run = subprocess.run(
            [sys.executable, "-m", "bench.windowframes", *arguments],
            check=True, stdout=subprocess.PIPE, text=True,
            env={"QT_QPA_PLATFORM": "offscreen", **os.environ, "XDG_CONFIG_HOME": home},
        )  # fmt: skip
    figures: dict[str, Any] = json.loads(run.stdout)
    return figures
