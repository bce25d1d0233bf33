# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A payload counts by its bytes, whatever its items are."""

from __future__ import annotations

import array

import pytest

from core.engine import open_volume

GRAIN = 4096


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_bytes_in_any_wrapping_are_written(tmp_path, make, again):
    path = tmp_path / "disk.img"
    path.write_bytes(b"o" * (16 * GRAIN))
    with open_volume(path) as volume:
        volume.snapshot("before")
        for _ in range(1 + again):
            volume.write(GRAIN, make(b"n" * GRAIN))
        assert volume.read(0, 3 * GRAIN) == b"o" * GRAIN + b"n" * GRAIN + b"o" * GRAIN
        assert volume.read(0, 16 * GRAIN, "before") == b"o" * (16 * GRAIN)


@pytest.mark.parametrize("first", [False, True])
def test_items_longer_than_a_byte_never_reach_what_is_not_preserved(tmp_path, first):
    path = tmp_path / "disk.img"
    path.write_bytes(b"o" * (16 * GRAIN))
    words = memoryview(array.array("Q", [0x6E6E6E6E6E6E6E6E]) * GRAIN)
    with open_volume(path) as volume:
        volume.snapshot("before")
        if first:
            volume.write(0, b"x" * GRAIN)
            volume.flush()
        volume.write(0, words)
        assert volume.read(0, 9 * GRAIN) == b"n" * (8 * GRAIN) + b"o" * GRAIN
        assert volume.read(0, 16 * GRAIN, "before") == b"o" * (16 * GRAIN)
