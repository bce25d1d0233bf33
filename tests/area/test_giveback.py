# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Storage of free bytes goes back to the disk, and is there again when they are used."""

from __future__ import annotations

import contextlib
import errno
import threading

import numpy as np
import pytest

from core.area import giveback
from core.area.additional import AdditionalArea
from core.area.allocator import Allocator
from core.area.freeruns import NO_RUNS, Runs
from core.area.giveback import GiveBack
from core.errors import AdditionalAreaFullError, AreaFullError
from core.format.layout import geometry_for
from core.format.superblock import Place, Superblock, SuperblockFields
from core.units import KIB, MIB
from tests.doubles.faultdevice import FaultDevice
from tests.doubles.storeddevice import StoredDevice

START = 64 * KIB
RESERVE = 64 * KIB
FIELDS = SuperblockFields(
    size_bytes=MIB,
    grain_bytes=4096,
    thin=False,
    created=0.0,
    image_name="image",
    log_offset=0,
    log_seq=1,
    segment_stop=0,
    area_end=0,
    covered_ring_seq=0,
    ring_ready_bytes=0,
    catalog=Place(0, 0),
    free_list=Place(0, 0),
    clean=False,
    fingerprint=b"",
    **geometry_for(MIB, 4096)._asdict(),
)


class Bench:
    """An area with nothing but an allocator and a superblock, on a device that tells its holes."""

    def __init__(self):
        self.stored = StoredDevice()
        self.device = FaultDevice(self.stored)
        self.device.allocate(0, START)
        self.allocator = Allocator(START, reserve=RESERVE, grow=self.device.allocate)
        self.area = AdditionalArea(self.device, Superblock(b"u" * 16, 1, FIELDS), self.allocator)
        self.giveback = self.new_giveback()

    def new_giveback(self, *, is_recovered=False):
        return GiveBack(self.area, contextlib.nullcontext(), is_recovered=is_recovered)

    def take(self, *lengths):
        return [self.allocator.allocate(length) for length in lengths]

    def free(self, offset, length):
        self.allocator.release(offset, length)
        self.allocator.commit_releases()

    def is_hole(self, offset, length):
        pages = range(-(-offset // 4096), (offset + length) // 4096)
        return self.stored.stored.isdisjoint(pages)


@pytest.fixture
def bench():
    return Bench()


def test_a_freed_run_becomes_a_hole_and_is_filled_before_it_is_used(bench):
    one, two = bench.take(MIB, MIB)
    bench.free(one, MIB)
    bench.giveback.run(at_rest=True)
    assert bench.is_hole(one, MIB)
    assert not bench.is_hole(two, MIB)
    assert bench.allocator.allocate(64 * KIB) == one
    assert not bench.is_hole(one, 64 * KIB)
    assert bench.is_hole(one + 64 * KIB, MIB - 64 * KIB)


def test_what_is_in_use_is_never_touched(bench):
    places = bench.take(*[20 * KIB] * 200)
    for place in places:
        bench.device.pwrite(b"%8d" % place * 2560, place)
    for place in places[::3]:
        bench.free(place, 20 * KIB)
    bench.giveback.run(at_rest=True)
    for number, place in enumerate(places):
        held = bench.device.pread(20 * KIB, place)
        assert held == (bytes(20 * KIB) if number % 3 == 0 else b"%8d" % place * 2560)


def test_only_whole_units_are_given_back(bench):
    (place,) = bench.take(64 * KIB)
    bench.take(4 * KIB)
    bench.giveback.run(at_rest=True)
    tail_bytes = bench.giveback.given_bytes
    bench.free(place + 512, 3 * 4096)
    bench.giveback.run(at_rest=True)
    assert bench.giveback.given_bytes - tail_bytes == 2 * 4096
    assert not bench.is_hole(place, 4096)


def test_short_runs_are_left_alone_while_clients_write(bench):
    short, _, long, _ = bench.take(64 * KIB, 4 * KIB, MIB, 4 * KIB)
    bench.free(short, 64 * KIB)
    bench.free(long, MIB)
    bench.giveback.run(at_rest=False)
    assert bench.is_hole(long, MIB)
    assert not bench.is_hole(short, 64 * KIB)
    bench.giveback.run(at_rest=True)
    assert bench.is_hole(short, 64 * KIB)


def test_the_end_of_the_file_is_cut_behind_the_reserve(bench):
    keep, gone = bench.take(MIB, 8 * MIB)
    bench.free(gone, 8 * MIB)
    bench.giveback.run(at_rest=True)
    assert bench.allocator.end == keep + MIB
    assert bench.device.size == keep + MIB + RESERVE == bench.allocator.capacity
    assert bench.stored.stored_bytes == bench.device.size
    assert bench.allocator.solid_bytes == RESERVE


def test_the_tail_keeps_some_spare_while_clients_write(bench):
    _, gone = bench.take(MIB, 8 * MIB)
    bench.free(gone, 8 * MIB)
    spare = 2 * bench.allocator.storage.chunk_bytes()
    bench.giveback.run(at_rest=False)
    assert bench.device.size == gone + RESERVE + spare
    size = bench.device.size
    bench.take(MIB)
    assert bench.device.size == size, "nothing had to grow for it"


def test_a_pass_is_due_only_when_something_became_free(bench):
    bench.take(MIB)
    bench.giveback.run(at_rest=True)
    assert not bench.giveback.is_due(at_rest=True)
    (place,) = bench.take(4 * MIB)
    bench.take(4096)
    assert not bench.giveback.is_due(at_rest=True)
    bench.free(place, 4 * MIB)
    assert bench.giveback.is_due(at_rest=True)
    assert bench.giveback.is_due(at_rest=False)
    bench.giveback.run(at_rest=True)
    assert not bench.giveback.is_due(at_rest=True)


def test_a_refusal_is_found_out_once_and_nothing_is_lost(bench, monkeypatch):
    places = bench.take(MIB, MIB, MIB)
    calls = []
    monkeypatch.setattr(bench.stored, "discard", lambda *run: calls.append(run) or False)
    bench.free(places[0], MIB)
    bench.giveback.run(at_rest=True)
    bench.free(places[1], MIB)
    bench.giveback.run(at_rest=True)
    assert calls == [(places[0], MIB)]
    assert bench.allocator.allocate(2 * MIB) == places[0]


def test_an_error_of_the_disk_ends_it_and_harms_nobody(bench):
    place, _ = bench.take(MIB, MIB)
    bench.free(place, MIB)
    bench.device.fail("discard", for_ever=True)
    bench.giveback.run(at_rest=True)
    assert not bench.is_hole(place, MIB)
    assert bench.allocator.allocate(MIB) == place


def test_a_file_that_cannot_be_cut_stays_as_it_is(bench):
    _, gone = bench.take(MIB, 8 * MIB)
    bench.free(gone, 8 * MIB)
    size = bench.device.size
    bench.device.fail("resize", code=errno.EPERM, for_ever=True)
    bench.giveback.run(at_rest=True)
    assert bench.device.size == size
    assert bench.is_hole(gone + RESERVE, 7 * MIB)
    bench.take(MIB)


def test_what_is_being_given_back_is_handed_out_to_nobody(bench):
    place, _ = bench.take(MIB, 4 * KIB)
    bench.free(place, MIB)
    taken = []
    discard = bench.stored.discard

    def meanwhile(offset, length):
        taken.append(bench.allocator.allocate(MIB))
        return discard(offset, length)

    bench.stored.discard = meanwhile
    bench.giveback.run(at_rest=True)
    assert taken[0] != place
    free = bench.allocator.free_runs()
    assert (free.starts[0], free.lengths[0]) == (place, MIB)


def test_free_bytes_count_as_free_while_they_are_lent(bench):
    place, _ = bench.take(MIB, 4 * KIB)
    bench.free(place, MIB)
    before = bench.allocator.free_bytes, bench.allocator.used_bytes
    lent = bench.allocator.lend(Runs(np.array([place]), np.array([MIB])))
    assert (bench.allocator.free_bytes, bench.allocator.used_bytes) == before
    assert bench.allocator.free_runs().starts.tolist() == [place]
    bench.allocator.take_back(lent, is_hollow=False)
    assert (bench.allocator.free_bytes, bench.allocator.used_bytes) == before
    assert bench.allocator.allocate(MIB) == place


def test_everything_free_is_given_back_anew_after_a_crash(bench):
    place, _ = bench.take(MIB, 4 * KIB)
    bench.free(place, MIB)
    bench.allocator.forget_storage()
    again = bench.new_giveback(is_recovered=True)
    assert again.is_due(at_rest=True)
    again.run(at_rest=True)
    assert bench.is_hole(place, MIB)
    assert bench.device.calls["sync"] == 1, "what frees them must be durable"
    assert not again.is_due(at_rest=True)


def test_storage_that_is_not_in_use_is_noticed_at_open(bench):
    """A copy of the file has storage everywhere."""
    place, _ = bench.take(4 * MIB, 4 * KIB)
    bench.free(place, 4 * MIB)
    bench.allocator.forget_storage()
    again = bench.new_giveback()
    again.run(at_rest=True)
    assert bench.is_hole(place, 4 * MIB)
    bench.allocator.forget_storage()
    after = bench.new_giveback()
    after.run(at_rest=True)
    assert after.given_bytes == 0


def test_a_pass_can_be_stopped_and_goes_on_later(bench, monkeypatch):
    monkeypatch.setattr(giveback, "BATCH_BYTES_MAX", MIB)
    places = bench.take(MIB, 4096, MIB, 4096)
    bench.free(places[0], MIB)
    bench.free(places[2], MIB)
    stopping = threading.Event()
    stopping.set()
    bench.giveback.run(at_rest=True, stopping=stopping)
    assert bench.giveback.given_bytes == 0
    bench.giveback.run(at_rest=True, seconds_max=-1)
    assert bench.giveback.given_bytes == 0
    bench.giveback.run(at_rest=True)
    assert bench.giveback.given_bytes >= 2 * MIB


def test_what_the_older_superblock_names_stays_until_the_next(bench):
    older, other = bench.take(MIB, MIB)
    bench.take(4 * KIB)
    bench.free(older, 2 * MIB)
    bench.area.older = Runs(np.array([older]), np.array([MIB]))
    bench.giveback.run(at_rest=True)
    assert not bench.stored.stored.isdisjoint(range(older // 4096, (older + MIB) // 4096))
    assert bench.is_hole(other, MIB)
    bench.area.older = NO_RUNS
    bench.allocator.freed_count += 1
    bench.giveback.run(at_rest=True)
    assert bench.is_hole(older, MIB)


def test_the_file_is_not_cut_before_what_the_older_superblock_names(bench):
    (place,) = bench.take(4 * MIB)
    bench.free(place, 4 * MIB)
    bench.area.older = Runs(np.array([place + 3 * MIB]), np.array([4096]))
    bench.giveback.run(at_rest=True)
    assert bench.device.size >= place + 3 * MIB + 4096
    bench.area.older = NO_RUNS
    bench.giveback.run(at_rest=True)
    assert bench.device.size == place + RESERVE


@pytest.mark.parametrize("answer", [False, OSError(errno.EIO, "no")])
def test_where_nothing_can_be_given_back_holes_are_filled_before_they_are_used(
    bench, monkeypatch, answer
):
    """A copy of the file may have holes though its disk makes none on request."""
    place, _ = bench.take(MIB, 4 * KIB)
    bench.free(place, MIB)
    bench.stored.discard(place, MIB)
    bench.allocator.forget_storage()
    again = bench.new_giveback(is_recovered=True)

    def refuse(offset, length):
        if answer:
            raise answer
        return answer

    monkeypatch.setattr(bench.stored, "discard", refuse)
    again.run(at_rest=True)
    assert bench.allocator.allocate(64 * KIB) == place
    assert not bench.is_hole(place, 64 * KIB)


# -- a disk that got full meanwhile ------------------------------------------------------------


def test_holes_that_cannot_be_filled_are_passed_over(bench):
    hollow, _, solid, _ = bench.take(MIB, 4 * KIB, MIB, 4 * KIB)
    bench.free(hollow, MIB)
    bench.giveback.run(at_rest=True)
    bench.free(solid, MIB)
    bench.device.fail("allocate", code=errno.ENOSPC, for_ever=True)
    assert bench.allocator.allocate(512 * KIB) == solid
    with pytest.raises(AreaFullError):
        bench.allocator.allocate(MIB)
    bench.device.heal()
    assert bench.allocator.allocate(MIB) == hollow


def test_metadata_has_its_reserve_when_every_hole_stays_one(bench):
    places = bench.take(*[MIB] * 4)
    for place in places:
        bench.free(place, MIB)
    bench.giveback.run(at_rest=True)
    bench.device.fail("allocate", code=errno.ENOSPC, for_ever=True)
    with pytest.raises(AreaFullError):
        bench.allocator.allocate(64 * KIB)
    for _ in range(RESERVE // 4096):
        place = bench.allocator.allocate(4096, for_metadata=True)
        bench.stored.pwrite(b"m" * 4096, place)


def test_a_limit_holds_for_holes_and_for_growth(bench):
    bench.allocator.storage.limit_bytes = START + 4 * MIB
    places = bench.take(MIB, MIB, MIB)
    with pytest.raises(AdditionalAreaFullError, match=r"no more than 4\.1 MiB"):
        bench.take(MIB)
    bench.free(places[0], MIB)
    bench.giveback.run(at_rest=True)
    assert bench.allocator.allocate(MIB) == places[0]
    with pytest.raises(AdditionalAreaFullError):
        bench.take(MIB)
    assert bench.stored.stored_bytes <= START + 4 * MIB
