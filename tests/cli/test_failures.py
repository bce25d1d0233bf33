# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with the files: each gives one sentence, the right status, and no change."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.cli.main import _sentence
from core.errors import ImageChangedError, RangepairError, ReadOnlyError
from core.format import superblock
from core.format.layout import BLOCK_BYTES
from core.service.launcher import connect_or_start
from tests.cli.conftest import IMAGE_BYTES
from tests.cli.warmcommand import ROOT

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

SUPERBLOCK_OFFSETS = (0, BLOCK_BYTES)


@pytest.fixture
def area(bare_cli: Cli, image: Path) -> Path:
    """The additional area of an image with a snapshot and one preserved portion."""
    bare_cli.text("snapshot", image, "monday")
    bare_cli.text("write", image, "--offset", "4096", stdin=b"new" * 2730 + b"xx")
    return Path(f"{image}.rangepair")


def flip(path: Path, offset: int) -> None:
    """Damage one byte, so that it surely is another."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0xFF]))


def test_an_image_that_is_missing(bare_cli: Cli) -> None:
    assert "no such file" in bare_cli.complaint("list", "nope.img")
    assert "no such file" in bare_cli.complaint("snapshot", "nope.img", "x")
    assert not list(bare_cli.folder.iterdir())


def test_a_working_folder_that_was_removed(image: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = 'cd gone; rmdir ../gone; "$@"; status=$?; mkdir ../gone; exit $status'
    for arguments in ("serve {} --socket s --detach", "export {} out.img"):
        words = [sys.executable, "-m", "core.cli", *arguments.format(image).split()]
        done = subprocess.run(
            ["sh", "-c", script, "", *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1
        assert b"was removed; change to another" in done.stderr


def test_an_image_without_a_name(bare_cli: Cli) -> None:
    assert bare_cli.complaint("list", "") == "The path of the image is empty; name an image file."


def test_an_image_that_is_empty_or_ends_within_a_sector(bare_cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty.img").touch()
    assert "is empty" in bare_cli.complaint("snapshot", "empty.img", "x")
    (tmp_path / "odd.img").write_bytes(bytes(1000))
    assert "multiple of 512" in bare_cli.complaint("snapshot", "odd.img", "x")


def test_an_image_that_is_no_image(bare_cli: Cli, tmp_path: Path) -> None:
    assert "it is a folder" in bare_cli.complaint("snapshot", tmp_path, "x")
    assert "it is a character device" in bare_cli.complaint("list", "/dev/null")
    assert "is no folder" in bare_cli.complaint("list", "/dev/null/disk.img")
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe" in bare_cli.complaint("list", "pipe")


NO_NEW_IMAGES = {
    "nothing": (("new.img", "--size", "0"), "An image cannot have 0 bytes; choose 512 or more."),
    "part of a sector": (
        ("new.img", "--size", "1000"),
        "An image cannot have 1000 bytes, which is no multiple of 512; choose 1024.",
    ),
    "folder": (
        ("nodir/x.img", "--size", "1MiB"),
        (
            "Cannot make the image nodir/x.img: its folder does not exist; make that first, or"
            " choose another path."
        ),
    ),
    "folder of the area": (
        ("new.img", "--size", "1MiB", "--area", "nodir/a"),
        (
            "Cannot make the additional area nodir/a: its folder does not exist; make that first,"
            " or choose another path."
        ),
    ),
    "existing": (
        ("disk.img", "--size", "1MiB"),
        (
            "Cannot make the image disk.img: it exists already; choose another name or remove it"
            " first."
        ),
    ),
    "existing area": (
        ("new.img", "--size", "1MiB", "--area", "disk.img.rangepair"),
        (
            "disk.img.rangepair exists already and may hold the copies of another image; move it"
            " away or choose another --area."
        ),
    ),
}


@pytest.mark.parametrize(("arguments", "told"), NO_NEW_IMAGES.values(), ids=NO_NEW_IMAGES)
def test_a_new_image_that_cannot_be_made(
    bare_cli: Cli, image: Path, area: Path, arguments: tuple[str, ...], told: str
) -> None:
    kept = image.read_bytes(), area.read_bytes()
    assert bare_cli.complaint("create", *arguments) == told
    assert sorted(bare_cli.folder.iterdir()) == [image, area]
    assert (image.read_bytes(), area.read_bytes()) == kept


def test_a_new_image_larger_than_files_may_be_is_told_so(tmp_path: Path) -> None:
    done = subprocess.run(
        ["prlimit", "--fsize=1048576", sys.executable, "-m", "core.cli", "create",
         tmp_path / "a", "--size=2MiB"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == (
        f"rangepair: Cannot make the image {tmp_path / 'a'}: its file system takes no file of this"
        " size; choose a smaller one.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["f33", b"f33", b"f\xff"])
def test_a_name_of_bytes_is_told_as_text(name: str | bytes) -> None:
    told = _sentence(OSError(errno.ENOSPC, "No space left on device", name))
    shown = "f\\xff" if name == b"f\xff" else "f33"
    assert told == f"There is no room left on {shown}; free some space."


def test_a_disk_without_room_for_a_new_image_is_told_so(tmp_path: Path) -> None:
    disk = tmp_path / "full"
    disk.mkdir()
    room = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    made = f'mount -t tmpfs -o size=1m none {disk} && exec "$@"'
    done = subprocess.run(
        [*room, made, "sh", sys.executable, "-m", "core.cli", "create", disk / "a", "--size=8MiB"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stderr == (
        f"rangepair: The disk has no room for {disk / 'a'} of 8 MiB; free some space there, or"
        " make it smaller or thin.\n"
    )


def as_user_without_powers(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command as somebody who must keep to permission bits, as root need not."""
    powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all"] if os.getuid() == 0 else []
    return subprocess.run(
        [*powerless, sys.executable, "-m", "core.cli", *arguments],
        cwd=cwd, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, input=bytes(512), check=False,
    )  # fmt: skip


def test_an_image_that_may_only_be_read(tmp_path: Path, image: Path) -> None:
    image.chmod(0o444)
    listed = as_user_without_powers("list", "disk.img", cwd=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, b"")
    for arguments in (("snapshot", "disk.img", "x"), ("write", "disk.img", "--offset", "0")):
        done = as_user_without_powers(*arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert done.stderr.decode().count("\n") == 1
        assert "permission is denied" in done.stderr.decode()


def test_a_folder_in_which_no_area_can_be_made(tmp_path: Path, image: Path) -> None:
    tmp_path.chmod(0o555)
    done = as_user_without_powers("snapshot", "disk.img", "x", cwd=tmp_path)
    tmp_path.chmod(0o755)
    assert done.returncode == 1
    assert "disk.img.rangepair: permission is denied" in done.stderr.decode()


def test_a_disk_without_room_for_the_area(bare_cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    done = subprocess.run(
        ["prlimit", "--fsize=2097152", sys.executable, "-m", "core.cli", "snapshot", image, "x"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "full" in done.stderr
    assert not Path(f"{image}.rangepair").exists()
    assert image.read_bytes() == before


def test_an_image_shorter_or_longer_than_it_was(bare_cli: Cli, image: Path, area: Path) -> None:
    kept = area.read_bytes()
    os.truncate(image, IMAGE_BYTES // 2)
    for arguments in (("list",), ("snapshot",), ("snapshot", "--accept-changes")):
        command, *options = arguments
        rest = ["x"] if command == "snapshot" else []
        assert "is shorter than" in bare_cli.complaint(command, image, *rest, *options)
    os.truncate(image, IMAGE_BYTES * 2)
    assert "is longer than" in bare_cli.complaint("list", image)
    assert area.read_bytes() == kept


def test_an_image_changed_from_outside(bare_cli: Cli, image: Path, area: Path) -> None:
    flip(image, 5000)
    changed, kept = image.read_bytes(), area.read_bytes()
    sentence = bare_cli.complaint("snapshot", image, "x")
    assert "changed by another program" in sentence
    assert "--accept-changes" in sentence
    bare_cli.complaint("write", image, "--offset", "0", stdin=bytes(512))
    assert (image.read_bytes(), area.read_bytes()) == (changed, kept)
    bare_cli.text("snapshot", image, "x", "--accept-changes")
    bare_cli.text("snapshot", image, "y")


def test_an_area_of_another_image(bare_cli: Cli, tmp_path: Path, image: Path, area: Path) -> None:
    other = tmp_path / "other.img"
    other.write_bytes(os.urandom(IMAGE_BYTES))
    Path(f"{other}.rangepair").write_bytes(area.read_bytes())
    assert "belongs to another image" in bare_cli.complaint("snapshot", other, "x")


def test_an_area_of_a_newer_format(
    bare_cli: Cli, image: Path, area: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = area.read_bytes()
    slots = {at: superblock.unpack(raw[at : at + BLOCK_BYTES], at) for at in SUPERBLOCK_OFFSETS}
    monkeypatch.setattr(superblock, "FORMAT_VERSION", 7)
    with area.open("r+b") as file:
        for offset, block in slots.items():
            if block is not None:
                file.seek(offset)
                file.write(superblock.pack(block, offset))
    newer = area.read_bytes()
    assert newer != raw
    for arguments in (("list", image), ("snapshot", image, "x")):
        sentence = bare_cli.complaint(*arguments)
        assert "format 7" in sentence
        assert "newer Rangepair" in sentence
    assert area.read_bytes() == newer


def test_an_area_that_is_none(bare_cli: Cli, image: Path) -> None:
    Path(f"{image}.rangepair").write_bytes(b"not an area" * 1000)
    sentence = bare_cli.complaint("list", image)
    assert "disk.img.rangepair" in sentence
    assert "'rangepair check IMAGE --repair OUT'" in sentence


def test_an_area_whose_superblocks_are_damaged(bare_cli: Cli, image: Path, area: Path) -> None:
    for offset in SUPERBLOCK_OFFSETS:
        flip(area, offset + 100)
    damaged = area.read_bytes()
    for arguments in (("list", image), ("snapshot", image, "x")):
        sentence = bare_cli.complaint(*arguments, status=2)
        assert "disk.img.rangepair" in sentence
        assert "'rangepair check IMAGE --repair OUT'" in sentence
    assert area.read_bytes() == damaged


@pytest.mark.parametrize("command", ["list", "check", "dump"])
def test_an_area_whose_end_is_missing(bare_cli: Cli, image: Path, area: Path, command: str) -> None:
    os.truncate(area, area.stat().st_size * 2 // 3)
    sentence = bare_cli.complaint(command, image, status=2)
    assert (
        "of the additional area is missing; save what is left ('rangepair check IMAGE" in sentence
    )


def test_preserved_data_that_is_damaged(bare_cli: Cli, image: Path, area: Path) -> None:
    (pointer, *_) = bare_cli.json("map", image, "--copy", "monday")["pointers"]
    flip(area, pointer["offset"] + 17)
    arguments = ("--copy", "monday", "--offset", "4096", "--length", "8192")
    told = bare_cli.complaint("read", image, *arguments, status=2)
    assert told.startswith("The copy 'monday' is damaged in [4096..12287]: ")
    found = bare_cli.run("check", image, status=2).stdout.decode()
    assert found.startswith("✗ corruption")
    assert "1 corruption" in found
    bare_cli.run("read", image, "--offset", "4096", "--length", "4096")


def test_an_engine_process_passes_every_sentence_on(image: Path, area: Path) -> None:
    flip(image, 5000)
    volume = connect_or_start(image)
    with pytest.raises(RangepairError, match="another program"):
        volume.snapshot("x")
    volume.shutdown()
    os.truncate(image, IMAGE_BYTES // 2)
    with pytest.raises(ImageChangedError, match="is shorter than"):
        connect_or_start(image)


def test_a_path_that_is_no_text(bare_cli: Cli, tmp_path: Path, image: Path) -> None:
    odd = os.fsdecode(b"odd\xff.img")
    image.rename(tmp_path / odd)
    assert "odd\\udcff.img" in bare_cli.text("list", odd)
    bare_cli.text("snapshot", odd, "monday")
    assert bare_cli.json("list", odd)["image"] == "odd\\xff.img"
    with connect_or_start(tmp_path / odd) as volume:
        assert volume.info().copies[0].name == "monday"
        volume.shutdown()
    assert "name" in bare_cli.complaint("snapshot", odd, os.fsdecode(b"odd\xff"))
    assert json.loads(bare_cli.text("dump", odd))["image"].endswith("odd\\xff.img")
    with (tmp_path / odd).open("r+b") as file:
        file.write(b"changed")
    findings = json.loads(bare_cli.run("check", odd, "--json", status=2).stdout)["findings"]
    assert "odd\\xff.img" in findings[0]["what"]
    with connect_or_start(tmp_path / odd) as volume:
        assert volume.check()[0].where.endswith("odd\\xff.img")
        with pytest.raises(ReadOnlyError, match=r"odd\\xff\.img"):
            volume.snapshot("tuesday")
        volume.shutdown()
    (tmp_path / odd).write_bytes(b"")
    assert "odd\\udcff.img is empty" in bare_cli.complaint("list", odd)


def test_changes_cannot_be_accepted_behind_the_back_of_an_engine(
    bare_cli: Cli, image: Path, area: Path
) -> None:
    flip(image, 5000)
    volume = connect_or_start(image)
    sentence = bare_cli.complaint("snapshot", image, "x", "--accept-changes")
    assert "without its changes accepted" in sentence
    volume.shutdown()
    bare_cli.text("snapshot", image, "x", "--accept-changes")
