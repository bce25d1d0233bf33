# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The log goes on from segment to segment, and finds its way back through them."""

from __future__ import annotations

import pytest

from core.area.allocator import Allocator
from core.device.memory import MemoryDevice
from core.errors import AreaFullError
from core.format import group as group_format
from core.format.layout import BLOCK_BYTES
from core.journal.log import SEGMENT_BYTES_SHORTEST, Log
from core.journal.opengroup import OpenGroup

UUID = b"u" * 16
START = 16 * BLOCK_BYTES
SEGMENT = 4 * SEGMENT_BYTES_SHORTEST


class Bench:
    """A log on a device of its own."""

    def __init__(self, size_max=1 << 40):
        self.device = MemoryDevice(START, direct=True, size_max=size_max)
        self.allocator = Allocator(START, capacity=START, grow=self.device.allocate)
        self.allocator.allocate(SEGMENT)
        self.log = self.log_at_start(self.allocator)

    def log_at_start(self, allocator):
        return Log(
            self.device,
            allocator,
            UUID,
            segment_bytes=SEGMENT,
            offset=START,
            seq=1,
            segment_stop=START + SEGMENT,
        )

    def write_records(self, payload_bytes, wanted=BLOCK_BYTES):
        """Stage and write one group of the given payload."""
        opened = OpenGroup(1 << 20)
        opened.begin(self.log.offset, self.log.capacity_bytes)
        opened.reserve(payload_bytes)[:] = b"d" * payload_bytes
        opened.add(1, 0, payload_bytes, 0)
        at = self.log.offset
        group = self.log.seal(opened, wanted, 0)
        self.device.pwritev_durable([opened.image(group, UUID)], at)
        return group

    def found(self):
        """Return the groups on the device, following each to the next."""
        groups, offset, seq = [], START, 1
        while group := group_format.unpack(UUID, offset, seq, self.device.pread, 16 << 20):
            groups.append(group)
            offset, seq = group.next_offset, seq + 1
        return groups

    def followed(self):
        """Return a log brought to its end by what is on the device, on an allocator of its own."""
        allocator = Allocator(START, capacity=self.device.size, grow=self.device.allocate)
        allocator.mark_used(START, SEGMENT)
        log = self.log_at_start(allocator)
        for group in self.found():
            log.follow(group)
            log.release_durable()
        return log, allocator


def test_groups_follow_each_other_through_segments():
    bench = Bench()
    written = [bench.write_records(1 << 20) for _ in range(12)]
    assert bench.found() == written
    assert len({group.next_segment_stop for group in written}) > 1
    log, allocator = bench.followed()
    bench.log.release_durable()
    assert (log.offset, log.seq, log.segment_stop) == (
        bench.log.offset,
        bench.log.seq,
        bench.log.segment_stop,
    )
    assert allocator.used_bytes == bench.allocator.used_bytes
    assert log.metadata == bench.log.metadata


def test_an_extended_log_has_room_in_a_new_segment():
    bench = Bench()
    wanted = bench.log.capacity_bytes
    bench.write_records(BLOCK_BYTES, wanted=BLOCK_BYTES)
    assert bench.log.capacity_bytes < wanted
    bench.log.extend(wanted)
    assert bench.log.capacity_bytes >= wanted
    (first, empty) = bench.found()
    assert (first.record_count, empty.record_count, empty.payload_bytes) == (1, 0, 0)
    before = bench.log.offset
    bench.log.extend(wanted)
    assert bench.log.offset == before, "there was room already"


def test_a_shorter_segment_is_taken_where_there_is_no_longer_one():
    bench = Bench(size_max=START + SEGMENT + 2 * SEGMENT_BYTES_SHORTEST)
    while bench.log.segment_stop == START + SEGMENT:
        bench.write_records(1 << 19, wanted=1 << 19)
    assert bench.log.segment_stop - bench.log.offset == 2 * SEGMENT_BYTES_SHORTEST
    log, allocator = bench.followed()
    assert log.segment_stop == bench.log.segment_stop
    bench.log.release_durable()
    assert allocator.used_bytes == bench.allocator.used_bytes


def test_without_any_segment_the_log_goes_on_in_what_is_left():
    bench = Bench(size_max=START + SEGMENT)
    while bench.log.capacity_bytes >= BLOCK_BYTES:
        bench.write_records(min(1 << 20, bench.log.capacity_bytes))
    with pytest.raises(AreaFullError):
        bench.log.extend(BLOCK_BYTES)
    changes = _changes_until_full(bench.log)
    assert changes > 20, "the reserve holds changes when the area is full"
    makers = _changes_until_full(bench.log, makes_room=True)
    assert makers > 20, "and some of it was kept for those that make room"
    changes += makers
    kinds = [group.kind for group in bench.found()]
    assert kinds.count(group_format.KIND_CHANGE) == changes
    assert bench.log.offset + BLOCK_BYTES <= bench.log.segment_stop


def _changes_until_full(log, *, makes_room=False):
    for count in range(10_000):
        try:
            log.write_change(b"change" * 600, 0, makes_room=makes_room)
        except AreaFullError:
            return count
    raise AssertionError("it never became full")


def test_a_long_change_goes_to_a_segment_that_holds_it():
    bench = Bench()
    change = b"c" * (SEGMENT - SEGMENT_BYTES_SHORTEST)
    first = bench.log.write_change(change, 7)
    second = bench.log.write_change(change, 8)
    assert (first.tail, first.covers_ring_seq) == (change, 7)
    assert second.offset >= START + SEGMENT
    tails = [group.tail for group in bench.found() if group.kind == group_format.KIND_CHANGE]
    assert tails == [change, change]
