# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A file system held still while a copy is taken: never one the engine needs, never for ever."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from core.attach import mounttable
from core.attach.freeze import frozen
from core.errors import FreezeError
from tests.attach.conftest import run
from tests.attach.test_attach import partition_table
from tests.cli.warmcommand import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attach.conftest import Bench

pytestmark = pytest.mark.e2e
HOLDER = """
import sys, time
from core.attach import freeze
freeze.FROZEN_S_MAX = float(sys.argv[2])
with freeze.frozen(sys.argv[1], []) as state:
    print("frozen", flush=True)
    time.sleep(float(sys.argv[3]))
print(state.lasted, flush=True)
"""


@pytest.fixture
def here(bench: Bench) -> Iterator[Path]:
    """An ext4 on the volume, mounted."""
    bench.make_file_system("ext4")
    folder = bench.mount_folder("here")
    bench.attach("--mount", folder)
    yield folder
    bench.detach()


def takes_writes(folder: Path, within_s: float) -> bool:
    """Return whether a write to a file system is done in time."""
    writer = threading.Thread(target=(folder / "written").write_bytes, args=(b"x",), daemon=True)
    writer.start()
    writer.join(within_s)
    return not writer.is_alive()


def hold(folder: Path, patience_s: float, sleep_s: float) -> subprocess.Popen[str]:
    """Return a process that has frozen a file system and sleeps."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(patience_s), str(sleep_s)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "frozen\n"
    return holder


def test_the_answer_says_whether_it_was_frozen(bench: Bench, here: Path):
    told = json.loads(bench.rangepair("snapshot", bench.image, "a", "--freeze", here, "--json"))
    assert (told["name"], told["frozen"], told["verified"]) == ("a", True, True)
    assert takes_writes(here, 10)
    told = json.loads(bench.rangepair("snapshot", bench.image, "b", "--json"))
    assert (told["frozen"], told["verified"]) == (False, False)
    line = bench.rangepair("snapshot", bench.image, "c", "--freeze", here)
    assert line.endswith("; its file system frozen meanwhile\n")


@pytest.fixture
def elsewhere(bench: Bench) -> Iterator[Path]:
    """A file system that is on no volume."""
    disk, folder = bench.folder / "elsewhere.img", bench.mount_folder("elsewhere")
    disk.touch()
    os.truncate(disk, 64 << 20)
    run("mkfs.ext4", "-q", disk)
    run("mount", "-o", "loop", disk, folder)
    yield folder
    run("umount", folder)


def test_a_file_system_on_something_else_is_not_frozen(bench: Bench, here: Path, elsewhere: Path):
    told = bench.rangepair("snapshot", bench.image, "a", "--freeze", elsewhere, status=1)
    device = mounttable.mount_of(elsewhere)
    assert device is not None
    assert f"{elsewhere} lies on {device.source}, and 'original'" in told
    assert f"is mounted at {here};" in told
    assert takes_writes(elsewhere, 10)
    bench.rangepair("snapshot", bench.image, "b")
    clone = ("snapshot", bench.image, "c", "--of", "b", "--freeze", here)
    assert "which is 'original', and 'b', which is copied, is not attached;" in bench.rangepair(
        *clone, status=1
    )
    loop = bench.attach("--copy", "b")["loop"]
    assert f"is attached as {loop} and not mounted;" in bench.rangepair(*clone, status=1)
    listed = json.loads(bench.rangepair("list", bench.image, "--json"))
    assert [copy["name"] for copy in listed["copies"]] == ["b"]


def test_what_is_not_attached_may_be_frozen_and_nothing_is_promised(bench: Bench, elsewhere: Path):
    words = ("snapshot", bench.image)
    told = json.loads(bench.rangepair(*words, "a", "--freeze", elsewhere, "--json"))
    assert (told["frozen"], told["verified"]) == (True, False)
    line = bench.rangepair(*words, "b", "--freeze", elsewhere)
    assert line.endswith(
        f"; {elsewhere} frozen meanwhile; Rangepair cannot know whether it lies on this volume\n"
    )


def partition_of(bench: Bench) -> dict[str, Any]:
    """Return a partition with an ext4 of the volume, which is attached."""
    with bench.image.open("r+b") as image:
        image.write(partition_table((2048, 204800)))
    part = dict(bench.attach()["partitions"][0])
    run("mkfs.ext4", "-q", part["device"])
    return part


def verified_at(bench: Bench, device: str) -> bool:
    """Mount a device, and return whether a copy with it frozen is told to have it."""
    here = bench.mount_folder("here")
    run("mount", device, here)
    try:
        words = ("snapshot", bench.image, "a", "--freeze", here, "--json")
        return bool(json.loads(bench.rangepair(*words))["verified"])
    finally:
        run("umount", here)


def test_a_partition_mounted_by_hand_lies_on_the_volume(bench: Bench):
    assert verified_at(bench, partition_of(bench)["device"])
    bench.detach()


def test_a_mapped_device_lies_on_the_volume(bench: Bench):
    if not shutil.which("dmsetup") or "device-mapper" not in Path("/proc/misc").read_text("ascii"):
        pytest.skip("needs a device mapper: LVM over a volume was NOT tested")
    part, name = partition_of(bench), f"rangepair{os.getpid()}"
    table = f"0 {part['length'] // 512} linear {part['device']} 0"
    run("dmsetup", "create", name, "--table", table)
    try:
        assert verified_at(bench, f"/dev/mapper/{name}")
    finally:
        run("dmsetup", "remove", name)
    bench.detach()


def test_it_is_frozen_in_the_block_and_not_after_it(here: Path):
    with frozen(str(here), []) as state:
        assert not takes_writes(here, 0.5)
    assert state.lasted
    assert takes_writes(here, 10)


def test_an_error_in_the_block_thaws(here: Path):
    with pytest.raises(ZeroDivisionError), frozen(str(here), []):
        raise ZeroDivisionError
    assert takes_writes(here, 10)


def test_a_copy_that_is_refused_thaws(bench: Bench, here: Path):
    bench.rangepair("snapshot", bench.image, "a")
    bench.rangepair("snapshot", bench.image, "a", "--freeze", here, status=1)
    assert takes_writes(here, 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_who_freezes_may_be_ended_by_any_signal(here: Path, number: signal.Signals):
    holder = hold(here, 60, 60)
    assert not takes_writes(here, 0.3)
    holder.send_signal(number)
    holder.communicate(timeout=20)
    assert takes_writes(here, 10)


def test_who_freezes_for_too_long_is_thawed_and_told(here: Path):
    holder = hold(here, 0.3, 2)
    assert takes_writes(here, 10)
    out, _ = holder.communicate(timeout=20)
    assert out == "False\n"


def test_what_holds_the_image_is_not_frozen(bench: Bench, here: Path):
    told = bench.rangepair("snapshot", bench.image, "a", "--freeze", bench.image.parent, status=1)
    assert "it would wait for itself" in told
    assert takes_writes(bench.folder, 10)
    inner = here / "inner.img"
    inner.touch()
    os.truncate(inner, 1 << 20)
    told = bench.rangepair("snapshot", inner, "a", "--freeze", here, status=1)
    assert "it would wait for itself" in told
    assert takes_writes(here, 10)


def test_what_holds_the_additional_area_is_not_frozen(bench: Bench, here: Path):
    other = bench.folder / "other.img"
    other.write_bytes(bytes(1 << 20))
    area = here / "other.area"
    bench.rangepair("snapshot", other, "a", "--area", area)
    told = bench.rangepair("snapshot", other, "b", "--area", area, "--freeze", here, status=1)
    assert f"also holds {area}" in told
    assert takes_writes(here, 10)


def test_what_lies_below_a_loop_device_is_not_frozen(bench: Bench, here: Path):
    """The image on a file system, in a file of another one: freezing that stops both."""
    outer = here / "outer.img"
    outer.touch()
    os.truncate(outer, 64 << 20)
    run("mkfs.ext4", "-q", outer)
    upper = bench.mount_folder("upper")
    run("mount", "-o", "loop", outer, upper)
    try:
        image = upper / "disk.img"
        image.write_bytes(bytes(1 << 20))
        below = mounttable.file_systems_under(image)
        mount = mounttable.mount_of(here)
        assert mount is not None
        assert mount.device in below
        told = bench.rangepair("snapshot", image, "a", "--freeze", here, status=1)
        assert "it would wait for itself" in told
    finally:
        run("umount", upper)
    assert takes_writes(here, 10)


@pytest.mark.parametrize(
    ("folder", "told"), [("/proc", "cannot be frozen"), ("nowhere", "No such")]
)
def test_what_cannot_be_frozen_is_told(bench: Bench, folder: str, told: str):
    assert told in bench.rangepair("snapshot", bench.image, "a", "--freeze", folder, status=1)
    assert bench.rangepair("list", bench.image).count("a:") == 0


def test_what_another_program_froze_is_told(here: Path):
    with frozen(str(here), []), pytest.raises(FreezeError, match="another program has frozen it"):
        frozen(str(here), []).__enter__()
    assert takes_writes(here, 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_frozen_when_the_engine_ends_leaves_nothing_in_the_kernel(
    bench: Bench, number: int
):
    bench.make_file_system("ext4")
    here = bench.mount_folder("here")
    loop = Path(bench.attach("--mount", here)["loop"]).name
    (here / "file").write_bytes(b"f" * 100_000)
    run("fsfreeze", "--freeze", here)
    bench.kill_engine(number)
    if number == signal.SIGKILL:
        bench.detach()
    assert bench.traces() == []
    deadline = time.monotonic() + 20
    while Path(f"/sys/block/{loop}/loop").exists():
        assert time.monotonic() < deadline, "the file system is alive still, without a mount"
        time.sleep(0.05)
    bench.rangepair("check", bench.image)
    run("e2fsck", "-f", "-n", bench.image)
