# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pacer under a clock of our own, so that no test depends on the machine's load."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.workload.pacing import BURST_S, FLAT_OUT_BATCH, WAIT_MIN_S, Pacer, RateMeter


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("rate", [1, 7.5, 60, 999, 1000, 5000, 80_000])
def test_a_rate_is_held_by_a_writer_that_keeps_up(rate: float):
    clock = Clock()
    pacer = Pacer(rate, clock)
    done = 0
    while clock.now < 130:
        done += pacer.due()
        clock.now += pacer.wait_s()
    assert done == pytest.approx(30 * rate, rel=0.001, abs=2)


@given(
    rate=st.floats(0.01, 1e5),
    pauses=st.lists(st.floats(0, 10), min_size=1, max_size=30),
)
def test_no_stall_is_followed_by_a_burst(rate: float, pauses: list[float]):
    clock = Clock()
    pacer = Pacer(rate, clock)
    for pause in pauses:
        clock.now += pause
        assert pacer.due() <= max(1, rate * BURST_S)


@given(rate=st.floats(0.01, 1e5), elapsed=st.floats(0, 1))
def test_it_never_waits_busily_nor_past_the_next_write(rate: float, elapsed: float):
    clock = Clock()
    pacer = Pacer(rate, clock)
    pacer.due()
    clock.now += elapsed
    pacer.due()
    assert WAIT_MIN_S <= pacer.wait_s() <= max(1 / rate, WAIT_MIN_S) * 1.001


def test_the_first_write_goes_at_once_and_the_second_when_it_is_due():
    clock = Clock()
    pacer = Pacer(2, clock)
    assert pacer.due() == 1
    assert pacer.due() == 0
    assert pacer.wait_s() == pytest.approx(0.5)
    clock.now += 0.5
    assert pacer.due() == 1


def test_flat_out_never_waits():
    pacer = Pacer(0, Clock())
    assert pacer.due() == FLAT_OUT_BATCH
    assert pacer.wait_s() == 0


def test_leaving_flat_out_owes_nothing():
    clock = Clock()
    pacer = Pacer(0, clock)
    pacer.due()
    pacer.set_rate(10)
    assert pacer.rate_per_s == 10
    assert pacer.due() == 0
    assert pacer.wait_s() == pytest.approx(0.1)


def test_the_meter_tells_the_last_two_seconds():
    clock = Clock()
    meter = RateMeter(clock)
    total = 0
    for per_s in (1000, 50):
        for _ in range(300):
            clock.now += 0.01
            total += per_s // 50
            meter.note(total)
    assert meter.rate_per_s(total) == pytest.approx(100, rel=0.1)
    clock.now += 100
    assert meter.rate_per_s(total) < 5


def test_the_meter_of_nothing_is_zero():
    assert RateMeter(Clock()).rate_per_s(0) == 0
