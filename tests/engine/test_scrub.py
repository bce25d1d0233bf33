# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A scrub finds what a disk has lost, says whose it is, and remembers; writers go on meanwhile."""

from __future__ import annotations

import random

import pytest

from core import scrub as scrub_module
from core.device.memory import MemoryDevice
from core.engine import open_volume
from core.engine.scrubbing import SCRUBS_MAX
from core.errors import AreaFullError, CorruptAreaError, DeviceFailedError, UsageError
from core.events import EventKind
from core.units import MIB
from core.volume import integrity
from tests.engine.board import Trace
from tests.engine.stills import read_only_volume, still_volume, views_of
from tests.faults.script import filled

GRAIN = 4096
START = filled(0, 256 * GRAIN)


@pytest.fixture
def disks():
    return MemoryDevice.from_bytes(START), MemoryDevice(direct=True)


@pytest.fixture
def volume(disks):
    """Snapshots 'old' and 'new', a clone 'C' of 'old'; 0 is kept for old and C, 8 for all."""
    volume = still_volume(*disks)
    volume.snapshot("old")
    volume.write(0, filled(1, 4 * GRAIN))
    volume.snapshot("new")
    volume.write(8 * GRAIN, filled(2, 4 * GRAIN))
    volume.clone("C", "old")
    volume.write(20 * GRAIN, filled(3, 2 * GRAIN), "C")
    volume.trim(30 * GRAIN, GRAIN, "C")
    volume._state.journal.checkpoint()
    return volume


def scrub(volume):
    step = volume.scrub_step()
    while not step.is_done:
        before, step = step, volume.scrub_step(step.run)
        assert before.done_bytes < step.done_bytes
    return step


def damage(volume, name, start):
    """Flip a byte of what is kept of a copy; return nothing."""
    address = volume.table(name, start, start + 512).columns.offsets.item(0)
    device = volume._state.area.device
    device.pwrite(bytes([device.pread(1, address)[0] ^ 1]), address)


def badges(volume):
    return {
        copy.name: (copy.integrity, [(each.start, each.length) for each in copy.damaged_ranges])
        for copy in volume.info().copies
    }


def test_all_is_unchecked_at_first_and_intact_after(volume, disks):
    assert all(badge == ("unchecked", []) for badge in badges(volume).values())
    step = scrub(volume)
    assert (step.damaged_bytes, step.unverified_bytes, step.is_remembered) == (0, 0, True)
    assert step.done_bytes == step.total_bytes == 10 * GRAIN
    assert all(badge == ("intact", []) for badge in badges(volume).values())
    assert all(copy.scrubbed > 1e9 for copy in volume.info().copies)
    again = still_volume(*disks)  # as a killed process leaves it
    assert badges(again) == badges(volume)
    assert volume.check() == []


def test_damage_is_told_of_those_copies_that_have_it(volume, disks):
    damage(volume, "old", 0)
    damage(volume, "C", 20 * GRAIN)
    step = scrub(volume)
    assert step.damaged_bytes == 6 * GRAIN
    expected = {
        "old": ("damaged", [(0, 4 * GRAIN)]),
        "new": ("intact", []),
        "C": ("damaged", [(0, 4 * GRAIN), (20 * GRAIN, 2 * GRAIN)]),
    }
    assert badges(volume) == expected
    volume.close()
    again = still_volume(*disks)
    assert badges(again) == expected
    assert again.read(0, len(START))[: 4 * GRAIN] == filled(1, 4 * GRAIN)


def test_a_new_scrub_takes_the_place_of_an_old_one(volume):
    damage(volume, "old", 0)
    scrub(volume)
    damage(volume, "old", 0)  # the bit is turned back
    scrub(volume)
    assert badges(volume)["old"] == ("intact", [])


def test_damage_that_a_read_meets_is_remembered_and_told_once(volume):
    damage(volume, "old", 0)
    volume._state.sink = trace = Trace()
    for _ in range(2):
        with pytest.raises(CorruptAreaError):
            volume.read(GRAIN, 512, "old")
    assert badges(volume)["old"] == ("damaged", [(GRAIN, 512)])
    assert [kind for kind, *_ in trace.take()] == [EventKind.CATALOG_CHANGED]


def test_it_goes_in_batches_and_may_be_left_alone(volume, monkeypatch):
    monkeypatch.setattr(scrub_module, "BATCH_BYTES", GRAIN)
    first = volume.scrub_step()
    assert 0 < first.done_bytes < first.total_bytes
    assert not first.is_done
    assert all(badge == ("unchecked", []) for badge in badges(volume).values())
    for _ in range(SCRUBS_MAX):
        volume.scrub_step()
    with pytest.raises(UsageError, match="begin a new one"):
        volume.scrub_step(first.run)
    assert volume.check() == []


def test_what_is_written_taken_and_purged_meanwhile_is_no_damage(volume, monkeypatch):
    """Space that the scrub is still to look at is freed and used for something else."""
    monkeypatch.setattr(scrub_module, "BATCH_BYTES", 2 * GRAIN)
    for number in range(0, 200, 4):
        volume.write(number * GRAIN, filled(100 + number, 2 * GRAIN), "C")
    step = volume.scrub_step()
    number = 0
    while not step.is_done:
        number += 1
        chosen = random.Random(number)
        for _ in range(4):
            volume.write(chosen.randrange(250) * GRAIN, filled(chosen.randrange(9999), GRAIN), "C")
        volume._state.journal.barrier()
        if number == 5:
            volume.delete(["new"], now=True)
            volume.snapshot("later")
        if number == 7:
            volume.write(0, filled(77, 64 * GRAIN))
            volume._state.journal.barrier()
        step = volume.scrub_step(step.run)
    assert number > 10
    assert step.damaged_bytes == 0
    assert badges(volume) == {
        "old": ("intact", []), "C": ("intact", []), "later": ("unchecked", [])
    }  # fmt: skip
    assert volume.check() == []


def test_a_volume_that_may_not_be_written_is_scrubbed_and_not_marked(volume, disks):
    damage(volume, "old", 0)
    volume.close()
    image, area = disks
    before = area.pread(area.size, 0)
    looked_at = read_only_volume(image, area)
    assert not scrub(looked_at).is_remembered
    assert badges(looked_at)["old"] == ("damaged", [(0, 4 * GRAIN)])
    assert area.pread(area.size, 0) == before


def test_a_disk_that_cannot_read_an_extent_has_damaged_it(volume, disks, monkeypatch):
    bad = volume.table("old", 0, 512).columns.offsets.item(0)
    read = MemoryDevice.pread

    def failing(device, length, offset, /):
        if device is disks[1] and offset <= bad < offset + length:
            raise OSError(5, "Input/output error")
        return read(device, length, offset)

    monkeypatch.setattr(MemoryDevice, "pread", failing)
    scrub(volume)
    assert badges(volume)["old"] == ("damaged", [(0, 4 * GRAIN)])
    assert badges(volume)["new"] == ("intact", [])


def test_in_a_full_area_the_result_is_told_and_not_kept(volume, disks, monkeypatch):
    damage(volume, "old", 0)

    def full(*_args, **_kwargs):
        raise AreaFullError("no room")

    monkeypatch.setattr(volume._state.area.allocator, "allocate", full)
    step = scrub(volume)
    assert (step.damaged_bytes, step.is_remembered) == (4 * GRAIN, False)
    assert badges(volume)["old"][0] == "damaged"
    assert badges(reopened(disks))["old"][0] == "unchecked"


def reopened(disks):
    return still_volume(disks[0].copy(), disks[1].copy())


def test_a_disk_that_fails_while_the_result_is_kept_loses_no_copy(volume, disks, monkeypatch):
    views = views_of(volume)

    def failing(*_args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disks[1], "pwritev", failing, raising=False)
    with pytest.raises(DeviceFailedError):
        scrub(volume)
    monkeypatch.undo()
    again = reopened(disks)
    assert views_of(again) == views
    assert again.check() == []


def test_what_a_purged_copy_had_is_forgotten(volume, disks):
    scrub(volume)
    volume.delete(["new"], now=True)
    volume.close()
    again = still_volume(*disks)
    assert set(again._state.catalog.integrity) == {1, 3}


def test_an_image_without_copies_has_nothing_to_scrub(tmp_path):
    (tmp_path / "disk.img").write_bytes(bytes(MIB))
    with open_volume(tmp_path / "disk.img") as volume:
        step = volume.scrub_step()
        assert (step.is_done, step.total_bytes) == (True, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]


def test_many_ranges_are_told_as_few():
    scattered = [(number * 1000, 100) for number in range(200)]
    scattered[60:] = [(start + 50000, length) for start, length in scattered[60:]]
    few = integrity.bounded(scattered)
    assert len(few) == integrity.RANGES_MAX
    assert few == sorted(few)
    for start, length in scattered:
        assert any(low <= start and start + length <= low + span for low, span in few)
    gap = (59100, 110000)
    assert not any(low < gap[1] and gap[0] < low + span for low, span in few)
    assert integrity.bounded([(0, 10), (5, 10), (15, 5)]) == [(0, 20)]
