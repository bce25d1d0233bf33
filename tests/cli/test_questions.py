# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def changed(cli: Cli, image: Path) -> Cli:
    """A snapshot 'monday', portions 3 and 8 to 9 of the original written after it."""
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", "12288", stdin=b"3" * 4096)
    cli.text("write", image, "--offset", "32768", stdin=b"8" * 8192)
    return cli


def test_the_map_tells_pointers_and_the_pairs_between(changed: Cli, image: Path) -> None:
    told = changed.json("map", image, "--copy", "monday")
    assert (told["copy"], told["size"], told["grain"]) == ("monday", IMAGE_BYTES, 4096)
    assert sum(pointer["length"] for pointer in told["pointers"]) == 12288
    assert {pointer["kind"] for pointer in told["pointers"]} == {"original"}
    assert all(len(pointer["checksum"]) == 16 for pointer in told["pointers"])
    assert told["range_pairs"] == [
        {"first": 0, "last": 2, "start": 0, "length": 12288},
        {"first": 4, "last": 7, "start": 16384, "length": 16384},
        {"first": 10, "last": 255, "start": 40960, "length": IMAGE_BYTES - 40960},
    ]


def test_the_map_can_be_cut(changed: Cli, image: Path) -> None:
    told = changed.json("map", image, "--copy", "monday", "--offset", "8KiB", "--length", "8KiB")
    assert [(p["start"], p["length"]) for p in told["pointers"]] == [(12288, 4096)]
    assert told["range_pairs"] == [{"first": 2, "last": 2, "start": 8192, "length": 4096}]
    assert "1099511627776" in changed.complaint(
        "map", image, "--copy", "monday", "--length", "1TiB"
    )


def test_a_map_past_the_end_names_the_offset(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    for options in ((), ("--copy", "monday"), ("--length", "0")):
        assert cli.complaint("map", image, "--offset", "1GiB", *options) == (
            f"The offset {1 << 30} passes the end of the volume's {IMAGE_BYTES} bytes;"
            " choose one within them."
        )
    assert cli.json("map", image, "--offset", "1MiB")["range_pairs"] == []


def test_the_table_reads_in_the_order_of_the_volume(changed: Cli, image: Path) -> None:
    lines = changed.text("map", image, "--copy", "monday").splitlines()
    assert lines[0].startswith("monday  ")
    assert "3 range pairs" in lines[0]
    starts = [int(line.split()[1]) for line in lines[3:]]
    assert starts == sorted(starts)
    assert lines[3].split() == ["[0-2]", "0", "12288", "range", "pair"]
    assert lines[4].split()[:4] == ["3", "12288", "4096", "original"]


def test_the_original_is_one_range_pair_and_two_areas(changed: Cli, image: Path) -> None:
    told = changed.json("map", image)
    assert told["pointers"] == []
    assert told["range_pairs"] == [{"first": 0, "last": 255, "start": 0, "length": IMAGE_BYTES}]
    page = changed.text("map", image)
    assert "Initial area  1 MiB" in page
    assert "12 KiB  preserved" in page
    assert "1012 KiB  shared through range pairs" in page


def test_a_difference_is_exact(changed: Cli, image: Path) -> None:
    told = changed.json("diff", image, "monday")
    assert (told["from"], told["to"], told["bytes"]) == ("monday", "original", 12288)
    assert [(found["start"], found["length"]) for found in told["ranges"]] == [
        (12288, 4096),
        (32768, 8192),
    ]
    page = changed.text("diff", image, "monday", "original")
    assert "monday and original may differ in 2 ranges, 12 KiB, 1.17% of the volume" in page
    assert changed.text("diff", image, "monday", "monday") == "monday and monday are equal\n"


def test_usage_adds_up_and_foretells(changed: Cli, image: Path) -> None:
    told = changed.json("usage", image, "--if-deleted", "monday")
    assert told["used_bytes"] + told["free_bytes"] == told["area_bytes"]
    assert told["freed_bytes"] >= 12288
    assert [copy["name"] for copy in told["copies"]] == ["monday"]
    assert told["reclaimable_bytes"] <= told["metadata_bytes"] < told["used_bytes"]
    assert told["host_bytes"] > 0
    assert told["room_bytes"] > told["free_bytes"]
    page = changed.text("usage", image, "--if-deleted", "monday")
    assert " on its disk\n" in page
    assert "has room for " in page
    assert f"Purging monday would free 12 KiB ({told['freed_bytes']:,} bytes)" in page


def test_a_clean_volume_is_told_to_be_clean(changed: Cli, image: Path) -> None:
    assert changed.json("check", image) == {"clean": True, "findings": []}
    assert changed.text("check", image).startswith("✓ clean")


def test_statistics_and_structures_are_there(changed: Cli, image: Path) -> None:
    told = changed.json("stats", image)
    assert told["copy_write_bytes_from_initial"] == 0
    assert "copied from the initial area for them" in changed.text("stats", image)
    assert changed.text("dump", image).startswith("{\n")
    assert changed.json("dump", image) == json.loads(changed.text("dump", image))


def test_statistics_of_nobody_are_explained_first(bare_cli: Cli, image: Path) -> None:
    first, empty, *rows = bare_cli.text("stats", image).splitlines()
    assert first.startswith("No engine process has the volume open")
    assert (empty, len(rows)) == ("", 22)


def test_an_exact_difference_tells_bytes_that_differ_and_no_others(cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", "4KiB", stdin=before[4096:8192])
    cli.text("write", image, "--offset", "8KiB", stdin=b"n" * 512 + before[8704:16384])
    told = cli.json("diff", image, "monday")
    assert told["bytes"] == 12288
    told = cli.json("diff", image, "monday", "--exact")
    assert told["ranges"] == [{"start": 8192, "length": 512}]
    assert (told["exact"], told["bytes"]) == (True, 512)
    page = cli.text("diff", image, "monday", "--exact")
    assert "monday and original differ in 1 range, 512 B" in page
    cli.text("write", image, "--offset", "8KiB", stdin=before[8192:8704])
    page = cli.text("diff", image, "monday", "original", "--exact")
    assert page == "monday and original are equal\n"
    assert [copy["name"] for copy in cli.json("list", image)["copies"]] == ["monday"]


def test_the_map_in_reverse_names_the_copies(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    cli.text("clone", image, "monday", "test run")
    cli.text("write", image, "--offset", "64KiB", stdin=b"n" * 8192)
    (pointer,) = cli.json("map", image, "--copy", "monday")["pointers"]
    place = pointer["offset"]
    told = cli.json("map", image, "--area-offset", str(place), "--length", "16KiB")
    assert (told["offset"], told["length"]) == (place, 16384)
    assert told["holdings"][0] == {
        "offset": place, "length": 8192, "content": "original", "start": 65536,
        "copies": ["monday", "test run"],
    }  # fmt: skip
    cli.text("delete", image, "monday")
    page = cli.text("map", image, "--area-offset", str(place)).splitlines()
    assert page[0].split() == ["AREA", "OFFSET", "LENGTH", "KIND", "GRAINS", "START", "COPIES"]
    first = f"{place} 4096 original 16 65536 monday (deleted), 'test run'"
    assert " ".join(page[1].split()) == first
    assert page[-1] == "4 KiB of 4 KiB held by 2 copies: monday (deleted), 'test run'"
    page = cli.text("map", image, "--area-offset", "0").splitlines()
    assert page[1].split() == ["0", "4096", "metadata"]
    assert page[-1] == "0 B of 4 KiB held by 0 copies"
    sentence = cli.complaint("map", image, "--area-offset", "1TiB")
    assert "passes the end of the additional area's" in sentence
    words = ("map", image, "--area-offset", "0", "--copy", "monday")
    assert "leave out --copy and --offset" in cli.complaint(*words, status=64)
