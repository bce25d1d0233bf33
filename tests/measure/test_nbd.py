# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The comparison with other people's servers, on images so small that its figures mean nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from core.errors import EngineGoneError, MeasureError
from core.measure import fio, follower, nbd, servers, tools
from core.measure.fio import Load
from core.measure.follower import follow, following
from core.measure.rows import median_or_none
from core.measure.servers import OURS, PLAIN, RAW, WATCHED, Served
from core.measure.topics import measures
from core.service.client import connect
from core.service.launcher import connect_or_start
from core.units import MIB
from tests.cli.warmcommand import ROOT

if TYPE_CHECKING:
    from core.measure.rows import Sheet
    from core.measure.servers import Begin
    from core.measure.setting import Setting

pytestmark = pytest.mark.interop

EVERYBODY = {
    OURS,
    WATCHED,
    "qemu-nbd, qcow2 with snapshot",
    "qemu-nbd, overlay, subclusters",
    RAW,
    "nbdkit, raw",
}
URING = "qemu-nbd, raw, io_uring"
"""Not every machine lets it."""


@pytest.fixture
def only_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare with one server: the others take the same way."""
    two: dict[str, Begin] = {WATCHED: servers.present_ours()[WATCHED], RAW: servers.qemu_raw}
    monkeypatch.setattr(servers, "present", lambda *_: two)


def measured(setting: Setting, topic: str) -> Sheet:
    (measure,) = measures([topic], is_against_qemu=True)
    (sheet,) = measure(setting)
    assert list(setting.folder.iterdir()) == []
    return sheet


def test_every_server_is_measured(setting: Setting) -> None:
    sheet = measured(setting, "first")
    assert {row.case for row in sheet} | {URING} == EVERYBODY | {URING}
    for row in sheet:
        assert row.base == RAW
        assert (row.ratio is None) == (row.case == RAW)
        assert (median_or_none(row.stalls_ms) or 0) > 0
        assert len(row.processor_us) == len(row.values) == 1


@pytest.mark.parametrize("topic", ["cold", "flush", "rewrite", "read"])
@pytest.mark.usefixtures("only_two")
def test_each_load_is_measured(topic: str, setting: Setting) -> None:
    sheet = measured(setting, topic)
    assert [row.case for row in sheet] == [WATCHED, RAW]
    assert all(row.median > 0 for row in sheet)
    assert ("dropped" in sheet[0].topic or "fadvise" in sheet[0].topic) == (topic == "cold")


@pytest.mark.usefixtures("only_two")
def test_data_in_sequence_is_compared_with_the_plain_file(setting: Setting) -> None:
    folder = setting.folder / "a: folder"
    folder.mkdir()
    plain, *others = measured(replace(setting, folder=folder), "sequence")
    assert (plain.case, plain.base, plain.ratio, plain.processor_us) == (PLAIN, PLAIN, None, [])
    assert all(row.base == PLAIN and row.ratio for row in others)


@pytest.mark.usefixtures("only_two")
def test_the_oldest_snapshot_is_compared_with_the_original_of_the_same_volume(
    setting: Setting,
) -> None:
    sheet = measured(setting, "oldest")
    assert sheet[0].topic.startswith("Read of the oldest of 3 snapshots")
    assert [row.case for row in sheet] == [
        "Rangepair, the original",
        "Rangepair, the oldest",
        "Rangepair, the original, watched",
        "Rangepair, the oldest, watched",
    ]
    assert {row.base for row in sheet} == {"Rangepair, the original"}


def test_without_the_tools_a_sentence_names_each(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MeasureError, match="install the package fio"):
        measured(setting, "first")
    assert [sentence.split()[2] for sentence in setting.note] == ["qemu-nbd", "nbdkit"]  # type: ignore[attr-defined]
    assert all("install the package" in sentence for sentence in setting.note)  # type: ignore[attr-defined]


def test_those_that_are_there_are_measured(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only fio; and a qemu-nbd that does not begin, as it may be on a machine without io_uring."""
    tool = next(Path(f) / "fio" for f in os.environ["PATH"].split(":") if Path(f, "fio").exists())
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "fio").symlink_to(tool)
    broken = programs / "qemu-nbd"
    broken.write_text("#!/bin/sh\necho 'no such thing here' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    (sheet,) = nbd.measure(setting, ["read"])
    assert [row.case for row in sheet] == [OURS, WATCHED]
    assert sheet[0].base == OURS
    qemu_img, nbdkit, raw, uring = setting.note  # type: ignore[misc]
    assert "qemu-img is not installed" in qemu_img
    assert "nbdkit is not installed" in nbdkit
    assert raw == "qemu-nbd, raw cannot be measured here: no such thing here"
    assert uring.startswith(URING)


def test_a_fio_without_nbd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fio").write_text("#!/bin/sh\necho Available IO engines: psync\n")
    (tmp_path / "fio").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MeasureError, match="no engine 'nbd'"):
        tools.require_fio()
    assert tools.versions() == {"fio": ""}


def test_what_fio_cannot_do_is_told(tmp_path: Path) -> None:
    load = Load("a load", "read", "4k", 8)
    nowhere = Served(("--ioengine=nbd", f"--uri=nbd+unix:///?socket={tmp_path}/none"), 0)
    with pytest.raises(MeasureError, match="fio could not measure 'a load': "):
        fio.run(load, nowhere.target, MIB)


def test_a_server_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "READY_S_MAX", 0.1)
    with pytest.raises(MeasureError, match="does not answer"):
        _begin("import time; time.sleep(60)")
    monkeypatch.setattr(servers, "READY_S_MAX", 20.0)
    with pytest.raises(MeasureError, match="did not say why"):
        _begin("raise SystemExit(1)")


def _begin(program: str) -> None:
    with servers._begun([sys.executable, "-c", program], "--socket"):
        raise AssertionError("it begins")


def test_an_image_that_cannot_be_converted_is_told(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="qemu-img could not make an image"):
        _enter_snapshot(tmp_path / "none.img")


def _enter_snapshot(image: Path) -> None:
    with servers.qemu_snapshot(image):
        raise AssertionError("it begins")


def test_an_engine_ends_though_its_connection_was_broken_off(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(MIB))
    runtime = os.environ["XDG_RUNTIME_DIR"]
    with servers.engine_of(image) as engine:
        process = engine.welcome.pid
        assert runs(process)
        engine.close()
    assert not runs(process)
    assert os.environ["XDG_RUNTIME_DIR"] == runtime
    assert [path.name for path in tmp_path.iterdir()] == ["disk.img"]


def runs(process: int) -> bool:
    """Return whether a process has not ended; nobody may have asked yet how it did."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_follower_sees_every_event(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(os.urandom(MIB))
    with connect_or_start(image) as volume:
        rounds = follow(volume)
        assert next(rounds)["events"] == 0
        volume.snapshot("before")
        volume.write(0, bytes(4096))
        assert next(rounds)["events"] >= 2
        rounds.close()  # type: ignore[attr-defined]
        done = subprocess.run(
            [sys.executable, "-m", "core.measure.follower", str(image)],
            input=b"",
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        greeting, seen = done.stdout.decode().splitlines()
        assert greeting == "following"
        assert json.loads(seen) == {"events": 0, "lost": 0}
    connect(image).shutdown()


def test_a_follower_that_lost_events_asks_for_the_whole_state() -> None:
    asked: list[str] = []

    class Ring:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            asked.append("closed")

        def drain(self) -> tuple[list[int], int]:
            return [1, 2], 7

    class Volume:
        def events(self) -> Ring:
            return Ring()

        def __getattr__(self, name: str) -> object:
            return lambda: asked.append(name)

    rounds = follow(Volume())  # type: ignore[arg-type]
    assert next(rounds) == {"events": 2, "lost": 7}
    rounds.close()  # type: ignore[attr-defined]
    assert asked == ["info", "map", "stats", "closed"]


def test_where_nobody_can_follow_nothing_is_measured(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(MIB))
    with pytest.raises(EngineGoneError, match="Nobody follows"):
        _follow(image)


def _follow(image: Path) -> None:
    with following(image):
        raise AssertionError(follower.__doc__)
