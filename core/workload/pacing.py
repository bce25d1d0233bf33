# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""When the next write is due, so that a rate is held without a burst and without a busy wait.

Invariants:
  1. In the long run exactly ``rate`` writes a second are let through, unless the writer is slower.
  2. What was missed while the writer stalled is forgotten, but for ``BURST_S``: after a stall no
     more than ``rate * BURST_S`` writes (at least one) follow at once.
  3. Between two waits lies at least ``WAIT_MIN_S``: at high rates several writes are let through a
     wait, because a wake-up costs more than a write.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BURST_S: Final = 0.02
WAIT_MIN_S: Final = 0.001
FLAT_OUT_BATCH: Final = 64
"""Writes let through at once when there is no rate."""

METER_SAMPLE_S: Final = 0.1
METER_SAMPLES: Final = 20


class Pacer:
    """Lets writes through at a rate. Used by one thread; ``set_rate`` may come from any."""

    def __init__(self, rate_per_s: float, clock: Callable[[], float] = time.perf_counter) -> None:
        """Start now. ``rate_per_s`` 0 is as fast as it goes."""
        self._clock = clock
        self._rate = rate_per_s
        self._credit = 1.0
        self._then = clock()

    @property
    def rate_per_s(self) -> float:
        """Writes a second, 0 for as fast as it goes."""
        return self._rate

    def set_rate(self, rate_per_s: float) -> None:
        """Hold another rate from now on."""
        self._rate = rate_per_s

    def due(self) -> int:
        """Return how many writes may go now, and count them as gone."""
        now = self._clock()
        rate = self._rate
        elapsed, self._then = now - self._then, now
        if rate == 0:
            self._credit = 0.0
            return FLAT_OUT_BATCH
        credit = min(self._credit + elapsed * rate, max(1.0, rate * BURST_S))
        count = math.floor(credit)
        self._credit = credit - count
        return count

    def wait_s(self) -> float:
        """Return how long to wait until the next write is due, in seconds; 0 when flat out."""
        rate = self._rate
        if rate == 0:
            return 0.0
        return max((1.0 - self._credit) / rate, WAIT_MIN_S)


class RateMeter:
    """What rate was held over the last two seconds. Noted by one thread, asked by any."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin with nothing done."""
        self._clock = clock
        self._samples = deque([(clock(), 0)], METER_SAMPLES)
        self._lock = threading.Lock()

    def note(self, total: int) -> None:
        """Remember now and then how many were done by now."""
        now = self._clock()
        if now - self._samples[-1][0] >= METER_SAMPLE_S:
            with self._lock:
                self._samples.append((now, total))

    def rate_per_s(self, total: int) -> float:
        """Return how many a second were done lately, given how many are done now."""
        with self._lock:
            then, before = self._samples[0]
        elapsed = self._clock() - then
        return (total - before) / elapsed if elapsed > 0 else 0.0
