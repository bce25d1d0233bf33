# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
import io
import random
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from core.cli import restoring
from core.cli.terminal import Terminal
from core.engine import open_volume
from core.errors import CopyInUseError
from tests.cli.conftest import IMAGE_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

PAYLOAD = random.Random(5).randbytes(300 * 1024)
AT = 4096 + 512


@pytest.fixture
def before(cli: Cli, image: Path) -> bytes:
    """What a snapshot, monday, holds; the original has changed since."""
    content = image.read_bytes()
    cli.text("snapshot", image, "monday")
    cli.text("write", image, "--offset", str(AT), stdin=PAYLOAD)
    return content


def view(cli: Cli, image: Path, copy: str = "original") -> bytes:
    arguments = ("--offset", "0", "--length", str(IMAGE_BYTES), "--copy", copy)
    return cli.run("read", image, *arguments).stdout


def changed(before: bytes) -> bytes:
    return before[:AT] + PAYLOAD + before[AT + len(PAYLOAD) :]


def test_a_dry_run_tells_exactly_and_changes_nothing(cli: Cli, image: Path, before: bytes) -> None:
    said = cli.text("restore", image, "monday", "--dry-run")
    kept = 304 * 1024  # whole grains
    assert said == (
        f"restoring monday would write at most 1 range, 304 KiB ({kept:,} bytes)\n"
        "the original as it is now would be kept as before-restore-1\n"
    )
    assert cli.json("restore", image, "monday", "--dry-run") == {
        "source": "monday", "safety": "before-restore-1", "ranges": 1, "bytes": kept,
        "safety_id": 0, "size_bytes": 0, "dry_run": True, "left_bytes": 0,
    }  # fmt: skip
    assert view(cli, image) == changed(before)
    assert len(cli.json("list", image)["copies"]) == 1


def test_the_original_is_what_the_snapshot_holds_and_can_be_taken_back(
    cli: Cli, image: Path, before: bytes
) -> None:
    said = cli.text("restore", image, "monday")
    assert said == (
        "the original equals monday now: 1 range, 304 KiB\n"
        "as it was before it is kept as before-restore-1; restoring that takes this back\n"
    )
    assert view(cli, image) == view(cli, image, "monday") == before
    cli.text("check", image)  # an engine process may hold the last of it in memory till then
    assert (image.read_bytes() == before) is True
    assert view(cli, image, "before-restore-1") == changed(before)
    told = cli.json("restore", image, "before-restore-1", "--safety", "undone")
    assert (told["safety"], told["left_bytes"]) == ("undone", 0)
    cli.text("check", image)
    assert (image.read_bytes() == changed(before)) is True
    assert view(cli, image, "undone") == before


def test_equal_views_need_nothing(cli: Cli, image: Path) -> None:
    cli.text("snapshot", image, "monday")
    said = cli.text("restore", image, "monday")
    assert said == "monday and the original are equal; nothing to do\n"
    assert len(cli.json("list", image)["copies"]) == 1


def test_a_clone_is_merged_into_the_original(cli: Cli, image: Path, before: bytes) -> None:
    cli.text("clone", image, "monday", "try-out")
    cli.text("write", image, "--copy", "try-out", "--offset", "1KiB", stdin=b"t" * 512)
    said = cli.text("merge", image, "try-out", "--dry-run")
    assert said.startswith("merging try-out would write at most 2 ranges, 304.5 KiB ")
    assert cli.json("merge", image, "try-out")["safety"] == "before-merge-1"
    assert view(cli, image) == before[:1024] + b"t" * 512 + before[1536:]
    assert image.read_bytes() == view(cli, image)


def test_who_does_not_wait_is_told_that_the_image_is_a_mixture(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    words = {"copy": "monday", "safety": "", "dry_run": False, "no_wait": True, "json": False}
    with open_volume(image) as volume:
        volume.snapshot("monday")
        volume.write(0, bytes(IMAGE_BYTES))
        volume._mover.stop()
        monkeypatch.setattr(restoring, "open_for", lambda *_, **__: nullcontext(volume))
        restoring.COMMANDS["restore"][1](argparse.Namespace(**words), Terminal(said))
    assert "1 MiB still to be moved" in said.getvalue()
    assert "whoever reads the image without Rangepair sees a mixture" in said.getvalue()


def test_what_cannot_be_restored_is_refused_in_a_sentence(
    cli: Cli, image: Path, before: bytes
) -> None:
    del before
    said = cli.complaint("restore", image, "original")
    assert said == "'original' cannot be restored to itself; name a copy."
    assert cli.complaint("merge", image, "monday").startswith("'monday' is a snapshot and no clone")
    said = cli.complaint("restore", image, "monday", "--safety", "monday")
    assert said == "'monday' is the name of another copy; choose another."
    assert cli.complaint("restore", image, "tuesday").startswith("There is no copy named 'tuesday'")


def test_opening_goes_on_with_a_restore_by_itself(bare_cli: Cli, image: Path) -> None:
    """What the process before has left is moved by the one that comes next."""
    content = image.read_bytes()
    with open_volume(image) as volume:
        volume.snapshot("monday")
        volume.write(0, bytes(len(content)))
        volume._mover.stop()
        volume.restore("monday")
        with pytest.raises(CopyInUseError, match="'monday' is needed until the restore"):
            volume.delete(["monday"])
        assert volume.read(0, len(content)) == content
    assert image.read_bytes() == bytes(len(content))
    said = bare_cli.text("list", image)
    assert "the original reads as monday; 1 MiB of that are still to be moved" in said
    left = bare_cli.json("list", image)["restoring"]
    assert left == {
        "source": "monday", "safety": "before-restore-1", "whole_bytes": IMAGE_BYTES,
        "left_bytes": IMAGE_BYTES, "problem": "", "is_damaged": False,
    }  # fmt: skip
    assert view(bare_cli, image) == content
    said = bare_cli.text("restore", image, "before-restore-1")
    assert "before-restore-2" in said
    assert image.read_bytes() == bytes(len(content))
    assert view(bare_cli, image, "before-restore-2") == content
    bare_cli.text("check", image)
