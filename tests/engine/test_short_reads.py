# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The short way to read gives what the long way does, and leaves to it what it should."""

from __future__ import annotations

import os
import random
import threading

import pytest

from core.engine import open_volume, reading
from core.errors import (
    CorruptAreaError,
    DeviceFailedError,
    InvalidRangeError,
    NoSuchCopyError,
    ReadOnlyError,
)
from core.units import MIB
from tests.doubles.history import History

GRAIN, SIZE = 4096, 2 * MIB


@pytest.fixture
def volume(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(1).randbytes(SIZE))
    with open_volume(path) as volume:
        yield volume


@pytest.fixture
def no_long_way(volume, monkeypatch):
    """Let a read that leaves the short way fail."""

    def refuse(*_arguments):
        raise AssertionError("this read is common enough for the short way")

    monkeypatch.setattr(volume._views, "read", refuse)
    monkeypatch.setattr(reading, "read_original", refuse)


@pytest.mark.parametrize("seed", range(6))
def test_every_grain_of_every_view_is_as_the_long_way_has_it(volume, seed):
    """Reads take turns with acts, so that plans and caches of both ways grow old."""
    history, rng = History(volume, seed), random.Random(seed)
    for _ in range(40):
        history.live(3)
        for name, expected in rng.sample(sorted(history.views.items()), 1):
            for at in rng.sample(range(0, SIZE, GRAIN), 24):
                found = volume.read(at, GRAIN, name)
                assert found == expected[at : at + GRAIN]
                assert found == reading.read(volume, at, GRAIN, name)


@pytest.mark.usefixtures("no_long_way")
def test_the_common_reads_take_the_short_way(volume):
    before = volume.read(0, SIZE)
    for number in range(3):
        volume.snapshot(f"snapshot {number}")
        volume.write((2 * number + 1) * GRAIN, b"n" * GRAIN)
    volume._state.journal.checkpoint()
    for number in range(3):
        for grain in range(12):
            expected = before[grain * GRAIN :][:GRAIN]
            if grain % 2 and grain // 2 < number:
                expected = b"n" * GRAIN
            assert volume.read(grain * GRAIN, GRAIN, f"snapshot {number}") == expected
    assert volume.read(GRAIN, 2 * GRAIN) == b"n" * GRAIN + before[2 * GRAIN : 3 * GRAIN]


def test_what_has_another_name_or_is_gone_is_not_read_by_the_old_one(volume):
    volume.snapshot("a")
    volume.snapshot("b")
    volume.write(0, b"n" * GRAIN)
    before = volume.read(0, GRAIN, "a")
    volume.rename("a", "c")
    with pytest.raises(NoSuchCopyError):
        volume.read(0, GRAIN, "a")
    volume.snapshot("a")
    assert volume.read(0, GRAIN, "a") == b"n" * GRAIN
    assert volume.read(0, GRAIN, "c") == before
    volume.delete(["c"])
    with pytest.raises(NoSuchCopyError, match="undelete"):
        volume.read(0, GRAIN, "c")


def test_damage_is_told_by_the_long_way(volume):
    volume.snapshot("a")
    volume.write(0, b"n" * GRAIN)
    volume._state.journal.checkpoint()
    place = volume.table("a").columns.offsets.item(0)
    volume._state.area.device.pwrite(b"?", place)
    with pytest.raises(CorruptAreaError, match="The copy 'a' is damaged"):
        volume.read(0, GRAIN, "a")
    assert volume.info().copies[0].integrity == "damaged"


@pytest.mark.parametrize("copy", ["original", "a"])
def test_what_cannot_be_read_is_refused_in_a_sentence(volume, monkeypatch, copy):
    def fail(*_arguments):
        raise OSError(5, "Input/output error")

    volume.snapshot("a")
    with monkeypatch.context() as patch:
        patch.setattr(volume._state.image, "pread", fail)
        patch.setattr(volume._state.image, "preadv", fail)
        with pytest.raises(DeviceFailedError, match="check the disk"):
            volume.read(0, GRAIN, copy)
        with pytest.raises(DeviceFailedError, match="check the disk"):
            volume.read_into(0, bytearray(GRAIN), copy)
    for offset, length in ((-GRAIN, GRAIN), (0, -GRAIN), (1, GRAIN), (SIZE, GRAIN)):
        with pytest.raises(InvalidRangeError):
            volume.read(offset, length, copy)
    assert volume.read(SIZE, 0, copy) == b""
    volume.close()
    with pytest.raises(ReadOnlyError):
        volume.read(0, GRAIN, copy)
    with pytest.raises(ReadOnlyError):
        volume.read_into(0, bytearray(GRAIN), copy)


@pytest.mark.parametrize("copy", ["original", "kept", "unchanged"])
def test_who_waits_for_the_disk_keeps_nobody_waiting(volume, monkeypatch, copy):
    """And is given what is there when the disk has answered, not what was there before."""
    volume.snapshot("kept")
    volume.write(0, b"k" * GRAIN)
    volume._state.journal.checkpoint()
    volume.snapshot("unchanged")
    expected = b"n" * GRAIN if copy == "original" else volume.read(0, GRAIN, copy)
    device = volume._state.area.device if copy == "kept" else volume._state.image
    preadv, waited = device.preadv, []

    def cold(buffers, offset, flags=0):
        if not waited:
            if flags & os.RWF_NOWAIT:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            waited.append(offset)
            writer = threading.Thread(target=volume.write, args=(0, b"n" * GRAIN))
            writer.start()
            writer.join(20)
            assert not writer.is_alive()
        return preadv(buffers, offset)

    monkeypatch.setattr(device, "preadv", cold)
    target = bytearray(GRAIN)
    volume.read_into(0, target, copy)
    assert target == expected
    assert len(waited) == 1


@pytest.mark.parametrize("copy", ["original", "a"])
def test_a_file_system_that_always_waits_is_waited_for(volume, monkeypatch, copy):
    def preadv(buffers, offset, flags=0):
        if flags:
            raise OSError(95, "Operation not supported")
        return real(buffers, offset)

    volume.snapshot("a")
    real, expected = volume._state.image.preadv, volume.read(0, GRAIN)
    monkeypatch.setattr(volume._state.image, "preadv", preadv)
    target = bytearray(GRAIN)
    volume.read_into(0, target, copy)
    assert target == expected


def test_both_ways_count_alike(volume):
    volume.snapshot("a")
    before = volume.stats()
    target = bytearray(GRAIN)
    for name in ("original", "a"):
        volume.read(0, GRAIN, name)
        volume.read_into(0, target, name)
        reading.read(volume, 0, GRAIN, name)
        reading.read_into(volume, 0, target, name)
    after = volume.stats()
    assert after.reads - before.reads == 8
    assert after.read_bytes - before.read_bytes == 8 * GRAIN


def test_readers_see_either_what_was_or_what_is(volume):
    """And the snapshot always what was, while one thread writes and others read."""
    grains, rounds, wrong = 64, 40, []
    volume.write(0, bytes(grains * GRAIN))
    volume.snapshot("zero")
    done = threading.Event()

    def read(seed):
        rng, target = random.Random(seed), bytearray(GRAIN)
        while not done.is_set():
            at = rng.randrange(grains) * GRAIN
            if volume.read(at, GRAIN, "zero") != bytes(GRAIN):
                wrong.append(("zero", at))
            volume.read_into(at, target)
            if target.count(target[0]) != GRAIN:
                wrong.append(("torn", at))

    readers = [threading.Thread(target=read, args=(seed,)) for seed in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, rounds):
        for at in range(grains):
            volume.write(at * GRAIN, bytes([number]) * GRAIN)
            assert volume.read(at * GRAIN, GRAIN)[0] == number
        if number % 10 == 0:
            volume.snapshot(f"snapshot {number}")
        volume.flush()
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
