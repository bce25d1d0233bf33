# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``rangepair attach`` and ``detach`` against a real kernel."""

from __future__ import annotations

import os
import random
import signal
import stat
import struct
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import AttachError
from core.service import attaching
from core.service.launcher import connect_or_start
from tests.attach.conftest import VOLUME_BYTES, run
from tests.holes import data_bytes

if TYPE_CHECKING:
    import io

    from tests.attach.conftest import Bench

pytestmark = pytest.mark.e2e


def test_a_file_and_a_device_are_there_and_gone(bench: Bench):
    view = bench.attach()
    file, loop = Path(view["file"]), view["loop"]
    assert view["way"] == ["fuse", "loop"]
    assert file.stat().st_size == VOLUME_BYTES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert int(run("blockdev", "--getsize64", loop)) == VOLUME_BYTES
    payload = random.Random(1).randbytes(3 << 20)
    with file.open("r+b") as out:
        out.seek(12345)
        out.write(payload)
    with Path(loop).open("rb") as device:
        device.seek(12345)
        assert device.read(len(payload)) == payload
    assert [one["copy"] for one in bench.detach()] == ["original"]
    assert not file.exists()
    with bench.image.open("rb") as image:
        image.seek(12345)
        assert image.read(len(payload)) == payload
    assert bench.traces() == []


def test_one_line_says_where_it_is(bench: Bench):
    told = bench.rangepair("attach", bench.image)
    view = bench.attached()[0]
    assert told == f"original: {view['file']}, {view['loop']}; through fuse and loop\n"
    assert bench.rangepair("attach", bench.image, "--list") == told
    assert bench.rangepair("detach", bench.image) == f"original detached from {view['loop']}\n"
    assert bench.rangepair("attach", bench.image, "--list") == "nothing is attached\n"


def test_the_engine_stays_without_clients_and_ends_when_it_is_detached(bench: Bench):
    bench.attach()
    pid = bench.engine_pid()
    time.sleep(1.0)  # longer than an engine lingers
    assert bench.engine_pid() == pid
    bench.detach()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_copies_are_attached_beside_the_original(bench: Bench):
    contents = {}
    bench.attach()
    file = Path(bench.attached()[0]["file"])
    for name in ("monday", "tuesday"):
        with file.open("r+b") as out:
            contents[name] = random.Random(name).randbytes(100_000)
            out.write(contents[name])
        bench.rangepair("snapshot", bench.image, name)
    bench.rangepair("clone", bench.image, "monday", "try")
    views = {name: bench.attach("--copy", name) for name in ("monday", "tuesday", "try")}
    with Path(views["try"]["file"]).open("r+b") as out:
        out.write(b"mine")
    contents["try"] = b"mine" + contents["monday"][4:]
    for name, view in views.items():
        assert Path(view["file"]).read_bytes()[:100_000] == contents[name]
        assert view["read_only"] == (name != "try")
        assert run("blockdev", "--getro", view["loop"]).strip() == str(int(name != "try"))
    assert file.read_bytes()[:100_000] == contents["tuesday"]
    assert len({view["loop"] for view in views.values()}) == 3
    assert [one["copy"] for one in bench.detach()] == ["try", "tuesday", "monday", "original"]


def test_a_snapshot_refuses_to_be_written(bench: Bench):
    bench.rangepair("snapshot", bench.image, "monday")
    view = bench.attach("--copy", "monday")
    with pytest.raises(OSError, match="Read-only"):
        os.open(view["file"], os.O_RDWR)
    device = os.open(view["loop"], os.O_RDWR)  # for whoever wants to ask it something
    with pytest.raises(OSError, match=r"not permitted|Read-only"):
        os.pwrite(device, bytes(4096), 0)
    os.close(device)
    bench.detach()


def test_read_only_keeps_the_original_from_being_written(bench: Bench):
    view = bench.attach("--read-only")
    assert view["read_only"]
    with pytest.raises(OSError, match="Read-only"):
        os.open(view["file"], os.O_RDWR)
    bench.detach()


def test_the_size_stays_whoever_tries(bench: Bench):
    file = bench.attach()["file"]
    run("truncate", "--size", "1M", file, status=1)
    with pytest.raises(OSError, match="not permitted"):
        os.open(file, os.O_WRONLY | os.O_TRUNC)
    assert Path(file).stat().st_size == VOLUME_BYTES
    bench.detach()


def test_holes_are_told_to_who_asks(bench: Bench):
    with bench.image.open("r+b") as image:
        image.seek(100 << 20)
        image.write(b"x" * 65536)
    file = os.open(bench.attach()["file"], os.O_RDONLY)
    try:
        assert os.lseek(file, 0, os.SEEK_DATA) == 100 << 20
        assert os.lseek(file, 100 << 20, os.SEEK_HOLE) == (100 << 20) + 65536
    finally:
        os.close(file)
    bench.detach()


def test_a_discard_of_the_device_makes_holes_in_the_image(bench: Bench):
    with bench.image.open("r+b") as image:
        for _ in range(64):
            image.write(b"\xaa" * (1 << 20))
    loop = bench.attach()["loop"]
    bench.rangepair("snapshot", bench.image, "monday")
    full = data_bytes(bench.image)
    run("blkdiscard", "--offset", str(16 << 20), "--length", str(32 << 20), loop)
    assert data_bytes(bench.image) == full - (32 << 20)
    with Path(loop).open("rb") as device:
        device.seek((16 << 20) - 4096)
        assert device.read(8192) == b"\xaa" * 4096 + bytes(4096)
    bench.detach()
    bench.rangepair("check", bench.image)
    copy = bench.attach("--copy", "monday")
    with Path(copy["file"]).open("rb") as file:
        for _ in range(64):
            assert file.read(1 << 20) == b"\xaa" * (1 << 20)
    bench.detach()


def test_a_folder_that_no_path_names_is_refused_in_a_sentence(bench: Bench):
    with connect_or_start(bench.image) as volume:
        with pytest.raises(AttachError, match="no folder to mount in"):
            attaching.attach(volume, "original", mount="/a\0b")
        assert attaching.attached(volume) == []


def partition_table(*extents: tuple[int, int]) -> bytes:
    """Return an MBR with partitions of Linux; each is first sector and number of sectors."""
    entries = b"".join(struct.pack("<B3xB3xII", 0, 0x83, *extent) for extent in extents)
    return bytes(446) + entries.ljust(64, b"\0") + b"\x55\xaa"


def test_partitions_are_found(bench: Bench):
    with bench.image.open("r+b") as image:
        image.write(partition_table((2048, 204800), (208896, 204800)))
    told = bench.attach()
    assert [(part["number"], part["start"], part["length"]) for part in told["partitions"]] == [
        (1, 2048 * 512, 204800 * 512),
        (2, 208896 * 512, 204800 * 512),
    ]
    for part in told["partitions"]:
        assert stat.S_ISBLK(Path(part["device"]).stat().st_mode)
    run("mkfs.ext4", "-q", told["partitions"][1]["device"])
    bench.detach()
    here = bench.mount_folder("here")
    assert "known was found on /dev/loop" in bench.rangepair(
        "attach", bench.image, "--mount", here, "--partition", "1", status=1
    )
    told = bench.attach("--mount", here)
    assert told["mounted"] == told["partitions"][1]["device"]
    run("mkfs.ext4", "-q", told["partitions"][0]["device"])
    bench.detach()
    assert "--partition: the volume has 1, 2" in bench.rangepair(
        "attach", bench.image, "--mount", here, status=1
    )
    assert bench.traces() == []
    assert bench.attach("--mount", here, "--partition", "1")["mounted"].endswith("p1")
    bench.detach()
    assert "no partition 7" in bench.rangepair(
        "attach", bench.image, "--mount", here, "--partition", "7", status=1
    )


@pytest.mark.parametrize(
    ("arguments", "told", "status"),
    [
        (["--copy", "nobody"], "no copy named 'nobody'", 1),
        (["--copy", "gone"], "'gone' is deleted; undelete it first", 1),
        (["--mount", "missing/here"], "missing/here is no folder", 1),
        (["--mount", "."], "known was found on the volume, and it has no partitions;", 1),
        (["--partition", "1"], "name a folder with --mount", 64),
    ],
)
def test_what_cannot_be_attached_leaves_nothing(
    bench: Bench, arguments: list[str], told: str, status: int
):
    bench.rangepair("snapshot", bench.image, "gone")
    bench.rangepair("delete", bench.image, "gone")
    assert told in bench.rangepair("attach", bench.image, *arguments, status=status)
    assert bench.traces() == []
    assert bench.attached() == []


def test_what_is_attached_is_not_attached_again(bench: Bench):
    view = bench.attach()
    told = bench.rangepair("attach", bench.image, status=1)
    assert view["file"] in told
    bench.detach()


def test_where_something_is_mounted_nothing_else_is(bench: Bench):
    bench.make_file_system("ext4")
    here, other = bench.mount_folder("here"), bench.mount_folder("other")
    bench.rangepair("snapshot", bench.image, "monday")
    view = bench.attach("--mount", here)
    words = ("attach", bench.image, "--copy", "monday", "--mount")
    told = bench.rangepair(*words, here, status=1)
    assert told == (
        f"'original' is mounted at {here} already; detach it first, or choose another folder.\n"
    )
    run("mount", "-t", "tmpfs", "mine", other)
    try:
        told = bench.rangepair(*words, other, status=1)
        assert f"{other} has mine (tmpfs) mounted already; unmount that first" in told
    finally:
        run("umount", other)
    assert bench.attached() == [view]
    bench.attach("--copy", "monday", "--mount", other)
    assert [one["copy"] for one in bench.detach()] == ["monday", "original"]


def test_a_view_mounted_inside_another_is_detached_with_it(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    bench.rangepair("snapshot", bench.image, "monday")
    bench.attach("--mount", here)
    inside = bench.mount_folder("here/inside")
    bench.attach("--copy", "monday", "--mount", inside)
    views = bench.attached()
    told = bench.rangepair("detach", bench.image, "--copy", "original", status=1)
    assert f"mounted at {inside}, inside {here};" in told
    with (here / "open").open("wb"):
        told = bench.rangepair("detach", bench.image, status=1)
        assert f"The file system at {here} is in use by" in told
        assert bench.attached() == views
    bench.detach("--copy", "monday")
    bench.attach("--copy", "monday", "--mount", inside)
    assert [one["copy"] for one in bench.detach()] == ["monday", "original"]
    outer = bench.mount_folder("outer")
    (outer / "inner").mkdir()
    bench.attach("--copy", "monday", "--mount", outer / "inner")
    told = bench.rangepair("attach", bench.image, "--mount", outer, status=1)
    assert f"'monday' is mounted at {outer / 'inner'} already" in told
    bench.detach()


def test_a_folder_may_be_named_by_a_link(bench: Bench):
    bench.make_file_system("ext4")
    here, link = bench.mount_folder("here"), bench.folder / "link"
    link.symlink_to(here)
    assert bench.attach("--mount", link)["mount"] == str(here)
    bench.detach()


def test_detaching_nothing_is_told(bench: Bench):
    assert "Nothing of this image is attached" in bench.rangepair("detach", bench.image, status=1)
    bench.attach()
    told = bench.rangepair("detach", bench.image, "--copy", "monday", status=1)
    assert "'monday' is not attached" in told
    bench.detach()


def test_a_file_that_is_open_is_not_detached(bench: Bench):
    view = bench.attach()
    with Path(view["file"]).open("rb") as file:
        told = bench.rangepair("detach", bench.image, status=1)
        assert f"{view['file']} is open" in told
        assert f"process {os.getpid()}" in told
        assert len(file.read(4096)) == 4096
        assert bench.attached() == [view]
    bench.detach()


def test_a_file_system_in_use_is_not_detached_and_nothing_is_half_undone(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    bench.rangepair("snapshot", bench.image, "monday")
    views = [bench.attach("--mount", here), bench.attach("--copy", "monday")]
    with (here / "open").open("wb") as file:
        told = bench.rangepair("detach", bench.image, status=1)
        assert f"at {here} is in use by" in told
        assert f"process {os.getpid()}" in told
        assert bench.attached() == views
        file.write(b"x")
    for _ in range(2):  # the question alone must not unmount anything
        with Path(views[1]["file"]).open("rb"):
            bench.rangepair("detach", bench.image, status=1)
            assert bench.attached() == views
            assert (here / "open").read_bytes() == b"x"
    bench.detach()


def test_a_device_mounted_by_hand_is_not_detached(bench: Bench):
    bench.make_file_system("ext4")
    view, here = bench.attach(), bench.mount_folder("here")
    run("mount", view["loop"], here)
    told = bench.rangepair("detach", bench.image, status=1)
    assert f"{view['loop']} is also mounted at {here}" in told
    assert bench.attached() == [view]
    run("umount", here)
    bench.detach()


def test_what_was_unmounted_by_hand_is_detached(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    bench.attach("--mount", here)
    run("umount", here)
    bench.detach()


def test_what_is_attached_is_neither_restored_nor_renamed_nor_deleted(bench: Bench):
    bench.attach()
    bench.rangepair("snapshot", bench.image, "monday")
    assert "cannot be restored" in bench.rangepair("restore", bench.image, "monday", status=1)
    bench.attach("--copy", "monday")
    assert "cannot be renamed" in bench.rangepair("rename", bench.image, "monday", "m", status=1)
    assert "cannot be deleted" in bench.rangepair("delete", bench.image, "monday", status=1)
    bench.detach("--copy", "monday")
    bench.rangepair("rename", bench.image, "monday", "m")
    bench.detach()


def test_sigterm_detaches_first(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    bench.attach("--mount", here)
    (here / "kept").write_bytes(b"k" * 100_000)
    bench.kill_engine(signal.SIGTERM)
    assert bench.traces() == []
    run("e2fsck", "-f", "-n", bench.image)
    bench.attach("--mount", here)
    assert (here / "kept").read_bytes() == b"k" * 100_000
    bench.detach()


def test_sigterm_takes_what_is_in_use_away_after_it_is_durable(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    bench.attach("--mount", here)
    with (here / "kept").open("wb", buffering=0) as file:
        file.write(b"k" * 100_000)
        bench.kill_engine(signal.SIGTERM)
        with pytest.raises(OSError, match=r"[Ii]nput/output|Read-only|not connected"):
            write_for_ever(file)
    deadline = time.monotonic() + 20
    while bench.traces():
        assert time.monotonic() < deadline, bench.traces()
        time.sleep(0.05)
    bench.attach("--mount", here)
    assert (here / "kept").read_bytes()[:100_000] == b"k" * 100_000
    bench.detach()
    run("e2fsck", "-f", "-n", bench.image)


def test_sigterm_takes_what_is_in_use_away_although_a_write_was_refused(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    bench.attach("--mount", here)
    (here / "file").write_bytes(b"a" * (80 << 20))
    os.sync()
    bench.rangepair("snapshot", bench.image, "monday")
    bench.rangepair("policy", bench.image, "--area-limit", "1MiB")
    with (here / "file").open("r+b", buffering=0) as file:
        file.write(b"b" * (80 << 20))
        with pytest.raises(OSError, match="No space left"):
            os.fsync(file.fileno())
        bench.kill_engine(signal.SIGTERM)
        assert bench.traces() == []
    assert not (here / "file").exists()
    bench.rangepair("check", bench.image)


def write_for_ever(file: io.FileIO) -> None:
    """Write and sync until that fails."""
    while True:
        file.write(b"l" * 100_000)
        os.fsync(file.fileno())


@pytest.mark.parametrize("cleaner", ["attach", "detach"])
def test_what_a_killed_engine_leaves_is_cleared_away(bench: Bench, cleaner: str):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    view = bench.attach("--mount", here)
    bench.rangepair("snapshot", bench.image, "monday")  # so that the engine has something to redo
    (here / "synced").write_bytes(b"s" * 100_000)
    run("sync", "--file-system", here)
    with (here / "lost").open("wb") as file:
        file.write(b"l" * 10_000)
        bench.kill_engine()
        assert view["mount"] in bench.traces()
        with pytest.raises(OSError, match="not connected"):
            Path(view["file"]).stat()
    assert bench.attached() == [view | {"dead": True}]
    said = bench.rangepair("attach", bench.image, "--list")
    assert said == (
        f"original: dead at {view['file']}, {view['loop']}, {here}, as its engine process was"
        f" killed; 'rangepair detach {bench.image}' clears that away\n"
    )
    if cleaner == "detach":
        gone = bench.detach()
        assert [one["mount"] for one in gone] == [str(here)]
        assert bench.traces() == []
        # Replays the journal of the file system, which the kill left as a power cut would.
        loop = bench.attach()["loop"]
        assert subprocess.run(["e2fsck", "-p", loop], check=False).returncode in {0, 1}
        run("e2fsck", "-f", "-n", loop)
        bench.detach()
    bench.attach("--mount", here)
    assert (here / "synced").read_bytes() == b"s" * 100_000
    bench.detach()
    run("e2fsck", "-f", "-n", bench.image)
    bench.rangepair("check", bench.image)


def test_every_thread_of_the_engine_is_known_to_write_for_others(bench: Bench):
    """Else the kernel could make it wait for pages that only it can write back."""
    status = Path("/proc/self/status").read_text("ascii")
    if not int(status.partition("CapEff:")[2].split()[0], 16) >> 24 & 1:
        pytest.skip("root lacks CAP_SYS_RESOURCE here: PR_SET_IO_FLUSHER was NOT tested")
    no_io, local_throttle = 0x00080000, 0x00100000  # PF_MEMALLOC_NOIO, PF_LOCAL_THROTTLE
    bench.attach()
    threads = list(Path(f"/proc/{bench.engine_pid()}/task").iterdir())
    assert len(threads) >= 3
    for thread in threads:
        flags = int((thread / "stat").read_text("utf-8").rpartition(")")[2].split()[6])
        assert flags & (no_io | local_throttle) == no_io | local_throttle, thread
    bench.detach()
