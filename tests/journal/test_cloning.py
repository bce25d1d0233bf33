# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is cloned and what is written; disks that refuse, fail, or run full in between."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from core.device.base import aligned_buffer
from core.device.memory import MemoryDevice
from core.engine import Volume
from core.errors import DeviceFailedError
from core.journal.cloning import Cloning
from core.journal.flights import FLIGHTS_MAX
from core.journal.opengroup import OpenGroup
from core.journal.overlay import Overlay
from core.units import KIB, MIB
from core.volume import opening
from tests.doubles.faultdevice import FaultDevice
from tests.engine.stills import StillImage, bytes_of, still_volume
from tests.faults.script import filled

GRAIN = 4 * KIB
SIZE = 32 * MIB  # a group holds 1 MiB
START = filled(0, SIZE)


class FillingDevice(FaultDevice):
    """An image on a disk that another program fills up as soon as something was cloned."""

    def __init__(self, device):
        super().__init__(device)
        self.is_full = False
        self.portion_bytes = self.portions = self.released = 0
        self.can_hold = True

    def hold_room(self, length, count, /):
        if self.can_hold and not self.released:
            self.portion_bytes, self.portions = length, count
        return self.can_hold and not self.released

    def release_room(self):
        was_any = self.portions > 0
        self.is_full = self.is_full and not was_any
        self.portions -= was_any
        self.released += 1
        return was_any

    def pwrite(self, buffer, offset, /):
        if self.is_full:
            raise OSError(errno.ENOSPC, "another program was quicker")
        return super().pwrite(buffer, offset)


class CloningArea(FaultDevice):
    """An area that notes clones, and after the n-th says that it cannot."""

    def __init__(self, device, image):
        super().__init__(device)
        self.image = image
        self.cloned = []
        self.clones_left = 1 << 30
        self.fills_disk = False

    def clone(self, source, start, length, offset, /):
        if not self.clones_left:
            return False
        self.clones_left -= 1
        done = super().clone(source, start, length, offset)
        self.cloned.append((start, length))
        self.image.is_full = self.fills_disk
        return done


@pytest.fixture
def image():
    return FillingDevice(MemoryDevice.from_bytes(START))


@pytest.fixture
def area(image):
    return CloningArea(MemoryDevice(direct=True), image)


@pytest.fixture
def volume(image, area):
    state = opening.state_without_area(image, GRAIN, thin=False)
    opening.add_area(state, area, "disk.img", prepare_ring=True)
    volume = Volume(state, StillImage(image), Path("none"), sink=None, ticking=False)
    volume.snapshot("S")
    assert volume._state.area.geometry.group_payload_bytes_max == MIB
    return volume


def _is_whole(volume, new, image, area):
    """See that both views are right, now and after the process was killed."""
    expected = new + START[len(new) :]
    assert volume.read(0, SIZE) == expected
    assert volume.read(0, SIZE, "S") == START
    assert volume.check() == []
    again = still_volume(
        MemoryDevice.from_bytes(bytes_of(image)),
        MemoryDevice.from_bytes(bytes_of(area), direct=True),
    )
    assert again.read(0, SIZE) == expected
    assert again.read(0, SIZE, "S") == START
    assert again.check() == []


def test_long_originals_are_cloned(volume, image, area):
    new = filled(1, 4 * MIB)
    volume.write(0, new)
    volume.flush()
    assert area.cloned == [(at * MIB, MIB) for at in range(4)]
    assert volume.stats().preserved_by_cloning_bytes == 4 * MIB
    assert volume.stats().preserved_bytes == 4 * MIB
    _is_whole(volume, new, image, area)


@pytest.mark.parametrize("length", [GRAIN, 128 * KIB, 508 * KIB])
def test_short_originals_are_written(volume, image, area, length):
    for at in range(0, 4 * MIB, MIB):
        volume.write(at, filled(1, length))
    volume._state.journal.barrier()
    assert not area.cloned
    assert volume.stats().preserved_by_cloning_bytes == 0
    assert volume.read(0, SIZE, "S") == START


@pytest.mark.parametrize(("others", "is_cloned"), [(128, True), (129, False)])
def test_among_many_short_originals_a_long_one_is_written_too(others, is_cloned):
    """The group would be written in too many pieces, for too little."""
    image, area = MemoryDevice.from_bytes(START), MemoryDevice(SIZE)
    opened, overlay = OpenGroup(4 * MIB), Overlay(4 * MIB, GRAIN, SIZE)
    opened.begin(0, 4 * MIB)
    places = [(0, 512 * KIB), *((MIB + 2 * at * GRAIN, GRAIN) for at in range(others))]
    for start, length in places:
        opened.reserve(length)[:] = START[start : start + length]
        opened.add(1, start, length, 0)
        opened.note_in_image(start, length)
        overlay.put(start // GRAIN, (start + length) // GRAIN, filled(1, length))
    buffer = aligned_buffer(GRAIN + opened.used_bytes)
    buffer[GRAIN:] = opened.at(opened.base, opened.used_bytes)
    cloning = Cloning(area, group_bytes_max=4 * MIB, groups_max=1)
    assert bool(cloning.put_down(image, buffer, 0, opened, overlay)) == is_cloned
    assert area.pread(len(buffer), 0) == bytes(buffer)


def test_an_odd_edge_is_written_and_the_rest_cloned(image, area):
    state = opening.state_without_area(image, 512, thin=False)
    opening.add_area(state, area, "disk.img", prepare_ring=True)
    volume = Volume(state, StillImage(image), Path("none"), sink=None, ticking=False)
    volume.snapshot("S")
    volume.write(512, filled(1, 600 * KIB))
    volume._state.journal.barrier()
    assert not area.cloned, "no block of the image lies on one of the area"
    volume.write(2 * MIB, filled(1, 600 * KIB + 512))
    volume._state.journal.barrier()
    assert area.cloned == [(2 * MIB, 600 * KIB)]
    assert volume.read(0, SIZE, "S") == START
    assert volume.check() == []


def test_what_cannot_be_cloned_is_written_and_not_tried_again(volume, image, area):
    area.clones_left = 1
    new = filled(1, 4 * MIB)
    volume.write(0, new)
    volume.flush()
    assert area.cloned == [(0, MIB)]
    assert area.calls["clone"] == 1
    assert volume.stats().preserved_by_cloning_bytes == MIB
    _is_whole(volume, new, image, area)


def test_a_group_that_is_cloned_in_part_is_whole(volume, image, area):
    area.clones_left = 1
    for at in (0, 512 * KIB):  # two stretches in one group
        volume.write(2 * at, filled(1, 512 * KIB))
    volume._state.journal.barrier()
    assert area.cloned == [(0, 512 * KIB)]
    assert volume.read(0, SIZE, "S") == START
    assert volume.check() == []


def test_without_room_to_hold_nothing_is_cloned(volume, image, area):
    image.can_hold = False
    new = filled(1, 2 * MIB)
    volume.write(0, new)
    volume.flush()
    assert not area.calls["clone"]
    _is_whole(volume, new, image, area)


def test_what_was_accepted_finds_room_on_a_disk_that_ran_full(volume, image, area):
    """Another program takes the blocks that the clone left free."""
    area.fills_disk = True
    new = filled(1, MIB)
    volume.write(0, new)
    volume.flush()
    assert area.cloned
    assert image.released == 1
    assert image.portions == 3, "what the other flights need stays held"
    _is_whole(volume, new, image, area)


def test_room_is_held_for_all_flights(volume, image):
    volume.write(0, filled(1, 3 * MIB))
    volume.flush()
    assert image.portions == FLIGHTS_MAX
    assert image.portion_bytes > MIB


@pytest.mark.parametrize("operation", ["clone", "sync"])
def test_a_disk_that_fails_ends_all_writing_and_harms_no_view(volume, image, area, operation):
    area.fail(operation)
    new = filled(1, MIB)
    volume.write(0, new)
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        volume.flush()
    assert bytes_of(image) == START, "nothing is in place"
    assert volume.read(0, SIZE, "S") == START
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        volume.write(0, new)
    again = still_volume(
        MemoryDevice.from_bytes(bytes_of(image)),
        MemoryDevice.from_bytes(bytes_of(area), direct=True),
    )
    assert again.read(0, SIZE, "S") == START
    assert again.check() == []


def test_what_a_write_did_not_overwrite_is_not_cloned(volume, image, area):
    """A discard preserves and puts nothing in place; the image would go on sharing its blocks."""
    volume.trim(0, 2 * MIB)
    volume.flush()
    assert not area.cloned
    assert volume.read(0, SIZE, "S") == START
