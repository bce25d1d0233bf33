# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What cannot be opened is refused in one sentence that names the file and says what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from core.device import opening
from core.device.holes import punch_hole
from core.device.imagefile import FileDevice
from core.device.opening import create_area, create_image, open_area, open_image, place_area
from core.device.refusals import explain_open
from core.errors import AreaFullError, ImageError, ReadOnlyError, VolumeBusyError
from core.units import MIB


def _folder(path):
    path.mkdir()


def _pipe(path):
    os.mkfifo(path)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def _circle(path):
    path.symlink_to(path)


def _open_descriptors():
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


REFUSED = {
    "missing": (lambda _: None, "there is no such file"),
    "folder": (_folder, "it is a folder"),
    "pipe": (_pipe, "it is a pipe"),
    "socket": (_socket, "it is a socket"),
    "circle": (_circle, "round in circles"),
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "odd-size": (lambda path: path.write_bytes(b"x" * 513), "truncate -s 1024"),
    "device": (lambda path: path.symlink_to("/dev/null"), "a character device"),
}


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_image_is_refused(tmp_path, kind, writable):
    make, reason = REFUSED[kind]
    path = tmp_path / "disk.img"
    make(path)
    with pytest.raises(ImageError, match=reason) as caught:
        open_image(path, writable=writable)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert ";" in caught.value.message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.EROFS, ReadOnlyError),
        (errno.EBUSY, VolumeBusyError),
        (errno.EACCES, ImageError),
        (errno.EIO, ImageError),
    ],
)
def test_every_errno_becomes_a_sentence(code, kind):
    told = explain_open("disk.img", "image", OSError(code, os.strerror(code)))
    assert type(told) is kind
    assert told.message.startswith("cannot")
    assert "disk.img" in told.message


def test_a_failed_open_leaves_no_descriptor(tmp_path):
    (tmp_path / "odd.img").write_bytes(b"x")
    before = _open_descriptors()
    with pytest.raises(ImageError):
        open_image(tmp_path / "odd.img")
    assert _open_descriptors() == before


def test_a_new_image_is_one_hole_and_replaces_nothing(tmp_path):
    path = tmp_path / "new.img"
    with contextlib.closing(create_image(path, 3 * MIB)) as image:
        assert image.size == 3 * MIB
        assert list(image.data_extents(0, image.size)) == []
    with pytest.raises(ImageError, match="exists already"):
        create_image(path, MIB)
    assert path.stat().st_size == 3 * MIB


def test_an_image_too_large_for_the_file_system_leaves_nothing(tmp_path):
    with pytest.raises(ImageError, match="takes no file of this size"):
        create_image(tmp_path / "huge.img", (1 << 63) - 512)
    with pytest.raises(ImageError, match="largest volume"):
        create_image(tmp_path / "huge.img", 1 << 63)
    with pytest.raises(ImageError, match="choose 512 or more"):
        create_image(tmp_path / "huge.img", 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_area_is_as_private_as_the_image(tmp_path, mode):
    image_path, area_path = tmp_path / "disk.img", tmp_path / "disk.img.rangepair"
    image_path.write_bytes(bytes(MIB))
    image_path.chmod(mode)
    with contextlib.closing(open_image(image_path)) as image:
        area = create_area(area_path, image)
        place_area(area, area_path)
        area.close()
    assert stat.S_IMODE(area_path.stat().st_mode) == mode


def test_errors_of_the_area_speak_of_the_area(tmp_path):
    with pytest.raises(ImageError, match="cannot open the additional area"):
        open_area(tmp_path / "disk.img.rangepair")


def test_a_read_only_device_takes_no_writes(tmp_path):
    (tmp_path / "disk.img").write_bytes(b"r" * 512)
    with contextlib.closing(open_image(tmp_path / "disk.img", writable=False)) as image:
        assert image.pread(512, 0) == b"r" * 512
        with pytest.raises(OSError, match="Bad file descriptor"):
            image.pwrite(b"x" * 512, 0)


def test_a_full_disk_is_told_and_the_size_stays_true(tmp_path):
    with contextlib.closing(FileDevice.create(tmp_path / "area")) as area:
        area.allocate(0, MIB)
        with pytest.raises(AreaFullError, match="cannot grow to"):
            area.allocate(MIB, 1 << 62)
        assert area.size == (tmp_path / "area").stat().st_size
        with pytest.raises(ImageError, match="no file of this size"):
            area.resize(1 << 62)
        assert area.size == (tmp_path / "area").stat().st_size


def test_punching_gives_storage_back(tmp_path):
    path = tmp_path / "area"
    with contextlib.closing(FileDevice.create(path)) as area:
        area.resize(4 * MIB)
        area.pwrite(b"s" * 4 * MIB, 0)
        area.sync()
        used = path.stat().st_blocks
        area.punch(0, 3 * MIB)
        assert path.stat().st_blocks <= used // 2
        area.allocate(0, 4 * MIB)
        assert path.stat().st_blocks >= used


def test_a_closed_device_does_not_touch_the_next_file_of_its_number(tmp_path):
    area = FileDevice.create(tmp_path / "area")
    area.close()
    for act in (
        lambda: area.pread(1, 0),
        lambda: area.pwrite(b"x", 0),
        area.sync,
        lambda: area.punch(0, 1),
        lambda: area.pwritev_durable([b"x"], 0),
    ):
        with pytest.raises(OSError, match="closed"):
            act()


def test_the_time_of_change_is_the_files(tmp_path):
    with contextlib.closing(FileDevice.create(tmp_path / "disk.img")) as image:
        os.utime(tmp_path / "disk.img", ns=(5, 1_234_567_891))
        assert image.mtime_ns == 1_234_567_891


@pytest.mark.parametrize("refusing", ["open", "preadv"])
def test_where_direct_access_is_refused_durable_writes_are_synced(tmp_path, monkeypatch, refusing):
    real, real_sync, synced = getattr(os, refusing), os.fdatasync, []

    def refuse(*args):
        if refusing == "preadv" or args[1] & os.O_DIRECT:
            raise OSError(errno.EINVAL, "refused")
        return real(*args)

    def sync(descriptor):
        synced.append(descriptor)
        real_sync(descriptor)

    before = _open_descriptors()
    monkeypatch.setattr(os, refusing, refuse)
    monkeypatch.setattr(os, "fdatasync", sync)
    with contextlib.closing(FileDevice.create(tmp_path / "area", direct=True)) as area:
        assert not area.direct
        area.allocate(0, 1024)
        assert area.pwritev_durable([b"d" * 512], 512) == 512
        assert len(synced) == 1
        assert area.pread(1024, 0) == bytes(512) + b"d" * 512
        assert len(_open_descriptors()) == len(before) + 1


@pytest.mark.parametrize("act", ["punch", "zero"])
def test_where_holes_are_refused_zeroes_are_written(tmp_path, monkeypatch, act):
    monkeypatch.setattr("core.device.holes._fallocate", lambda *_: False)
    with contextlib.closing(FileDevice.create(tmp_path / "area")) as area:
        area.resize(3 * MIB)
        area.pwrite(b"x" * 3 * MIB, 0)
        getattr(area, act)(512, 2 * MIB)
        assert area.pread(3 * MIB, 0) == b"x" * 512 + bytes(2 * MIB) + b"x" * (MIB - 512)


def test_where_holes_are_not_told_all_may_be_data(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EINVAL, "refused")

    with contextlib.closing(FileDevice.create(tmp_path / "area")) as area:
        area.resize(MIB)
        monkeypatch.setattr(os, "lseek", refuse)
        assert [tuple(extent) for extent in area.data_extents(512, 2 * MIB)] == [(512, MIB - 512)]


def test_failures_of_the_disk_are_not_taken_for_holes(tmp_path, monkeypatch):
    def break_down(*_):
        raise OSError(errno.EIO, "broken")

    with contextlib.closing(FileDevice.create(tmp_path / "area")) as area:
        area.resize(MIB)
        monkeypatch.setattr(os, "lseek", break_down)
        with pytest.raises(OSError, match="broken"):
            list(area.data_extents(0, MIB))
        monkeypatch.undo()
        monkeypatch.setattr(os, "posix_fallocate", break_down)
        with pytest.raises(OSError, match="broken"):
            area.allocate(0, MIB)
        monkeypatch.setattr(os, "ftruncate", break_down)
        with pytest.raises(OSError, match="broken"):
            area.resize(2 * MIB)


def test_a_hole_that_cannot_be_made_is_an_error_and_no_write(tmp_path):
    (tmp_path / "area").write_bytes(b"x" * 4096)
    descriptor = os.open(tmp_path / "area", os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor"):
        punch_hole(descriptor, 0, 4096)
    os.close(descriptor)


def test_a_file_that_cannot_be_made_is_told(tmp_path):
    with contextlib.closing(create_image(tmp_path / "disk.img", MIB)) as image:
        area = create_area(tmp_path / "area", image)
        (tmp_path / "area").write_bytes(b"")
        with pytest.raises(ImageError, match=r"additional area .* exists already"):
            place_area(area, tmp_path / "area")
        area.close()
        with pytest.raises(ImageError, match=r"additional area .* exists already"):
            create_area(tmp_path / "area", image)


@pytest.fixture
def block_device(tmp_path):
    if os.geteuid() or not Path("/dev/loop-control").exists():
        pytest.skip("only root can make a block device")
    (tmp_path / "disk.img").write_bytes(b"b" * MIB)
    command = ["losetup", "--find", "--show", str(tmp_path / "disk.img")]
    path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    yield path
    subprocess.run(["losetup", "--detach", path], check=True)


def test_a_block_device_is_an_image_of_fixed_size(block_device):
    with contextlib.closing(open_image(block_device)) as image:
        assert (image.size, image.mtime_ns) == (MIB, 0)
        image.punch(0, 8192)
        image.pwrite(b"w" * 512, 512)
        image.sync()
        assert image.pread(16384, 0) == bytes(512) + b"w" * 512 + bytes(7168) + b"b" * 8192
        assert [tuple(extent) for extent in image.data_extents(0, 2 * MIB)] == [(0, MIB)]
        image.allocate(0, MIB)
        with pytest.raises(AreaFullError):
            image.allocate(MIB, 1)
        with pytest.raises(ImageError, match="block device"):
            image.resize(2 * MIB)
        with pytest.raises(VolumeBusyError, match="in use"):
            open_image(block_device)


def test_no_area_is_made_where_a_restart_loses_it(tmp_path, monkeypatch):
    """Beside the node of a block device; the file system's name is played, for this needs root."""
    monkeypatch.setattr(opening, "filesystem_of", lambda _device: "devtmpfs")
    with (
        contextlib.closing(create_image(tmp_path / "disk.img", MIB)) as image,
        pytest.raises(ImageError, match=r"lost with the next restart.*--area"),
    ):
        create_area(tmp_path / "area", image)
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]


def test_a_file_named_like_a_word_is_told_with_its_part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "disk").write_bytes(b"")
    with pytest.raises(ImageError, match=r"^the image disk is empty"):
        open_image("disk")


def test_holes_are_filled_with_room_and_nothing_else(tmp_path):
    content = b"x" * 65536 + bytes(65536) + b"y" * 65536
    with (tmp_path / "disk.img").open("wb") as file:
        file.write(b"x" * 65536)
        file.seek(131072)
        file.write(b"y" * 65536)
    with contextlib.closing(open_image(tmp_path / "disk.img")) as image:
        before = (tmp_path / "disk.img").stat().st_blocks
        image.fill_holes(4096, 3 * 65536 - 4096)
        assert (tmp_path / "disk.img").stat().st_blocks >= before + 128
        assert image.pread(len(content), 0) == content
        assert image.size == len(content)


def test_a_full_disk_refuses_to_fill_a_hole_that_was_there_or_was_made(tmp_path, monkeypatch):
    def find_no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "whole.img").write_bytes(b"x" * MIB)
    (tmp_path / "sparse.img").write_bytes(b"")
    os.truncate(tmp_path / "sparse.img", MIB)
    with (
        contextlib.closing(open_image(tmp_path / "whole.img")) as whole,
        contextlib.closing(open_image(tmp_path / "sparse.img")) as sparse,
    ):
        monkeypatch.setattr("core.device.imagefile.fill_holes", find_no_room)
        with pytest.raises(AreaFullError, match=r"sparse\.img is full, so the write was refused"):
            sparse.fill_holes(0, 4096)
        whole.fill_holes(0, 4096)
        whole.punch(0, 4096)
        with pytest.raises(AreaFullError):
            whole.fill_holes(0, 4096)
