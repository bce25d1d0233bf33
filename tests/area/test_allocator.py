# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The allocator against a naive twin that keeps a set of free sectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.area.allocator import Allocator
from core.area.freeruns import FreeRuns, Runs, complement
from core.errors import AreaFullError
from core.units import GIB, KIB, MIB, SECTOR_BYTES, TIB

START = 64 * KIB
LIMIT = START + 4 * MIB
RESERVE = 64 * KIB


class Disk:
    """Counts what the file holds and refuses to grow beyond its limit."""

    def __init__(self, size, limit=LIMIT):
        self.size = size
        self.limit = limit
        self.calls = []

    def grow(self, offset, length):
        self.calls.append((offset, length))
        if offset + length > self.limit:
            raise AreaFullError("full")
        self.size = max(self.size, offset + length)


def _runs(*pairs):
    return Runs(
        np.array([start for start, _ in pairs], np.int64),
        np.array([length for _, length in pairs], np.int64),
    )


def _pairs(runs):
    return list(zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True))


class AllocatorAgainstTwin(RuleBasedStateMachine):
    """Every allocation is free and lowest; releases count after the commit only."""

    def __init__(self):
        super().__init__()
        self.disk = Disk(START)
        self.allocator = Allocator(START, reserve=RESERVE, grow=self.disk.grow)
        self.held = {}
        self.released = []

    def _used(self):
        sectors = set()
        for start, length in [*self.held.items(), *self.released]:
            sectors.update(range(start // SECTOR_BYTES, (start + length) // SECTOR_BYTES))
        return sectors

    def _lowest_fit(self, length, align):
        used = self._used()
        span = length // SECTOR_BYTES
        for offset in range(START + -START % align, self.allocator.end, align):
            first = offset // SECTOR_BYTES
            if offset + length <= self.allocator.end and used.isdisjoint(
                range(first, first + span)
            ):
                return offset
        return None

    @rule(
        sectors=st.integers(1, 96),
        align=st.sampled_from([512, 4096, 16384]),
        for_metadata=st.booleans(),
    )
    def allocate(self, sectors, align, for_metadata):
        length = sectors * SECTOR_BYTES
        lowest = self._lowest_fit(length, align)
        end, free_bytes = self.allocator.end, self.allocator.free_bytes
        try:
            offset = self.allocator.allocate(length, align, for_metadata=for_metadata)
        except AreaFullError:
            assert (self.allocator.end, self.allocator.free_bytes) == (end, free_bytes)
            assert lowest is None or not for_metadata
            return
        assert offset == (end + -end % align if lowest is None else lowest)
        assert offset + length <= self.disk.size
        assert for_metadata or self.allocator.free_bytes >= RESERVE
        self.held[offset] = length

    @precondition(lambda self: self.held)
    @rule(data=st.data(), count=st.integers(1, 5))
    def release(self, data, count):
        chosen = [data.draw(st.sampled_from(sorted(self.held))) for _ in range(count)]
        extents = [(start, self.held.pop(start)) for start in dict.fromkeys(chosen)]
        self.allocator.release_many(*zip(*extents, strict=True))
        self.released += extents

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release_first_half(self, data):
        start = data.draw(st.sampled_from(sorted(self.held)))
        length = self.held.pop(start)
        half = length // 2 // SECTOR_BYTES * SECTOR_BYTES
        if half:
            self.allocator.release(start, half)
            self.released.append((start, half))
        self.held[start + half] = length - half

    @rule()
    def commit(self):
        freed = self.allocator.commit_releases()
        assert int(freed.lengths.sum()) == sum(length for _, length in self.released)
        self.released.clear()

    @rule()
    def take_over_again(self):
        self.allocator.commit_releases()
        self.released.clear()
        end = max((start + length for start, length in self.held.items()), default=START)
        again = Allocator(
            START,
            end=end,
            capacity=self.disk.size,
            free_runs=complement(_runs(*self.held.items()), START, end),
            reserve=RESERVE,
            grow=self.disk.grow,
        )
        assert _pairs(again.free_runs()) == _pairs(self.allocator.free_runs())
        assert (again.end, again.capacity) == (self.allocator.end, self.allocator.capacity)
        self.allocator = again

    @rule(data=st.data())
    def replay(self, data):
        blank = Allocator(START, capacity=self.disk.size, reserve=RESERVE, grow=self.disk.grow)
        extents = [*self.held.items(), *self.released]
        for start, length in data.draw(st.permutations(extents)):
            assert blank.mark_used(start, length) == length
            assert blank.mark_used(start, length) == 0
        assert _pairs(blank.free_runs()) == _pairs(self.allocator.free_runs())
        assert blank.end == self.allocator.end

    @invariant()
    def free_runs_are_what_is_not_used(self):
        used = self._used()
        free = set()
        last_stop = None
        for start, length in _pairs(self.allocator.free_runs()):
            assert last_stop is None or start > last_stop
            last_stop = start + length
            free.update(range(start // SECTOR_BYTES, last_stop // SECTOR_BYTES))
        below_end = range(START // SECTOR_BYTES, self.allocator.end // SECTOR_BYTES)
        assert free == set(below_end) - used
        assert self.allocator.used_bytes == len(used) * SECTOR_BYTES
        assert self.allocator.releasing_bytes == sum(length for _, length in self.released)
        assert self.allocator.capacity == self.disk.size
        assert self.allocator.free_bytes == self.disk.size - START - self.allocator.used_bytes


TestAllocatorAgainstTwin = AllocatorAgainstTwin.TestCase
TestAllocatorAgainstTwin.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_file_grows_in_chunks_of_a_sixteenth_within_bounds():
    disk = Disk(0, limit=64 * TIB)
    allocator = Allocator(0, grow=disk.grow)
    allocator.allocate(4 * KIB)
    assert disk.calls == [(0, 1 * MIB)]
    allocator.allocate(64 * MIB)
    assert disk.calls[-1] == (1 * MIB, 63 * MIB + 4 * KIB)
    allocator.allocate(4 * KIB)
    assert disk.calls[-1][1] == (64 * MIB + 4 * KIB) // 16 // 4096 * 4096 + 4096
    allocator.allocate(2 * GIB)
    allocator.allocate(4 * KIB)
    assert disk.calls[-1][1] == 64 * MIB


def test_a_nearly_full_disk_is_used_to_its_last_chunk():
    disk = Disk(0, limit=1 * MIB + 8 * KIB)
    allocator = Allocator(0, grow=disk.grow)
    assert allocator.allocate(1 * MIB) == 0
    assert allocator.allocate(8 * KIB) == 1 * MIB
    with pytest.raises(AreaFullError, match=r"full at 1\.0 MiB"):
        allocator.allocate(4 * KIB)


def test_the_reserve_is_left_to_metadata():
    disk = Disk(0, limit=1 * MIB)
    allocator = Allocator(0, reserve=128 * KIB, grow=disk.grow)
    allocator.allocate(896 * KIB)
    with pytest.raises(AreaFullError):
        allocator.allocate(4 * KIB)
    assert allocator.allocate(128 * KIB, for_metadata=True) == 896 * KIB
    with pytest.raises(AreaFullError):
        allocator.allocate(4 * KIB, for_metadata=True)
    allocator.release(0, 64 * KIB)
    allocator.commit_releases()
    with pytest.raises(AreaFullError):
        allocator.allocate(4 * KIB)
    assert allocator.allocate(4 * KIB, for_metadata=True) == 0


def test_metadata_takes_the_last_bytes_of_the_disk_without_a_reserve():
    disk = Disk(0, limit=1 * MIB + 8 * KIB)
    allocator = Allocator(0, reserve=64 * KIB, grow=disk.grow)
    assert allocator.allocate(1 * MIB, for_metadata=True) == 0
    assert allocator.allocate(8 * KIB, for_metadata=True) == 1 * MIB
    with pytest.raises(AreaFullError):
        allocator.allocate(4 * KIB, for_metadata=True)


def test_the_tail_is_aligned_and_the_gap_before_it_stays_usable():
    allocator = Allocator(0, grow=Disk(0).grow)
    assert [allocator.allocate(512, 4096) for _ in range(3)] == [0, 4096, 8192]
    assert _pairs(allocator.free_runs()) == [(512, 3584), (4608, 3584)]
    allocator.release_many([8192, 4096], [512, 512])
    allocator.commit_releases()
    assert (allocator.end, _pairs(allocator.free_runs())) == (512, [])
    allocator.release_many([], [])
    assert _pairs(allocator.commit_releases()) == []


def test_a_run_put_behind_the_last_one_grows_it_when_they_touch():
    runs = FreeRuns()
    runs.append(0, 512)
    runs.append(512, 512)
    runs.append(4096, 512)
    assert _pairs(runs.columns()) == [(0, 1024), (4096, 512)]
    assert (len(runs), runs.total_bytes) == (2, 1536)


def test_released_bytes_are_not_used_before_the_commit():
    disk = Disk(0)
    allocator = Allocator(0, grow=disk.grow)
    first = allocator.allocate(8 * KIB)
    allocator.allocate(8 * KIB)
    allocator.release(first, 8 * KIB)
    assert allocator.allocate(8 * KIB) == 16 * KIB
    assert _pairs(allocator.commit_releases()) == [(0, 8 * KIB)]
    assert allocator.allocate(8 * KIB) == first


def test_releasing_twice_is_told():
    disk = Disk(0)
    allocator = Allocator(0, grow=disk.grow)
    for _ in range(3):
        allocator.allocate(8 * KIB)
    with pytest.raises(ValueError, match="released twice"):
        allocator.release_many([0, 4 * KIB], [8 * KIB, 4 * KIB])
    assert allocator.releasing_bytes == 0
    allocator.release(0, 8 * KIB)
    allocator.commit_releases()
    allocator.release(4 * KIB, 4 * KIB)
    with pytest.raises(ValueError, match="free already"):
        allocator.commit_releases()
    assert _pairs(allocator.free_runs()) == [(0, 8 * KIB)]


@pytest.mark.parametrize(("offset", "length"), [(-4096, 4096), (0, 0), (8 * KIB, 4096)])
def test_releasing_outside_of_the_area_is_told(offset, length):
    allocator = Allocator(0, grow=Disk(0).grow)
    allocator.allocate(8 * KIB)
    with pytest.raises(ValueError, match=r"leave|no bytes"):
        allocator.release(offset, length)


@pytest.mark.parametrize(("offset", "length"), [(0, 4096), (START, 0), (MIB, MIB)])
def test_marking_outside_of_the_area_is_told(offset, length):
    allocator = Allocator(START, capacity=MIB + 4096, grow=Disk(0).grow)
    with pytest.raises(ValueError, match="not in the area"):
        allocator.mark_used(offset, length)


def test_free_runs_that_overlap_or_leave_the_area_are_refused():
    with pytest.raises(ValueError, match="free already"):
        Allocator(0, end=MIB, free_runs=_runs((0, 4096), (512, 512)), grow=Disk(0).grow)
    with pytest.raises(ValueError, match="leave"):
        Allocator(0, end=MIB, free_runs=_runs((MIB, 4096)), grow=Disk(0).grow)


def test_a_length_of_nothing_is_refused():
    with pytest.raises(ValueError, match="cannot allocate 0 bytes"):
        Allocator(0, grow=Disk(0).grow).allocate(0)


def test_a_million_runs_in_16_tebibytes():
    stride = 16 * TIB // 1_000_000 // 4096 * 4096
    starts = np.arange(1_000_000, dtype=np.int64) * stride
    lengths = np.full(1_000_000, 4096, np.int64)
    lengths[777_777] = 64 * KIB
    allocator = Allocator(0, end=16 * TIB, free_runs=Runs(starts, lengths), grow=Disk(0).grow)
    assert allocator.allocate(64 * KIB) == 777_777 * stride
    assert allocator.allocate(4096) == 0
    assert allocator.mark_used(500_000 * stride + 512, 512) == 512
    assert len(allocator.free_runs().starts) == 999_999
    allocator.release_many(starts[2:1000] + 4096, lengths[2:1000])
    assert int(allocator.commit_releases().lengths.sum()) == 998 * 4096
    assert _pairs(allocator.free_runs())[1] == (2 * stride, 8192)
    assert (
        allocator.used_bytes == 16 * TIB - int(lengths.sum()) + 64 * KIB + 4096 + 512 - 998 * 4096
    )


def test_taking_across_many_blocks_leaves_exact_edges():
    runs = FreeRuns(_runs(*[(i * 8192, 4096) for i in range(10_000)]))
    taken = runs.take_at(100 * 8192 + 512, 9_000 * 8192 + 512)
    assert taken == 8_900 * 4096
    kept = _pairs(runs.columns())
    assert len(kept) == len(runs) == 101 + 1_000
    assert kept[100:102] == [(100 * 8192, 512), (9_000 * 8192 + 512, 3584)]
    assert runs.total_bytes == sum(length for _, length in kept)


def test_a_block_split_very_often_stays_findable():
    runs = FreeRuns(_runs((0, 8_000 * 8192)))
    for i in range(8_000):
        runs.take_at(i * 8192, i * 8192 + 4096)
    assert len(runs) == 8_000
    assert runs.take_first_fit(4096, 8192) is None
    assert runs.take_first_fit(4096, 4096) == 4096
    assert runs.take_first_fit(1 * MIB, 4096) is None


def test_the_complement_of_overlapping_runs():
    gaps = complement(_runs((50, 10), (0, 5), (55, 20), (20, 10), (200, 5)), 3, 100)
    assert _pairs(gaps) == [(5, 15), (30, 20), (75, 25)]
    assert _pairs(complement(_runs(), 3, 3)) == []
