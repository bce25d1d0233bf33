# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An additional area may lie anywhere, but an image has one."""

from __future__ import annotations

import pytest

from core.engine import open_volume
from core.errors import ImageError


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(b"d" * 65536)
    return path


@pytest.mark.parametrize("read_only", [False, True])
def test_a_mistyped_area_begins_no_second_one(image, read_only):
    with open_volume(image) as volume:
        volume.snapshot("a")
    with pytest.raises(ImageError, match="leave --area out"):
        open_volume(image, area=image.with_name("typo.area"), read_only=read_only)
    assert {path.name for path in image.parent.iterdir()} == {"disk.img", "disk.img.rangepair"}
    with open_volume(image) as volume:
        assert [copy.name for copy in volume.info().copies] == ["a"]


def test_an_area_elsewhere_is_begun_and_found_again(image, tmp_path):
    elsewhere = tmp_path / "elsewhere.area"
    for name in ("a", "b"):
        with open_volume(image, area=elsewhere) as volume:
            volume.snapshot(name)
            volume.write(0, name.encode() * 4096)
    with open_volume(image, area=elsewhere, read_only=True) as volume:
        assert [copy.name for copy in volume.info().copies] == ["a", "b"]
        assert volume.read(0, 512, "b") == b"a" * 512
    assert not image.with_name("disk.img.rangepair").exists()


def test_an_area_that_was_moved_away_is_named_by_its_new_place(image, tmp_path):
    with open_volume(image) as volume:
        volume.snapshot("a")
    moved = tmp_path / "moved.area"
    image.with_name("disk.img.rangepair").rename(moved)
    with open_volume(image, area=moved) as volume:
        assert [copy.name for copy in volume.info().copies] == ["a"]
