# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import MeasureError
from core.measure import files, report, scratch
from core.measure.files import cool, make_image, warm
from core.measure.report import begin_report
from core.measure.rows import Row
from core.measure.scratch import file_system_of, scratch_folder
from core.units import MIB


def test_the_folder_is_gone_with_all_that_is_in_it(tmp_path: Path) -> None:
    with scratch_folder(tmp_path, 1) as folder:
        (folder / "image").write_bytes(b"x")
        assert folder.parent == tmp_path.resolve()
    assert list(tmp_path.iterdir()) == []


def test_without_room_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(MeasureError, match="There is no room") as caught:
        _enter(tmp_path, 1 << 60)
    assert "1 EiB" in caught.value.message or "1024 PiB" in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_or_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        with pytest.raises(MeasureError, match="name a folder that you may write to"):
            _enter(tmp_path / name, 1)


def _enter(within: Path, needed: int) -> None:
    with scratch_folder(within, needed):
        raise AssertionError("it was made")


def test_a_disk_is_preferred_to_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, disk = tmp_path / "memory", tmp_path / "a disk"
    memory.mkdir()
    disk.mkdir()
    mounts = tmp_path / "mounts"
    where = str(disk).replace(" ", "\\040")
    mounts.write_text(f"r / xfs rw 0 0\nt {memory} tmpfs rw 0 0\nd {where} ext4 rw 0 0\n")
    monkeypatch.setattr(scratch, "_MOUNTS", mounts)
    monkeypatch.setattr(scratch.tempfile, "gettempdir", lambda: str(memory))
    assert [file_system_of(path) for path in (memory, disk / "x", Path("/"))] == [
        "tmpfs",
        "ext4",
        "xfs",
    ]
    with scratch_folder(None, 1) as folder:
        assert folder.parent != memory
    monkeypatch.setattr(os, "access", lambda *_: False)
    with scratch_folder(None, 1) as folder:
        assert folder.parent == memory.resolve()


@pytest.mark.parametrize("may_drop", [True, False])
def test_files_are_cooled_whoever_asks(
    may_drop: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch = tmp_path / "drop_caches"
    monkeypatch.setattr(files, "_DROP_CACHES", switch)
    if may_drop:
        switch.touch()
    image = tmp_path / "disk.img"
    make_image(image, 2 * MIB)
    before = image.read_bytes()
    warm(image)
    cool([image])
    assert image.read_bytes() == before
    assert (switch.exists() and switch.read_text()) == (may_drop and "3\n")


def test_a_report_tells_what_is_doubtful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    monkeypatch.setattr(report, "file_system_of", lambda _folder: "tmpfs")
    busy, in_memory = begin_report(tmp_path, rounds=3, is_against_qemu=True).notes
    assert "load 99.0" in busy
    assert "lies in memory" in in_memory
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(report, "file_system_of", lambda _folder: "ext4")
    assert begin_report(tmp_path, rounds=3, is_against_qemu=False).notes == []


def test_the_keys_of_a_report_stay(tmp_path: Path) -> None:
    made = begin_report(tmp_path, rounds=3, is_against_qemu=False)
    row = Row("topic", "case", "requests/s", [3.0, 1.0, 2.0], stalls_ms=[4.0])
    row.compare_with(row)
    made.add([row])
    told = made.told()
    assert list(told) == ["date", "machine", "versions", "rounds", "notes", "rows"]
    assert set(told["machine"]) == {
        "system", "processor", "processors", "memory_bytes", "file_system",
    }  # fmt: skip
    assert set(told["versions"]) == {"rangepair", "python"}
    assert told["rows"] == [
        {
            "topic": "topic",
            "case": "case",
            "unit": "requests/s",
            "better": "more",
            "values": [3.0, 1.0, 2.0],
            "median": 2.0,
            "ratio": None,
            "base": "case",
            "p999_ms": 4.0,
            "processor_us": None,
        }
    ]
