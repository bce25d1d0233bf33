# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A folder to mount in that is made for it goes with it; one that was there stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.attach.conftest import Bench

import pytest

pytestmark = pytest.mark.e2e


def test_a_folder_is_made_if_only_its_parent_is_there_and_goes_with_the_mount(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("parent") / "here"
    view = bench.attach("--mount", here)
    assert view["mount"] == view["made"] == str(here)
    (here / "kept").write_bytes(b"k")
    bench.detach()
    assert not here.exists()
    here.mkdir()
    assert bench.attach("--mount", here)["made"] == ""
    assert (here / "kept").read_bytes() == b"k"
    bench.detach()
    assert here.is_dir()


def test_nothing_is_left_of_a_folder_where_nothing_could_be_mounted(bench: Bench):
    bench.make_file_system("ext4")
    parent = bench.mount_folder("parent")
    bench.rangepair("attach", bench.image, "--mount", parent / "here", "--partition", "3", status=1)
    assert list(parent.iterdir()) == []


@pytest.mark.parametrize("path", ["absent/here", "file", "file/here"])
def test_what_cannot_be_a_folder_is_told_and_not_made(bench: Bench, path: str):
    parent = bench.mount_folder("parent")
    (parent / "file").touch()
    told = bench.rangepair("attach", bench.image, "--mount", parent / path, status=1)
    assert "is no folder to mount in" in told
    assert bench.traces() == []
    assert [each.name for each in parent.iterdir()] == ["file"]


def test_a_folder_that_a_killed_engine_made_is_cleared_away(bench: Bench):
    bench.make_file_system("ext4")
    here = bench.mount_folder("parent") / "here"
    bench.attach("--mount", here)
    bench.kill_engine()
    bench.detach()
    assert bench.traces() == []
    assert not here.exists()
