# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Dump, load and pack as a user runs them, in this process and through an engine process."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import IMAGE_BYTES
from tests.cli.test_failures import flip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

WHOLE = ("--offset", "0", "--length", str(IMAGE_BYTES))


@pytest.fixture
def kept(cli: Cli, image: Path) -> Path:
    """The additional area with a snapshot 'monday' and a clone 'try' of it."""
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", "4096", stdin=b"n" * 8192)
    cli.text("clone", image, "monday", "try")
    cli.text("write", image, "--copy", "try", "--offset", "0", stdin=b"t" * 512)
    return image.with_name("disk.img.rangepair")


def test_a_dump_is_loaded_again(cli: Cli, image: Path, kept: Path, tmp_path: Path) -> None:
    (tmp_path / "dump.json").write_text(cli.text("dump", image))
    twin = tmp_path / "twin.img"
    twin.write_bytes(image.read_bytes())
    times = image.stat()
    os.utime(twin, ns=(times.st_atime_ns, times.st_mtime_ns))
    data = tmp_path / "data"
    data.write_bytes(kept.read_bytes())
    page = cli.text("load", "dump.json", twin, "--data", data)
    assert page == "2 copies with 2 pointers loaded\n"
    for name in ("monday", "try"):
        assert (
            cli.run("read", twin, "--copy", name, *WHOLE).stdout
            == cli.run("read", image, "--copy", name, *WHOLE).stdout
        )
    assert cli.json("check", twin)["clean"]
    dumped, again = json.loads((tmp_path / "dump.json").read_text()), cli.json("dump", twin)
    for key in ("copies", "layers", "chain", "next_copy_id", "next_layer_id"):
        assert again[key] == dumped[key]


def test_a_dump_without_data(bare_cli: Cli, image: Path, tmp_path: Path) -> None:
    bare_cli.text("snapshot", image, "monday")
    bare_cli.text("write", image, "--offset", "4096", stdin=b"n" * 8192)
    raw = bare_cli.run("dump", image).stdout
    page = bare_cli.text("load", "-", image, "--area", "other", stdin=raw)
    assert "8 KiB kept for them cannot be read" in page
    told = bare_cli.complaint(
        "read", image, "--copy", "monday", *WHOLE, "--area", "other", status=2
    )
    assert "'monday' is damaged in [4096..12287]" in told
    assert "✓ clean" in bare_cli.text("check", image, "--structures", "--area", "other")


def test_a_load_replaces_nothing_and_needs_the_image(bare_cli: Cli, image: Path) -> None:
    bare_cli.text("snapshot", image, "monday")
    raw = bare_cli.run("dump", image).stdout
    assert "exists already" in bare_cli.complaint("load", "-", image, stdin=raw)
    os.truncate(image, IMAGE_BYTES // 2)
    assert "is shorter than" in bare_cli.complaint("load", "-", image, "--area", "x", stdin=raw)
    assert "Cannot read the dump nope" in bare_cli.complaint("load", "nope", image)
    assert "no dump" in bare_cli.complaint("load", "-", image, "--area", "x", stdin=b"{}")
    assert {path.name for path in image.parent.iterdir()} == {"disk.img", "disk.img.rangepair"}


def test_a_bundle_is_made_and_looked_at(cli: Cli, image: Path, kept: Path) -> None:
    page = cli.text("pack", image, "bundle")
    assert page.startswith("bundle: ")
    assert "no data" in page
    assert "✓ clean  every structure of 2 copies holds" in cli.text("check", "bundle")
    assert [copy["name"] for copy in cli.json("dump", "bundle")["copies"]] == ["monday", "try"]
    assert cli.json("dump", "bundle")["layers"] == cli.json("dump", image)["layers"]
    assert "exists already" in cli.complaint("pack", image, "bundle")
    cli.text("pack", image, "hidden", "--hide-names")
    names = [copy["name"] for copy in cli.json("dump", "hidden")["copies"]]
    assert [len(name) for name in names] == [6, 3]
    assert not {"monday", "try"} & set(names)


def test_a_bundle_of_what_cannot_be_opened(bare_cli: Cli, image: Path) -> None:
    bare_cli.text("snapshot", image, "monday")
    place = json.loads(bare_cli.text("dump", image))["superblock"]["catalog"][0]
    flip(image.with_name("disk.img.rangepair"), place + 70)
    assert f"The catalog at byte {place} is damaged." in bare_cli.text("pack", image, "bundle")
    assert f"byte {place}" in bare_cli.complaint("check", "bundle", status=2)


def test_there_is_nothing_to_bundle_before_the_first_copy(bare_cli: Cli, image: Path) -> None:
    assert "take a copy first" in bare_cli.complaint("pack", image, "bundle")
    assert [path.name for path in image.parent.iterdir()] == ["disk.img"]
