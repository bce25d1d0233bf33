# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A fingerprint notices foreign writes, and says where."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.device.fingerprint import (
    SAMPLE_BYTES,
    SAMPLES,
    Fingerprint,
    compare_fingerprint,
    sample_extents,
    take_fingerprint,
)
from core.device.memory import MemoryDevice
from core.units import GIB, MIB, TIB

SIZES = [512, 4096, 64 * 4096 - 512, 64 * 4096, 65 * 4096, 65 * 4096 + 512, MIB, GIB, 16 * TIB]


@given(st.integers(1, 1 << 54).map(lambda sectors: sectors * 512))
def test_samples_are_spread_over_the_whole_image(size):
    extents = sample_extents(size)
    assert len(extents) == min(SAMPLES, -(-size // SAMPLE_BYTES))
    assert extents[0].start == 0
    assert extents[-1].stop == size
    assert all(one.stop <= other.start for one, other in pairwise(extents))
    part = size / (SAMPLES - 2)
    steps = [other.start - one.start for one, other in pairwise(extents)]
    assert max(steps, default=0) <= 2 * part + 2 * SAMPLE_BYTES


@pytest.mark.parametrize("size", SIZES)
def test_an_untouched_image_is_the_same(size):
    device = MemoryDevice(size)
    device.pwrite(b"boot", 0)
    kept = take_fingerprint(device, 77)
    assert not compare_fingerprint(device, 77, kept)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Fingerprint) == kept


def test_foreign_writes_are_told_and_localised():
    device = MemoryDevice(GIB)
    kept = take_fingerprint(device, 1)
    third, last = sample_extents(GIB)[3], sample_extents(GIB)[-1]
    device.pwrite(b"x", third.stop - 1)
    device.pwrite(b"x", last.start)
    device.pwrite(b"x", third.stop)
    found = compare_fingerprint(device, 2, kept)
    assert found
    assert (found.size, found.is_touched, found.extents) == (None, True, (third, last))


def test_a_write_between_the_samples_shows_by_its_time():
    device = MemoryDevice(GIB)
    kept = take_fingerprint(device, 1)
    device.pwrite(b"x", sample_extents(GIB)[3].stop)
    assert not compare_fingerprint(device, 1, kept)
    assert compare_fingerprint(device, 2, kept).is_touched


def test_an_image_of_another_size_is_told():
    device = MemoryDevice(MIB)
    kept = take_fingerprint(device, 1)
    device.resize(2 * MIB)
    assert compare_fingerprint(device, 1, kept) == type(compare_fingerprint(device, 1, kept))(
        2 * MIB, False, ()
    )
    device.resize(MIB // 2)
    found = compare_fingerprint(device, 1, kept)
    assert found.size == MIB // 2
    assert found.extents == tuple(e for e in sample_extents(MIB) if e.stop > MIB // 2)
