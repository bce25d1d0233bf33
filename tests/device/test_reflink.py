# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Cloning on the file systems that can, in files mounted as disks; writing on those that cannot.

Where a block of a file lies is asked of the file system itself (FIEMAP).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from core.device.imagefile import FileDevice
from core.device.reflink import HeldRoom, can_share
from core.engine import open_volume
from core.errors import DeviceFailedError
from core.journal.cloning import Cloning
from core.units import KIB, MIB
from tests.faults.script import filled

SIZE = 32 * MIB  # a group holds 1 MiB
NEW = filled(1, 4 * MIB)
FIEMAP = 0xC020660B
FIEMAP_SYNC = 1
MAKERS = {
    "xfs": (["mkfs.xfs", "-q", "-m", "reflink=1"], 320 * MIB),
    "btrfs": (["mkfs.btrfs", "-q"], 512 * MIB),
    "ext4": (["mkfs.ext4", "-q", "-F"], 320 * MIB),
}
SHARING = ("xfs", "btrfs")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system"),
]


@contextlib.contextmanager
def _mounted(kind: str, folder: Path):
    """Mount a new file system of this kind in a file of ``folder``."""
    make, size = MAKERS[kind]
    if shutil.which(make[0]) is None:
        pytest.skip(f"{make[0]} is not installed")
    disk, mount = folder / f"{kind}.disk", folder / kind
    mount.mkdir()
    with disk.open("wb") as file:
        file.truncate(size)
    subprocess.run([*make, disk], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = subprocess.run(["mount", "-o", "loop", disk, mount], check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"{kind} cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", mount], check=True)
        disk.unlink()


@pytest.fixture(params=SHARING)
def folder(request, tmp_path):
    with _mounted(request.param, tmp_path) as mount:
        yield mount


@pytest.fixture
def image(folder):
    path = folder / "disk.img"
    with path.open("wb") as file:
        for at in range(0, SIZE, 8 * MIB):
            file.write(filled(at, 8 * MIB))
        os.fsync(file.fileno())
    return path


def _extents(path: Path) -> list[tuple[int, int, int]]:
    """Return (offset in the file, on the disk, length) of all a file consists of."""
    head = struct.Struct("=QQLLLL")
    row = struct.Struct("=QQQ2QL3L")
    count = 2000
    request = bytearray(head.pack(0, 1 << 62, FIEMAP_SYNC, 0, count, 0) + bytes(count * row.size))
    with path.open("rb") as file:
        fcntl.ioctl(file, FIEMAP, request)
    found = head.unpack_from(request)[3]
    rows = [row.unpack_from(request, head.size + number * row.size) for number in range(found)]
    assert found < count
    return [row[:3] for row in rows]


def _places(path: Path, start: int, stop: int) -> set[int]:
    """Return where on the disk the blocks of a range lie."""
    return {
        place + at - offset
        for offset, place, length in _extents(path)
        for at in range(max(offset, start), min(offset + length, stop), 4 * KIB)
    }


def _shared(image: Path) -> set[int]:
    """Return the blocks that image and additional area share."""
    area = image.with_name("disk.img.rangepair")
    return _places(image, 0, SIZE) & _places(area, 0, area.stat().st_size)


def _content() -> bytes:
    return b"".join(filled(at, 8 * MIB) for at in range(0, SIZE, 8 * MIB))


def _expect(volume):
    before = _content()
    assert volume.read(0, SIZE, "monday") == before
    assert volume.read(0, SIZE) == NEW + before[len(NEW) :]
    assert volume.check() == []


def test_the_area_takes_over_the_blocks_of_the_image(image):
    area = image.with_name("disk.img.rangepair")
    before = _places(image, 0, len(NEW))
    assert len(before) == len(NEW) // (4 * KIB)
    with open_volume(image) as volume:
        volume.snapshot("monday")
        volume.write(0, NEW)
        volume.flush()
        stats = volume.stats()
        assert stats.preserved_bytes == len(NEW)
        assert stats.preserved_by_cloning_bytes == len(NEW)
        _expect(volume)
    assert before <= _places(area, 0, area.stat().st_size)
    assert not _shared(image), "each has blocks of its own again"
    with open_volume(image) as volume:
        _expect(volume)
        volume.delete(["monday"])
        volume.purge(["monday"])
        assert volume.check() == []


def test_short_originals_are_written(image):
    with open_volume(image) as volume:
        volume.snapshot("monday")
        for at in range(0, len(NEW), 128 * KIB):
            volume.write(2 * at, NEW[at : at + 64 * KIB])
        volume.flush()
        assert volume.stats().preserved_by_cloning_bytes == 0
        assert volume.read(0, SIZE, "monday") == _content()


KILLED = """
import os, sys
from core.engine import open_volume
from core.errors import DeviceFailedError
from core.journal.cloning import Cloning
from tests.device.test_reflink import NEW
volume = open_volume(sys.argv[1])
volume.snapshot("monday")
volume.write(0, NEW)
if sys.argv[2] == "between":
    def die(self, *arguments):
        os.kill(os.getpid(), 9)
    Cloning.put_in_place = die
volume.flush()
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("moment", ["between", "after"])
def test_a_process_killed_leaves_both_views_and_no_shared_block(image, moment):
    """Between the clone and the new data, and after the flush."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, image, moment],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    assert done.returncode == -9
    assert bool(_shared(image)) == (moment == "between")
    with open_volume(image) as volume:
        assert volume.read(0, SIZE, "monday") == _content()
        if moment == "after":
            _expect(volume)
        assert volume.check() == []
    if image.parent.name == "xfs":  # btrfs gives every write fresh blocks, shared or not
        assert not _shared(image)


@pytest.mark.parametrize("kind", SHARING)
def test_the_file_system_recovers_what_was_synced(kind, tmp_path, monkeypatch):
    """A copy of the disk, taken while it is in use, is what a loss of power leaves at the least."""
    put_down = Cloning.put_down
    disk, moments = tmp_path / f"{kind}.disk", []

    def keep(*_):
        moments.append(tmp_path / f"{len(moments)}.disk")
        subprocess.run(["cp", "--sparse=always", disk, moments[-1]], check=True)

    def keeping(self, *arguments):
        cloned = put_down(self, *arguments)
        if cloned and not moments:
            keep()  # the group is durable, and nothing in place
        return cloned

    with _mounted(kind, tmp_path) as mount:
        image = mount / "disk.img"
        image.write_bytes(_content())
        with open_volume(image) as volume:
            volume.snapshot("monday")
            monkeypatch.setattr(Cloning, "put_down", keeping)
            volume.write(0, NEW)
            volume.flush()
            keep()
    for number, moment in enumerate(moments):
        subprocess.run(["mount", "-o", "loop", moment, mount], check=True)
        try:
            shared = _shared(image)
            with open_volume(image) as volume:
                assert volume.read(0, SIZE, "monday") == _content()
                assert volume.check() == []
                if number:
                    _expect(volume)
            assert bool(shared) == (number == 0), "the clone was durable, or the new data is"
        finally:
            subprocess.run(["umount", mount], check=True)
            moment.unlink()
    assert len(moments) == 2


def _fill(path: Path) -> int:
    """Take all blocks of a file system; return how many bytes that were."""
    step, taken = 64 * MIB, 0
    with path.open("wb", buffering=0) as file:
        while step >= 4 * KIB:
            try:
                os.posix_fallocate(file.fileno(), taken, step)
                taken += step
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                step //= 2
        os.fsync(file.fileno())
    return taken


@pytest.fixture
def filled_after_clone(image, monkeypatch):
    """Let another program take the last block after the first clone, before new data is in place.

    The list holds how much it took, then -1 for each portion of room that was let go for that.
    """
    put_down, release = Cloning.put_down, HeldRoom.release
    noted = []

    def filling(self, *arguments):
        cloned = put_down(self, *arguments)
        if cloned and not noted:
            noted.append(_fill(image.with_name("other")))
        return cloned

    def noting(self):
        noted.append(-1)
        return release(self)

    monkeypatch.setattr(Cloning, "put_down", filling)
    monkeypatch.setattr(HeldRoom, "release", noting)  # before a device is made that binds it
    return noted


def test_what_was_accepted_finds_room_when_another_program_fills_the_disk(
    image, filled_after_clone
):
    is_safe = image.parent.name == "xfs"  # btrfs needs fresh blocks for any write, cloned or not
    try:
        with open_volume(image) as volume:
            volume.snapshot("monday")
            volume.write(0, NEW)
            with contextlib.nullcontext() if is_safe else pytest.raises(DeviceFailedError):
                volume.flush()
            if is_safe:
                _expect(volume)
    finally:
        image.with_name("other").unlink()
    assert filled_after_clone[0] > MIB
    assert filled_after_clone[1:], "the disk was not full enough to need what was held"
    with open_volume(image) as volume:
        assert volume.read(0, SIZE, "monday") == _content()
        assert volume.check() == []


@pytest.mark.parametrize("kind", ["ext4", "tmpfs"])
def test_elsewhere_all_is_written_and_nothing_is_told(kind, tmp_path, capfd):
    with contextlib.ExitStack() as stack:
        if kind == "ext4":
            folder = stack.enter_context(_mounted("ext4", tmp_path))
        else:
            folder = tmp_path / "tmpfs"
            folder.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", folder], check=True)
            stack.callback(subprocess.run, ["umount", folder], check=True)
        image = folder / "disk.img"
        image.write_bytes(_content())
        with open_volume(image) as volume:
            volume.snapshot("monday")
            volume.write(0, NEW)
            volume.flush()
            assert volume.stats().preserved_by_cloning_bytes == 0
            _expect(volume)
        assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
            "disk.img",
            "disk.img.rangepair",
        ]
    assert capfd.readouterr() == ("", "")


def test_an_area_on_another_file_system_is_written(image, tmp_path):
    area = tmp_path / "elsewhere.rangepair"
    with open_volume(image, area=area) as volume:
        volume.snapshot("monday")
        volume.write(0, NEW)
        volume.flush()
        assert volume.stats().preserved_by_cloning_bytes == 0
        _expect(volume)


def test_room_is_held_without_a_name_and_given_back(folder):
    (folder / "file").write_bytes(bytes(4 * KIB))
    device = FileDevice.open(folder / "file")
    free = device.room_bytes
    assert can_share(device._number)
    assert device.hold_room(16 * MIB, 2)
    os.sync()
    assert device.room_bytes <= free - 31 * MIB
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["file"]
    device.release_room()
    os.sync()
    assert free - 18 * MIB < device.room_bytes < free - 14 * MIB, "the other portion is held on"
    assert not device.hold_room(16 * MIB, 2), "the disk was full once"
    device.release_room()
    os.sync()
    assert device.room_bytes > free - 2 * MIB
    device.close()
