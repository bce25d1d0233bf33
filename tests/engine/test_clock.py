# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an open volume does without being asked: one tick at a time, without waiting for any."""

from __future__ import annotations

import threading
from unittest import mock

import pytest

from core.device.memory import MemoryDevice
from core.engine import clock as clock_module
from core.engine.clock import (
    IDLE_AFTER_S,
    KEPT_SETTLE_AFTER_NS,
    REST_AFTER_S,
    SETTLE_AFTER_NS,
    SYNC_AHEAD_SHARE,
    Clock,
)
from core.engine.spacekeeper import SpaceKeeper
from core.errors import DeviceFailedError
from core.events import EventKind
from core.volume import opening
from core.volume.fold import GROUPS_BEFORE_FOLD
from tests.doubles.faultdevice import FaultDevice
from tests.engine.board import Trace
from tests.engine.stills import still_volume
from tests.faults.script import filled

GRAIN = 4096
START = filled(0, 64 * GRAIN)


@pytest.fixture
def area():
    return FaultDevice(MemoryDevice(direct=True))


@pytest.fixture
def volume(area):
    volume = still_volume(MemoryDevice.from_bytes(START), area)
    volume.snapshot("S")
    return volume


@pytest.fixture
def clock(volume):
    """A clock that does not tick by itself."""
    clock = Clock(volume._state, volume._lock, volume._keeper)
    clock.stop()
    return clock


def tick(clock, volume):
    clock._look_after(volume._state.journal)


def test_nothing_stays_in_memory_only_for_long(volume, clock):
    journal = volume._state.journal
    volume.write(0, filled(1, GRAIN))
    tick(clock, volume)
    assert journal.opened.count, "it is too early yet"
    journal.staged_since_ns -= SETTLE_AFTER_NS
    tick(clock, volume)
    assert not journal.opened.count
    assert not journal.overlay.used_bytes


def test_what_waits_while_the_ring_is_alive_goes_to_the_ring(volume, clock):
    journal = volume._state.journal
    volume.write(0, filled(1, GRAIN))
    volume.flush()
    assert journal.ring.is_live
    seq = journal.ring.seq
    volume.write(GRAIN, filled(2, GRAIN))
    journal.staged_since_ns -= SETTLE_AFTER_NS
    tick(clock, volume)
    assert journal.ring.seq == seq + 1


def test_after_a_pause_everything_is_put_in_place(volume, clock):
    journal = volume._state.journal
    volume.write(0, filled(1, GRAIN))
    volume.flush()
    tick(clock, volume)
    assert not journal.is_settled
    clock._quiet_since_s -= REST_AFTER_S
    tick(clock, volume)
    assert journal.is_settled
    assert not journal.ring.is_live


def test_a_long_log_is_folded(volume, clock, area):
    journal = volume._state.journal
    for grain in range(8):
        volume.write(grain * GRAIN, filled(grain, GRAIN))
        journal.barrier()
    journal.log.group_count = GROUPS_BEFORE_FOLD
    before = volume._state.area.newest.seq
    tick(clock, volume)
    assert volume._state.area.newest.seq == before + 1
    assert journal.log.group_count == 0
    assert volume.read(0, len(START), "S") == START
    assert volume.check() == []


def test_the_ring_is_prepared_in_the_background(area):
    image = MemoryDevice.from_bytes(START)
    state = opening.state_without_area(image, GRAIN, thin=False)
    opening.add_area(state, area, "disk.img")
    assert state.journal.ring.ready_bytes == 0
    lock = threading.RLock()
    clock = Clock(state, lock, SpaceKeeper(state, lock))
    while state.journal.ring.ready_bytes < state.area.geometry.ring_bytes:
        clock._thread.join(0.005)
        assert clock._thread.is_alive()
    clock.stop()
    clock.stop()
    assert not clock._thread.is_alive()


def test_a_failure_in_the_background_is_told_and_not_tried_again(area):
    state = opening.state_without_area(MemoryDevice.from_bytes(START), GRAIN, thin=False)
    opening.add_area(state, area, "disk.img")
    state.sink = trace = Trace()
    area.fail("pwritev_durable")
    before = area.calls["pwritev_durable"]
    lock = threading.RLock()
    clock = Clock(state, lock, SpaceKeeper(state, lock))
    while not trace.events:
        clock._thread.join(0.005)
        assert clock._thread.is_alive()
    clock.stop()
    assert [event[0] for event in trace.events] == [EventKind.READ_ONLY]
    assert isinstance(state.journal.failed, DeviceFailedError)
    assert area.calls["pwritev_durable"] == before + 1


def test_a_long_pause_gives_the_memory_of_buffers_back(volume, clock):
    flights = volume._state.journal.flights
    flights._spare.append(flights.take_buffers())  # as after a burst
    volume.write(0, filled(2, GRAIN))
    tick(clock, volume)
    assert flights._spare, "the next burst may come soon"
    clock._quiet_since_s -= IDLE_AFTER_S
    with mock.patch.object(clock_module, "give_back_freed") as give_back:
        for _ in range(3):
            tick(clock, volume)
    assert not flights._spare
    give_back.assert_called_once_with()
    volume.write(0, filled(3, GRAIN))
    assert volume.read(0, GRAIN) == filled(3, GRAIN)


def fill_ring(volume, share):
    """Flush until the ring is filled to ``1 / share``."""
    journal = volume._state.journal
    number = 0
    while journal.ring.used_bytes * share < volume._state.area.geometry.ring_bytes:
        number += 1
        volume.write(number % 64 * GRAIN, filled(number, GRAIN))
        volume.flush()


def test_the_image_is_synced_ahead_of_a_checkpoint(area):
    image = FaultDevice(MemoryDevice.from_bytes(START))
    volume = still_volume(image, area)
    volume.snapshot("S")
    clock = Clock(volume._state, volume._lock, volume._keeper)
    clock.stop()
    journal = volume._state.journal
    journal.checkpoint()

    def syncs():
        before = image.calls["sync"]
        clock._sync_ahead(journal)
        return image.calls["sync"] - before

    assert syncs() == 0
    fill_ring(volume, SYNC_AHEAD_SHARE)
    assert (syncs(), syncs()) == (1, 0)
    fill_ring(volume, SYNC_AHEAD_SHARE / 2)
    assert (syncs(), syncs()) == (1, 0)
    journal.checkpoint()
    assert syncs() == 0
    fill_ring(volume, SYNC_AHEAD_SHARE)
    image.fail("sync")
    with pytest.raises(DeviceFailedError):
        clock._sync_ahead(journal)
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        volume.write(0, filled(1, GRAIN))


def test_what_is_kept_in_the_image_is_written_down_a_second_later(volume, clock):
    volume.rearrange("full-pointer")
    volume.choose_mechanism("redirect-on-write")
    volume.write(0, filled(1, GRAIN))
    initial = volume._state.initial
    tick(clock, volume)
    assert initial.has_pending, "it is too early yet"
    initial.kept_since_ns -= KEPT_SETTLE_AFTER_NS
    tick(clock, volume)
    assert not initial.has_pending
    assert initial.kept_since_ns == 0
