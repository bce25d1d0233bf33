# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Locks between engines, and between an engine and the real QEMU tools."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import subprocess
import sys

import pytest

from core.device.locks import lock_image
from core.device.opening import create_area, create_image, open_area, open_image, place_area
from core.errors import ImageError, VolumeBusyError
from core.units import MIB


@pytest.fixture
def path(tmp_path):
    create_image(tmp_path / "disk.img", MIB).close()
    return tmp_path / "disk.img"


@contextlib.contextmanager
def _held_by_qemu(path, *flags):
    """Hold ``path`` in a real qemu-io, ready once it has answered a first read."""
    command = ["stdbuf", "-oL", "qemu-io", "-f", "raw", *flags, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as qemu:
        qemu.stdin.write("read 0 512\n")
        qemu.stdin.flush()
        assert "read 512/512 bytes" in qemu.stdout.readline()
        yield qemu
        qemu.stdin.write("quit\n")


def _qemu(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_one_writer_shuts_everyone_out(path):
    with contextlib.closing(open_image(path)):
        for writable in (True, False):
            with pytest.raises(VolumeBusyError, match=r"is open already in this program"):
                open_image(path, writable=writable)
    open_image(path).close()


def test_readers_share_and_keep_writers_out(path):
    with contextlib.closing(open_image(path, writable=False)):
        open_image(path, writable=False).close()
        with pytest.raises(VolumeBusyError):
            open_image(path)
    open_image(path).close()


def test_the_lock_is_on_the_file_and_not_on_its_name(path):
    link = path.with_name("link.img")
    link.hardlink_to(path)
    with contextlib.closing(open_image(path)), pytest.raises(VolumeBusyError, match=r"link\.img"):
        open_image(link)


def test_an_area_has_one_writer(path):
    area_path = path.with_name("disk.img.rangepair")
    with contextlib.closing(open_image(path)) as image:
        with contextlib.closing(create_area(area_path, image)) as area:
            place_area(area, area_path)
            with pytest.raises(VolumeBusyError):
                open_area(area_path)
            with pytest.raises(VolumeBusyError):
                open_area(area_path, writable=False)
        with contextlib.closing(open_area(area_path, writable=False)):
            open_area(area_path, writable=False).close()


def test_opening_the_file_elsewhere_does_not_drop_the_lock(path):
    with contextlib.closing(open_image(path)):
        path.read_bytes()
        with pytest.raises(VolumeBusyError):
            open_image(path)


def test_the_process_that_holds_it_is_named(path):
    code = (
        "import sys; from core.device.opening import open_image; image = open_image(sys.argv[1]);"
        "print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"ready\n"
        with pytest.raises(VolumeBusyError, match=rf"in use by python.* \(process {other.pid}\)"):
            open_image(path)
        other.kill()
        other.wait()
        open_image(path).close()


def test_a_file_replaced_while_it_is_locked_is_not_taken(path, monkeypatch):
    def replace_then_lock(descriptor, name, writable):
        path.rename(path.with_name("old.img"))
        path.write_bytes(bytes(MIB))
        lock_image(descriptor, name, writable)

    monkeypatch.setattr("core.device.opening.lock_image", replace_then_lock)
    with pytest.raises(VolumeBusyError, match="was replaced"):
        open_image(path)


def test_a_holder_that_cannot_be_seen_is_another_program(path, monkeypatch):
    monkeypatch.setattr("core.device.locks._holders", lambda *_: iter(()))
    with (
        contextlib.closing(open_image(path)),
        pytest.raises(VolumeBusyError, match="in use by another program"),
    ):
        open_image(path)


def test_a_file_system_without_locks_is_told(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with pytest.raises(ImageError, match="has no locks"):
        open_image(path)


@pytest.mark.interop
@pytest.mark.parametrize(
    "command",
    [
        ["qemu-io", "-f", "raw", "-c", "write 0 512", "{path}"],
        ["qemu-img", "resize", "-f", "raw", "{path}", "2M"],
        ["qemu-img", "convert", "-n", "-O", "raw", "{source}", "{path}"],
    ],
    ids=["write", "resize", "overwrite"],
)
def test_qemu_refuses_to_write_while_an_engine_does(path, command):
    source = path.with_name("source.img")
    source.write_bytes(b"s" * MIB)
    command = [word.format(path=path, source=source) for word in command]
    with contextlib.closing(open_image(path)):
        refused = _qemu(*command)
        assert refused.returncode != 0
        assert "lock" in refused.stderr
        assert path.read_bytes() == bytes(MIB)
    assert _qemu(*command).returncode == 0


@pytest.mark.interop
def test_qemu_may_read_while_an_engine_writes(path):
    with contextlib.closing(open_image(path)):
        assert _qemu("qemu-img", "info", str(path)).returncode == 0


@pytest.mark.interop
def test_qemu_may_read_but_not_write_what_an_engine_reads(path):
    with contextlib.closing(open_image(path, writable=False)):
        assert _qemu("qemu-img", "info", str(path)).returncode == 0
        refused = _qemu("qemu-io", "-f", "raw", "-c", "write 0 512", str(path))
        assert "lock" in refused.stderr


@pytest.mark.interop
def test_an_image_qemu_writes_to_is_refused_and_qemu_named(path):
    with _held_by_qemu(path) as qemu:
        for writable in (True, False):
            with pytest.raises(VolumeBusyError, match=rf"qemu-io \(process {qemu.pid}\)"):
                open_image(path, writable=writable)
    open_image(path).close()


@pytest.mark.interop
def test_an_engine_may_write_while_qemu_reads(path):
    with _held_by_qemu(path, "-r"):
        open_image(path).close()


@pytest.mark.interop
def test_a_refused_open_leaves_no_lock_behind(path):
    with _held_by_qemu(path), pytest.raises(VolumeBusyError):
        open_image(path)
    assert _qemu("qemu-io", "-f", "raw", "-c", "write 0 512", str(path)).returncode == 0
