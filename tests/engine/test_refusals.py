# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an open volume refuses: the right class, one sentence, and nothing changed by it."""

from __future__ import annotations

import contextlib
import os
import re

import pytest

from core.engine import create_volume, open_volume
from core.errors import (
    EXIT_ERROR,
    CopyInUseError,
    ImageError,
    InvalidNameError,
    InvalidRangeError,
    NameTakenError,
    NoSuchCopyError,
    RangepairError,
    ReadOnlyError,
    TooManyCopiesError,
)
from core.session import ORIGINAL
from core.volume import takecopy
from tests.engine.board import LETTERS_RAW, PORTION

SIZE = len(LETTERS_RAW)


@pytest.fixture
def volume(tmp_path):
    path = tmp_path / "disk.img"
    path.write_bytes(LETTERS_RAW)
    with open_volume(path) as volume:
        volume.snapshot("S")
        volume.clone("C")
        yield volume


def _facts(volume):
    """Return everything that a refused request must leave as it was."""
    copies = volume.info().copies
    names = [ORIGINAL, *(copy.name for copy in copies if not copy.deleted)]
    return copies, [volume.read(0, SIZE, name) for name in names], volume.check()


def assert_sentence(error):
    """What a user reads: one sentence, with an ending, that names no Python."""
    message = error.value.message
    assert message
    assert "\n" not in message
    assert message[0] != " "
    assert not re.search(r"Traceback|Errno|object at|<class|None|\bself\b", message)
    assert re.search(r"[;,]|instead|empty", message), f"says not what to do: {message}"


def refuse(volume, kind, act, *args, **kwargs):
    before = _facts(volume)
    with pytest.raises(kind) as error:
        getattr(volume, act)(*args, **kwargs)
    assert type(error.value) is kind
    assert error.value.exit_status == EXIT_ERROR
    assert_sentence(error)
    assert _facts(volume) == before


NO_NAMES = {
    "empty": "",
    "space": " ",
    "space at the end": "name ",
    "reserved": ORIGINAL,
    "300 characters": "n" * 300,
    "129 characters": "n" * 129,
    "slash": "a/b",
    "zero byte": "a\0b",
    "line break": "a\nb",
    "escape": "\x1b[31m",
    "half a surrogate": "\ud800",
    "right to left mark": "a\u202eb",
}


@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
@pytest.mark.parametrize("act", ["snapshot", "clone", "rename"])
def test_a_name_that_cannot_be_given_is_refused(volume, act, name):
    args = ("S", name) if act == "rename" else (name,)
    refuse(volume, InvalidNameError, act, *args)


@pytest.mark.parametrize("name", ["n" * 128, "été 2026", "a b", "日本", "-", "..", "Original"])
def test_a_name_that_can_be_given_is_kept_as_it_is(volume, name):
    assert volume.snapshot(name).name == name
    volume.rename(name, "other")
    volume.rename("other", name)
    assert [copy.name for copy in volume.info().copies] == ["S", "C", name]


@pytest.mark.parametrize("act", ["snapshot", "clone", "rename"])
def test_a_taken_name_is_refused(volume, act):
    refuse(volume, NameTakenError, act, *(("S", "C") if act == "rename" else ("S",)))


@pytest.mark.parametrize("act", ["snapshot", "clone", "rename"])
def test_the_name_of_a_deleted_copy_is_still_taken(volume, act):
    volume.snapshot("D")
    volume.delete(["D"])
    refuse(volume, NameTakenError, act, *(("S", "D") if act == "rename" else ("D",)))
    volume.purge(["D"])
    assert volume.snapshot("D").name == "D"


def test_a_copy_may_be_renamed_to_its_own_name(volume):
    generation = volume.info().generation
    volume.rename("S", "S")
    assert volume.info().generation == generation


NO_RANGES = {
    "negative offset": (-512, 512),
    "negative length": (512, -512),
    "off the end": (SIZE - 512, 1024),
    "behind the end": (SIZE, 512),
    "far behind the end": (1 << 63, 512),
    "odd offset": (1, 512),
    "odd length": (0, 511),
}


@pytest.mark.parametrize("name", [ORIGINAL, "S", "C"])
@pytest.mark.parametrize(("offset", "length"), NO_RANGES.values(), ids=NO_RANGES)
def test_a_range_off_the_volume_or_off_the_sector_is_refused(volume, offset, length, name):
    refuse(volume, InvalidRangeError, "read", offset, length, name)
    refuse(volume, InvalidRangeError, "trim", offset, length, name)
    refuse(volume, InvalidRangeError, "table", name, offset, offset + length)
    if length > 0:
        refuse(volume, InvalidRangeError, "write", offset, bytes(length), name)


@pytest.mark.parametrize("name", [ORIGINAL, "C"])
def test_nothing_may_be_read_and_written(volume, name):
    before = _facts(volume)
    assert volume.read(SIZE, 0, name) == b""
    volume.write(SIZE, b"", name)
    volume.trim(0, 0, name)
    assert _facts(volume) == before


def test_one_bad_piece_of_a_batch_is_refused_and_those_before_it_are_written(volume):
    with pytest.raises(InvalidRangeError):
        volume.write_batch([(0, b"x" * 512), (SIZE, b"y" * 512), (512, b"z" * 512)])
    assert volume.read(0, 1024) == b"x" * 512 + LETTERS_RAW[512:1024]
    assert volume.read(0, SIZE, "S") == LETTERS_RAW


def test_a_snapshot_takes_no_writes(volume):
    refuse(volume, ReadOnlyError, "write", 0, bytes(512), "S")
    refuse(volume, ReadOnlyError, "trim", 0, 512, "S")


ON_UNKNOWN = {
    "read": (0, 512, "X"),
    "write": (0, bytes(512), "X"),
    "trim": (0, 512, "X"),
    "snapshot": ("new", "X"),
    "clone": ("new", "X"),
    "rename": ("X", "new"),
    "delete": (["S", "X"],),
    "undelete": (["X"],),
    "purge": (["X"],),
    "lock": (["S", "X"],),
    "table": ("X",),
    "diff": ("X",),
    "usage": (["X"],),
}


@pytest.mark.parametrize("act", ON_UNKNOWN)
def test_a_copy_that_does_not_exist_is_named_in_the_refusal(volume, act):
    refuse(volume, NoSuchCopyError, act, *ON_UNKNOWN[act])


@pytest.mark.parametrize("act", ["read", "write", "trim", "snapshot", "clone", "diff"])
def test_a_deleted_copy_is_as_good_as_gone(volume, act):
    volume.clone("X")
    volume.delete(["X"])
    refuse(volume, NoSuchCopyError, act, *ON_UNKNOWN[act])
    volume.undelete(["X"])
    assert volume.read(0, SIZE, "X") == LETTERS_RAW


@pytest.mark.parametrize("act", ["rename", "delete", "undelete", "purge", "lock"])
def test_the_original_is_no_copy(volume, act):
    args = (ORIGINAL, "new") if act == "rename" else ([ORIGINAL],)
    refuse(volume, InvalidNameError, act, *args)


def test_a_locked_copy_is_not_deleted_nor_any_other_with_it(volume):
    volume.lock(["S"])
    refuse(volume, CopyInUseError, "delete", ["C", "S"])
    refuse(volume, CopyInUseError, "delete", ["C", "S"], now=True)
    volume.lock(["S"], locked=False)
    volume.delete(["S"])
    volume.lock(["S"])
    refuse(volume, CopyInUseError, "purge", ["S"])


def test_a_copy_is_purged_only_after_it_was_deleted(volume):
    refuse(volume, CopyInUseError, "purge", ["S"])


@pytest.mark.parametrize("act", ["delete", "undelete", "purge", "lock"])
def test_no_names_are_no_change(volume, act):
    before = volume.info().generation
    getattr(volume, act)([])
    assert volume.info().generation == before


@pytest.mark.parametrize("act", ["delete", "undelete", "purge", "lock"])
def test_no_names_are_no_change_without_an_additional_area_either(tmp_path, act):
    path = tmp_path / "disk.img"
    path.write_bytes(LETTERS_RAW)
    with open_volume(path) as volume:
        getattr(volume, act)([])
    assert [file.name for file in tmp_path.iterdir()] == ["disk.img"]


def test_a_name_given_twice_counts_once(volume, tmp_path):
    volume.write(0, b"x" * PORTION, "C")
    assert volume.usage(["C", "C"]).freed_bytes == volume.usage(["C"]).freed_bytes == PORTION
    volume.lock(["C", "C"])
    volume.lock(["C", "C"], locked=False)
    volume.delete(["C", "C"])
    volume.undelete(["C", "C"])
    volume.delete(["C", "C"], now=True)
    assert [copy.name for copy in volume.info().copies] == ["S"]
    volume.close()
    with open_volume(tmp_path / "disk.img") as again:
        assert [copy.name for copy in again.info().copies] == ["S"]


def test_there_are_only_so_many_copies(volume, monkeypatch):
    monkeypatch.setattr(takecopy, "COPIES_MAX", 2)
    refuse(volume, TooManyCopiesError, "snapshot", "third")
    refuse(volume, TooManyCopiesError, "clone", "third", "C")


CHANGES = {
    "write": (0, bytes(512)),
    "trim": (0, 512),
    "write_batch": ([(0, bytes(512))],),
    "snapshot": ("new",),
    "clone": ("new",),
    "rename": ("S", "new"),
    "delete": (["S"],),
    "undelete": (["S"],),
    "purge": (["S"],),
    "lock": (["S"],),
}


@pytest.mark.parametrize("act", CHANGES)
def test_a_volume_opened_read_only_refuses_every_change(tmp_path, act):
    path = tmp_path / "disk.img"
    path.write_bytes(LETTERS_RAW)
    with open_volume(path) as volume:
        volume.snapshot("S")
        volume.write(0, b"x" * 512)
    files = [path.read_bytes(), path.with_name("disk.img.rangepair").read_bytes()]
    with open_volume(path, read_only=True) as volume:
        assert volume.info().read_only
        refuse(volume, ReadOnlyError, act, *CHANGES[act])
        volume.flush()
    assert files == [path.read_bytes(), path.with_name("disk.img.rangepair").read_bytes()]


EVERYTHING = CHANGES | {
    "read": (0, 512),
    "flush": (),
    "info": (),
    "table": ("S",),
    "map": (),
    "diff": ("S",),
    "usage": (),
    "stats": (),
    "check": (),
    "scrub_step": (),
    "dump": (),
    "pack": (),
}


@pytest.mark.parametrize("act", EVERYTHING)
def test_a_closed_volume_refuses_everything(volume, act):
    volume.close()
    volume.close()
    with pytest.raises(ReadOnlyError) as error:
        getattr(volume, act)(*EVERYTHING[act])
    assert_sentence(error)


@pytest.mark.parametrize("grain", [0, -4096, 256, 1000, 4095, 131072])
def test_an_impossible_grain_is_refused_and_no_file_is_left(tmp_path, grain):
    with pytest.raises(ImageError) as error:
        create_volume(tmp_path / "disk.img", SIZE, grain_bytes=grain)
    assert_sentence(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, -512, 1, 511, 513, 1 << 63, 1 << 80])
def test_an_impossible_size_is_refused_and_no_file_is_left(tmp_path, size):
    with pytest.raises(ImageError) as error:
        create_volume(tmp_path / "disk.img", size)
    assert_sentence(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["disk.img", "disk.img.rangepair"])
def test_creating_never_replaces_a_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(ImageError) as error:
        create_volume(tmp_path / "disk.img", SIZE)
    assert_sentence(error)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"precious"


def test_creating_in_no_folder_is_refused(tmp_path):
    with pytest.raises(ImageError) as error:
        create_volume(tmp_path / "absent" / "disk.img", SIZE)
    assert_sentence(error)


@pytest.mark.parametrize("grain", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("size", [512, 65536 + 512, 1 << 20])
def test_every_grain_keeps_what_a_copy_holds(tmp_path, grain, size):
    """Also where the last grain of the volume is a partial one."""
    path = tmp_path / "disk.img"
    create_volume(path, size, grain_bytes=grain, thin=True)
    with open_volume(path) as volume:
        assert (volume.info().size, volume.info().grain, volume.info().thin) == (size, grain, True)
        volume.write(size - 512, b"1" * 512)
        volume.snapshot("S")
        volume.write(size - 512, b"2" * 512)
        volume.write(0, b"3" * 512)
        content = volume.read(0, size, "S")
    assert content == bytes(size - 512) + b"1" * 512
    with open_volume(path) as volume:
        assert volume.read(0, size, "S") == content
        assert volume.read(0, 512) == b"3" * 512
        assert volume.check() == []


@pytest.mark.parametrize("offset", [-PORTION, SIZE, -(1 << 80), 1 << 63, 1 << 80, PORTION + 1])
def test_the_short_way_of_rewrites_refuses_what_the_long_one_does(volume, offset):
    """A whole grain, so that only its place can keep it from going straight to the image."""
    for _ in range(3):
        volume.write(0, b"x" * PORTION)
    volume._state.journal._ring_credit = 0
    volume._state.journal.checkpoint()
    for _ in range(3):
        volume.write(0, b"x" * PORTION)
    assert volume._state.journal.is_direct
    with pytest.raises(InvalidRangeError) as error:
        volume.write(offset, b"y" * PORTION)
    assert_sentence(error)
    assert volume.read(0, SIZE) == b"x" * PORTION + LETTERS_RAW[PORTION:]


def test_the_short_way_is_closed_to_snapshots_and_to_a_closed_volume(volume):
    for _ in range(3):
        volume.write(0, b"x" * PORTION)
    with pytest.raises(ReadOnlyError):
        volume.write(0, b"y" * PORTION, "S")
    with pytest.raises(NoSuchCopyError):
        volume.write(0, b"y" * PORTION, "X")
    volume.close()
    with pytest.raises(ReadOnlyError):
        volume.write(0, b"y" * PORTION)


@pytest.mark.parametrize("grain", [512, 4096, 65536])
@pytest.mark.parametrize("size", [1 << 20, 4 << 20, 16 << 20])
def test_a_long_write_fits_into_every_volume(tmp_path, size, grain):
    """Off the grain at both ends, waiting, flushed, and written again while it waits."""
    path = tmp_path / "disk.img"
    create_volume(path, size, grain_bytes=grain, thin=True)
    length = min(2 << 20, size - 1024)
    with open_volume(path) as volume:
        volume.write(0, b"a" * size)
        volume.snapshot("S")
        for letter in (b"b", b"c"):
            volume.write(512, letter * length)
            assert volume.read(0, 1024 + length) == b"a" * 512 + letter * length + b"a" * 512
        volume.flush()
        volume.write(512, b"d" * length)
        volume.flush()
        assert volume.read(0, 1024 + length) == b"a" * 512 + b"d" * length + b"a" * 512
        assert volume.read(0, size, "S") == b"a" * size
        assert volume.check() == []


@pytest.mark.parametrize(("suffix", "what"), [(".rangepair", "additional area"), ("", "image")])
def test_no_copy_is_taken_into_a_file_that_another_program_removed(tmp_path, suffix, what):
    path = tmp_path / "disk.img"
    path.write_bytes(LETTERS_RAW)
    with open_volume(path) as volume:
        volume.snapshot("S")
        (tmp_path / f"disk.img{suffix}").rename(tmp_path / "elsewhere")
        volume.snapshot("moved")
        assert volume.info().notice == ""
        (tmp_path / "elsewhere").unlink()
        for act in (volume.snapshot, volume.clone):
            with pytest.raises(ImageError, match=f"The {what} .* was removed or replaced") as error:
                act("T")
            assert_sentence(error)
        assert volume.info().notice == error.value.message
        volume.write(0, bytes(PORTION))
        assert volume.read(0, SIZE, "moved") == LETTERS_RAW
        assert [copy.name for copy in volume.info().copies] == ["S", "moved"]


@pytest.mark.parametrize(("suffix", "what"), [(".rangepair", "additional area"), ("", "image")])
def test_a_file_that_another_program_cut_is_told(tmp_path, suffix, what):
    path = tmp_path / "disk.img"
    path.write_bytes(LETTERS_RAW)
    volume = open_volume(path)
    try:
        volume.snapshot("S")
        assert volume.check() == []
        assert volume.info().notice == ""
        cut = tmp_path / f"disk.img{suffix}"
        os.truncate(cut, cut.stat().st_size - 4096)
        (finding,) = [found for found in volume.check() if found.code == "cut"]
        assert finding.severity == "corruption"
        assert f"The {what} " in finding.what
        assert "was made shorter" in finding.what
        assert volume.info().notice == finding.what
        with pytest.raises(ImageError, match="was made shorter") as error:
            volume.snapshot("T")
        assert_sentence(error)
    finally:
        with contextlib.suppress(RangepairError):
            volume.close()
