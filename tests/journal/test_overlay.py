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
    for number, (first, stop) in enumerate(places):
        payload = payload_for(number, first, stop)
        if stop - first == 1 and len(payload) == GRAIN:
            overlay.put_grain(first, payload)
        else:
            overlay.put(first, stop, payload)
        twin[first * GRAIN : first * GRAIN + len(payload)] = payload
    return overlay, twin


@given(places=puts)
def test_what_is_drained_is_what_was_put_last(places):
    overlay, twin = filled_overlay(places)
    image = MemoryDevice(SIZE)
    overlay.drain(image)
    assert image.pread(SIZE, 0) == twin
    assert (overlay.used_bytes, overlay.record_count, overlay.slots) == (0, 0, {})


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


@given(places=puts)
def test_its_records_and_payload_say_the_same(places):
    """What the ring keeps of it, replayed in order, is what was put last."""
    overlay, twin = filled_overlay(places)
    records = np.frombuffer(overlay.record_bytes(), RECORD_DTYPE)
    assert len(records) == overlay.record_count
    payload, replayed = overlay.payload(), bytearray(SIZE)
    assert len(payload) % 4096 == 0
    for record in records:
        assert record["kind"] == RECORD_WRITE
        start, length, at = int(record["start"]), int(record["length"]), int(record["offset"])
        replayed[start : start + length] = payload[at : at + length]
    assert replayed == twin


@given(length=st.integers(0, 80 * GRAIN))
def test_it_takes_what_fits(length):
    overlay = Overlay(64 * GRAIN, GRAIN, SIZE)
    assert overlay.has_room(length) == (length <= 64 * GRAIN)
