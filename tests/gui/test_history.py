# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from core.answers import AreaState
from core.events import EVENT_DTYPE, EventFlag, EventKind
from gui.models.history import BUCKET_NS, BUCKETS, History

START = 1_000 * BUCKET_NS


def events(*rows):
    """Return events of (quarter, kind, flags, length)."""
    made = np.zeros(len(rows), EVENT_DTYPE)
    for row, (quarter, kind, flags, length) in zip(made, rows, strict=True):
        row["time_ns"] = START + quarter * BUCKET_NS
        row["kind"], row["flags"], row["length"] = kind, flags, length
    made["seq"] = np.arange(1, len(rows) + 1)
    return made


def test_events_are_counted_in_the_quarter_they_bear():
    history = History()
    history.feed(
        events(
            (0, EventKind.PRESERVED, 0, 4096),
            (0, EventKind.WRITTEN, 0, 1024),
            (0, EventKind.WRITTEN, 0, 1024),
            (2, EventKind.WRITTEN, 0, 512),
        )
    )
    history.advance(START + 3 * BUCKET_NS)
    assert history.writes_per_second()[-3:].tolist() == [8, 0, 4]
    assert history.preserved_per_second()[-3:].tolist() == [4, 0, 0]
    assert history.copied_per_written()[-3:].tolist() == [2.0, 0, 0]
    assert history.recent(history.writes_per_second()) == 3.0


def test_late_events_go_where_they_belong_and_very_late_ones_nowhere():
    history = History()
    history.advance(START + 10 * BUCKET_NS)
    history.feed(events((8, EventKind.WRITTEN, 0, 1), (10 - BUCKETS, EventKind.WRITTEN, 0, 1)))
    history.advance(START + 11 * BUCKET_NS)
    assert history.writes_per_second().sum() == 4
    assert history.writes_per_second()[-3] == 4


def test_a_minute_later_all_is_quiet():
    history = History()
    history.feed(events((0, EventKind.WRITTEN, 0, 512)))
    history.advance(START + 10 * BUCKETS * BUCKET_NS)
    assert not history.writes_per_second().any()


def test_zero_originals_count_for_nothing():
    history = History()
    history.feed(events((0, EventKind.PRESERVED, EventFlag.ZERO, 4096)))
    history.advance(START + BUCKET_NS)
    assert not history.preserved_per_second().any()
    assert history.area_bytes == 0


def test_the_area_follows_events_after_the_engines_figure():
    history = History()
    history.advance(START)
    history.set_area_used(10_000, event_seq=1)
    history.feed(
        events(
            (0, EventKind.PRESERVED, 0, 999),  # seq 1: the figure includes it
            (0, EventKind.PRESERVED, 0, 4096),
            (1, EventKind.REDIRECTED, 0, 512),
            (1, EventKind.AREA_CHANGED, AreaState.METADATA, 100),
            (1, EventKind.AREA_CHANGED, AreaState.RECLAIMABLE, 512),
            (1, EventKind.AREA_CHANGED, AreaState.FREE, 512),
        )
    )
    assert history.area_bytes == 10_000 + 4096 + 100
    assert history.area_used()[-1] == history.area_bytes
    assert history.area_used()[0] == 10_000
