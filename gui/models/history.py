# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The last minute of input and output, counted from the events alone, in quarters of a second."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

import numpy as np

from core.answers import AreaState
from core.events import EventFlag, EventKind

if TYPE_CHECKING:
    import numpy.typing as npt

    Events = npt.NDArray[np.void]
    Floats = npt.NDArray[np.float64]

BUCKET_NS: Final = 250_000_000
BUCKETS: Final = 240
_PER_SECOND: Final = 1e9 / BUCKET_NS

_NOT_COPIED: Final = EventFlag.ZERO | EventFlag.IN_PLACE
"""Originals that take nothing of the additional area."""


class Series(enum.IntEnum):
    """What is counted; also the row of the count."""

    WRITES = 0
    PRESERVED = 1
    WRITTEN_BYTES = 2
    PRESERVED_BYTES = 3
    AREA_BYTES = 4


class History:
    """Counts of the last minute; time moves on with ``advance`` even when nothing happens."""

    def __init__(self) -> None:
        """Begin with an empty minute."""
        self._counts = np.zeros((len(Series), BUCKETS))
        self._newest = -1
        self._area_bytes = 0
        self._event_seq = 0

    def set_area_used(self, used_bytes: int, event_seq: int) -> None:
        """Take what the engine says is used of the additional area; events lead on from there."""
        self._area_bytes, self._event_seq = used_bytes, event_seq
        self._counts[Series.AREA_BYTES, -1] = used_bytes
        if not self._counts[Series.AREA_BYTES, :-1].any():
            self._counts[Series.AREA_BYTES] = used_bytes

    @property
    def area_bytes(self) -> int:
        """Bytes of the additional area in use."""
        return self._area_bytes

    def advance(self, now_ns: int) -> None:
        """Move the minute on, so that it ends with the bucket of ``now_ns``."""
        bucket = now_ns // BUCKET_NS
        if self._newest < 0:
            self._newest = bucket
        step = min(bucket - self._newest, BUCKETS)
        if step <= 0:
            return
        self._newest = bucket
        self._counts[:, :-step] = self._counts[:, step:]
        self._counts[:, -step:] = 0
        self._counts[Series.AREA_BYTES, -step:] = self._area_bytes

    def feed(self, events: Events) -> None:
        """Count a batch of events at the time each of them bears."""
        if not len(events):
            return
        self.advance(int(events["time_ns"].max()))
        kinds = events["kind"]
        written = events[kinds == EventKind.WRITTEN]
        kept = events[kinds == EventKind.PRESERVED]
        kept = kept[(kept["flags"] & _NOT_COPIED) == 0]
        self._add(Series.WRITES, written, None)
        self._add(Series.WRITTEN_BYTES, written, written["length"])
        self._add(Series.PRESERVED, kept, None)
        self._add(Series.PRESERVED_BYTES, kept, kept["length"])
        self._follow_area(events)

    def _add(self, series: Series, events: Events, weights: npt.NDArray[np.uint64] | None) -> None:
        at = (events["time_ns"] // BUCKET_NS).astype(np.int64) - self._newest + BUCKETS - 1
        seen = at >= 0
        weights = weights if weights is None else weights[seen]
        self._counts[series] += np.bincount(at[seen], weights, BUCKETS)

    def _follow_area(self, events: Events) -> None:
        """Add what was placed and take off what was freed, since the engine last told the sum."""
        fresh = events[events["seq"] > self._event_seq]
        kinds, flags = fresh["kind"], fresh["flags"]
        placed = (kinds == EventKind.PRESERVED) | (kinds == EventKind.REDIRECTED)
        placed &= (flags & _NOT_COPIED) == 0
        state = kinds == EventKind.AREA_CHANGED
        placed |= state & (flags == AreaState.METADATA)
        freed = state & (flags == AreaState.FREE)
        lengths = fresh["length"].astype(np.int64)
        self._area_bytes += int(lengths[placed].sum()) - int(lengths[freed].sum())
        self._counts[Series.AREA_BYTES, -1] = self._area_bytes

    def writes_per_second(self) -> Floats:
        """Return writes a second, oldest first; the quarter still running is left out."""
        rates: Floats = self._counts[Series.WRITES, :-1] * _PER_SECOND
        return rates

    def preserved_per_second(self) -> Floats:
        """Return originals preserved a second."""
        rates: Floats = self._counts[Series.PRESERVED, :-1] * _PER_SECOND
        return rates

    def copied_per_written(self) -> Floats:
        """Return bytes copied I -> A for each byte written; 0 where nothing was written."""
        written = self._counts[Series.WRITTEN_BYTES, :-1]
        copied = self._counts[Series.PRESERVED_BYTES, :-1]
        ratio: Floats = np.divide(copied, written, out=np.zeros_like(copied), where=written > 0)
        return ratio

    def area_used(self) -> Floats:
        """Return bytes of the additional area in use."""
        used: Floats = self._counts[Series.AREA_BYTES, 1:].copy()
        return used

    def recent(self, values: Floats, seconds: float = 1.0) -> float:
        """Return the mean of the last ``seconds`` of a series: the figure beside its curve."""
        count = max(1, round(seconds * _PER_SECOND))
        return float(values[-count:].mean())
