# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Block clients: what a virtual machine gets over NBD, beside QEMU's servers and nbdkit.

The client is fio over a unix socket. In each round every server is begun anew and measured once, in
changing order. Ratios are to ``qemu-nbd, raw``, which keeps no copies; what copies cost elsewhere
is in the lines of the other servers.
"""

from __future__ import annotations

import functools
import json
import shutil
import statistics
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import nbdservers
from bench.measure import Row, in_turns, make_image, say

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable
    from pathlib import Path

IMAGE_BYTES = 512 << 20
ROUNDS = 3
DEPTH = 32
SECONDS_MAX = 8
BASE = "qemu-nbd, raw"
OLD_SNAPSHOTS = 100


@dataclass(frozen=True)
class Load:
    """What fio does.

    Attributes:
        mode: ``--rw`` of fio.
        count: Requests.
        flush_every: Requests between flushes; 0 = none.
        is_again: The same requests are made once before, unmeasured.
    """

    title: str
    mode: str
    block: str
    count: int
    flush_every: int = 0
    is_again: bool = False


LOADS = (
    Load("first write, 4 KiB, depth 32", "randwrite", "4k", 20_000),
    Load("first write, 4 KiB, depth 32, flush every 32", "randwrite", "4k", 6400, flush_every=32),
    Load("rewrite, 4 KiB, depth 32", "randwrite", "4k", 20_000, is_again=True),
    Load("read, 4 KiB, depth 32", "randread", "4k", 40_000),
    Load("first write, 1 MiB in sequence", "write", "1m", 384),
)
OLDEST = Load(f"read of the oldest of {OLD_SNAPSHOTS} snapshots", "randread", "4k", 40_000)


def measure(folder: Path) -> list[Row]:
    """Return requests a second of every load and server."""
    if shutil.which("fio") is None:
        say("fio is not here, so nothing is measured")
        return []
    image = folder / "nbd.img"
    make_image(image, IMAGE_BYTES)
    rows: list[Row] = []
    servers = nbdservers.present()
    for load in LOADS:
        say(load.title)
        rows += _rows(
            load, {name: functools.partial(begin, image) for name, begin in servers.items()}
        )
    say(OLDEST.title)
    oldest = functools.partial(nbdservers.rangepair, image, snapshots=OLD_SNAPSHOTS, export="s0")
    alike = {"Rangepair": oldest}
    alike |= {name: functools.partial(servers[name], image) for name in servers if name == BASE}
    rows += _rows(OLDEST, alike)
    for path in folder.glob("nbd.*"):
        path.unlink()
    return rows


def _rows(load: Load, servers: dict[str, Callable]) -> list[Row]:
    costs: dict[str, list[float]] = {name: [] for name in servers}
    cases = {
        name: functools.partial(_rate, load, begin, costs[name]) for name, begin in servers.items()
    }
    values = in_turns(cases, ROUNDS)
    rows = [
        Row(
            load.title,
            name,
            "requests/s",
            values[name],
            note=f"{statistics.median(costs[name]):.1f} us of the server's processor time each",
        )
        for name in cases
    ]
    base = next((row.median for row in rows if row.case == BASE), None)
    for row in rows:
        row.ratio = row.median / base if base else None
    return rows


def _rate(
    load: Load,
    begin: Callable[[], contextlib.AbstractContextManager[nbdservers.Served]],
    costs: list[float],
) -> float:
    """Return requests a second; put what each cost the server, in microseconds, to ``costs``."""
    with begin() as served:
        if load.is_again:
            _fio(load, served.uri)
        before_s = served.processor_s()
        count, rate = _fio(load, served.uri)
        costs.append((served.processor_s() - before_s) / count * 1e6)
        return rate


def _fio(load: Load, uri: str) -> tuple[int, float]:
    """Return how many requests were made, and how many a second."""
    command = [
        "fio", "--name=load", "--ioengine=nbd", f"--uri={uri}", f"--rw={load.mode}",
        f"--bs={load.block}", f"--iodepth={DEPTH if load.block == '4k' else 4}",
        f"--number_ios={load.count}", f"--size={IMAGE_BYTES}", "--randseed=7",
        f"--runtime={SECONDS_MAX}", "--output-format=json",
    ]  # fmt: skip
    command += [f"--fsync={load.flush_every}"] if load.flush_every else []
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (job,) = json.loads(done.stdout[done.stdout.index("{") :])["jobs"]
    told = job["read" if "read" in load.mode else "write"]
    return int(told["total_ios"]), float(told["iops"])
