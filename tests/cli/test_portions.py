# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes of portions from the command line, here and through an engine process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from core.service.client import connect
from core.service.launcher import connect_or_start
from tests.cli.conftest import WAYS, Cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.warmcommand import WarmCommand


@pytest.fixture
def portions(tmp_path: Path, warm_command: WarmCommand) -> Path:
    """A volume of four portions."""
    path = tmp_path / "portions.img"
    told = Cli(tmp_path, warm_command).text("create", path, "--portions", "4KiB,2048,8KiB,1024")
    assert told == f"{path}: 4 portions, 15 KiB\n"
    return path


@pytest.fixture(params=WAYS)
def held(
    request: pytest.FixtureRequest, portions: Path, warm_command: WarmCommand
) -> Iterator[Cli]:
    """The command, with the volume open nowhere, or in an engine process."""
    if request.param == "here":
        yield Cli(portions.parent, warm_command)
        return
    holder = connect_or_start(portions)
    yield Cli(portions.parent, warm_command)
    holder.close()
    connect(portions).shutdown()


def test_a_portion_is_written_with_another_size_and_the_copy_keeps_its_own(
    held: Cli, portions: Path
) -> None:
    two, one = os.urandom(2048), os.urandom(1024)
    assert held.text("write", portions, "--portion", 1, stdin=two) == (
        "2 KiB written to original as portion 1\n"
    )
    held.text("snapshot", portions, "s")
    held.text("write", portions, "--portion", 1, stdin=one)
    assert held.run("read", portions, "--portion", 1).stdout == one
    assert held.run("read", portions, "--portion", 1, "--copy", "s").stdout == two
    told = held.json("map", portions, "--portions", "--copy", "s")
    assert told["copy"] == "s"
    assert [(one["size"], one["kind"]) for one in told["portions"]] == [
        (4096, "unchanged"), (2048, "original"), (8192, "unchanged"), (1024, "unchanged")
    ]  # fmt: skip
    lines = held.text("map", portions, "--portions").splitlines()
    assert lines[2].split() == ["PORTION", "SIZE", "KIND", "OFFSET"]
    assert lines[4].split() == ["1", "1024", "unchanged", "4096", "of", "the", "image"]
    assert held.json("list", portions)["portions"] == 4
    assert "--to identity" not in held.text("list", portions)
    assert "4 portions" in held.text("list", portions)


def test_what_no_portion_can_be_is_told(held: Cli, portions: Path) -> None:
    assert held.complaint("write", portions, "--portion", 4, stdin=bytes(512)) == (
        "There is no portion 4; the volume has 4, from 0 on."
    )
    assert held.complaint("read", portions, "--portion", 4) == (
        "There is no portion 4; the volume has 4, from 0 on."
    )
    assert "cannot have 65537 bytes" in held.complaint(
        "write", portions, "--portion", 0, stdin=bytes(100_000)
    )
    assert "not within portion 1, which has 2048" in held.complaint(
        "write", portions, "--offset", 65536, stdin=bytes(4096)
    )
    assert "no plain raw image" not in held.complaint("convert", portions, "--to", "identity")


def test_a_volume_of_bytes_has_no_portions(bare_cli: Cli, image: Path) -> None:
    assert bare_cli.text("map", image, "--portions") == "This is no volume of portions.\n"
    assert "no volume of portions" in bare_cli.complaint(
        "write", image, "--portion", 0, stdin=bytes(512)
    )


WRONG = {
    ("create", "new.img", "--portions", "512,x"): (
        "--portions: 'x' is not a size; write it like 512, 4KiB or 1.5GiB;"
        " see 'rangepair create --help'."
    ),
    ("create", "new.img", "--portions", "512", "--thin"): (
        "--portions goes with neither --thin nor --grain; leave them out."
    ),
    ("read", "portions.img", "--portion", "0", "--length", "512"): (
        "'--offset' goes with --length, '--portion' without it."
    ),
    ("read", "portions.img", "--length", "512"): (
        "Missing --offset or --portion; see 'rangepair read --help'."
    ),
}


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_is_one_sentence(
    bare_cli: Cli, portions: Path, arguments: tuple[str, ...]
) -> None:
    assert bare_cli.complaint(*arguments, status=64) == WRONG[arguments]
    assert not portions.with_name("new.img").exists()
