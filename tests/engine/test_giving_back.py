# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Real files: the disk gets back what deleted copies took, while a volume is open and at close."""

from __future__ import annotations

import os
import time

import pytest

from core.device.holes import give_back
from core.engine import create_volume, open_volume
from core.engine.clock import REST_AFTER_S
from core.units import MIB

pytestmark = pytest.mark.slow

SIZE = 96 * MIB
PATIENCE_S = 20.0


@pytest.fixture
def path(tmp_path):
    """A volume whose image is full, on a disk that knows holes."""
    path = tmp_path / "disk.img"
    create_volume(path, SIZE)
    with open_volume(path) as volume:
        for offset in range(0, SIZE, MIB):
            volume.write(offset, os.urandom(4096) * 256)
    probe = tmp_path / "probe"
    probe.write_bytes(bytes(MIB))
    with probe.open("r+b") as file:
        if not give_back(file.fileno(), 0, MIB) or probe.stat().st_blocks:
            pytest.skip("the file system of this folder gives nothing back")
    return path


def stored(path):
    return path.with_name(f"{path.name}.rangepair").stat().st_blocks * 512


def rewrite(volume):
    for offset in range(0, SIZE, MIB):
        volume.write(offset, b"new!" * (MIB // 4))


def wait_until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_the_disk_gets_everything_back_while_the_volume_stays_open(path):
    with open_volume(path) as volume:
        empty = stored(path)
        volume.snapshot("one")
        rewrite(volume)
        volume.flush()
        assert stored(path) > empty + SIZE * 0.95
        volume.delete(["one"], now=True)
        wait_until(lambda: stored(path) < empty + 24 * MIB)
        time.sleep(REST_AFTER_S + 0.5)  # and what was left for the next writes
        assert volume.check() == []
        volume.snapshot("two")
        rewrite(volume)
        assert volume.read(0, MIB, "two") == b"new!" * (MIB // 4)
        assert volume.check() == []


def test_a_copy_among_others_is_given_back_in_the_middle_of_the_file(path):
    with open_volume(path) as volume:
        for name in ("one", "two", "three"):
            volume.snapshot(name)
            rewrite(volume)
        volume.flush()
        before = stored(path)
        one, three = volume.read(0, SIZE, "one"), volume.read(0, SIZE, "three")
        volume.delete(["two"], now=True)
        wait_until(lambda: stored(path) < before - SIZE * 0.9)
        assert volume.check() == []
        assert volume.read(0, SIZE, "one") == one
        assert volume.read(0, SIZE, "three") == three
    with open_volume(path) as volume:
        assert volume.check() == []
        assert volume.read(0, SIZE, "one") == one


def test_a_short_command_gives_back_before_it_ends(path):
    with open_volume(path) as volume:
        volume.snapshot("one")
        rewrite(volume)
    before = stored(path)
    with open_volume(path) as volume:
        volume.delete(["one"], now=True)
    assert stored(path) < before - SIZE * 0.9
    with open_volume(path) as volume:
        assert volume.check() == []
        assert volume.read(0, MIB) == b"new!" * (MIB // 4)
        volume.snapshot("two")
        rewrite(volume)
        assert volume.check() == []


def test_a_sidecar_that_was_copied_without_its_holes_is_given_back_again(path):
    with open_volume(path) as volume:
        volume.snapshot("one")
        rewrite(volume)
        volume.snapshot("two")
        rewrite(volume)
        volume.delete(["one"], now=True)
    sidecar = path.with_name(f"{path.name}.rangepair")
    content = sidecar.read_bytes()
    lean = stored(path)
    sidecar.unlink()
    sidecar.write_bytes(content)
    assert stored(path) > lean + MIB
    with open_volume(path) as volume:
        volume.write(0, bytes(4096))
        wait_until(lambda: stored(path) < lean + 20 * MIB)
        assert volume.check() == []


def test_usage_tells_what_the_file_takes_and_when_it_will_be_full(path):
    with open_volume(path) as volume:
        assert volume.usage().full_in_seconds is None
        volume.snapshot("one")
        for offset in range(0, SIZE, MIB):
            volume.write(offset, b"new!" * (MIB // 4))
            time.sleep(0.04)
        usage = volume.usage()
        assert usage.host_bytes == stored(path)
        rate = SIZE / (SIZE // MIB * 0.04)
        assert usage.room_bytes / rate / 5 < usage.full_in_seconds < usage.room_bytes / rate * 20
