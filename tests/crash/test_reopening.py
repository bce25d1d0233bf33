# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an engine finds that follows one which was not closed."""

from __future__ import annotations

import pytest

from core.area.additional import RESERVE_BYTES
from core.format.layout import RING_OFFSET
from core.journal.log import SEGMENT_BYTES_SHORTEST
from core.units import KIB
from tests.doubles.bareengine import TINY, new_volume, reopened
from tests.doubles.crashdisk import CrashDisk
from tests.doubles.oracle import content_of

pytestmark = pytest.mark.crash

SECTOR = 512
GRAIN = 4096
OLD = b"".join(b"%08d" % at * 64 for at in range(64))


def _lost(disk, *, kept=False):
    """Return the disk after a loss of power that takes all of what is unsynced, or nothing."""
    return disk.after_loss(lambda _, operation: operation.parts if kept else ())


@pytest.fixture
def disk():
    return CrashDisk(OLD)


@pytest.fixture
def tight_disk():
    """Room for a segment of the usual length and one of the shortest."""
    first = RING_OFFSET + TINY.ring_bytes + TINY.segment_bytes
    return CrashDisk(OLD, area_bytes_max=first + SEGMENT_BYTES_SHORTEST + RESERVE_BYTES + 64 * KIB)


@pytest.fixture
def volume(disk):
    return new_volume(disk.image, disk.area, GRAIN)


def test_a_flush_makes_durable_what_a_killed_engine_left_in_the_caches(disk, volume):
    volume.write(0, b"n" * GRAIN)
    after = reopened(disk.image, disk.area)
    assert after.read(0, GRAIN) == b"n" * GRAIN
    after.flush()
    assert _lost(disk).image.pread(GRAIN, 0) == b"n" * GRAIN


def test_a_copy_holds_what_a_killed_engine_left_in_the_caches(disk, volume):
    volume.write(0, b"n" * GRAIN)
    reopened(disk.image, disk.area).snapshot("s")
    lost = _lost(disk)
    assert reopened(lost.image, lost.area).read(0, GRAIN, "s") == b"n" * GRAIN


def test_an_original_goes_only_when_what_replaces_it_is_durable(disk, volume):
    volume.clone("c")
    volume.write(0, b"c" * GRAIN, "c")
    volume.write(0, b"n" * GRAIN)
    lost = _lost(disk, kept=True)
    after = reopened(lost.image, lost.area)
    assert after.read(0, GRAIN, "c") in {OLD[:GRAIN], b"c" * GRAIN}


def test_a_flush_over_what_is_still_to_be_restored_keeps_both_that_copies_need(disk, volume):
    volume.snapshot("before")
    volume.write(0, b"n" * GRAIN)
    volume.restore("before", "safety")
    volume.snapshot("newer")
    volume.write(0, b"c" * GRAIN)
    volume.flush()
    lost = _lost(disk)
    after = reopened(lost.image, lost.area)
    seen = {name: after.read(0, GRAIN, name) for name in ("before", "safety", "newer")}
    assert seen == {"before": OLD[:GRAIN], "safety": b"n" * GRAIN, "newer": OLD[:GRAIN]}
    assert after.read(0, GRAIN) == b"c" * GRAIN
    assert after.check() == []


def test_looking_without_writing_shows_copies_what_the_ring_holds(disk, volume):
    volume.snapshot("first")
    volume.write(0, b"n" * GRAIN)
    volume.flush()
    volume.snapshot("second")
    lost = _lost(disk)
    assert lost.image.pread(GRAIN, 0) == OLD[:GRAIN]
    steps = len(lost.log)
    look = reopened(lost.image, lost.area, writable=False)
    assert content_of(look, "first", len(OLD)) == OLD
    assert look.read(0, GRAIN, "second") == b"n" * GRAIN
    assert look.read(0, GRAIN) == b"n" * GRAIN
    assert look.check() == []
    assert lost.log[steps:] == []


def test_a_look_counts_no_room_as_lost_that_the_log_has_left(disk, volume):
    volume.snapshot("s")
    log = volume._state.journal.log
    log.extend(log.capacity_bytes + 1)
    assert reopened(disk.image, disk.area, writable=False).check() == []
    assert reopened(disk.image, disk.area).check() == []


def test_room_that_the_log_has_left_and_taken_again_is_in_use(tight_disk):
    """A full area: a segment lies in the rest of an older one, so what is freed must be in time."""
    volume = new_volume(tight_disk.image, tight_disk.area, GRAIN)
    volume.snapshot("s")
    log, left = volume._state.journal.log, []
    for number in range(2):
        left.append((log.offset, log.segment_stop))
        log.extend(log.capacity_bytes + 1)
        log.release_durable()
        assert (left[0][0] < log.offset < left[0][1]) == (number == 1)
    assert reopened(tight_disk.image, tight_disk.area).check() == []


def test_a_torn_group_never_becomes_whole_by_the_next_one(disk, volume):
    """The second try at a place in the log writes the bytes that the first one's header names."""
    volume.snapshot("s")
    volume.write(0, b"a" * GRAIN)
    first = _cut_in_the_next_durable_write(disk, volume.check, kept=lambda part: part < 8)
    volume = reopened(first.image, first.area)
    assert volume.read(0, GRAIN) == OLD[:GRAIN]
    volume.flush()  # the next one goes to the ring
    volume.write(0, b"b" * GRAIN)
    volume.flush()
    volume.write(2 * GRAIN, b"c" * GRAIN)
    second = _cut_in_the_next_durable_write(first, volume.check, kept=lambda part: part >= 8)
    after = reopened(second.image, second.area)
    assert after.read(0, GRAIN) == b"b" * GRAIN
    assert content_of(after, "s", len(OLD)) == OLD
    assert after.check() == []


def _cut_in_the_next_durable_write(disk, act, *, kept):
    """Return the disk after a loss during the next durable write, of which ``kept`` parts stay."""
    found = []

    def look():
        last = disk.unsynced[-1]
        if disk.log[-1].operation == "pwritev_durable" and not found:
            found.append(
                disk.after_loss(
                    lambda _, operation: (
                        [part for part in operation.parts if kept(part)]
                        if operation is last
                        else operation.parts
                    )
                )
            )

    disk.watch(look)
    act()
    disk.watch(None)
    return found[0]
