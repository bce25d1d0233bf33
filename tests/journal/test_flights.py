# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Groups on their way behind the writer's back: seen by readers, awaited by flushes, never lost."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.device.memory import MemoryDevice
from core.engine import Volume
from core.errors import DeviceFailedError
from core.journal.flights import FLIGHTS_MAX
from core.volume import opening
from tests.doubles.faultdevice import FaultDevice
from tests.doubles.gateddevice import GatedDevice
from tests.engine.stills import StillImage, bytes_of, still_volume
from tests.faults.script import filled

GRAIN = 4096
PAYLOAD = 64 * 1024
SIZE = 2 << 20
START = filled(0, SIZE)


@pytest.fixture
def area():
    return GatedDevice(MemoryDevice(direct=True))


@pytest.fixture
def image():
    return FaultDevice(MemoryDevice.from_bytes(START))


@pytest.fixture
def volume(image, area):
    """A volume whose flights are carried out by a thread, and nothing else is."""
    state = opening.state_without_area(image, GRAIN, thin=False)
    state.background = True
    opening.add_area(state, area, "disk.img", prepare_ring=True)
    volume = Volume(state, StillImage(image), Path("none"), sink=None, ticking=False)
    volume.snapshot("S")
    assert volume._state.area.geometry.group_payload_bytes_max == PAYLOAD
    yield volume
    area.gate.set()
    volume._state.journal.close()


def test_readers_see_what_is_on_its_way(volume, area, image):
    area.gate.clear()
    new = filled(1, PAYLOAD * 3)
    volume.write(0, new)
    journal = volume._state.journal
    assert journal.flights.are_under_way
    assert volume.read(0, SIZE) == new + START[len(new) :]
    assert volume.read(0, SIZE, "S") == START
    assert bytes_of(image) == START, "nothing is in place before its original is durable"
    area.gate.set()
    volume.flush()
    assert not journal.flights.are_under_way
    assert volume.read(0, SIZE, "S") == START
    assert bytes_of(image)[: len(new)] == new
    assert volume.check() == []


def test_a_rewrite_does_not_overtake_what_is_on_its_way(volume, area):
    area.gate.clear()
    volume.write(0, filled(1, PAYLOAD * 2))
    volume.write(0, filled(2, GRAIN))
    area.gate.set()
    volume.flush()
    assert volume.read(0, 2 * GRAIN) == filled(2, GRAIN) + filled(1, 2 * GRAIN)[GRAIN:]
    volume.close()


def test_a_writer_waits_when_all_buffers_are_on_their_way(volume, area):
    area.gate.clear()
    count = 2 * FLIGHTS_MAX
    writer = threading.Thread(target=volume.write, args=(0, filled(1, count * PAYLOAD)))
    writer.start()
    flights = volume._state.journal.flights
    while len(flights._under_way) < FLIGHTS_MAX:
        writer.join(0.001)
        assert writer.is_alive()
    assert len(flights._under_way) <= FLIGHTS_MAX
    area.gate.set()
    writer.join()
    volume.flush()
    assert volume.read(0, SIZE, "S") == START
    assert volume.read(0, count * PAYLOAD) == filled(1, count * PAYLOAD)


@pytest.mark.parametrize(
    ("device", "operation"), [("area", "pwritev_durable"), ("image", "pwrite")]
)
def test_a_flight_that_fails_ends_all_writing_and_harms_no_view(
    volume, area, image, device, operation
):
    {"area": area, "image": image}[device].fail(operation)
    area.gate.clear()
    new = filled(1, PAYLOAD * 3)
    volume.write(0, new)
    area.gate.set()
    for _ in range(2):
        with pytest.raises(DeviceFailedError, match="takes no more writes"):
            volume.flush()
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        volume.write(0, filled(2, GRAIN))
    assert volume.read(0, SIZE) == new + START[len(new) :]
    assert volume.read(0, SIZE, "S") == START
    volume.close()
    again = still_volume(
        MemoryDevice.from_bytes(bytes_of(image)),
        MemoryDevice.from_bytes(bytes_of(area), direct=True),
    )
    assert again.read(0, SIZE, "S") == START
    assert again.check() == []


def test_what_stands_behind_a_flight_that_failed_is_not_put_down(volume, area, image):
    """The log has a gap: nothing behind it would be found again."""
    area.gate.clear()
    area.fail("pwritev_durable")
    volume.write(0, filled(1, PAYLOAD * 4))
    before = area.calls["pwritev_durable"]
    area.gate.set()
    with pytest.raises(DeviceFailedError):
        volume.flush()
    assert area.calls["pwritev_durable"] <= before + 1
    assert bytes_of(image) == START
