# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is left of a cut extent has a checksum of its own after the next fold."""

from __future__ import annotations

import numpy as np
import pytest
import xxhash

from core.device.memory import MemoryDevice
from core.errors import CorruptAreaError
from core.format.layout import EXTENT_BYTES_MAX
from core.volume import reseal as reseal_module
from core.volume.fold import fold
from tests.engine.stills import bytes_of, read_only_volume, still_volume, views_of
from tests.faults.script import filled

GRAIN, EXTENT = 4096, EXTENT_BYTES_MAX
SIZE = 32 * EXTENT
START = filled(0, SIZE)


@pytest.fixture
def disks():
    return MemoryDevice.from_bytes(START), MemoryDevice(direct=True)


@pytest.fixture
def volume(disks):
    return still_volume(*disks)


def settle(volume):
    volume._state.journal.checkpoint()


def runs_of(volume):
    return [layer.map.flatten() for layer in volume._state.catalog.layers.values()]


def pieces_of(volume):
    return sum(
        int(((run.lengths != run.wholes) & (run.wholes != 0)).sum()) for run in runs_of(volume)
    )


def assert_each_has_its_own_checksum(volume):
    """Look at the bytes themselves, not through what is tested."""
    device = volume._state.area.device
    for run in runs_of(volume):
        for offset, length, checksum in zip(
            run.offsets.tolist(), run.lengths.tolist(), run.checksums.tolist(), strict=True
        ):
            if offset:
                assert xxhash.xxh3_64_intdigest(device.pread(length, offset)) == checksum


def cut_by_a_clone(volume):
    volume.snapshot("S")
    volume.clone("C", "S")
    volume.write(0, filled(1, 4 * EXTENT), "C")
    settle(volume)
    volume.write(EXTENT // 4, filled(2, EXTENT // 2), "C")
    volume.write(2 * EXTENT, filled(3, GRAIN), "C")
    volume.trim(4 * EXTENT - 512, 512, "C")
    settle(volume)


def cut_by_a_purge(volume):
    volume.snapshot("old")
    volume.write(GRAIN, filled(1, 2 * GRAIN))
    volume.snapshot("middle")
    volume.write(0, filled(2, 4 * EXTENT))
    settle(volume)
    volume.delete(["middle"], now=True)


@pytest.mark.parametrize("cut", [cut_by_a_clone, cut_by_a_purge])
def test_pieces_are_extents_of_their_own_after_a_fold(volume, disks, cut):
    cut(volume)
    before = views_of(volume)
    assert pieces_of(volume) > 0
    assert fold(volume._state)
    assert pieces_of(volume) == 0
    assert_each_has_its_own_checksum(volume)
    assert views_of(volume) == before
    assert volume.check() == []
    again = still_volume(disks[0].copy(), MemoryDevice.from_bytes(bytes_of(disks[1])))
    assert pieces_of(again) == 0
    assert views_of(again) == before
    volume.write(0, filled(9, SIZE))
    assert views_of(volume) == before | {"original": filled(9, SIZE)}
    assert volume.check() == []


@pytest.mark.parametrize("cut", [cut_by_a_clone, cut_by_a_purge])
def test_damage_of_a_piece_is_told_though_its_rest_is_used_again(volume, disks, cut):
    cut(volume)
    fold(volume._state)
    volume.snapshot("last")
    for number in range(8):  # fills what is free
        volume.write(0, filled(100 + number, SIZE))
        volume.snapshot(f"filler {number}")
    settle(volume)
    layer = next(run for run in runs_of(volume) if len(run) > 2)
    at = layer.offsets.item(1) + 7
    start = layer.starts.item(1)
    disks[1].pwrite(bytes([disks[1].pread(1, at)[0] ^ 4]), at)
    assert [finding.code for finding in volume.check()] == ["checksum"]
    name = "C" if cut is cut_by_a_clone else "old"
    with pytest.raises(CorruptAreaError, match=f"'{name}' is damaged"):
        volume.read(start, 512, name)


def test_a_fold_reads_no_more_than_it_may_and_the_next_goes_on(volume, monkeypatch):
    monkeypatch.setattr(reseal_module, "RESEALED_BYTES_MAX", 2 * EXTENT)
    volume.clone("C")
    volume.write(0, filled(1, 8 * EXTENT), "C")
    settle(volume)
    for number in range(8):
        volume.write(number * EXTENT, filled(number + 2, GRAIN), "C")
    settle(volume)
    left = [pieces_of(volume)]
    while left[-1]:
        assert fold(volume._state)
        left.append(pieces_of(volume))
    assert left == [8, 6, 4, 2, 0]
    assert_each_has_its_own_checksum(volume)


def test_damage_of_an_extent_of_which_nothing_was_freed_is_not_sealed(volume, disks):
    """Two pieces of it are left in one layer: it was handed down under a third in the middle."""
    volume.clone("C")
    volume.write(0, filled(1, EXTENT), "C")
    settle(volume)
    (run,) = [run for run in runs_of(volume) if len(run)]
    at = run.offsets.item(0)
    disks[1].pwrite(b"?", at + 100)
    layer = next(each for each in volume._state.catalog.layers.values() if len(each.map.flatten()))
    halves = run.cut(np.array([0, 0]), np.array([0, GRAIN]), np.array([GRAIN, EXTENT]))
    layer.replace(halves)
    layer.note_cuts(halves)
    fold(volume._state)
    with pytest.raises(CorruptAreaError):
        volume.read(0, 512, "C")
    with pytest.raises(CorruptAreaError):
        volume.read(2 * GRAIN, 512, "C")


def test_a_piece_that_nothing_can_verify_is_sealed_as_it_is(volume, disks):
    volume.clone("C")
    volume.write(0, filled(1, EXTENT), "C")
    settle(volume)
    (run,) = [run for run in runs_of(volume) if len(run)]
    at = run.offsets.item(0)
    volume.write(0, filled(2, GRAIN), "C")
    settle(volume)
    disks[1].pwrite(bytes(GRAIN), at)  # used again
    fold(volume._state)
    assert pieces_of(volume) == 0
    assert volume.read(GRAIN, GRAIN, "C") == filled(1, EXTENT)[GRAIN : 2 * GRAIN]
    disks[1].pwrite(b"?", at + GRAIN)
    volume._views._kept._verified.__init__()
    with pytest.raises(CorruptAreaError):
        volume.read(2 * GRAIN, GRAIN, "C")


def test_a_disk_that_cannot_read_a_piece_does_not_keep_a_volume_from_being_closed(
    volume, disks, monkeypatch
):
    cut_by_a_clone(volume)
    read = MemoryDevice.pread

    def failing(device, length, offset, /):
        if device is disks[1] and length > GRAIN:
            raise OSError(5, "Input/output error")
        return read(device, length, offset)

    monkeypatch.setattr(MemoryDevice, "pread", failing)
    volume.close()
    monkeypatch.undo()
    again = read_only_volume(*disks)
    assert again.read(0, SIZE, "S") == START
    assert again.check() == []


def test_maps_do_not_mind_pointers_above_pointers(volume):
    cut_by_a_purge(volume)
    before = volume.map().initial
    fold(volume._state)
    after = volume.map().initial
    assert (after.starts.tolist(), after.stops.tolist()) == (
        before.starts.tolist(), before.stops.tolist()
    )  # fmt: skip
