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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from bench.bigimage import COPY, make_big_image
from bench.telling import say
from core.measure.files import forget_copies
from core.measure.rows import Row
from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Pace(NamedTuple):
    """How an engine went on for a while.

    Attributes:
        work_us: Its processor time for a write; on a busy machine more telling than the rate.
    """

    writes_per_s: float
    work_us: float


def _watched(image: Path, engine: RemoteVolume, size: tuple[int, int]) -> list[Row]:
    """Return the figures of a window of a size at the steady rate."""
    topic = f"Window of {size[0]} x {size[1]}, {RATE:,} writes/s"
    runs, alone, watched = [], [], []
    for _ in range(ROUNDS):
        say(topic)
        _start(engine, RATE)
        alone.append(_alone(engine))
        figures, pace = _with_window(image, engine, size)
        runs.append(figures)
        watched.append(pace)
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
        alone.append(_alone(engine))
        watched.append(_with_window(image, engine, SIZES[0])[1])
        engine.stop_workload()
    return _engine_rows("Writes flat out", alone, watched)


def _engine_rows(topic: str, alone: list[Pace], watched: list[Pace]) -> list[Row]:
    rows = []
    for title, unit, field in (("engine", "writes/s", 0), ("work a write", "us", 1)):
        pair = [
            Row(topic, f"{title} {how}", unit, [pace[field] for pace in paces])
            for how, paces in (("without a window", alone), ("with the window", watched))
        ]
        pair[1].ratio = pair[1].median / pair[0].median
        rows += pair
    return rows


def _start(engine: RemoteVolume, rate: float) -> None:
    engine.snapshot(f"run {time.time_ns()}")
    engine.start_workload("random", rate, allow_overwrite=True, seed=time.time_ns() % 1000)
    time.sleep(_STARTED_S)


def _pace_during(engine: RemoteVolume, wait: Callable[[], object]) -> Pace:
    """Return how the engine goes on until ``wait`` is over."""
    begun, writes, worked_s = time.perf_counter(), _writes(engine), _worked_s(engine)
    wait()
    made = _writes(engine) - writes
    took_s = time.perf_counter() - begun
    return Pace(made / took_s, (_worked_s(engine) - worked_s) / max(1, made) * 1e6)


def _writes(engine: RemoteVolume) -> int:
    status = engine.workload_status()
    assert status is not None
    assert not status["error"], status["error"]
    return int(str(status["writes"]))


def _worked_s(engine: RemoteVolume) -> float:
    """Return the processor time of the engine process so far."""
    fields = Path(f"/proc/{engine.welcome.pid}/stat").read_text(encoding="utf-8").split(")")[1]
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _alone(engine: RemoteVolume) -> Pace:
    return _pace_during(engine, lambda: time.sleep(ALONE_S))


def _with_window(
    image: Path, engine: RemoteVolume, size: tuple[int, int]
) -> tuple[dict[str, Any], Pace]:
    """Run the window until it was watched for long enough; return its figures and the engine's."""
    arguments = [str(image), COPY, str(WATCHED_S), str(size[0]), str(size[1])]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen(
            [sys.executable, "-m", "bench.windowframes", *arguments],
            stdout=subprocess.PIPE, text=True,
            env={"QT_QPA_PLATFORM": "offscreen", **os.environ, "XDG_CONFIG_HOME": home},
        ) as window,
    ):  # fmt: skip
        assert window.stdout is not None
        window.stdout.readline()  # it begins to watch
        told: list[str] = []
        pace = _pace_during(engine, lambda: told.append(window.stdout.readline()))
        figures: dict[str, Any] = json.loads(told[0])
        assert window.wait() == 0
    return figures, pace
