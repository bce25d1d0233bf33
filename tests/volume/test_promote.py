# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A promoted copy has no range pair left, and needs the initial area no more."""

from __future__ import annotations

import pytest

from core.answers import PointerKind
from core.device.memory import MemoryDevice
from core.engine import restores
from core.errors import CopyInUseError, InvalidNameError
from core.format.layout import EXTENT_BYTES_MAX
from tests.doubles.bareengine import new_volume, reopened

GRAIN = 4096
SIZE = 8 * GRAIN
START = b"".join(bytes([65 + at]) * GRAIN for at in range(8))


@pytest.fixture
def devices():
    return MemoryDevice.from_bytes(START), MemoryDevice(direct=True)


@pytest.fixture
def volume(devices):
    return new_volume(*devices, GRAIN)


def kinds(volume, name):
    return [PointerKind(kind).name for kind in volume.table(name).columns.kinds.tolist()]


def promote(volume, name):
    """Promote a grain at a time; return the bytes copied."""
    copied = 0
    while True:
        told = volume.promote(name, GRAIN)
        copied += told.copied_bytes
        if not told.left_bytes:
            return copied


def test_seven_portions_are_copied_after_the_first_was_preserved(volume):
    volume.snapshot("C")
    volume.write(3 * GRAIN, b"d" * GRAIN)
    assert promote(volume, "C") == 7 * GRAIN
    (copy,) = volume.info().copies
    assert copy.range_pairs == 0
    assert kinds(volume, "C") == ["ORIGINAL"] * copy.pointers
    assert promote(volume, "C") == 0
    assert volume.read(0, SIZE, "C") == START
    assert volume.check() == []


def test_a_promoted_copy_needs_no_original_any_more(volume, devices):
    volume.snapshot("C")
    promote(volume, "C")
    before = volume.stats().preserved_bytes
    volume.write(0, bytes(SIZE))
    assert volume.stats().preserved_bytes == before
    assert volume.read(0, SIZE, "C") == START
    volume.close()
    assert reopened(*devices).read(0, SIZE, "C") == START


def test_another_copy_still_gets_its_originals(volume):
    volume.snapshot("C")
    volume.snapshot("D")
    promote(volume, "C")
    volume.write(0, b"x" * SIZE)
    assert volume.read(0, SIZE, "D") == START
    volume.delete(["C"], now=True)
    assert volume.read(0, SIZE, "D") == START
    assert volume.check() == []


def test_zeroes_stay_without_data():
    content = bytes(EXTENT_BYTES_MAX) + START
    volume = new_volume(MemoryDevice.from_bytes(content), MemoryDevice(direct=True), GRAIN)
    volume.snapshot("C")
    while volume.promote("C").left_bytes:
        continue
    assert kinds(volume, "C") == ["ZERO", "ORIGINAL"]
    assert volume.table("C").columns.starts.tolist() == [0, EXTENT_BYTES_MAX]
    assert volume.read(0, len(content), "C") == content


def test_a_clone_keeps_what_was_written_to_it(volume):
    volume.clone("C")
    volume.write(512, b"n" * 1024, "C")
    volume.snapshot("of the clone", "C")
    volume.write(0, b"o" * SIZE)
    expected = volume.read(0, SIZE, "C")
    volume.promote("C", 2 * GRAIN)
    volume.write(GRAIN, b"later" + bytes(507), "C")
    promote(volume, "C")
    promote(volume, "of the clone")
    assert volume.read(0, SIZE, "of the clone") == expected
    assert volume.read(2 * GRAIN, SIZE - 2 * GRAIN, "C") == expected[2 * GRAIN :]
    assert all(copy.range_pairs == 0 for copy in volume.info().copies)
    assert volume.check() == []


def test_what_cannot_be_promoted_is_refused(volume):
    with pytest.raises(InvalidNameError, match="name a copy to promote"):
        volume.promote("original")
    volume.snapshot("C")
    volume.write(0, b"x" * SIZE)
    volume.restore("C")
    with pytest.raises(CopyInUseError, match="just being restored from 'C'"):
        volume.promote("C")
    while restores.take_step(volume):
        continue
    assert promote(volume, "before-restore-1") == 0
    assert kinds(volume, "before-restore-1") == ["ORIGINAL"]


def test_a_promoted_copy_can_be_restored(volume):
    volume.snapshot("C")
    promote(volume, "C")
    volume.write(GRAIN, b"x" * GRAIN)
    volume.restore("C")
    while restores.take_step(volume):
        continue
    assert volume.read(0, SIZE) == START
    assert volume.read(GRAIN, GRAIN, "before-restore-1") == b"x" * GRAIN
