# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""fio as the client of a block server, and what it tells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import MeasureError
from core.measure.processes import running

if TYPE_CHECKING:
    from collections.abc import Sequence

DEPTH: Final = 32
DEPTH_IN_SEQUENCE: Final = 4
SECONDS_MAX: Final = 8
_STALL: Final = "99.900000"
_LINE_BYTES_MAX: Final = 300
_PATIENCE_S: Final = 1.0
"""Whatever it has measured is of no interest then."""


@dataclass(frozen=True)
class Load:
    """What fio does.

    Attributes:
        mode: ``--rw`` of fio.
        count: Requests.
        flush_every: Requests between flushes; 0 = none.
        is_again: The same requests are made once before, unmeasured.
        is_cold: No file is in the page cache when it begins.
        is_flushed: It ends with a flush, which counts.
    """

    title: str
    mode: str
    block: str
    count: int
    flush_every: int = 0
    is_again: bool = False
    is_cold: bool = False
    is_flushed: bool = False

    @property
    def is_write(self) -> bool:
        """Whether it writes."""
        return "write" in self.mode


class Pace(NamedTuple):
    """How a load went.

    Attributes:
        requests: How many were made.
        stall_ms: What all but one of a thousand requests took at most.
    """

    requests: int
    requests_per_s: float
    stall_ms: float


def run(load: Load, target: Sequence[str], image_bytes: int) -> Pace:
    """Make the requests of a load.

    Args:
        load: What to do.
        target: Options of fio that name the engine and what it reaches.
        image_bytes: Length of what is reached.

    Raises:
        MeasureError: fio, or the server, did not get through.
    """
    command = [
        "fio", "--name=load", *target, f"--rw={load.mode}", f"--bs={load.block}",
        f"--iodepth={DEPTH if load.block == '4k' else DEPTH_IN_SEQUENCE}",
        f"--number_ios={load.count}", f"--size={image_bytes}", "--randseed=7",
        f"--runtime={SECONDS_MAX}", "--output-format=json",
    ]  # fmt: skip
    command += [f"--fsync={load.flush_every}"] if load.flush_every else []
    command += ["--end_fsync=1"] if load.is_flushed else []
    with running(command, patience_s=_PATIENCE_S) as process:
        out, err = process.communicate()
    if process.returncode:
        raise MeasureError(f"fio could not measure '{load.title}': {_last_line(err or out)}")
    return _pace(out, "write" if load.is_write else "read")


def _pace(out: bytes, direction: str) -> Pace:
    (job,) = json.loads(out[out.index(b"{") :])["jobs"]
    told = job[direction]
    stall_ms = float(told["clat_ns"]["percentile"][_STALL]) / 1e6
    return Pace(int(told["total_ios"]), float(told["iops"]), stall_ms)


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
    return lines[-1][:_LINE_BYTES_MAX]
