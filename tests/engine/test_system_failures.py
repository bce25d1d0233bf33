# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The system says no while files are opened or made: one sentence, and no file left behind."""

from __future__ import annotations

import errno
import os

import pytest

from core.claims.portions import portion
from core.engine import create_volume, files, open_volume
from core.engine.told import told
from core.errors import AreaFullError, DeviceFailedError
from tests.engine.board import LETTERS_RAW, PORTION
from tests.engine.test_refusals import assert_sentence

SIZE = len(LETTERS_RAW)


def fails_with(code):
    def fail(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(LETTERS_RAW)
    return path


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.ENOSPC, AreaFullError), (errno.EDQUOT, AreaFullError), (errno.EIO, DeviceFailedError)],
)
def test_what_the_system_says_is_told_with_its_reason(code, kind):
    error = told(OSError(code, os.strerror(code)))
    assert type(error) is kind
    assert os.strerror(code) in error.message


def test_a_failure_without_words_is_told_as_it_is():
    assert "strange" in told(OSError("strange")).message


def test_an_image_that_cannot_be_read_is_refused_and_let_go(path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(files, "read_available", fails_with(errno.EIO))
        with pytest.raises(DeviceFailedError) as error:
            open_volume(path)
        assert_sentence(error)
    with open_volume(path) as volume:
        assert volume.read(0, SIZE) == LETTERS_RAW


def test_an_image_that_cannot_be_asked_for_its_size_is_refused(path, monkeypatch):
    monkeypatch.setattr(os, "lseek", fails_with(errno.EIO))
    with pytest.raises(DeviceFailedError) as error:
        open_volume(path)
    assert_sentence(error)


@pytest.mark.parametrize(
    ("call", "code", "kind"),
    [
        ("posix_fallocate", errno.ENOSPC, AreaFullError),
        ("posix_fallocate", errno.EIO, DeviceFailedError),
        ("fdatasync", errno.EIO, DeviceFailedError),
        ("pwritev", errno.EIO, DeviceFailedError),
    ],
)
def test_a_volume_that_cannot_be_made_leaves_no_file(tmp_path, monkeypatch, call, code, kind):
    monkeypatch.setattr(os, call, fails_with(code))
    with pytest.raises(kind) as error:
        create_volume(tmp_path / "disk.img", 1 << 20)
    assert_sentence(error)
    assert names_in(tmp_path) == []


def test_a_first_copy_without_room_leaves_a_plain_image_that_goes_on(path, monkeypatch):
    with open_volume(path) as volume:
        with monkeypatch.context() as patched:
            patched.setattr(os, "posix_fallocate", fails_with(errno.ENOSPC))
            with pytest.raises(AreaFullError) as error:
                volume.snapshot("S")
            assert_sentence(error)
        assert names_in(path.parent) == ["disk.img"]
        assert volume.info().copies == []
        volume.write(0, portion("Z"))
        volume.snapshot("S")
        volume.write(0, portion("Y"))
        assert volume.read(0, PORTION, "S") == portion("Z")
    with open_volume(path) as volume:
        assert volume.check() == []


def test_a_first_copy_that_cannot_be_written_leaves_a_plain_image(path, monkeypatch):
    with open_volume(path) as volume:
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwritev", fails_with(errno.EIO))
            with pytest.raises(DeviceFailedError) as error:
                volume.snapshot("S")
            assert_sentence(error)
        assert names_in(path.parent) == ["disk.img"]
        assert volume.read(0, SIZE) == LETTERS_RAW
    assert path.read_bytes() == LETTERS_RAW
