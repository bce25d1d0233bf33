# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_failures import flip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def kept(cli: Cli, image: Path) -> tuple[Path, int]:
    """The additional area with snapshots 'monday' and 'tuesday'; what is kept for the first."""
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", "4096", stdin=b"n" * 8192)
    cli.text("snapshot", image, "tuesday")
    (pointer,) = cli.json("map", image, "--copy", "monday")["pointers"]
    return image.with_name("disk.img.rangepair"), pointer["offset"]


def test_intact_copies_are_told_and_remembered(
    cli: Cli, image: Path, kept: tuple[Path, int]
) -> None:
    assert {copy["integrity"] for copy in cli.json("list", image)["copies"]} == {"unchecked"}
    page = cli.text("scrub", image)
    assert "✓ intact  8 KiB kept for 2 copies are as they were written" in page
    copies = cli.json("list", image)["copies"]
    assert {copy["integrity"] for copy in copies} == {"intact"}
    assert all(copy["scrubbed"] > 1e9 for copy in copies)
    assert "intact" in cli.text("list", image)


def test_damage_is_told_with_copy_and_range(cli: Cli, image: Path, kept: tuple[Path, int]) -> None:
    area, offset = kept
    flip(area, offset + 100)
    page = cli.run("scrub", image, status=2).stdout.decode()
    assert "✗ damaged" in page
    row = next(line for line in page.splitlines() if line.startswith("monday"))
    assert row.split(None, 2)[1:] == ["damaged", "cannot be read at [4096..12287]"]
    monday, tuesday = cli.json("list", image)["copies"]
    assert monday["integrity"] == "damaged"
    assert monday["damaged_ranges"] == [{"start": 4096, "length": 8192}]
    assert (tuesday["integrity"], tuesday["damaged_ranges"]) == ("intact", [])
    assert "monday: damaged in [4096..12287]" in cli.text("list", image)
    # A part of the damaged extent is refused as well, and the original is not concerned.
    part = ("read", image, "--offset", "8192", "--length", "512")
    told = cli.complaint(*part, "--copy", "monday", status=2)
    assert told.startswith("The copy 'monday' is damaged in [8192..8703]: ")
    assert cli.run(*part).stdout == b"n" * 512


def test_the_keys_of_the_answer(cli: Cli, image: Path, kept: tuple[Path, int]) -> None:
    told = cli.json("scrub", image)
    copies = told.pop("copies")
    assert told == {
        "clean": True, "verified_bytes": 8192, "unverified_bytes": 0, "damaged_bytes": 0,
        "remembered": True,
    }  # fmt: skip
    assert set(copies[0]) == {
        "name", "integrity", "damaged_ranges", "suspect_ranges", "scrubbed"
    }  # fmt: skip


def test_an_image_without_copies(bare_cli: Cli, image: Path) -> None:
    assert "there are no copies" in bare_cli.text("scrub", image)
    assert not image.with_name("disk.img.rangepair").exists()


def test_a_change_from_outside_is_told_by_place_and_copy(bare_cli: Cli, image: Path) -> None:
    bare_cli.text("snapshot", image, "monday")
    bare_cli.text("write", image, "--offset", "4096", stdin=b"n" * 4096)
    bare_cli.text("snapshot", image, "tuesday")
    flip(image, 0)  # all copies read it
    flip(image, 5000)  # only tuesday does
    told = bare_cli.run("list", image, "--json")
    assert told.stderr == b""
    listed = bare_cli.json("list", image)
    places = {each["start"] for each in listed["changed_ranges"]}
    assert places == {0, 4096}
    assert "2 of the 64 places looked at differ: [0..4095]" in listed["notice"]
    assert "so the copies 'monday', 'tuesday' may show wrong data" in listed["notice"]
    suspects = {
        copy["name"]: [(each["start"], each["length"]) for each in copy["suspect_ranges"]]
        for copy in listed["copies"]
    }
    assert suspects == {"monday": [(0, 4096)], "tuesday": [(0, 8192)]}
    assert {copy["integrity"] for copy in listed["copies"]} == {"suspect"}
    page = bare_cli.run("list", image).stdout.decode()
    assert "monday: suspect in [0..4095]" in page
    # Accepted, the copies stay marked until a scrub has told it once more.
    bare_cli.text("list", image, "--accept-changes")
    bare_cli.text("rename", image, "monday", "first", "--accept-changes")
    listed = bare_cli.json("list", image)
    assert (listed["notice"], listed["changed_ranges"]) == ("", [])
    assert {copy["integrity"] for copy in listed["copies"]} == {"suspect"}
    assert "reads the image where another program changed it: [0..4095]" in bare_cli.text(
        "scrub", image
    )
    assert {copy["integrity"] for copy in bare_cli.json("list", image)["copies"]} == {"intact"}
