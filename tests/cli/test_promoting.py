# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def test_a_promoted_copy_has_no_range_pair(cli: Cli, image: Path) -> None:
    before = image.read_bytes()
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", "4KiB", stdin=b"w" * 4096)
    said = cli.text("promote", image, "monday")
    assert said == (
        "monday needs the initial area no more: 1020 KiB were given pointers of its own\n"
    )
    assert cli.json("map", image, "--copy", "monday")["range_pairs"] == []
    assert cli.json("promote", image, "monday") == {
        "copy": "monday", "copied_bytes": 0, "range_pairs": 0
    }  # fmt: skip
    cli.text("write", image, "--offset", "0", stdin=bytes(IMAGE_BYTES))
    arguments = ("--offset", "0", "--length", str(IMAGE_BYTES), "--copy", "monday")
    assert cli.run("read", image, *arguments).stdout == before
    cli.text("check", image)


def test_what_cannot_be_promoted_is_refused_in_a_sentence(cli: Cli, image: Path) -> None:
    said = cli.complaint("promote", image, "original")
    assert said == "'original' is the initial area's own content; name a copy to promote."
    assert cli.complaint("promote", image, "monday").startswith("There is no copy named 'monday'")
