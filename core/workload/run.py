# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Start and stop a built-in workload: a thread that writes to an open volume at a given rate.

A workload overwrites what the volume holds. It therefore runs unasked only on scratch images, which
this program made for the purpose.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Final

import msgspec

from core.errors import NoSuchCopyError, RangepairError, ReadOnlyError, UsageError
from core.session import ORIGINAL
from core.units import GRAIN_BYTES_DEFAULT
from core.workload import patterns, replay
from core.workload.pacing import Pacer, RateMeter
from core.workload.scratch import is_scratch
from core.workload.trace import Flush

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.session import VolumeSession
    from core.workload.replay import Act

KINDS: Final = {
    "sequential": "Sequential",
    "random": "Random",
    "hotspot": "Hot spots",
    "ext4": "File system (ext4)",
}
"""The workloads there are, and what people call them."""

_PATTERNS: Final = {
    "sequential": patterns.sequential,
    "random": patterns.scattered,
    "hotspot": patterns.hot_spots,
}


class WorkloadStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a workload does.

    Attributes:
        rate_per_s: What was asked for; 0 is as fast as it goes.
        rate_now_per_s: What was held over the last two seconds.
        phase: What the file system's user does just now; only the ext4 session has phases.
        error: Why it ended by itself, in a sentence.
    """

    kind: str
    copy: str
    running: bool
    writes: int
    written_bytes: int
    flushes: int
    rate_per_s: float
    rate_now_per_s: float
    phase: str
    error: str | None


class Workload:
    """A workload that runs, or ran. Its methods may be called from any thread."""

    def __init__(
        self, session: VolumeSession, kind: str, copy: str, rate_per_s: float, acts: Iterator[Act]
    ) -> None:
        """Keep what to do; ``begin`` does it."""
        self._session = session
        self._kind = kind
        self._copy = copy
        self._acts = acts
        self._pacer = Pacer(rate_per_s)
        self._meter = RateMeter()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._writes = 0
        self._written_bytes = 0
        self._flushes = 0
        self._phase = ""
        self._error: str | None = None
        self._thread = threading.Thread(target=self._work, name=f"workload {kind}", daemon=True)

    def begin(self) -> None:
        """Start writing."""
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when its last write has returned. May be called twice."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def set_rate(self, rate_per_s: float) -> None:
        """Hold another rate from now on; 0 is as fast as it goes."""
        self._pacer.set_rate(checked_rate(rate_per_s))
        self._wake.set()

    def status(self) -> WorkloadStatus:
        """Return how it does."""
        running = self._thread.is_alive()
        return WorkloadStatus(
            kind=self._kind,
            copy=self._copy,
            running=running,
            writes=self._writes,
            written_bytes=self._written_bytes,
            flushes=self._flushes,
            rate_per_s=self._pacer.rate_per_s,
            rate_now_per_s=self._meter.rate_per_s(self._writes) if running else 0.0,
            phase=self._phase,
            error=self._error,
        )

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                for _ in range(self._pacer.due()):
                    if self._stopping.is_set():
                        return
                    self._act_until_write()
                self._meter.note(self._writes)
                if wait_s := self._pacer.wait_s():
                    self._wake.wait(wait_s)
                    self._wake.clear()
        except RangepairError as error:
            self._error = error.message

    def _act_until_write(self) -> None:
        for act in self._acts:
            if isinstance(act, tuple):
                self._session.write(act[0], act[1], self._copy)
                self._writes += 1
                self._written_bytes += len(act[1])
                return
            if isinstance(act, Flush):
                self._session.flush()
                self._flushes += 1
            else:
                self._phase = act.title


def start(
    session: VolumeSession,
    kind: str,
    rate_per_s: float,
    *,
    copy: str = ORIGINAL,
    seed: int = 1,
    allow_overwrite: bool = False,
    **params: object,
) -> Workload:
    """Let a workload write to ``copy`` of an open volume, in a thread of its own.

    Args:
        session: The volume. It must outlive the workload.
        kind: One of ``KINDS``.
        rate_per_s: Writes a second; 0 is as fast as it goes.
        copy: ``"original"`` or a clone.
        seed: The same seed writes the same.
        allow_overwrite: The user agreed to lose what the volume holds. Scratch images need no such
            consent.
        params: ``write_bytes`` (default 4096) and ``flush_every`` (writes, 0 = never, the default)
            of the patterns; the ext4 session has none.

    Raises:
        UsageError: No such workload or parameter, or no consent.
        NoSuchCopyError: There is no such copy.
        ReadOnlyError: It takes no writes.
    """
    _check_target(session, copy, allow_overwrite=allow_overwrite)
    rate_per_s = checked_rate(rate_per_s)
    workload = Workload(session, kind, copy, rate_per_s, _acts(session, kind, copy, seed, params))
    workload.begin()
    return workload


def checked_rate(rate_per_s: float) -> float:
    """Return a rate that makes sense.

    Raises:
        UsageError: It makes none.
    """
    if not math.isfinite(rate_per_s) or rate_per_s < 0:
        raise UsageError(
            f"A workload cannot make {rate_per_s:g} writes a second; give 0 (as fast as it goes) "
            "or more."
        )
    return float(rate_per_s)


def _check_target(session: VolumeSession, copy: str, *, allow_overwrite: bool) -> None:
    info = session.info()
    target = next((each for each in info.copies if each.name == copy), None)
    if copy != ORIGINAL and target is None:
        raise NoSuchCopyError(f"There is no copy named {copy!r}; choose one that is listed.")
    if info.read_only or (target is not None and target.kind == "snapshot"):
        raise ReadOnlyError(
            f"{copy!r} takes no writes, so no workload can run on it; choose the original or a "
            "clone."
        )
    if not allow_overwrite and not is_scratch(info.image, info.size):
        raise UsageError(
            f"A workload overwrites what {info.image} holds, and it is no scratch image; make a "
            "scratch image, or allow the workload to overwrite this one."
        )


def _acts(
    session: VolumeSession, kind: str, copy: str, seed: int, params: dict[str, object]
) -> Iterator[Act]:
    if kind not in KINDS:
        raise UsageError(f"There is no workload {kind!r}; choose one of {', '.join(KINDS)}.")
    size = session.info().size_of(copy)
    if kind == "ext4":
        _take_whole_numbers(kind, params, {})
        return replay.rounds(size, lambda offset, length: session.read(offset, length, copy))
    chosen = _take_whole_numbers(
        kind, params, {"write_bytes": GRAIN_BYTES_DEFAULT, "flush_every": 0}
    )
    writes = _PATTERNS[kind](size, chosen["write_bytes"], seed)
    return _with_flushes(writes, chosen["flush_every"])


def _take_whole_numbers(
    kind: str, params: dict[str, object], defaults: dict[str, int]
) -> dict[str, int]:
    chosen = dict(defaults)
    for name, value in params.items():
        if name not in defaults:
            raise UsageError(f"The workload {kind!r} has no parameter {name!r}; leave it out.")
        if not isinstance(value, int) or value < 0:
            raise UsageError(f"{name} is {value!r} and must be a whole number, 0 or more.")
        chosen[name] = value
    return chosen


def _with_flushes(writes: Iterator[tuple[int, bytes]], flush_every: int) -> Iterator[Act]:
    if flush_every == 0:
        return writes
    return _flushed(writes, flush_every)


def _flushed(writes: Iterator[tuple[int, bytes]], flush_every: int) -> Iterator[Act]:
    for count, write in enumerate(writes, 1):
        yield write
        if count % flush_every == 0:
            yield Flush()
