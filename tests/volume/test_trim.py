# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A discarded range reads as zeroes, to the byte; snapshots keep what it held."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.device.memory import MemoryDevice
from core.engine import Volume
from core.events import EventKind
from core.volume import opening
from tests.engine.board import Trace
from tests.engine.stills import StillImage, bytes_of, still_volume, views_of
from tests.faults.script import filled

GRAIN, SECTOR = 4096, 512
SIZE = 20 * GRAIN + 3 * SECTOR
START = filled(0, SIZE)


def spliced(content, offset, payload):
    return content[:offset] + payload + content[offset + len(payload) :]


ranges = st.tuples(st.integers(0, SIZE // SECTOR), st.integers(0, SIZE // SECTOR)).map(
    lambda ends: (min(ends) * SECTOR, (max(ends) - min(ends)) * SECTOR)
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["trim", "write", "flush", "barrier"]),
        st.sampled_from(["original", "C"]),
        ranges,
    ),
    max_size=8,
)


@given(steps=steps)
def test_trims_and_writes_in_any_order_agree_with_plain_bytes(steps):
    image, area = MemoryDevice.from_bytes(START), MemoryDevice(direct=True)
    volume = still_volume(image, area)
    volume.snapshot("S")
    volume.clone("C", "S")
    views = {"original": START, "S": START, "C": START}
    for number, (act, name, (offset, length)) in enumerate(steps):
        if act == "trim":
            volume.trim(offset, length, name)
            views[name] = spliced(views[name], offset, bytes(length))
        elif act == "write":
            payload = filled(number + 1, length)
            volume.write(offset, payload, name)
            views[name] = spliced(views[name], offset, payload)
        elif act == "flush":
            volume.flush()
        else:
            volume._state.journal.barrier()
        assert views_of(volume) == views
    assert volume.check() == []
    volume.close()
    again = still_volume(image, area)
    assert views_of(again) == views
    assert again.check() == []


@pytest.fixture
def plain():
    image = MemoryDevice.from_bytes(START)
    state = opening.state_without_area(image, GRAIN, thin=False)
    return image, Volume(state, StillImage(image), Path("none"), sink=None, ticking=False)


@given(place=ranges)
def test_an_image_without_copies_is_trimmed_in_place(place):
    image = MemoryDevice.from_bytes(START)
    state = opening.state_without_area(image, GRAIN, thin=False)
    volume = Volume(state, StillImage(image), Path("none"), sink=None, ticking=False)
    volume.trim(*place)
    assert bytes_of(image) == spliced(START, place[0], bytes(place[1]))


def test_whole_grains_give_their_space_back(plain):
    image, volume = plain
    volume.trim(GRAIN + SECTOR, 4 * GRAIN)
    held = [(extent.start, extent.stop) for extent in image.data_extents(0, SIZE)]
    assert held == [(0, 2 * GRAIN), (5 * GRAIN, SIZE)]


def test_the_end_of_the_volume_is_trimmed_with_its_partial_grain(plain):
    image, volume = plain
    volume.trim(18 * GRAIN, SIZE - 18 * GRAIN)
    assert bytes_of(image) == START[: 18 * GRAIN] + bytes(SIZE - 18 * GRAIN)
    assert [extent.start for extent in image.data_extents(0, 20 * GRAIN)] == [0]


def test_a_trim_is_told_as_one_event():
    volume = still_volume(MemoryDevice.from_bytes(START), MemoryDevice(direct=True))
    volume.clone("C")
    for name, copy_id in (("original", 0), ("C", 1)):
        trace = volume._state.sink = Trace()
        volume.trim(GRAIN, 2 * GRAIN, name)
        last = trace.take()[-1]
        assert last[:5] == (EventKind.TRIMMED, 0, copy_id, GRAIN, 2 * GRAIN)


def test_a_long_trim_goes_in_steps_and_keeps_every_original():
    size = 9 << 20
    start = filled(1, size)
    volume = still_volume(MemoryDevice.from_bytes(start), MemoryDevice(direct=True))
    volume.snapshot("S")
    volume.trim(SECTOR, size - 2 * SECTOR)
    assert volume.read(0, size, "S") == start
    assert volume.read(0, size) == start[:SECTOR] + bytes(size - 2 * SECTOR) + start[-SECTOR:]
    assert volume.check() == []
