# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Pointer tables and events for tests, and a clock that tests move."""

from __future__ import annotations

import numpy as np

from core.answers import PointerColumns, TableAnswer
from core.events import EVENT_DTYPE, EventKind

G = 4096
SIZE = 1 << 30
COPY = 3


class Clock:
    """Time that stands still unless a test moves it."""

    now = 100.0

    def __call__(self):
        return self.now


def answer(portions=(), event_seq=0):
    """Return a table with a one-portion pointer for each of ``portions``."""
    starts = np.array(sorted(portions), np.int64) * G
    count = len(starts)
    columns = PointerColumns(
        starts,
        np.full(count, G, np.int64),
        (np.arange(count, dtype=np.int64)[::-1] + 1) * G,
        np.zeros(count, np.uint8),
        np.zeros(count, np.uint64),
    )
    return TableAnswer(copy_id=COPY, start=0, stop=SIZE, event_seq=event_seq, columns=columns)


def preserved(portions, seq=1):
    events = np.zeros(len(portions), EVENT_DTYPE)
    events["seq"] = np.arange(seq, seq + len(portions))
    events["kind"], events["length"] = EventKind.PRESERVED, G
    events["start"] = np.array(portions) * G
    events["area_offset"] = np.arange(len(portions)) * G + (1 << 24)
    return events
