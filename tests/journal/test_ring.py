# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The ring holds what was flushed until its head says that nobody needs it."""

from __future__ import annotations

import pytest

from core.device.base import aligned_buffer
from core.device.memory import MemoryDevice
from core.format import ringgroup, ringhead
from core.format.layout import BLOCK_BYTES, RING_HEAD_OFFSETS, RING_OFFSET
from core.journal.ring import Ring

UUID = b"u" * 16
RING_BYTES = 3 << 20


@pytest.fixture
def device():
    return MemoryDevice(RING_OFFSET + RING_BYTES, direct=True)


def ring_on(device, *, dead_seq=0, ready=RING_BYTES):
    return Ring(device, UUID, RING_BYTES, dead_seq=dead_seq, seq=dead_seq, ready_bytes=ready)


def write(ring, count=1):
    for _ in range(count):
        ring_write = ring.begin(b"", 0, aligned_buffer(BLOCK_BYTES), aligned_buffer(BLOCK_BYTES))
        assert ring_write.error is not None
        ring_write.carry_out()
        assert ring_write.error is None


def dead_seqs(device):
    return [ringhead.unpack(device.pread(BLOCK_BYTES, at), UUID, at) for at in RING_HEAD_OFFSETS]


def live_seqs(device):
    dead = max(seq or 0 for seq in dead_seqs(device))
    seqs, position = [], 0
    while group := ringgroup.unpack(
        UUID, RING_OFFSET + position, dead + 1 + len(seqs), device.pread, RING_BYTES - position
    ):
        seqs.append(group.seq)
        position += group.total_bytes
    return seqs


def test_groups_live_until_they_are_killed(device):
    ring = ring_on(device)
    assert not ring.is_live
    write(ring, 3)
    assert ring.is_live
    assert live_seqs(device) == [1, 2, 3]
    ring.kill()
    assert not ring.is_live
    assert live_seqs(device) == []
    write(ring, 2)
    assert live_seqs(device) == [ring.dead_seq + 1, ring.dead_seq + 2]


@pytest.mark.parametrize("counts", [(1, 1, 1, 1), (2, 2, 2), (1, 2, 1, 2), (5, 1, 1)])
def test_the_head_that_holds_is_never_written_over(device, counts):
    ring = ring_on(device)
    for count in counts:
        before = dead_seqs(device)
        write(ring, count)
        ring.kill()
        after = dead_seqs(device)
        held = max(seq or 0 for seq in before)
        assert not held or held in after
        assert max(seq or 0 for seq in after) == ring.dead_seq > held


def test_killing_an_empty_ring_writes_nothing(device):
    ring = ring_on(device)
    ring.kill()
    assert dead_seqs(device) == [None, None]


def test_a_group_prepares_what_it_needs(device):
    ring = ring_on(device, ready=0)
    write(ring, 100)
    assert ring.ready_bytes == 2 << 20
    assert live_seqs(device) == list(range(1, 101))


def test_it_is_prepared_step_by_step(device):
    ring = ring_on(device, ready=0)
    steps = 0
    while ring.prepare_step():
        steps += 1
        assert ring.ready_bytes == steps << 20
    assert ring.ready_bytes == RING_BYTES
    assert not ring.prepare_step()
    assert ring.has_room(1, RING_BYTES - BLOCK_BYTES)
    assert not ring.has_room(1, RING_BYTES)
    assert not ring.has_room(1 << 20, 0), "more records than the head has room for"


def test_it_has_room_until_it_is_full(device):
    ring = ring_on(device)
    while ring.has_room(0, 2 * BLOCK_BYTES):
        write(ring)
    assert len(live_seqs(device)) == RING_BYTES // (3 * BLOCK_BYTES)
    ring.kill()
    assert ring.has_room(0, 2 * BLOCK_BYTES)
