# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An image with holes on a full disk: what cannot be put in place is refused, not lost later."""

from __future__ import annotations

import errno

import pytest

from core.device.memory import MemoryDevice
from core.errors import AreaFullError
from tests.engine.stills import still_volume, views_of
from tests.faults.script import filled

GRAIN, BLOCK = 4096, 1024
SIZE = 32 * GRAIN


class SparseImage(MemoryDevice):
    """An image on a disk with a small block size, on which every second block is a hole."""

    def __init__(self):
        super().__init__(SIZE)
        self.holes = set(range(1, SIZE // BLOCK, 2))
        self.is_disk_full = False
        for block in range(0, SIZE // BLOCK, 2):
            super().pwrite(filled(block, BLOCK), block * BLOCK)

    def pwrite(self, buffer, offset, /):
        self._take_room(offset, len(buffer), OSError(errno.ENOSPC, "No space left on device"))
        return super().pwrite(buffer, offset)

    def pwritev(self, buffers, offset, flags=0, /):
        return self.pwrite(b"".join(buffers), offset)

    def fill_holes(self, offset, length):
        self._take_room(offset, length, AreaFullError("the disk is full"))

    def punch(self, offset, length, /):
        if self.is_disk_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().punch(offset, length)
        self.holes |= set(range(offset // BLOCK, (offset + length) // BLOCK))

    def _take_room(self, offset, length, refusal):
        blocks = set(range(offset // BLOCK, -(-(offset + length) // BLOCK)))
        if self.is_disk_full and blocks & self.holes:
            raise refusal
        self.holes -= blocks


@pytest.fixture
def image():
    return SparseImage()


@pytest.fixture
def volume(image):
    volume = still_volume(image, MemoryDevice(direct=True), grain_bytes=GRAIN)
    volume._state.fill_holes = image.fill_holes
    volume.snapshot("S")
    return volume


def refuse_on_a_full_disk(volume, image, act):
    """Let ``act`` meet a full disk; then all is as before, and goes on when there is room."""
    before = views_of(volume)
    image.is_disk_full = True
    with pytest.raises(AreaFullError):
        act()
    volume.flush()
    assert views_of(volume) == before
    image.is_disk_full = False
    act()
    volume.flush()
    assert views_of(volume)["S"] == before["S"]
    assert views_of(volume)["original"] != before["original"]
    assert volume.check() == []


@pytest.mark.parametrize("length", [GRAIN, 5 * GRAIN, 512], ids=["grain", "several", "sector"])
def test_a_first_write(volume, image, length):
    payload = b"n" * length
    refuse_on_a_full_disk(volume, image, lambda: volume.write(8 * GRAIN, payload))


def test_a_first_write_by_the_short_way(volume, image):
    volume.write(0, b"n" * GRAIN)
    assert volume._gate.layer_id
    refuse_on_a_full_disk(volume, image, lambda: volume.write(8 * GRAIN, b"n" * GRAIN))


def test_a_rewrite_that_waits_for_a_flush(volume, image):
    volume.write(8 * GRAIN, b"n" * GRAIN)
    volume.flush()
    image.holes |= set(range(8 * GRAIN // BLOCK, 9 * GRAIN // BLOCK))
    refuse_on_a_full_disk(volume, image, lambda: volume.write(8 * GRAIN, b"m" * GRAIN))


def test_a_grain_that_no_copy_needs(volume, image):
    volume.delete(["S"], now=True)
    volume.clone("S")
    volume.write(8 * GRAIN, b"c" * GRAIN, "S")
    volume.flush()
    refuse_on_a_full_disk(volume, image, lambda: volume.write(8 * GRAIN, b"m" * GRAIN))


def test_a_discard(volume, image):
    refuse_on_a_full_disk(volume, image, lambda: volume.trim(8 * GRAIN, 2 * GRAIN))
