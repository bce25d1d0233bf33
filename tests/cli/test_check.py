# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The exit status of ``check`` is what it found; ``--repair`` makes a new area of what is left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.engine import open_volume
from core.engine.repairing import opened_for_repair
from core.service.launcher import connect_or_start
from tests.cli.conftest import IMAGE_BYTES
from tests.cli.test_failures import flip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def area(bare_cli: Cli, image: Path) -> Path:
    """The area of snapshots 'monday' and 'tuesday', one extent kept for both, one for each."""
    bare_cli.text("snapshot", image, "monday")
    bare_cli.text("write", image, "--offset", "4096", stdin=b"n" * 8192)
    bare_cli.text("snapshot", image, "tuesday")
    bare_cli.text("write", image, "--offset", "65536", stdin=b"m" * 4096)
    return image.with_name("disk.img.rangepair")


def found(cli: Cli, image: Path, status: int) -> dict[str, object]:
    told: dict[str, object] = json.loads(cli.run("check", image, "--json", status=status).stdout)
    return told


def test_a_clean_area_is_0(bare_cli: Cli, image: Path, area: Path) -> None:
    assert found(bare_cli, image, 0) == {"clean": True, "findings": []}
    assert "✓ clean" in bare_cli.text("check", image)


def test_a_leak_is_3(bare_cli: Cli, image: Path, area: Path) -> None:
    with open_volume(image) as volume:
        assert volume._state.area is not None
        volume._state.area.allocator.allocate(8192)
        volume.rename("monday", "first")
    told = found(bare_cli, image, 3)
    findings = told["findings"]
    assert isinstance(findings, list)
    assert [(each["code"], each["severity"]) for each in findings] == [("leak", "leak")]
    assert "8192 bytes of the additional area are allocated" in findings[0]["what"]
    assert (
        "0 corruptions, 1 harmless leak" in bare_cli.run("check", image, status=3).stdout.decode()
    )
    # A repair writes only what belongs to something.
    bare_cli.text("check", image, "--repair", "new")
    assert "✓ clean" in bare_cli.text("check", image, "--area", "new")


def test_space_that_is_used_and_free_is_2(bare_cli: Cli, image: Path, area: Path) -> None:
    with open_volume(image) as volume:
        state = volume._state
        assert state.area is not None
        run = next(iter(state.catalog.layers.values())).map.flatten()
        state.area.allocator.release(run.offsets.item(0), run.lengths.item(0))
        state.area.allocator.commit_releases()
        volume.rename("monday", "first")
    told = found(bare_cli, image, 2)
    assert "twice" in {each["code"] for each in told["findings"]}  # type: ignore[attr-defined]


def test_a_pointer_to_nowhere_is_2_and_repaired(bare_cli: Cli, image: Path, area: Path) -> None:
    with open_volume(image) as volume:
        layer = next(iter(volume._state.catalog.layers.values()))
        run = layer.map.flatten().take(slice(None))
        run.offsets = np.full(len(run), 1 << 40, np.int64)
        layer.replace(run)
        volume.rename("monday", "first")
    told = found(bare_cli, image, 2)
    assert {each["code"] for each in told["findings"]} == {"place"}  # type: ignore[attr-defined]
    page = bare_cli.run("check", image, "--repair", "new", status=2).stdout.decode()
    assert "[4096..12287] cannot be read" in page
    assert "✓ clean" in bare_cli.text("check", image, "--area", "new")


@pytest.mark.parametrize("what", ["data", "structure"])
def test_what_fails_its_checksum_is_2(bare_cli: Cli, image: Path, area: Path, what: str) -> None:
    if what == "data":
        (pointer, *_) = bare_cli.json("map", image, "--copy", "monday")["pointers"]
        flip(area, pointer["offset"])
        told = found(bare_cli, image, 2)
        assert {each["code"] for each in told["findings"]} == {"checksum"}  # type: ignore[attr-defined]
    else:
        dump = json.loads(bare_cli.text("dump", image))
        flip(area, dump["superblock"]["catalog"][0] + 70)
        assert "catalog" in bare_cli.complaint("check", image, status=2)


def test_damage_side_by_side_is_told_once(bare_cli: Cli, image: Path, area: Path) -> None:
    bare_cli.text("write", image, "--offset", "131072", stdin=b"w" * (1 << 19))
    kept = bare_cli.json("map", image, "--copy", "tuesday")["pointers"]
    assert len([pointer for pointer in kept if pointer["start"] >= 131072]) == 8
    for pointer in kept:
        flip(area, pointer["offset"])
    told = found(bare_cli, image, 2)["findings"]
    assert [finding["what"] for finding in told] == [  # type: ignore[attr-defined]
        "Data kept for range [65536..69631] fails its checksum.",
        "Data kept for range [131072..655359] fails its checksums, 8 in a row.",
    ]


def test_a_repair_tells_of_each_copy_in_a_line(bare_cli: Cli, image: Path, area: Path) -> None:
    before = {name: view_of(bare_cli, image, name) for name in ("monday", "tuesday")}
    (pointer, _) = bare_cli.json("map", image, "--copy", "monday")["pointers"]
    flip(area, pointer["offset"] + 5000)
    old = area.read_bytes()
    page = bare_cli.run("check", image, "--repair", "new", status=2).stdout.decode()
    lines = {line.split()[0]: line.split(None, 1)[1] for line in page.splitlines() if line}
    assert lines["monday"].split(None, 1) == [
        "damaged", "data kept for it fails its checksum: [4096..12287] cannot be read"
    ]  # fmt: skip
    assert lines["tuesday"].strip() == "saved"
    assert area.read_bytes() == old
    new = ("--area", "new")
    assert "✓ clean" in bare_cli.text("check", image, *new)
    assert (
        bare_cli.run("read", image, "--copy", "tuesday", *whole(), *new).stdout
        == (before["tuesday"])
    )
    tail = ("--offset", "12288", "--length", str(IMAGE_BYTES - 12288))
    assert (
        bare_cli.run("read", image, "--copy", "monday", *tail, *new).stdout
        == before["monday"][12288:]
    )
    told = bare_cli.complaint("read", image, "--copy", "monday", *whole(), *new, status=2)
    assert "'monday' is damaged in [4096..12287]" in told
    # The new one takes the old one's place and is gone on with.
    area.rename(area.with_suffix(".bad"))
    area.with_name("new").rename(area)
    bare_cli.text("snapshot", image, "wednesday")
    assert [copy["integrity"] for copy in bare_cli.json("list", image)["copies"]] == [
        "damaged", "intact", "unchecked"
    ]  # fmt: skip


def whole() -> tuple[str, ...]:
    return "--offset", "0", "--length", str(IMAGE_BYTES)


def view_of(cli: Cli, image: Path, name: str) -> bytes:
    return cli.run("read", image, "--copy", name, *whole()).stdout


def test_the_keys_of_a_repair(bare_cli: Cli, image: Path, area: Path) -> None:
    dump = json.loads(bare_cli.text("dump", image))
    newest = dump["layers"][-1]
    assert newest["pointers"]
    told = json.loads(bare_cli.text("check", image, "--repair", "new", "--json"))
    assert told == {
        "out": "new",
        "whole": True,
        "copies": [
            {"name": name, "outcome": "saved", "why": "", "damaged_ranges": []}
            for name in ("monday", "tuesday")
        ],
        "losses": [],
    }


def test_a_repair_replaces_no_file_and_needs_a_damaged_one(
    bare_cli: Cli, image: Path, area: Path
) -> None:
    old = area.read_bytes()
    assert "exists already" in bare_cli.complaint("check", image, "--repair", area)
    assert area.read_bytes() == old
    told = bare_cli.complaint("check", image, "--repair", "x", "--area", "y")
    assert "has no additional area at y, so there is nothing to repair" in told
    assert "its folder does not exist" in bare_cli.complaint(
        "check", image, "--repair", "no/folder"
    )
    assert sorted(path.name for path in image.parent.iterdir()) == [
        "disk.img", "disk.img.rangepair"
    ]  # fmt: skip


def test_a_repair_while_an_engine_holds_the_volume_is_refused(
    bare_cli: Cli, image: Path, area: Path
) -> None:
    with connect_or_start(image) as volume:
        assert "close it there first" in bare_cli.complaint("check", image, "--repair", "new")
        volume.shutdown()
    assert not image.with_name("new").exists()


def test_an_interrupted_repair_leaves_nothing_behind(image: Path, area: Path) -> None:
    before = {path.name: path.read_bytes() for path in image.parent.iterdir()}
    out = image.with_name("new")
    copied = []

    def interrupt(count: int) -> None:
        copied.append(count)
        assert out.with_name("new.partial").exists()
        raise KeyboardInterrupt

    with opened_for_repair(image, out) as work, pytest.raises(KeyboardInterrupt):
        work.run(interrupt)
    assert len(copied) == 1
    assert {path.name: path.read_bytes() for path in image.parent.iterdir()} == before
