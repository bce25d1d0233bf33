# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Reading into a buffer gives what reading does, and touches nothing else."""

from __future__ import annotations

import array

import pytest

from core.engine import open_volume
from core.errors import CorruptAreaError, InvalidRangeError, NoSuchCopyError
from core.units import GIB, KIB, MIB
from tests.doubles.history import History

SECTOR, SIZE = 512, 4 * MIB


def read_into(volume, offset, length, copy):
    """Return what was read, after a look at what lies around it in the buffer."""
    around = bytearray(b"\xee" * (length + 2 * SECTOR))
    volume.read_into(offset, memoryview(around)[SECTOR : SECTOR + length], copy)
    assert around[:SECTOR] == around[SECTOR + length :] == b"\xee" * SECTOR
    return bytes(around[SECTOR : SECTOR + length])


@pytest.mark.parametrize("seed", range(4))
def test_every_view_is_read_as_it_is(tmp_path, seed):
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(MIB) + b"o" * (SIZE - MIB))
    with open_volume(path) as volume:
        history = History(volume, seed)
        history.live(60)
        for name, expected in history.views.items():
            for _ in range(20):
                length = history.rng.choice((0, SECTOR, 4 * KIB, 64 * KIB, MIB))
                offset = history.rng.randrange((SIZE - length) // SECTOR + 1) * SECTOR
                found = read_into(volume, offset, length, name)
                assert found == expected[offset : offset + length]
                assert found == volume.read(offset, length, name)


def test_any_writable_bytes_will_do(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(b"o" * SIZE)
    with open_volume(path) as volume:
        volume.snapshot("before")
        volume.write(0, b"n" * SECTOR)
        words = array.array("Q", bytes(2 * SECTOR))
        volume.read_into(0, memoryview(words))
        assert words.tobytes() == b"n" * SECTOR + b"o" * SECTOR
        volume.read_into(0, memoryview(words), "before")
        assert words.tobytes() == b"o" * (2 * SECTOR)


@pytest.mark.parametrize("offset", [-SECTOR, 1, SIZE, SIZE - SECTOR, GIB])
@pytest.mark.parametrize("copy", ["original", "before"])
def test_what_is_no_range_of_the_volume_is_refused(tmp_path, offset, copy):
    path = tmp_path / "disk.img"
    path.write_bytes(b"o" * SIZE)
    with open_volume(path) as volume:
        volume.snapshot("before")
        target = bytearray(2 * SECTOR)
        with pytest.raises(InvalidRangeError):
            volume.read_into(offset, target, copy)
        with pytest.raises(InvalidRangeError):
            volume.read_into(0, bytearray(SECTOR + 1), copy)
        with pytest.raises(NoSuchCopyError):
            volume.read_into(0, target, "nobody")
        assert target == bytes(2 * SECTOR)


def test_nothing_damaged_is_left_in_the_buffer(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(b"o" * SIZE)
    with open_volume(path) as volume:
        volume.snapshot("before")
        volume.write(0, b"n" * (8 * KIB))
        volume.write(16 * KIB, b"n" * (4 * KIB))
        offsets = volume.table("before").columns.offsets.tolist()
    area = tmp_path / "disk.img.rangepair"
    with area.open("r+b") as file:
        file.seek(offsets[-1])
        file.write(b"?")
    with open_volume(path) as volume:
        target = bytearray(32 * KIB)
        with pytest.raises(CorruptAreaError, match="'before' is damaged"):
            volume.read_into(0, target, "before")
        assert target == bytes(32 * KIB)
        assert volume.info().copies[0].integrity == "damaged"
