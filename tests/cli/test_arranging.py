# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Converting, relocating and compacting the initial area, here and through an engine process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.cli.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

PART = "64KiB"


def test_a_range_is_moved_and_no_view_changes(cli: Cli, image: Path) -> None:
    content = image.read_bytes()
    cli.text("snapshot", image, "monday")
    cli.text("convert", image, "--range", f"{PART}:{PART}", "--to", "full-pointer")
    told = cli.json("relocate", image, "--range", f"{PART}:{PART}", "--to", "1MiB")
    assert told == {
        "moved": 65536,
        "identity": False,
        "extents": 3,
        "image_bytes": IMAGE_BYTES + 65536,
        "mapped_bytes": IMAGE_BYTES,
    }
    for view in ("original", "monday"):
        found = cli.run("read", image, "--copy", view, "--offset", 0, "--length", "1MiB").stdout
        assert found == content
    moved = cli.json("map", image, "--initial")["extents"][1]
    assert moved == {
        "start": 65536, "length": 65536, "place": IMAGE_BYTES, "scheme": "full-pointer"
    }  # fmt: skip


def test_the_image_can_be_made_plain_again(cli: Cli, image: Path) -> None:
    content = image.read_bytes()
    cli.text("convert", image, "--range", f"{PART}:{PART}", "--to", "full-pointer")
    cli.text("relocate", image, "--range", f"{PART}:{PART}", "--to", "4MiB")
    assert not cli.json("list", image)["plain"]
    assert "no plain raw image now" in cli.text("list", image)
    assert cli.text("convert", image, "--to", "identity") == (
        f"{image}: 64 KiB moved; it is a plain raw image\n"
    )
    assert image.read_bytes() == content
    assert cli.json("list", image)["plain"]
    assert "no plain raw image" not in cli.text("list", image)
    assert cli.json("map", image, "--initial")["identity"]


def test_a_converted_image_that_lies_as_before_is_plain_as_before(cli: Cli, image: Path) -> None:
    cli.text("convert", image, "--to", "full-pointer")
    assert cli.json("map", image, "--initial")["extents"][0]["scheme"] == "full-pointer"
    told = cli.json("convert", image, "--to", "load-point")
    assert (told["moved"], told["identity"]) == (0, True)


def test_the_map_reads_in_the_order_of_the_volume(cli: Cli, image: Path) -> None:
    cli.text("convert", image, "--range", f"0:{PART}", "--to", "full-pointer")
    lines = cli.text("map", image, "--initial").splitlines()
    assert lines[0] == (
        "Initial area  it lies in 2 extents, 1 MiB on the disk · 1 MiB of 1 MiB have a place"
    )
    assert lines[2].split() == ["START", "LENGTH", "IMAGE", "OFFSET", "SCHEME"]
    assert [line.split() for line in lines[3:]] == [
        ["0", "65536", "0", "full-pointer"],
        ["65536", "983040", "65536", "load-point"],
    ]


def test_what_cannot_be_moved_is_told_and_leaves_the_image_plain(cli: Cli, image: Path) -> None:
    move = ("relocate", image, "--range", f"{PART}:{PART}", "--to")
    assert cli.complaint(*move, "4MiB") == (
        f"The range is part of the extent of {IMAGE_BYTES} bytes at 0, which has one load point and"
        " moves as a whole; convert the range to full-pointer first, or name all of the extent."
    )
    assert cli.complaint("relocate", image, "--range", "0:1MiB", "--to", "512KiB") == (
        f"Bytes 524288 to {IMAGE_BYTES - 1} of the image are where [524288..{IMAGE_BYTES - 1}] of"
        " the volume lies; choose a free place, such as one behind the image's end."
    )
    assert cli.json("map", image, "--initial")["identity"]


def test_places_off_the_sector_or_the_world_are_refused(cli: Cli, image: Path) -> None:
    move = ("relocate", image, "--range", "0:1MiB", "--to")
    assert cli.complaint(*move, "1000001") == (
        "The place 1000001 must be a multiple of 512 bytes; round it."
    )
    assert cli.complaint(*move, "8191PiB") == (
        f"{image} cannot grow to 8191 PiB, for neither a block device nor every file system can;"
        " choose a place nearer to its beginning."
    )
    assert "cannot be where" in cli.complaint(*move, "8192PiB")


def test_a_range_is_written_with_a_colon(bare_cli: Cli, image: Path) -> None:
    sentence = bare_cli.complaint(
        "convert", image, "--range", "64KiB", "--to", "full-pointer", status=64
    )
    assert sentence.startswith("--range: '64KiB' is no range; write it as OFFSET:LENGTH")
    sentence = bare_cli.complaint(
        "convert", image, "--range", "0:64KiB", "--to", "identity", status=64
    )
    assert sentence == "'--to identity' is about all of the volume; leave --range out."


def test_a_thin_image_grows_and_shrinks_with_what_is_in_it(bare_cli: Cli, tmp_path: Path) -> None:
    image, piece = tmp_path / "thin.img", os.urandom(1 << 20)
    bare_cli.text("create", image, "--size", "1GiB", "--thin")
    assert image.stat().st_size == 4096
    for offset in ("512MiB", "0", "700MiB"):
        bare_cli.text("write", image, "--offset", offset, stdin=piece)
    assert image.stat().st_size < 5 << 20
    told = bare_cli.json("map", image, "--initial")
    assert (told["size"], told["mapped_bytes"]) == (1 << 30, 3 << 20)
    found = bare_cli.run("read", image, "--offset", "512MiB", "--length", "1MiB").stdout
    assert found == piece
    assert bare_cli.json("compact", image, "--initial")["image_bytes"] == 3 << 20
    assert image.stat().st_size == 3 << 20
    assert not any(bare_cli.run("read", image, "--offset", "1MiB", "--length", "1MiB").stdout)
