# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Scratch images: what they hold, and what counts as one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from core.errors import ImageError, UsageError
from core.units import MIB
from core.workload import scratch
from core.workload.replay import settled_base
from core.workload.scratch import is_scratch, make_scratch, scratch_folder
from core.workload.trace import load_trace

SBIN = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])


def is_whole(image: Path) -> bool:
    program = shutil.which("e2fsck", path=SBIN)
    assert program, "install e2fsprogs"
    return subprocess.run([program, "-fn", image], check=False, capture_output=True).returncode == 0


def has_readme(image: Path) -> bool:
    program = shutil.which("debugfs", path=SBIN)
    assert program, "install e2fsprogs"
    run = subprocess.run([program, "-R", "cat README.txt", image], check=True, capture_output=True)
    return run.stdout.startswith(b"This is a scratch volume of Rangepair")


@pytest.fixture
def no_mkfs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(scratch, "_SBIN", ())


def test_the_default_image_is_where_the_recorded_session_begins(tmp_path, no_mkfs):
    image = make_scratch(folder=tmp_path)
    assert image.stat().st_size == 64 * MIB
    assert image.stat().st_blocks * 512 < 16 * MIB, "holes stay holes"
    content = image.read_bytes()
    for offset, block in settled_base(load_trace()).items():
        assert content[offset : offset + len(block)] == block


@pytest.mark.interop
@pytest.mark.parametrize("size", [2 * MIB, 64 * MIB, 100 * MIB, 65 * MIB + 512])
def test_an_image_of_any_size_holds_a_whole_file_system(tmp_path, size):
    image = make_scratch(size, tmp_path)
    assert image.stat().st_size == size
    assert is_whole(image)
    assert has_readme(image)
    assert is_scratch(image, size)


@pytest.mark.interop
def test_a_large_image_needs_no_mkfs(tmp_path, no_mkfs):
    image = make_scratch(100 * MIB, tmp_path)
    assert is_whole(image)
    assert has_readme(image)


def test_a_small_image_without_mkfs_is_refused_and_leaves_nothing(tmp_path, no_mkfs):
    with pytest.raises(ImageError, match="install e2fsprogs"):
        make_scratch(2 * MIB, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_each_image_has_a_name_of_its_own(tmp_path):
    (tmp_path / "scratch-2.img").write_text("somebody's")
    names = [make_scratch(folder=tmp_path).name for _ in range(3)]
    assert names == ["scratch-1.img", "scratch-3.img", "scratch-4.img"]
    assert (tmp_path / "scratch-2.img").read_text() == "somebody's"


def test_images_are_made_in_the_users_own_folder():
    image = make_scratch()
    assert image.parent == scratch_folder()
    assert str(image).startswith(os.environ["XDG_DATA_HOME"])


def test_only_an_image_with_its_marker_and_size_is_scratch(tmp_path):
    image = make_scratch(folder=tmp_path)
    size = image.stat().st_size
    marker = tmp_path / (image.name + ".scratch")
    assert is_scratch(str(image), size)
    assert not is_scratch(image, size + 512), "another image has taken its place"
    assert not is_scratch(tmp_path / "other.img", size)
    marker.write_bytes(b"\xff\xfe")
    assert not is_scratch(image, size)
    marker.unlink()
    assert not is_scratch(image, size)


@pytest.mark.parametrize("size", [0, 512, MIB - 512, MIB + 1])
def test_a_size_that_makes_no_sense_is_refused(tmp_path, size):
    with pytest.raises(UsageError, match="at least 1 MiB"):
        make_scratch(size, tmp_path)


def test_a_folder_that_cannot_be_one_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImageError, match="cannot be made in"):
        make_scratch(folder=tmp_path / "file")
