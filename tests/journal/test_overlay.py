# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What waits in the overlay: every grain once, seen by readers, written in place as a whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.device.memory import MemoryDevice
from core.format.group import RECORD_DTYPE, RECORD_WRITE
from core.journal.overlay import Overlay

GRAIN = 1024
GRAINS = 12
SIZE = GRAINS * GRAIN - 512

puts = st.lists(
    st.tuples(st.integers(0, GRAINS - 1), st.integers(1, GRAINS)).map(
        lambda pair: (pair[0], min(pair[0] + pair[1], GRAINS))
    ),
    max_size=10,
)


def payload_for(number, first, stop):
    length = min(stop * GRAIN, SIZE) - first * GRAIN
    return bytes([number + 1]) * length


def filled_overlay(places):
    """Return an overlay after some puts, and a volume of zeroes with the same put into it."""
    overlay, twin = Overlay(64 * GRAIN, GRAIN, SIZE), bytearray(SIZE)
    fill(overlay, twin, places, 0)
    return overlay, twin


def fill(overlay, twin, places, first_number):
    for number, (first, stop) in enumerate(places, first_number):
        payload = payload_for(number, first, stop)
        if stop - first == 1 and len(payload) == GRAIN:
            overlay.put_grain(first, payload)
        else:
            overlay.put(first, stop, payload)
        twin[first * GRAIN : first * GRAIN + len(payload)] = payload


@given(places=puts)
def test_what_is_drained_is_what_was_put_last(places):
    overlay, twin = filled_overlay(places)
    image = MemoryDevice(SIZE)
    overlay.drain(image)
    assert image.pread(SIZE, 0) == twin
    assert (overlay.used_bytes, overlay.unflushed_records(), overlay.slots) == (0, b"", {})


@given(places=puts, first=st.integers(0, SIZE // 512), count=st.integers(0, SIZE // 512))
def test_a_reader_sees_it_over_what_is_in_place(places, first, count):
    overlay, twin = filled_overlay(places)
    start, stop = first * 512, min((first + count) * 512, SIZE)
    target = bytearray(max(stop - start, 0))
    overlay.patch(start, memoryview(target))
    assert target == twin[start:stop]


@given(places=puts, first=st.integers(0, GRAINS - 1), count=st.integers(1, GRAINS))
def test_it_knows_which_grains_wait(places, first, count):
    overlay, _ = filled_overlay(places)
    waiting = {grain for start, stop in places for grain in range(start, stop)}
    asked = set(range(first, first + count))
    assert overlay.holds_any(first, first + count) == bool(waiting & asked)
    assert set(overlay.slots) == waiting


@given(rounds=st.lists(puts, max_size=4))
def test_what_the_ring_is_given_says_the_same(rounds):
    """Replayed flush by flush it is what was put last; a flush gives only what is new."""
    overlay, twin, replayed = Overlay(400 * GRAIN, GRAIN, SIZE), bytearray(SIZE), bytearray(SIZE)
    for number, places in enumerate(rounds):
        fill(overlay, twin, places, 10 * number)
        records = np.frombuffer(overlay.unflushed_records(), RECORD_DTYPE)
        payload = overlay.unflushed()
        assert len(payload) % 4096 == 0
        assert bool(len(records)) == bool(len(payload)) == overlay.has_unflushed == bool(places)
        for record in records:
            assert record["kind"] == RECORD_WRITE
            start, length, at = int(record["start"]), int(record["length"]), int(record["offset"])
            replayed[start : start + length] = payload[at : at + length]
        overlay.mark_flushed()
        assert replayed == twin
    image = MemoryDevice(SIZE)
    overlay.drain(image)
    assert image.pread(SIZE, 0) == twin


@given(length=st.integers(0, 80 * GRAIN))
def test_it_takes_what_fits(length):
    overlay = Overlay(64 * GRAIN, GRAIN, SIZE)
    assert overlay.has_room(length) == (length <= 64 * GRAIN)


def test_a_device_that_takes_less_is_given_the_rest():
    class Slow(MemoryDevice):
        def pwrite(self, buffer, offset, /):
            return super().pwrite(memoryview(buffer)[:512], offset)

        def pwritev(self, buffers, offset, /):
            return self.pwrite(buffers[0], offset)

    overlay, twin = filled_overlay([(0, 3), (10, 12)])
    image = Slow(SIZE)
    overlay.write_out(image)
    assert image.pread(SIZE, 0) == bytes(twin)
