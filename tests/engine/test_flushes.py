# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""While a flush waits for the disk, everything else goes on; and it keeps what it promises."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from core.device.memory import MemoryDevice
from core.engine import Volume
from core.errors import DeviceFailedError
from core.events import EventKind
from core.volume import opening
from tests.doubles.faultdevice import FaultDevice
from tests.doubles.gateddevice import GatedDevice
from tests.engine.stills import StillImage, bytes_of, still_volume
from tests.faults.script import filled

GRAIN = 4096
SIZE = 2 << 20
START = filled(0, SIZE)


class Told:
    """Remembers the kinds of events."""

    def __init__(self):
        self.kinds = []
        self.last_seq = 0

    def publish(self, kind, *_fields):
        self.kinds.append(EventKind(kind))


@pytest.fixture
def image():
    return GatedDevice(MemoryDevice.from_bytes(START))


@pytest.fixture
def area():
    return GatedDevice(MemoryDevice(direct=True))


@pytest.fixture
def volume(image, area):
    """A volume of which grain 0 is preserved and the ring is in use."""
    state = opening.state_without_area(image, GRAIN, thin=False)
    opening.add_area(state, area, "disk.img", prepare_ring=True)
    opened = Volume(state, StillImage(image), Path("none"), sink=Told(), ticking=False)
    opened.snapshot("S")
    opened.write(0, filled(1, GRAIN))
    opened.flush()
    yield opened
    area.gate.set()
    image.gate.set()
    opened.close()


class Flush(threading.Thread):
    """A flush in another thread; whoever makes one has it wait at the gate."""

    def __init__(self, volume, device):
        super().__init__(daemon=True)
        self.error = None
        self._volume = volume
        device.shut()
        self.start()
        assert device.reached.wait(60)

    def run(self):
        try:
            self._volume.flush()
        except DeviceFailedError as error:
            self.error = error


def after_a_cut(image, area):
    """Return the volume as one finds it whose process was killed just now."""
    return still_volume(
        FaultDevice(MemoryDevice.from_bytes(bytes_of(image))),
        MemoryDevice.from_bytes(bytes_of(area), direct=True),
    )


def test_others_read_and_write_while_a_flush_waits_for_the_disk(volume, image, area):
    volume.write(GRAIN, filled(2, GRAIN))
    flush = Flush(volume, area)
    for grain in range(4):  # rewritten on its way, for the first time, and where nothing waits
        volume.write(grain * GRAIN, filled(3 + grain, GRAIN))
        assert volume.read(grain * GRAIN, GRAIN) == filled(3 + grain, GRAIN)
    assert volume.read(0, SIZE, "S") == START
    assert flush.is_alive()
    before = after_a_cut(image, area)
    assert before.read(0, 2 * GRAIN) == filled(1, GRAIN) + START[GRAIN : 2 * GRAIN]
    area.gate.set()
    flush.join()
    after = after_a_cut(image, area)
    assert after.read(0, 2 * GRAIN) == filled(1, GRAIN) + filled(2, GRAIN)
    assert after.read(0, SIZE, "S") == START
    volume.flush()
    last = after_a_cut(image, area)
    assert last.read(0, 4 * GRAIN) == b"".join(filled(3 + grain, GRAIN) for grain in range(4))
    assert after.check() == last.check() == volume.check() == []


def test_a_copy_taken_meanwhile_waits_for_the_flush(volume, image, area):
    volume.write(GRAIN, filled(2, GRAIN))
    flush = Flush(volume, area)
    volume.write(GRAIN, filled(3, GRAIN))
    taker = threading.Thread(target=volume.snapshot, args=("T",))
    taker.start()
    taker.join(0.05)
    assert taker.is_alive()
    area.gate.set()
    taker.join()
    flush.join()
    found = after_a_cut(image, area)
    assert found.read(0, 2 * GRAIN, "T") == filled(1, GRAIN) + filled(3, GRAIN)
    assert found.check() == []


def test_a_second_flush_waits_for_the_first(volume, image, area):
    volume.write(GRAIN, filled(2, GRAIN))
    first = Flush(volume, area)
    volume.write(2 * GRAIN, filled(3, GRAIN))
    second = threading.Thread(target=volume.flush)
    second.start()
    second.join(0.05)
    assert second.is_alive()
    area.gate.set()
    first.join()
    second.join()
    found = after_a_cut(image, area)
    assert found.read(GRAIN, 2 * GRAIN) == filled(2, GRAIN) + filled(3, GRAIN)


def test_a_flush_that_fails_is_told_to_who_flushed_and_ends_all_writing(volume, image, area):
    volume.write(GRAIN, filled(2, GRAIN))
    area.fail("pwritev_durable")
    flush = Flush(volume, area)
    volume.write(2 * GRAIN, filled(3, GRAIN))
    area.gate.set()
    flush.join()
    assert "takes no more writes" in str(flush.error)
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        volume.write(3 * GRAIN, filled(4, GRAIN))
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        volume.flush()
    assert volume.read(GRAIN, 2 * GRAIN) == filled(2, GRAIN) + filled(3, GRAIN)
    found = after_a_cut(image, area)
    assert found.read(0, GRAIN) == filled(1, GRAIN)
    assert found.read(0, SIZE, "S") == START


def test_closing_waits_for_a_flush_that_was_begun(volume, image, area):
    volume.write(GRAIN, filled(2, GRAIN))
    flush = Flush(volume, area)
    closer = threading.Thread(target=volume.close)
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    area.gate.set()
    closer.join()
    flush.join()
    assert flush.error is None
    found = after_a_cut(image, area)
    assert found.read(0, 2 * GRAIN) == filled(1, GRAIN) + filled(2, GRAIN)


def test_what_is_begun_and_never_done_is_made_durable_by_what_comes_next(volume, image, area):
    volume.write(GRAIN, filled(2, GRAIN))
    finish = volume.begin_flush()
    assert finish is not None
    assert after_a_cut(image, area).read(GRAIN, GRAIN) == START[GRAIN : 2 * GRAIN]
    volume.flush()
    assert after_a_cut(image, area).read(GRAIN, GRAIN) == filled(2, GRAIN)
    finish()


def test_a_flush_is_told_when_it_is_done(volume, area):
    told = volume._state.sink.kinds
    volume.write(GRAIN, filled(2, GRAIN))
    before = told.count(EventKind.FLUSHED)
    flush = Flush(volume, area)
    assert told.count(EventKind.FLUSHED) == before
    assert volume.stats().flushed_seq == volume._state.journal.ring.seq - 1
    area.gate.set()
    flush.join()
    assert told.count(EventKind.FLUSHED) == before + 1
    assert volume.stats().flushed_seq == volume._state.journal.ring.seq
    volume.flush()
    assert told.count(EventKind.FLUSHED) == before + 2


def test_an_image_without_copies_is_synced_beside_its_writers():
    image = GatedDevice(MemoryDevice.from_bytes(START))
    state = opening.state_without_area(image, GRAIN, thin=False)
    volume = Volume(state, StillImage(image), Path("none"), sink=Told(), ticking=False)
    volume.write(0, filled(1, GRAIN))
    flush = Flush(volume, image)
    volume.write(0, filled(2, GRAIN))
    assert flush.is_alive()
    image.gate.set()
    flush.join()
    assert volume._state.sink.kinds[-1] == EventKind.FLUSHED
    image.fail("sync")
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        volume.flush()
