# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The original is equal to a copy at once, and stays so while it is moved bit by bit."""

from __future__ import annotations

import pytest

from core.device.memory import MemoryDevice
from core.engine import restores
from core.errors import (
    AreaFullError,
    CopyInUseError,
    CorruptAreaError,
    FormatError,
    NameTakenError,
)
from core.events import EventKind
from core.format import superblock
from core.format.layout import SUPERBLOCK_OFFSETS, geometry_for
from core.units import KIB
from core.volume.fold import fold
from tests.doubles.bareengine import new_volume, reopened

GRAIN = 4096
GRAINS = 160
SIZE = GRAINS * GRAIN + 1536
"""The last grain is a part of one."""
ROOMY = geometry_for(SIZE, GRAIN)


def filled(seed, length=SIZE):
    return b"".join(b"%d-%06d;" % (seed, at) * 57 + b"%8d" % at for at in range(length // 512))[
        :length
    ].ljust(length, b"#")


START, LATER = filled(1), filled(2)


@pytest.fixture
def devices():
    return MemoryDevice.from_bytes(START), MemoryDevice(direct=True)


@pytest.fixture
def volume(devices):
    """All of it has changed since "monday"."""
    volume = new_volume(*devices, GRAIN, geometry=ROOMY)
    volume.snapshot("monday")
    volume.write(0, LATER)
    return volume


def finish(volume):
    while restores.take_step(volume):
        continue


def read(volume, name="original"):
    return volume.read(0, SIZE, name)


def test_it_reads_as_the_copy_before_anything_is_moved(volume, devices):
    plan = volume.restore("monday")
    assert (plan.ranges, plan.bytes, plan.safety) == (1, SIZE, "before-restore-1")
    assert read(volume) == START
    assert read(volume, "before-restore-1") == LATER
    assert volume.info().restoring.left_bytes == volume.stats().restoring_bytes == SIZE
    assert read(reopened(*(device.copy() for device in devices))) == START


def test_only_what_differs_is_moved(devices):
    volume = new_volume(*devices, GRAIN, geometry=ROOMY)
    volume.snapshot("monday")
    volume.write(3 * GRAIN + 512, b"x" * 512)
    volume.write(SIZE - 512, b"y" * 512)
    plan = volume.plan_restore("monday")
    assert (plan.ranges, plan.bytes) == (2, GRAIN + 1536)
    assert [(part.start, part.length) for part in volume.diff("monday")] == [
        (3 * GRAIN, GRAIN),
        (GRAINS * GRAIN, 1536),
    ]
    before = volume.stats().written_bytes
    volume.restore("monday")
    finish(volume)
    assert volume.stats().written_bytes - before == GRAIN + 1536
    image = devices[0]
    assert image.pread(SIZE, 0) == read(volume) == START


@pytest.mark.parametrize("is_copied", [False, True])
def test_what_the_image_holds_already_is_not_written_again(devices, is_copied):
    volume = new_volume(*devices, GRAIN, geometry=ROOMY)
    volume.snapshot("monday")
    volume.write(0, LATER)
    volume.write(0, START)
    volume.write(7 * GRAIN + 512, b"x" * 1024)
    volume.write(SIZE - 512, b"y" * 512)
    volume.restore("monday")
    if is_copied:
        volume.snapshot("meanwhile")
    before = volume.stats()
    finish(volume)
    after = volume.stats()
    assert after.written_bytes - before.written_bytes == GRAIN + 1536
    assert after.preserved_bytes - before.preserved_bytes in (0, GRAIN + 1536)
    volume.write(3 * GRAIN, b"z" * GRAIN)
    assert read(volume, "before-restore-1")[: 7 * GRAIN] == START[: 7 * GRAIN]
    assert read(volume, "before-restore-1")[7 * GRAIN + 512 :][:1024] == b"x" * 1024
    if is_copied:
        assert read(volume, "meanwhile") == START
    volume.close()
    again = reopened(*devices)
    assert again.info().restoring is None
    assert read(again) == START[: 3 * GRAIN] + b"z" * GRAIN + START[4 * GRAIN :]
    assert again.check() == []


@pytest.mark.parametrize("is_discarded", [False, True])
def test_a_damaged_source_says_what_to_do_and_lets_the_rest_go_on(volume, devices, is_discarded):
    volume.restore("monday")
    run = volume.table("monday").columns
    row = int((run.starts == 128 * KIB).nonzero()[0][0])
    start, length = int(run.starts[row]), int(run.lengths[row])
    devices[1].pwrite(b"?" * 512, int(run.offsets[row]) + 1024)
    with pytest.raises(CorruptAreaError, match="write to that range") as error:
        finish(volume)
    assert f"[{start}..{start + length - 1}]" in error.value.message
    assert "'before-restore-1'" in error.value.message
    with pytest.raises(CorruptAreaError):
        read(volume)
    if is_discarded:
        volume.trim(start, length)
    else:
        volume.write(start, bytes(length))
    finish(volume)
    assert read(volume) == START[:start] + bytes(length) + START[start + length :]
    assert volume.info().restoring is None


def test_what_is_left_is_no_hole(devices):
    """Where the image has a hole, the original reads from the copy all the same."""
    volume = new_volume(*devices, GRAIN, geometry=ROOMY)
    volume.snapshot("monday")
    volume.trim(0, SIZE)
    before = volume.allocation()
    volume.restore("monday")
    volume.snapshot("tuesday")
    for name in ("original", "tuesday"):
        assert int(volume.allocation(name).lengths.sum()) == SIZE
    assert int(volume.allocation("before-restore-1").lengths.sum()) == int(before.lengths.sum())
    told = volume.diff("tuesday", "before-restore-1")
    assert int(told.lengths.sum()) == SIZE
    assert len(volume.diff("tuesday")) == 0


def test_each_step_tells_what_is_left(volume):
    told = []

    class Sink:
        def publish(self, kind, _flags, _copy_id, start, length, moved, _offset):
            if kind == EventKind.MOVED:
                told.append((start, length, moved))

    volume._state.sink = Sink()
    volume.restore("monday")
    restores.take_step(volume, 64 * KIB)
    restores.take_step(volume, 32 * KIB)
    assert told == [(0, 64 * KIB, SIZE - 64 * KIB), (64 * KIB, 32 * KIB, SIZE - 96 * KIB)]
    finish(volume)
    assert told[-1][2] == 0
    assert volume.info().restoring is None


def test_a_write_in_the_midst_of_a_grain_has_the_copy_around_it(volume, devices):
    volume.restore("monday")
    volume.write(GRAIN + 1024, b"w" * 512)
    expected = START[: GRAIN + 1024] + b"w" * 512 + START[GRAIN + 1536 :]
    assert read(volume) == expected
    volume.flush()
    again = reopened(*(device.copy() for device in devices))
    assert read(again) == expected
    finish(again)
    assert read(again) == expected
    assert read(again, "before-restore-1") == LATER


def test_a_discard_counts_as_moved(volume):
    volume.restore("monday")
    volume.trim(512, 6 * GRAIN)
    expected = START[:512] + bytes(6 * GRAIN) + START[512 + 6 * GRAIN :]
    assert read(volume) == expected
    finish(volume)
    assert read(volume) == expected
    assert read(volume, "before-restore-1") == LATER
    assert volume.check() == []


def test_long_zeroes_are_given_back_to_the_disk():
    content = START[: 96 * KIB] + bytes(512 * KIB) + START
    image = MemoryDevice.from_bytes(content)
    volume = new_volume(image, MemoryDevice(direct=True), GRAIN, geometry=ROOMY)
    volume.snapshot("monday")
    volume.write(0, b"x" * len(content))
    volume.restore("monday")
    finish(volume)
    assert volume.read(0, len(content)) == content
    # Whole pieces of 64 KiB are; the hole begins and ends within one.
    parts = [(part.start, part.stop) for part in image.data_extents(0, image.size)]
    assert parts == [(0, 128 * KIB), (576 * KIB, image.size)]
    assert volume.check() == []


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_a_copy_taken_meanwhile_holds_what_the_original_read_as(volume, steps):
    volume.restore("monday")
    for _ in range(steps):
        restores.take_step(volume, 128 * KIB)
    volume.write(SIZE // 1024 * 512, b"u" * 1024)
    expected = read(volume)
    volume.snapshot("tuesday")
    volume.clone("wednesday", "tuesday")
    moved = volume._state.restore.next_grains(1)[0] * GRAIN
    restores.take_step(volume, 16 * KIB)
    volume.write(moved + 512, b"m" * 512)  # preserved for tuesday as it was just moved
    volume.write(300 * KIB, b"v" * 8192)
    volume.trim(500 * KIB, 3 * GRAIN)
    assert read(volume, "tuesday") == read(volume, "wednesday") == expected
    finish(volume)
    assert read(volume, "tuesday") == read(volume, "wednesday") == expected
    assert read(volume, "before-restore-1") == LATER
    assert read(volume, "monday") == START
    assert volume.check() == []
    volume.delete(["tuesday", "wednesday"], now=True)
    assert read(volume, "before-restore-1") == LATER
    assert volume.check() == []


def test_it_can_be_taken_back_and_done_again_while_it_is_under_way(volume):
    volume.restore("monday")
    assert volume.restore("before-restore-1").safety == "before-restore-2"
    assert read(volume) == LATER
    volume.restore("before-restore-2", "mine")
    finish(volume)
    assert read(volume) == START
    assert read(volume, "mine") == LATER


def test_what_is_written_to_the_clone_meanwhile_is_not_restored(volume):
    volume.clone("try", "monday")
    volume.write(0, b"t" * 8192, "try")
    expected = read(volume, "try")
    assert volume.restore("try").safety == "before-merge-1"
    volume.write(4096, b"later" + bytes(507), "try")
    volume.snapshot("of the clone", "try")
    volume.delete(["of the clone"], now=True)
    assert read(volume) == expected
    finish(volume)
    assert read(volume) == expected
    volume.delete(["try"], now=True)
    assert volume.check() == []


def test_what_it_needs_is_not_deleted(volume):
    volume.restore("monday")
    for name in ("monday", "before-restore-1"):
        with pytest.raises(CopyInUseError, match="needed until the restore under way is done"):
            volume.delete([name], now=True)
    finish(volume)
    volume.delete(["monday", "before-restore-1"], now=True)
    assert read(volume) == START


def test_a_safety_snapshot_with_a_name_that_is_taken_changes_nothing(volume):
    with pytest.raises(NameTakenError):
        volume.restore("monday", "monday")
    assert read(volume) == LATER
    assert volume.info().restoring is None


def test_a_full_disk_stops_it_and_harms_nothing(volume, devices):
    volume.restore("monday")
    volume._state.area.allocator.storage._grow = _no_room
    with pytest.raises(AreaFullError):
        finish(volume)
    assert read(volume) == START
    assert read(volume, "before-restore-1") == LATER
    again = reopened(*devices)
    assert read(again) == START
    finish(again)
    assert read(again, "before-restore-1") == LATER


def test_it_is_closed_cleanly_on_a_full_disk(volume, devices):
    volume.write(0, START[: 128 * KIB])
    volume.restore("monday")
    storage = volume._state.area.allocator.storage
    storage._grow = _no_room
    while storage.capacity > volume._state.area.allocator.end:
        try:
            volume._state.area.allocator.allocate(GRAIN, for_metadata=True)
        except AreaFullError:
            break
    _use_up_the_log(volume)
    restores.take_step(volume, 64 * KIB)  # which is there already
    with pytest.raises(AreaFullError):
        volume._state.journal.checkpoint()
    volume.close()
    again = reopened(*devices)
    assert again.info().restoring.left_bytes == SIZE - 64 * KIB
    assert read(again) == START
    finish(again)
    assert read(again) == START
    assert read(again, "before-restore-1") == START[: 128 * KIB] + LATER[128 * KIB :]


def _use_up_the_log(volume):
    for number in range(2000):
        try:
            volume.lock(["monday"], locked=number % 2 == 0)
        except AreaFullError:
            return
    raise AssertionError("there is room for ever")


def _no_room(_offset, _length):
    raise AreaFullError("The additional area is full.")


def test_an_older_program_does_not_open_it(volume, devices, monkeypatch):
    area = devices[1]

    def opens():
        found = [superblock.unpack(area.pread(4096, at), at) for at in SUPERBLOCK_OFFSETS]
        return [slot for slot in found if slot is not None]

    volume.restore("monday")
    fold(volume._state)
    monkeypatch.setattr(superblock, "INCOMPATIBLE_FEATURES", {})
    with pytest.raises(FormatError, match=r"unknown features \[0\]"):
        opens()
    finish(volume)
    fold(volume._state)
    volume.close()
    assert [slot.incompatible for slot in opens()] == [0, 0]


def test_what_is_left_survives_a_fold_and_a_clean_close(volume, devices):
    volume.restore("monday")
    restores.take_step(volume, 64 * KIB)
    fold(volume._state)
    volume.write(200 * KIB, b"w" * 512)
    volume.close()
    again = reopened(*devices)
    assert again.info().restoring.left_bytes < SIZE - 64 * KIB
    expected = START[: 200 * KIB] + b"w" * 512 + START[200 * KIB + 512 :]
    assert read(again) == expected
    assert again.check() == []
    finish(again)
    assert read(again) == expected
    again.close()
    assert devices[0].pread(SIZE, 0) == expected
