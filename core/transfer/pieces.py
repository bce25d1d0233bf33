# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Ranges cut to pieces that are read at once, and what in them is zero or differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.answers import Ranges
from core.area.freeruns import Runs, complement
from core.units import MIB, SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from core.answers import Int64s

PIECE_BYTES: Final = 4 * MIB
"""As much as one request to an engine process carries."""
JOINED_BYTES: Final = 4096
"""Fewer zeroes than this between data are data: a file system would not make a hole of them."""

NOTHING: Final = Ranges(starts=np.empty(0, np.int64), lengths=np.empty(0, np.int64))
Span = tuple[int, int]
"""First byte, and first byte after."""


def cut(start: int, stop: int) -> Iterator[Span]:
    """Yield pieces of a range."""
    for low in range(start, stop, PIECE_BYTES):
        yield low, min(low + PIECE_BYTES, stop)


def spans(ranges: Ranges) -> Iterator[Span]:
    """Yield the ranges one by one."""
    yield from zip(ranges.starts.tolist(), ranges.stops.tolist(), strict=True)


def overlapping(starts: Int64s, stops: Int64s, low: int, high: int) -> Iterator[Span]:
    """Yield what lies within ``[low, high)`` of sorted, disjoint ranges."""
    chosen = slice(stops.searchsorted(low, "right"), starts.searchsorted(high, "left"))
    for start, stop in zip(starts[chosen].tolist(), stops[chosen].tolist(), strict=True):
        yield max(start, low), min(stop, high)


def outside(ranges: Ranges, start: int, stop: int) -> Ranges:
    """Return what ``ranges`` leave of ``[start, stop)``."""
    rest = complement(Runs(ranges.starts, ranges.lengths), start, stop)
    return Ranges(starts=rest.starts, lengths=rest.lengths)


def within(ranges: Ranges, others: Ranges, size_bytes: int) -> Ranges:
    """Return what lies in both."""
    here, there = outside(ranges, 0, size_bytes), outside(others, 0, size_bytes)
    neither = Ranges(
        starts=np.concatenate((here.starts, there.starts)),
        lengths=np.concatenate((here.lengths, there.lengths)),
    )
    return outside(neither, 0, size_bytes)


def data_in(piece: bytes) -> list[Span]:
    """Return where in ``piece``, whole sectors, there is data."""
    words = np.frombuffer(piece, np.uint64).reshape(-1, SECTOR_BYTES // 8)
    return _joined(np.asarray(words.any(axis=1)), JOINED_BYTES // SECTOR_BYTES)


def differing_in(one: bytes, other: bytes) -> list[Span]:
    """Return the sectors, as ranges, in which two pieces of equal length differ."""
    if one == other:
        return []
    here = np.frombuffer(one, np.uint64).reshape(-1, SECTOR_BYTES // 8)
    there = np.frombuffer(other, np.uint64).reshape(-1, SECTOR_BYTES // 8)
    return _joined(np.asarray((here != there).any(axis=1)), 1)


def _joined(chosen: npt.NDArray[np.bool_], apart_min: int) -> list[Span]:
    """Return runs of chosen sectors, in bytes; those fewer sectors apart are one."""
    edges = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return []
    is_apart = starts[1:] - stops[:-1] >= apart_min
    starts = starts[np.concatenate(([True], is_apart))] * SECTOR_BYTES
    stops = stops[np.concatenate((is_apart, [True]))] * SECTOR_BYTES
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
