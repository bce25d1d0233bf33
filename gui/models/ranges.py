# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Arithmetic of sorted, disjoint ranges of bytes, of which there may be millions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from core.answers import Int64s

    Ranges = tuple[Int64s, Int64s]  # first bytes, and first bytes after


def bytes_below(ranges: Ranges, at: Int64s) -> Int64s:
    """Return for each address how many bytes of ``ranges`` lie below it."""
    starts, stops = ranges
    if not len(starts):
        return np.zeros(len(at), np.int64)
    lengths = stops - starts
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    index = np.searchsorted(starts, at, side="right") - 1
    held = np.maximum(index, 0)
    inside = np.clip(at - starts[held], 0, lengths[held])
    below: Int64s = before[held] + inside
    return below


def overlap_bytes(first: Ranges, second: Ranges) -> int:
    """Return how many bytes lie in both."""
    return int((bytes_below(second, first[1]) - bytes_below(second, first[0])).sum())


def column_bytes(ranges: Ranges, size: int, columns: int) -> Int64s:
    """Return how many bytes of ``ranges`` lie in each of so many equal parts of ``size`` bytes."""
    edges = np.array([size * number // columns for number in range(columns + 1)], np.int64)
    counts: Int64s = np.diff(bytes_below(ranges, edges))
    return counts
