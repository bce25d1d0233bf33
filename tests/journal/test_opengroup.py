# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The open group: what is staged has its checksum when the group is sealed, joined or not."""

from __future__ import annotations

import random

import pytest
import xxhash

from core.device.memory import MemoryDevice
from core.journal.opengroup import OpenGroup

GRAIN = 4096
BASE = 1 << 20


@pytest.fixture
def image():
    device = MemoryDevice(64 * GRAIN)
    device.pwrite(random.Random(1).randbytes(32 * GRAIN).replace(b"\0", b"\1"), 0)
    return device


@pytest.fixture
def opened():
    group = OpenGroup(1 << 20)
    group.begin(BASE, 1 << 20)
    return group


def sealed(opened):
    """Return (start, length) of each sealed record, having compared its checksum with its data."""
    records, _ = opened.seal()
    for record in records:
        data = opened.at(int(record["offset"]), int(record["length"]))
        assert int(record["checksum"]) == xxhash.xxh3_64_intdigest(data)
    return [(int(record["start"]), int(record["length"])) for record in records]


def test_an_original_is_read_in_with_its_checksum(opened, image):
    offset = opened.read_in(image.preadv, 1, 3 * GRAIN, GRAIN)
    assert bytes(opened.at(offset, GRAIN)) == image.pread(GRAIN, 3 * GRAIN)
    assert sealed(opened) == [(3 * GRAIN, GRAIN)]


def test_neighbours_that_are_joined_get_one_checksum(opened, image):
    for grain in (5, 6, 7, 1, 9):
        assert opened.read_in(image.preadv, 1, grain * GRAIN, GRAIN)
    opened.reserve(GRAIN)[:] = b"x" * GRAIN
    opened.add(2, 20 * GRAIN, GRAIN, 1)
    assert sealed(opened) == [
        (5 * GRAIN, 3 * GRAIN),
        (GRAIN, GRAIN),
        (9 * GRAIN, GRAIN),
        (20 * GRAIN, GRAIN),
    ]


@pytest.mark.parametrize("start", [40 * GRAIN, 64 * GRAIN], ids=["zeroes", "past the end"])
def test_nothing_is_staged_for_zeroes_or_a_short_read(opened, image, start):
    assert opened.read_in(image.preadv, 1, start, GRAIN) == 0
    assert (opened.count, opened.used_bytes) == (0, 0)
