# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Commands about the space that the additional area takes, here and through an engine process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from core.service.client import connect
from core.service.launcher import connect_or_start
from tests.cli.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def _with_gaps(cli: Cli, image: Path) -> None:
    """Take copies, write, and purge some of them."""
    for number in range(4):
        cli.text("snapshot", image, f"s{number}")
        content = bytes([number + 1]) * IMAGE_BYTES
        cli.text("write", image, "--offset", "0", stdin=content)
    cli.text("delete", image, "s0", "s2", "--now")


def test_compacting_cuts_the_file_and_changes_no_copy(cli: Cli, image: Path) -> None:
    _with_gaps(cli, image)
    read = ("read", image, "--copy", "s3", "--offset", "0", "--length", str(IMAGE_BYTES))
    before = cli.run(*read).stdout
    told = cli.json("compact", image)
    assert told["area_bytes"] < told["area_bytes_before"]
    assert told["host_bytes"] <= told["host_bytes_before"]
    assert told["area_bytes"] == cli.json("usage", image)["area_bytes"]
    assert cli.run(*read).stdout == before
    assert cli.json("check", image)["clean"]
    page = cli.text("compact", image)
    assert page.startswith("0 B moved; the additional area: ")


def test_a_plain_image_has_nothing_to_compact(cli: Cli, image: Path) -> None:
    assert cli.text("compact", image) == (
        "There is no additional area yet, so there is nothing to compact\n"
    )


def test_compacting_goes_on_while_clients_write(bare_cli: Cli, image: Path) -> None:
    _with_gaps(bare_cli, image)
    holder = connect_or_start(image)
    over, errors = threading.Event(), []

    def write() -> None:
        number = 0
        try:
            with connect(image) as volume:
                while not over.is_set():
                    number += 1
                    volume.write(number * 4096 % IMAGE_BYTES, bytes([number % 251]) * 4096)
                    if number % 50 == 0:
                        volume.snapshot(f"n{number}")
        except Exception as error:  # noqa: BLE001 (told by the test)
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            bare_cli.json("compact", image)
    finally:
        over.set()
        writer.join()
        holder.close()
        connect(image).shutdown()
    assert not errors
    assert bare_cli.json("check", image)["clean"]
    read = ("read", image, "--copy", "s3", "--offset", "0", "--length", str(IMAGE_BYTES))
    assert bare_cli.run(*read).stdout == b"\3" * IMAGE_BYTES


def test_a_policy_is_told_set_and_shown_in_the_list(cli: Cli, image: Path) -> None:
    assert cli.json("policy", image) == {
        "when_full": "refuse",
        "timeout_s": 30.0,
        "area_limit_bytes": 0,
        "expendable": [],
        "dropped": [],
    }
    for name in ("keep", "old", "older"):
        cli.text("snapshot", image, name)
    page = cli.text(
        "policy", image, "--when-full", "drop", "--area-limit", "64MiB",
        "--expendable", "older", "old",
    )  # fmt: skip
    assert page.splitlines() == [
        "A write that finds no room drops expendable copies until there is room",
        "The additional area may take 64 MiB on its disk",
        "Expendable, in this order: older, old",
    ]
    told = cli.json("policy", image, "--timeout", "2.5")
    assert (told["when_full"], told["timeout_s"], told["area_limit_bytes"]) == (
        "drop",
        2.5,
        64 << 20,
    )
    marks = {copy["name"]: copy["expendable"] for copy in cli.json("list", image)["copies"]}
    assert marks == {"keep": 0, "old": 2, "older": 1}
    assert "expendable 1" in cli.text("list", image)
    assert cli.json("policy", image, "--expendable")["expendable"] == []


def test_an_impossible_policy_is_refused_in_one_sentence(cli: Cli, image: Path) -> None:
    assert "invalid choice: 'explode'" in cli.complaint(
        "policy", image, "--when-full", "explode", status=64
    )
    assert "--timeout: 'soon' is no number of seconds" in cli.complaint(
        "policy", image, "--timeout", "soon", status=64
    )
    assert "cannot wait for -1.0 s" in cli.complaint("policy", image, "--timeout", "-1", status=64)
    assert "There is no copy named 'nobody'" in cli.complaint(
        "policy", image, "--expendable", "nobody"
    )


def test_what_was_dropped_is_told_afterwards(cli: Cli, image: Path) -> None:
    cli.text("policy", image, "--when-full", "drop", "--area-limit", "6MiB")
    names = []
    for number in range(8):
        names.append(f"s{number}")
        cli.text("snapshot", image, names[-1])
        cli.text("policy", image, "--expendable", *names)
        cli.text("write", image, "--offset", "0", stdin=bytes([number + 1]) * IMAGE_BYTES)
        names = cli.json("policy", image)["expendable"]
    dropped = cli.json("policy", image)["dropped"]
    assert [copy["name"] for copy in dropped] == [f"s{number}" for number in range(len(dropped))]
    assert 0 < len(dropped) < 8
    assert f"s{len(dropped) - 1} was dropped on 20" in cli.text("policy", image)
    shown = [copy["name"] for copy in cli.json("list", image)["copies"]]
    assert shown == [f"s{number}" for number in range(len(dropped), 8)]
    assert cli.json("check", image)["clean"]
