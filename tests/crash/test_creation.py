# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An additional area that was not finished when the power went is none."""

from __future__ import annotations

import os

import pytest

from core.area.additional import AdditionalArea
from core.device import opening as device_opening
from core.engine import open_volume
from core.errors import ImageError, RangepairError

pytestmark = pytest.mark.crash

CONTENT = b"".join(b"%08d" % at * 64 for at in range(64))


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(CONTENT)
    return path


def _die_taking_the_first_copy(image, patch, owner, name):
    """Take a copy in a process of its own that ends, without a word, when it calls ``name``."""
    child = os.fork()
    if child == 0:
        patch.setattr(owner, name, lambda *_, **__: os._exit(7))
        open_volume(image).snapshot("s")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize(
    ("owner", "name"),
    [(AdditionalArea, "write_superblock"), (device_opening, "place_area")],
    ids=["before its superblock", "before it had its name"],
)
def test_the_first_copy_can_be_taken_again(image, monkeypatch, owner, name):
    _die_taking_the_first_copy(image, monkeypatch, owner, name)
    left = {path.name for path in image.parent.iterdir()}
    assert left == {"disk.img", "disk.img.rangepair.partial"}
    with open_volume(image) as volume:
        assert volume.read(0, len(CONTENT)) == CONTENT
        assert volume.info().copies == []
        volume.snapshot("s")
        volume.write(0, b"n" * 4096)
        assert volume.read(0, len(CONTENT), "s") == CONTENT
        assert volume.check() == []
    left = {path.name for path in image.parent.iterdir()}
    assert left == {"disk.img", "disk.img.rangepair"}


def test_the_name_comes_after_the_superblock(image, monkeypatch):
    area, seen = image.with_name("disk.img.rangepair"), []
    write = AdditionalArea.write_superblock

    def look(self, fields, **features):
        write(self, fields, **features)
        seen.append(area.exists())

    monkeypatch.setattr(AdditionalArea, "write_superblock", look)
    with open_volume(image) as volume:
        volume.snapshot("s")
        assert seen == [False]
        assert area.exists()


def test_nothing_is_left_of_an_area_that_could_not_be_made(image, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(AdditionalArea, "write_superblock", fail)
    with open_volume(image) as volume, pytest.raises(RangepairError):
        volume.snapshot("s")
    assert [path.name for path in image.parent.iterdir()] == ["disk.img"]


def test_an_area_never_takes_the_place_of_a_file(image, monkeypatch):
    area = image.with_name("disk.img.rangepair")
    write = AdditionalArea.write_superblock

    def intrude(self, fields, **features):
        write(self, fields, **features)
        area.write_bytes(b"someone else's")

    monkeypatch.setattr(AdditionalArea, "write_superblock", intrude)
    with open_volume(image) as volume, pytest.raises(ImageError, match="exists already"):
        volume.snapshot("s")
    assert area.read_bytes() == b"someone else's"


def test_the_image_s_time_of_change_is_durable_before_the_area_is_clean(image, monkeypatch):
    """A loss of power after closing must not look like another program's write."""
    log = []
    fsync, write = os.fsync, AdditionalArea.write_superblock

    def note_fsync(descriptor):
        log.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def note_superblock(self, fields, **features):
        log.append("clean" if fields.clean else "dirty")
        write(self, fields, **features)

    volume = open_volume(image)
    volume.snapshot("s")
    volume.write(0, b"n" * 4096)
    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(AdditionalArea, "write_superblock", note_superblock)
    volume.close()
    assert log == [image.stat().st_ino, "clean"]
