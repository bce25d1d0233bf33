# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def names(cli: Cli, image: Path, *options: str) -> list[str]:
    return [copy["name"] for copy in cli.json("list", image, *options)["copies"]]


def test_a_snapshot_is_taken_and_listed(cli: Cli, image: Path) -> None:
    said = cli.text("snapshot", image, "monday")
    assert said.startswith("monday: snapshot of original, 1 MiB taken in ")
    assert said.endswith(" ms, no data moved\n")
    told = cli.json("list", image)
    assert told["image"].endswith("disk.img")
    assert (told["size"], told["grain"], told["thin"]) == (1 << 20, 4096, False)
    (copy,) = told["copies"]
    assert abs(copy.pop("created") - time.time()) < 60
    assert copy.items() >= {
        "name": "monday", "kind": "snapshot", "parent": "original", "locked": False,
        "own_bytes": 0, "shared_bytes": 1 << 20, "pointers": 0, "range_pairs": 1,
    }.items()  # fmt: skip


def test_json_answers_what_was_taken(cli: Cli, image: Path) -> None:
    assert cli.json("snapshot", image, "monday")["kind"] == "snapshot"
    clone = cli.json("clone", image, "monday", "try out")
    assert (clone["kind"], clone["parent"], clone["name"]) == ("clone", "monday", "try out")


def test_the_list_is_a_tree(cli: Cli, image: Path) -> None:
    for arguments in (
        ("snapshot", image, "monday"),
        ("clone", image, "monday", "test"),
        ("snapshot", image, "tested", "--of", "test"),
        ("snapshot", image, "tuesday"),
        ("lock", image, "tuesday"),
    ):
        cli.text(*arguments)
    lines = cli.text("list", image).splitlines()
    assert lines[0] == "disk.img  1 MiB · grain 4 KiB · 4 copies"
    tree = [line.split("  ")[0] if i else line for i, line in enumerate(lines[3:])]
    assert tree[0].split() == ["original", "live"]
    assert [line[:14].rstrip() for line in lines[4:]] == [
        "├─ monday",
        "│  └─ test",
        "│     └─ teste",
        "└─ tuesday",
    ]
    assert lines[-1].endswith("locked")


def test_an_empty_list_says_how_to_begin(cli: Cli) -> None:
    assert "rangepair snapshot disk.img NAME" in cli.text("list", "disk.img")


def test_delete_hides_undelete_shows_purge_removes(cli: Cli, image: Path) -> None:
    for name in ("a", "b"):
        cli.text("snapshot", image, name)
    assert "'undelete' brings them back" in cli.text("delete", image, "a", "b")
    assert names(cli, image) == []
    assert names(cli, image, "--all") == ["a", "b"]
    assert "2 deleted copies not shown" in cli.text("list", image)
    cli.text("undelete", image, "b")
    assert names(cli, image) == ["b"]
    assert cli.text("purge", image, "a") == "a removed for good\n"
    assert names(cli, image, "--all") == ["b"]
    cli.text("delete", image, "b", "--now")
    assert names(cli, image, "--all") == []


def test_a_copy_named_twice_is_told_once(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "a")
    assert cli.text("delete", image, "a", "a").startswith("a deleted; 'undelete' brings it back")
    assert cli.text("undelete", image, "a", "a") == "a brought back\n"


def test_a_locked_copy_stays(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "keep")
    cli.text("lock", image, "keep")
    assert "locked" in cli.complaint("delete", image, "keep")
    cli.text("unlock", image, "keep")
    cli.text("delete", image, "keep")


def test_a_rename_is_seen_by_everybody(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "old")
    cli.text("clone", image, "old", "child")
    assert cli.text("rename", image, "old", "new") == "old → new\n"
    told = cli.json("list", image)["copies"]
    assert [(copy["name"], copy["parent"]) for copy in told] == [
        ("new", "original"),
        ("child", "new"),
    ]


def test_names_that_are_none_are_refused(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "taken")
    for name in ("", "a/b", "x" * 300, "original"):
        assert "name" in cli.complaint("snapshot", image, name)
        assert "name" in cli.complaint("rename", image, "taken", name)
    assert names(cli, image) == ["taken"]


def test_what_is_wrong_with_a_name_is_told(cli: Cli, image: Path) -> None:
    assert cli.complaint("snapshot", image, "x" * 129) == (
        "The name has 129 characters, and a copy's may have 128; shorten it."
    )
    assert cli.complaint("lock", image, "original") == (
        "'original' is the live volume itself and no copy; name a copy instead."
    )


def test_a_name_is_taken_once(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    assert "'monday'" in cli.complaint("snapshot", image, "monday")
    cli.text("delete", image, "monday")
    assert cli.complaint("clone", image, "original", "monday") == (
        "'monday' is the name of a deleted copy; purge or undelete that first, or choose another."
    )
    assert cli.complaint("diff", image, "monday") == (
        "The copy 'monday' is deleted; undelete it first."
    )


NEEDS_A_COPY = (
    ("clone", "nobody", "x"),
    ("snapshot", "x", "--of", "nobody"),
    ("rename", "nobody", "x"),
    ("delete", "nobody"),
    ("undelete", "nobody"),
    ("purge", "nobody"),
    ("lock", "nobody"),
    ("unlock", "nobody"),
    ("diff", "nobody"),
    ("map", "--copy", "nobody"),
    ("usage", "--if-deleted", "nobody"),
    ("read", "--copy", "nobody", "--offset", "0", "--length", "512"),
)


def test_a_copy_that_is_not_there_is_named(cli: Cli, image: Path) -> None:
    for command, *rest in NEEDS_A_COPY:
        assert cli.complaint(command, image, *rest) == (
            "There is no copy named 'nobody'; 'rangepair list --all' shows them all."
        )


def test_names_in_any_script_are_kept(cli: Cli, image: Path) -> None:
    for name in ("frühling", "漢字", "two words", "-dash"):
        cli.text("snapshot", image, "--", name)
    assert names(cli, image) == ["frühling", "漢字", "two words", "-dash"]
    assert "漢字" in cli.text("list", image)
    ascii_only = cli.run("list", image, PYTHONIOENCODING="ascii").stdout.decode("ascii")
    assert "|- fr\\xfchling" in ascii_only or "+- fr\\xfchling" in ascii_only
