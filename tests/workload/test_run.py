# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Starting, pacing and stopping a workload; and what it refuses to overwrite."""

from __future__ import annotations

import time

import pytest

from core.errors import AreaFullError, NoSuchCopyError, ReadOnlyError, UsageError
from core.workload.pacing import BURST_S
from core.workload.run import KINDS, start

SIMPLE = sorted(set(KINDS) - {"ext4"})


@pytest.mark.parametrize("kind", SIMPLE)
def test_a_workload_writes_and_counts_what_it_wrote(tablet, kind):
    workload = start(tablet, kind, 0)
    tablet.wait_for_writes(500)
    workload.stop()
    status = workload.status()
    assert status.kind == kind
    assert status.copy == "original"
    assert status.running is False
    assert status.error is None
    assert status.writes == len(tablet.writes) >= 500
    assert status.written_bytes == sum(len(payload) for _, payload, _ in tablet.writes)
    assert status.rate_now_per_s == 0


def test_a_workload_tells_its_rate_while_it_runs(tablet):
    workload = start(tablet, "random", 500)
    try:
        tablet.wait_for_writes(100)
        status = workload.status()
        assert status.running is True
        assert status.rate_per_s == 500
        assert 0 < status.rate_now_per_s < 600
    finally:
        workload.stop()


def test_a_rate_is_never_exceeded(tablet):
    """That it is reached depends on the machine's load, so the pacer's tests say that."""
    begun = time.perf_counter()
    workload = start(tablet, "random", 1000)
    tablet.wait_for_writes(200)
    workload.stop()
    elapsed = time.perf_counter() - begun
    assert len(tablet.writes) <= 1000 * (elapsed + BURST_S) + 1


def test_a_slow_workload_stops_and_changes_rate_at_once(tablet):
    workload = start(tablet, "random", 0.001)
    tablet.wait_for_writes(1)
    workload.set_rate(0)
    tablet.wait_for_writes(100)
    workload.set_rate(0.001)
    workload.stop()
    workload.stop()
    assert workload.status().running is False


def test_flushes_come_as_often_as_asked_for(tablet):
    workload = start(tablet, "sequential", 0, flush_every=10, write_bytes=512)
    tablet.wait_for_writes(300)
    workload.stop()
    assert tablet.flushes == workload.status().flushes
    # The flush after the last write may not have been reached.
    assert tablet.flushes in {len(tablet.writes) // 10, (len(tablet.writes) - 1) // 10}
    assert all(len(payload) == 512 for _, payload, _ in tablet.writes)


def test_a_clone_can_be_written_to(tablet):
    tablet.add_copy("work", "clone")
    workload = start(tablet, "random", 0, copy="work")
    tablet.wait_for_writes(1)
    workload.stop()
    assert {copy for _, _, copy in tablet.writes} == {"work"}


def test_a_refused_write_ends_the_workload_and_is_told(tablet):
    tablet.refusal = AreaFullError("The additional area is full; delete a copy.")
    workload = start(tablet, "random", 0)
    workload._thread.join(20)
    status = workload.status()
    assert status.running is False
    assert status.error == "The additional area is full; delete a copy."
    assert status.writes == 0


def test_what_the_user_holds_is_not_overwritten_unasked(large_tablet):
    for kind in KINDS:
        with pytest.raises(UsageError, match=r"overwrites what .*disk\.img holds"):
            start(large_tablet, kind, 0)
    assert large_tablet.writes == []
    workload = start(large_tablet, "random", 0, allow_overwrite=True)
    large_tablet.wait_for_writes(1)
    workload.stop()


def test_targets_that_take_no_writes_are_refused(tablet):
    tablet.add_copy("monday", "snapshot")
    with pytest.raises(ReadOnlyError, match="'monday'"):
        start(tablet, "random", 0, copy="monday")
    with pytest.raises(NoSuchCopyError, match="'tuesday'"):
        start(tablet, "random", 0, copy="tuesday")
    tablet.read_only = True
    with pytest.raises(ReadOnlyError, match="'original'"):
        start(tablet, "random", 0)


@pytest.mark.parametrize(
    ("kind", "rate", "params", "words"),
    [
        ("storm", 0, {}, "no workload 'storm'"),
        ("random", -1, {}, "-1 writes a second"),
        ("random", float("nan"), {}, "nan writes a second"),
        ("random", float("inf"), {}, "inf writes a second"),
        ("random", 1, {"colour": 3}, "no parameter 'colour'"),
        ("random", 1, {"write_bytes": "4k"}, "write_bytes is '4k'"),
        ("random", 1, {"write_bytes": 100}, "multiple of 512"),
        ("random", 1, {"flush_every": -1}, "flush_every is -1"),
        ("ext4", 1, {"write_bytes": 512}, "no parameter 'write_bytes'"),
        ("ext4", 1, {}, "needs a volume of 64 MiB"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    tablet, kind, rate, params, words
):
    with pytest.raises(UsageError, match=words):
        start(tablet, kind, rate, **params)
    assert tablet.writes == []


def test_a_senseless_rate_is_refused_later_too(tablet):
    workload = start(tablet, "random", 1)
    with pytest.raises(UsageError):
        workload.set_rate(-5)
    workload.stop()
    assert workload.status().rate_per_s == 1
