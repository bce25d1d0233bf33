# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""When the additional area will be full."""

from __future__ import annotations

import pytest

from core.area.forecast import RateMeter, full_in_s, room_bytes
from core.units import MIB
from tests.area.test_giveback import RESERVE, START, Bench


def _meter(*samples):
    meter = RateMeter()
    for sample in samples:
        meter.note(*sample)
    return meter


def test_a_rate_is_known_after_two_seconds():
    assert RateMeter().bytes_per_s is None
    assert _meter((10.0, 0)).bytes_per_s is None
    assert _meter((10.0, 0), (11.0, 500)).bytes_per_s is None
    assert _meter((10.0, 0), (11.0, 500), (12.0, 600)).bytes_per_s == 300
    assert _meter((10.0, 7), (14.0, 7)).bytes_per_s == 0


def test_only_the_last_minute_counts():
    meter = _meter((0.0, 0), (1.0, 10**9))
    for second in range(2, 80):
        meter.note(float(second), 10**9 + second * 10)
    assert meter.bytes_per_s == pytest.approx(10)
    assert len(meter._samples) <= 61


def test_the_time_left_is_room_by_rate():
    assert full_in_s(6000, 100.0) == 60
    assert full_in_s(6000, 0.0) is None
    assert full_in_s(6000, None) is None
    assert full_in_s(0, 5.0) == 0


def test_room_is_free_storage_and_what_the_disk_has():
    bench = Bench()
    bench.stored.size_max = 10 * MIB
    place, _ = bench.take(MIB, MIB)
    left = 10 * MIB - START - 2 * MIB - RESERVE
    assert room_bytes(bench.area) == left
    bench.free(place, MIB)
    assert room_bytes(bench.area) == left + MIB
    bench.allocator.storage.limit_bytes = START + 3 * MIB
    assert room_bytes(bench.area) == 2 * MIB - RESERVE
    bench.giveback.run(at_rest=True)
    assert room_bytes(bench.area) == 2 * MIB - RESERVE


def test_a_block_device_has_what_it_has(monkeypatch):
    bench = Bench()
    bench.take(MIB)
    monkeypatch.setattr(type(bench.stored), "room_bytes", None)
    assert room_bytes(bench.area) == bench.allocator.free_bytes - RESERVE
