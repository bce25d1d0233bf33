# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Portions of different sizes: S10 and S11 line by line, and what is refused."""

from __future__ import annotations

import pytest

from core.claims.portions import portion, word_of
from core.engine import create_portions, open_volume
from core.errors import FormatError, ImageError, InvalidRangeError
from core.format import superblock
from core.volume.portions import PORTIONS_MAX, SLOT_BYTES

SIZES = (4096, 2048, 8192, 1024)
WAITING, FLUSHED, REOPENED = "waiting", "flushed", "reopened"


class PortionBoard:
    """A volume of four portions that say A to D."""

    def __init__(self, path, mode):
        create_portions(path, SIZES)
        self.path = path
        self.mode = mode
        self.copied_before = 0
        self.volume = self.open()
        for number, size in enumerate(SIZES):
            self.volume.write_portion(number, portion("ABCD"[number], size))
        self.settle()

    def open(self):
        volume = open_volume(self.path)
        volume._clock.stop()
        return volume

    def settle(self):
        if self.mode == FLUSHED:
            self.volume.flush()
        if self.mode == REOPENED:
            self.copied_before += self.volume.stats().preserved_bytes
            self.volume.close()
            self.volume = self.open()

    def write(self, number, word, size, copy="original"):
        self.volume.write_portion(number, portion(word, size), copy)
        self.settle()

    @property
    def copied_bytes(self):
        return self.copied_before + self.volume.stats().preserved_bytes

    def map(self):
        """Return (place, size, scheme) of each portion."""
        return [
            (extent.place, extent.length, extent.scheme) for extent in self.volume.initial().extents
        ]

    def table(self, copy="C"):
        """Return n -> (place after the first, size, kind) of the individual pointers."""
        found = [one for one in self.volume.portions(copy) if one.kind != "unchanged"]
        base = min((one.offset for one in found), default=0)
        return {one.number: (one.offset - base, one.size, one.kind) for one in found}

    def pairs(self, copy="C"):
        """Return the range pairs, by portions, ends inclusive."""
        pairs, first = [], None
        kinds = [one.kind for one in self.volume.portions(copy)]
        for number, kind in enumerate([*kinds, "end"]):
            if kind == "unchanged" and first is None:
                first = number
            elif kind != "unchanged" and first is not None:
                pairs.append(f"[{first}-{number - 1}]")
                first = None
        return " ".join(pairs)

    def reads(self, copy="original"):
        """Return word and size of each portion of a view, which must say the word all over."""
        found = []
        for one in self.volume.portions(copy):
            raw = self.volume.read(one.number * SLOT_BYTES, SLOT_BYTES, copy)
            assert not any(raw[one.size :])
            found.append((word_of(raw[: one.size]), one.size))
        return found


@pytest.fixture(params=[WAITING, FLUSHED, REOPENED])
def board(request, tmp_path):
    board = PortionBoard(tmp_path / "disk.img", request.param)
    yield board
    assert board.volume.check() == []
    board.volume.close()


START = [("A", 4096), ("B", 2048), ("C", 8192), ("D", 1024)]
PACKED = [
    (0, 4096, "load-point"),
    (4096, 2048, "load-point"),
    (6144, 8192, "load-point"),
    (14336, 1024, "load-point"),
]


def test_s10_the_portion_is_preserved_whatever_its_size_is(board):
    assert board.map() == PACKED
    board.volume.clone("C")
    assert (board.table(), board.pairs()) == ({}, "[0-3]")
    assert board.copied_bytes == 0

    board.write(2, "c", 8192)
    assert board.table() == {2: (0, 8192, "original")}
    assert board.pairs() == "[0-1] [3-3]"
    assert board.copied_bytes == 8192

    board.write(3, "d", 1024)
    assert {number: row[1:] for number, row in board.table().items()} == {
        2: (8192, "original"), 3: (1024, "original")
    }  # fmt: skip
    assert board.pairs() == "[0-1]"
    assert board.copied_bytes == 8192 + 1024

    board.write(1, "b", 2048, "C")
    assert {number: row[1:] for number, row in board.table().items()} == {
        1: (2048, "new"), 2: (8192, "original"), 3: (1024, "original")
    }  # fmt: skip
    assert board.pairs() == "[0-0]"
    assert board.copied_bytes == 8192 + 1024
    assert board.volume.stats().copy_write_bytes_from_initial == 0
    assert board.reads("C") == [("A", 4096), ("b", 2048), ("C", 8192), ("D", 1024)]
    assert board.reads() == [("A", 4096), ("B", 2048), ("c", 8192), ("d", 1024)]
    assert board.map() == PACKED


def test_s10_places_follow_each_other_by_the_sizes_stored(tmp_path):
    """Waiting in one group, the portions lie one behind the other as the mechanism has it."""
    board = PortionBoard(tmp_path / "disk.img", WAITING)
    board.volume.clone("C")
    board.write(2, "c", 8192)
    board.write(3, "d", 1024)
    board.write(1, "b", 2048, "C")
    assert board.table() == {
        2: (0, 8192, "original"), 3: (8192, 1024, "original"), 1: (9216, 2048, "new")
    }  # fmt: skip
    board.volume.close()


def test_s11_the_size_kept_is_that_of_the_preserved_portion(board):
    board.volume.clone("C")
    board.write(1, "b", 1024)
    assert {number: row[1:] for number, row in board.table().items()} == {1: (2048, "original")}
    assert board.map()[1] == (4096, 1024, "load-point")
    assert board.reads() == [("A", 4096), ("b", 1024), ("C", 8192), ("D", 1024)]
    assert board.reads("C") == START
    assert board.copied_bytes == 2048

    board.write(3, "d", 3072)
    assert {number: row[1:] for number, row in board.table().items()} == {
        1: (2048, "original"), 3: (1024, "original")
    }  # fmt: skip
    assert board.map()[3] == (15360, 3072, "full-pointer")
    assert board.reads() == [("A", 4096), ("b", 1024), ("C", 8192), ("d", 3072)]
    assert board.reads("C") == START
    assert board.pairs() == "[0-0] [2-2]"
    assert board.copied_bytes == 2048 + 1024


def test_sizes_come_and_go_under_several_copies(board):
    sizes = (2048, 512, 4096, 1024, SLOT_BYTES, 512)
    for number, size in enumerate(sizes):
        board.volume.snapshot(f"S{number}")
        board.write(1, f"{number}", size)
    assert board.reads()[1] == ("5", 512)
    assert board.reads("S0")[1] == ("B", 2048)
    for number, size in enumerate(sizes[:-1]):
        assert board.reads(f"S{number + 1}")[1] == (f"{number}", size)
    board.volume.delete(["S2", "S4"], now=True)
    for number in (0, 2, 4):
        assert board.reads(f"S{number + 1}")[1] == (f"{number}", sizes[number])


def test_a_write_within_a_portion_preserves_all_of_it_once(board):
    board.volume.snapshot("C")
    board.volume.write(2 * SLOT_BYTES + 1024, portion("x", 512))
    assert board.table() == {2: (0, 8192, "original")}
    board.volume.write(2 * SLOT_BYTES + 4096, portion("y", 512))
    assert board.copied_bytes == 8192
    assert board.reads("C") == START
    raw = board.volume.read(2 * SLOT_BYTES, 8192)
    assert [word_of(raw[at : at + 512]) for at in (0, 1024, 4096, 7680)] == ["C", "x", "y", "C"]


def test_a_write_within_a_clones_portion_copies_nothing(board):
    board.volume.clone("C")
    board.volume.write(SLOT_BYTES + 512, portion("x", 512), "C")
    assert board.copied_bytes == 0
    assert board.volume.portions("C")[1].size == 2048
    raw = board.volume.read(SLOT_BYTES, 2048, "C")
    assert [word_of(raw[at : at + 512]) for at in (0, 512, 1024)] == ["B", "x", "B"]


def test_portions_can_be_moved_and_compacted(board):
    board.volume.snapshot("C")
    board.write(1, "b", 8192)
    board.volume.rearrange("relocate", 0, 4096, 65536)
    assert board.map()[0] == (65536, 4096, "load-point")
    while board.volume.rearrange("compact").left:
        continue
    assert board.volume.initial().image_bytes < 65536
    assert board.reads() == [("A", 4096), ("b", 8192), ("C", 8192), ("D", 1024)]
    assert board.reads("C") == START


REFUSED = {
    "over the end of a portion": (
        lambda volume: volume.write(SLOT_BYTES, bytes(2560)),
        "not within portion 1",
    ),
    "over two portions": (
        lambda volume: volume.write(4096 - 512, bytes(SLOT_BYTES)),
        "not within portion 0",
    ),
    "behind a portion": (lambda volume: volume.write(4096, bytes(512)), "not within portion 0"),
    "no such portion": (
        lambda volume: volume.write_portion(4, bytes(512)),
        "There is no portion 4",
    ),
    "an odd size": (lambda volume: volume.write_portion(0, bytes(500)), "cannot have 500 bytes"),
    "no size": (lambda volume: volume.write_portion(0, b""), "cannot have 0 bytes"),
    "too long": (
        lambda volume: volume.write_portion(0, bytes(SLOT_BYTES + 512)),
        "cannot have 66048 bytes",
    ),
    "another size in a clone": (
        lambda volume: volume.write_portion(0, bytes(512), "C"),
        "keeps that size",
    ),
    "a discard": (lambda volume: volume.trim(0, 512), "nothing to discard"),
    "a plain image": (lambda volume: volume.rearrange("identity"), "cannot be a plain raw image"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_does_not_fit_a_portion_is_refused_and_changes_nothing(tmp_path, why):
    board = PortionBoard(tmp_path / "disk.img", FLUSHED)
    board.volume.clone("C")
    act, sentence = REFUSED[why]
    with pytest.raises(InvalidRangeError, match=sentence):
        act(board.volume)
    assert board.reads() == board.reads("C") == START
    assert board.copied_bytes == 0
    board.volume.close()


@pytest.mark.parametrize("act", ["plan_restore", "restore", "promote"])
def test_what_needs_bytes_is_refused_and_changes_nothing(tmp_path, act):
    create_portions(tmp_path / "disk.img", SIZES)
    with open_volume(tmp_path / "disk.img") as volume:
        volume.snapshot("C")
        volume.write_portion(1, portion("B", SIZES[1]))
        with pytest.raises(InvalidRangeError, match="one by one"):
            getattr(volume, act)("C")
        assert [copy.name for copy in volume.info().copies] == ["C"]
        assert volume.check() == []


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ([], "cannot have 0 portions"),
        ([512] * (PORTIONS_MAX + 1), "cannot have 65537 portions"),
        ([512, 513], "cannot have 513 bytes"),
        ([0], "cannot have 0 bytes"),
    ],
)
def test_impossible_portions_leave_no_file(tmp_path, sizes, sentence):
    with pytest.raises(InvalidRangeError, match=sentence):
        create_portions(tmp_path / "disk.img", sizes)
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_is_there_is_not_made_one_of_portions(tmp_path):
    (tmp_path / "disk.img").write_bytes(bytes(4096))
    with pytest.raises(ImageError, match="exists"):
        create_portions(tmp_path / "disk.img", [512])


def test_a_volume_of_bytes_has_no_portions(tmp_path):
    (tmp_path / "disk.img").write_bytes(bytes(4096))
    with open_volume(tmp_path / "disk.img") as volume:
        assert volume.portions() == []
        assert volume.info().portions == 0
        with pytest.raises(InvalidRangeError, match="no volume of portions"):
            volume.write_portion(0, bytes(512))


def test_a_program_that_knows_no_portions_refuses(tmp_path, monkeypatch):
    create_portions(tmp_path / "disk.img", [512])
    older = {superblock.INITIAL_MAP: "initial-map"}
    monkeypatch.setattr(superblock, "INCOMPATIBLE_FEATURES", older)
    with pytest.raises(FormatError, match=r"unknown features \[2\]"):
        open_volume(tmp_path / "disk.img")
