# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

GRAIN = 4096


@pytest.fixture
def sides(cli: Cli, image: Path) -> bytes:
    """What the image held before one grain of the original and three of a clone were written."""
    before = image.read_bytes()
    cli.text("mechanism", image, "always-additional")
    cli.text("clone", image, "original", "C")
    cli.text("write", image, "--offset", str(GRAIN), stdin=b"B" * GRAIN)
    for number in (2, 5, 6):
        offset = str(number * GRAIN)
        cli.text("write", image, "--copy", "C", "--offset", offset, stdin=b"X" * GRAIN)
    return before


def with_grains(content: bytes, letter: bytes, *numbers: int) -> bytes:
    changed = bytearray(content)
    for number in numbers:
        changed[number * GRAIN : (number + 1) * GRAIN] = letter * GRAIN
    return bytes(changed)


def view(cli: Cli, image: Path, copy: str = "original") -> bytes:
    length = str(image.stat().st_size)
    arguments = ("--offset", "0", "--length", length, "--copy", copy)
    return cli.run("read", image, *arguments).stdout


def test_it_is_shown_what_holds(cli: Cli, image: Path) -> None:
    said = cli.text("mechanism", image)
    assert said == "copy-on-write: new data of the original goes into the image\n"
    assert cli.json("mechanism", image) == {"mechanism": "copy-on-write", "new_bytes": 0}
    assert cli.json("mechanism", image, "always-additional") == {
        "mechanism": "always-additional",
        "new_bytes": 0,
    }
    assert "goes to the additional area, 0 B so far" in cli.text("mechanism", image)
    assert cli.json("mechanism", image, "copy-on-write")["mechanism"] == "copy-on-write"


def test_the_image_stays_as_it_was_and_that_is_told(cli: Cli, image: Path, sides: bytes) -> None:
    assert view(cli, image) == with_grains(sides, b"B", 1)
    assert view(cli, image, "C") == with_grains(sides, b"X", 2, 5, 6)
    told = cli.json("list", image)
    assert image.read_bytes() == sides
    assert (told["plain"], told["mechanism"]) == (False, "always-additional")
    assert (told["original"]["name"], told["original"]["kind"]) == ("original", "original")
    assert (told["original"]["pointers"], told["original"]["own_bytes"]) == (1, GRAIN)
    assert [copy["name"] for copy in told["copies"]] == ["C"]
    said = cli.text("list", image)
    assert "The image is not the original now" in said
    assert "convert" not in said
    assert "original  1 pointer · 2 range pairs" in cli.text("map", image)
    (pointer,) = cli.json("map", image)["pointers"]
    assert (pointer["start"], pointer["length"], pointer["kind"]) == (GRAIN, GRAIN, "new")
    assert cli.json("diff", image, "C")["bytes"] == 4 * GRAIN


def test_back_without_more_it_goes_only_with_nothing_to_bring_home(
    cli: Cli, image: Path, sides: bytes
) -> None:
    said = cli.complaint("mechanism", image, "copy-on-write")
    assert "has 4 KiB of new data in the additional area" in said
    assert "'rangepair separate IMAGE'" in said


def test_a_dry_run_tells_what_each_way_moves(cli: Cli, image: Path, sides: bytes) -> None:
    told = cli.json("separate", image, "--dry-run")
    rest = len(sides) - 4 * GRAIN
    assert told == {
        "home": "original", "dry_run": True, "moved_bytes": 2 * GRAIN, "promoted_bytes": 0,
        "ways": [
            {"view": "original", "home_bytes": GRAIN, "kept_bytes": GRAIN, "rest_bytes": rest},
            {"view": "C", "home_bytes": 3 * GRAIN, "kept_bytes": 3 * GRAIN, "rest_bytes": rest},
        ],
    }  # fmt: skip
    assert "bringing original home would move 8 KiB" in cli.text("separate", image, "--dry-run")
    assert cli.json("separate", image, "--dry-run", "--home", "C")["moved_bytes"] == 6 * GRAIN
    assert cli.json("separate", image, "--dry-run", "--cheapest")["home"] == "original"
    assert cli.json("mechanism", image)["new_bytes"] == GRAIN


def test_the_original_goes_home(cli: Cli, image: Path, sides: bytes) -> None:
    said = cli.text("separate", image)
    assert "the image is the original again; 8 KiB were moved" in said
    assert image.read_bytes() == view(cli, image) == with_grains(sides, b"B", 1)
    assert view(cli, image, "C") == with_grains(sides, b"X", 2, 5, 6)
    told = cli.json("list", image)
    assert (told["plain"], told["original"], told["restoring"]) == (True, None, None)
    cli.text("check", image)


def test_a_copy_goes_home_and_both_sides_stand_alone(cli: Cli, image: Path, sides: bytes) -> None:
    told = cli.json("separate", image, "--home", "C", "--independent")
    assert told["moved_bytes"] == 6 * GRAIN
    assert told["promoted_bytes"] == len(sides) - 4 * GRAIN
    assert image.read_bytes() == view(cli, image, "C") == with_grains(sides, b"X", 2, 5, 6)
    assert view(cli, image) == with_grains(sides, b"B", 1)
    assert cli.json("list", image)["original"]["range_pairs"] == 0
    cli.text("check", image)


def test_a_restore_moves_nothing_and_can_be_taken_back(cli: Cli, image: Path, sides: bytes) -> None:
    told = cli.json("restore", image, "C")
    assert (told["bytes"], told["left_bytes"]) == (4 * GRAIN, 0)
    assert view(cli, image) == view(cli, image, "C") == with_grains(sides, b"X", 2, 5, 6)
    assert view(cli, image, told["safety"]) == with_grains(sides, b"B", 1)
    assert image.read_bytes() == sides
    cli.text("restore", image, told["safety"])
    assert view(cli, image) == with_grains(sides, b"B", 1)
    cli.text("delete", image, "C", told["safety"], "--now")
    assert view(cli, image) == with_grains(sides, b"B", 1)
    cli.text("check", image)


def test_what_makes_no_sense_is_one_sentence(cli: Cli, image: Path) -> None:
    said = cli.complaint("separate", image, status=64)
    assert "The original is copied on write" in said
    cli.text("mechanism", image, "always-additional")
    assert "no copy" in cli.complaint("separate", image, "--home", "nobody")
    assert "leave --home out" in cli.complaint(
        "separate", image, "--home", "original", "--cheapest", status=64
    )


def test_a_volume_of_portions_keeps_copy_on_write(cli: Cli, tmp_path: Path) -> None:
    image = tmp_path / "portions.img"
    cli.text("create", image, "--portions", "4096,2048")
    assert "A volume of portions is always copied on write" in cli.complaint(
        "mechanism", image, "always-additional"
    )


@pytest.fixture
def mapped(cli: Cli, image: Path) -> bytes:
    """What a volume of full pointers held, before two grains that a snapshot needs were written."""
    before = image.read_bytes()
    cli.text("convert", image, "--to", "full-pointer", "--range", f"0:{64 * GRAIN}")
    said = cli.text("mechanism", image, "redirect-on-write")
    assert said.startswith("redirect-on-write: new data of the original goes into the image")
    cli.text("snapshot", image, "S")
    cli.text("write", image, "--offset", str(2 * GRAIN), stdin=b"B" * (2 * GRAIN))
    return before


def test_an_original_stays_and_every_answer_says_so(cli: Cli, image: Path, mapped: bytes) -> None:
    arguments = ("--offset", "0", "--length", str(len(mapped)), "--copy", "S")
    assert cli.run("read", image, *arguments).stdout == mapped
    told = cli.json("mechanism", image)
    assert told == {"mechanism": "redirect-on-write", "new_bytes": 0}
    assert "redirect-on-write" in cli.text("list", image).splitlines()[0]
    assert cli.json("list", image)["mechanism"] == "redirect-on-write"
    assert "8 KiB more are kept in the image for copies" in cli.text("usage", image)
    assert cli.json("usage", image)["kept_bytes"] == 2 * GRAIN
    assert "image, kept 0" in cli.text("map", image, "--copy", "S")
    (pointer,) = cli.json("map", image, "--copy", "S")["pointers"]
    assert (pointer["start"], pointer["kind"]) == (2 * GRAIN, "original")
    assert pointer["offset"] < 0
    initial = cli.text("map", image, "--initial")
    assert "8 KiB more are kept for copies where they lay" in initial
    assert "for copies" in initial.splitlines()[-1]
    (kept,) = cli.json("map", image, "--initial")["kept"]
    assert (kept["length"], kept["place"]) == (2 * GRAIN, 2 * GRAIN)
    dumped = cli.json("dump", image)
    assert dumped["redirects"] is True
    assert any(row["start"] < 0 for row in dumped["initial_map"])
    assert "kept there, not copied" in cli.text("stats", image)
    cli.text("check", image)


def test_a_plain_image_is_copied_on_write_again(cli: Cli, image: Path, mapped: bytes) -> None:
    cli.text("convert", image, "--to", "identity")
    assert image.read_bytes() == with_grains(mapped, b"B", 2, 3)
    assert view(cli, image, "S") == mapped
    assert cli.json("mechanism", image)["mechanism"] == "copy-on-write"
    assert cli.json("usage", image)["kept_bytes"] == 0
    cli.text("check", image)


def test_a_plain_image_cannot_keep_an_original(cli: Cli, image: Path) -> None:
    said = cli.complaint("mechanism", image, "redirect-on-write")
    assert "plain raw image" in said
    assert "'rangepair convert IMAGE --to full-pointer'" in said
    assert cli.json("mechanism", image)["mechanism"] == "copy-on-write"


def test_damage_of_the_originals_new_data_is_told(cli: Cli, image: Path, sides: bytes) -> None:
    cli.text("check", image)  # an engine process has it on disk then
    (pointer,) = cli.json("map", image)["pointers"]
    with image.with_name(f"{image.name}.rangepair").open("r+b") as area:
        area.seek(pointer["offset"])
        area.write(b"?" * 512)
    told = json.loads(cli.run("scrub", image, "--json", status=2).stdout)
    assert {view["name"]: view["integrity"] for view in told["copies"]} == {
        "original": "damaged",
        "C": "intact",
    }
    assert cli.json("list", image)["original"]["integrity"] == "damaged"
    said = cli.text("list", image)
    assert f"original: damaged in [{GRAIN}..{2 * GRAIN - 1}]" in said
    arguments = ("--offset", str(GRAIN), "--length", "512")
    assert cli.run("read", image, *arguments, status=2).stdout == b""
    assert view(cli, image, "C") == with_grains(sides, b"X", 2, 5, 6)


def test_an_export_and_a_dump_have_the_new_data(cli: Cli, image: Path, sides: bytes) -> None:
    out = image.with_name("out.img")
    cli.text("export", image, out)
    assert out.read_bytes() == with_grains(sides, b"B", 1)
    assert cli.json("dump", image)["head"]["top"]
