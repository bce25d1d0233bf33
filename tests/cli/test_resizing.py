# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.cli.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

KIB = 1 << 10


def test_a_volume_gets_longer_and_shorter_and_copies_do_not(cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    cli.text("snapshot", image, "monday")
    said = cli.text("resize", image, "+512KiB")
    assert said == f"{image}: 1.5 MiB now, 1 MiB before; copies keep their sizes\n"
    cli.text("snapshot", image, "tuesday")
    assert cli.json("resize", image, str(256 * KIB), "--shrink") == {
        "before_bytes": 1536 * KIB, "size_bytes": 256 * KIB, "kept_bytes": 768 * KIB
    }  # fmt: skip
    assert image.stat().st_size == 256 * KIB
    listed = cli.json("list", image)
    assert listed["size"] == 256 * KIB
    sizes = {copy["name"]: copy["size"] for copy in listed["copies"]}
    assert sizes == {"monday": IMAGE_BYTES, "tuesday": 1536 * KIB}
    assert cli.text("list", image).rstrip().endswith("unchecked  1.5 MiB long")
    arguments = ("--offset", "0", "--length", str(IMAGE_BYTES), "--copy", "monday")
    assert cli.run("read", image, *arguments).stdout == before
    cli.text("export", image, "tuesday.raw", "--copy", "tuesday")
    assert image.with_name("tuesday.raw").read_bytes() == before + bytes(512 * KIB)
    assert cli.json("map", image, "--copy", "tuesday")["size"] == 1536 * KIB
    assert cli.json("diff", image, "monday")["bytes"] == 768 * KIB
    assert cli.json("diff", image, "monday", "tuesday", "--exact")["ranges"] == [
        {"start": IMAGE_BYTES, "length": 512 * KIB}
    ]
    cli.text("check", image)


def test_a_shorter_volume_is_asked_for_twice(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    said = cli.complaint("resize", image, "512KiB", status=64)
    assert said == (
        "The volume has 1048576 bytes, and 524288 are fewer: the original would lose its end; add"
        " --shrink if that is meant."
    )
    assert cli.text("resize", image, "1MiB") == f"{image} has 1 MiB already\n"
    assert "is not a size" in cli.complaint("resize", image, "+much", status=64)
    assert "negative" in cli.complaint("resize", image, " -5", status=64)


def test_who_writes_a_minus_is_told_how_sizes_are_given(cli: Cli, image: Path) -> None:
    for size in ("-5MiB", "-5", " -5"):
        said = cli.complaint("resize", image, size, status=64)
        assert "sizes are given as SIZE, or as +SIZE to add;" in said
        assert "--shrink" in said
    assert "sizes are given" not in cli.complaint("resize", image, "--nope", status=64)
    said = " ".join(cli.text("resize", "--help").split())
    assert "make a file system on it smaller first, with its own tool" in said


def test_changes_travel_across_sizes(cli: Cli, image: Path) -> None:
    """A stream of what came since a shorter snapshot goes into an image that is resized first."""
    backup = image.with_name("backup.img")
    backup.write_bytes(bytes(IMAGE_BYTES))
    cli.text("snapshot", image, "monday")
    cli.text("export", image, "monday.diff", "--copy", "monday", "--format", "rbd-diff")
    cli.text("apply", backup, "monday.diff")
    cli.text("resize", image, "+64KiB")
    cli.text("write", image, "--offset", "1MiB", stdin=b"behind" * 256)
    cli.text("snapshot", image, "tuesday")
    cli.text("export", image, "tuesday.diff", "--copy", "tuesday", "--since", "monday")
    said = cli.complaint("apply", backup, "tuesday.diff")
    assert said.startswith("The stream is of a volume of 1114112 bytes, and this one has 1048576;")
    cli.text("resize", backup, "1114112")
    cli.text("apply", backup, "tuesday.diff")
    assert backup.read_bytes() == image.read_bytes()
    cli.text("check", backup)


def test_an_image_that_was_made_longer_meanwhile_is_accepted_by_its_size(
    cli: Cli, image: Path
) -> None:
    cli.text("snapshot", image, "monday")
    if cli.run("list", image, "--json").returncode == 0 and not _is_held(image):
        os.truncate(image, 2 * IMAGE_BYTES)
        said = cli.complaint("list", image)
        assert f"(rangepair resize IMAGE {2 * IMAGE_BYTES})" in said
        cli.text("resize", image, "2MiB")
    else:  # an engine process has it open, and looks at the file when it is asked
        os.truncate(image, 2 * IMAGE_BYTES)
        cli.text("resize", image, "2MiB")
    assert cli.json("list", image)["size"] == 2 * IMAGE_BYTES
    cli.text("check", image)


def _is_held(image: Path) -> bool:
    from core.service.meetingplace import meeting_place

    return meeting_place(image).socket.exists()


def test_a_restore_across_sizes_says_so(cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    cli.text("snapshot", image, "monday")
    cli.text("resize", image, "+64KiB")
    said = cli.text("restore", image, "monday", "--dry-run").splitlines()
    assert said[0].endswith("; its size is that of monday, 1 MiB")
    assert cli.json("restore", image, "monday")["size_bytes"] == IMAGE_BYTES
    assert image.read_bytes() == before
    cli.text("restore", image, "before-restore-1")
    assert image.read_bytes() == before + bytes(64 * KIB)
    cli.text("check", image)
