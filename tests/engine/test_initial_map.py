# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes whose image lies otherwise: they grow, shrink and move, and no copy notices."""

from __future__ import annotations

import threading

import pytest

from core.area.initial import UNIT_BYTES
from core.area.places import IMAGE_BYTES_MIN
from core.device.memory import MemoryDevice
from core.engine import create_volume, open_volume
from core.errors import (
    AreaFullError,
    FormatError,
    ImageChangedError,
    InvalidRangeError,
    RangepairError,
)
from core.format import superblock
from core.units import KIB, MIB
from core.volume import rearrange
from tests.engine.board import PORTION, Board, portion
from tests.engine.stills import still_volume, views_of

SIZE = 8 * MIB


@pytest.fixture
def board(tmp_path):
    board = Board(tmp_path / "disk.img")
    yield board
    board.volume.close()


@pytest.fixture
def thin(tmp_path):
    path = tmp_path / "thin.img"
    create_volume(path, SIZE, thin=True)
    return path


def all_of(volume, *what):
    moved = 0
    while (step := volume.rearrange(*what)).left:
        moved += step.moved
    return moved + step.moved


def test_s12_the_original_is_copied_from_where_it_lies(board):
    for act in ("take C", "O1=B1", "convert 4-7 to full-pointer", "relocate 6 to 8"):
        board.act(act)
    raw = board.path.read_bytes()
    assert raw[8 * PORTION :] == portion("G")
    assert raw[6 * PORTION : 7 * PORTION] == bytes(PORTION)
    board.act("O6=G1")
    board.volume.flush()
    board.volume._state.journal.checkpoint()
    assert board.path.read_bytes()[8 * PORTION :] == portion("G1")
    assert board.view("C") == "A B C D E F G H"


def test_an_extent_with_a_load_point_moves_as_a_whole(board):
    board.act("take C")
    board.act("relocate 0-7 to 8")
    assert board.places() == "8 9 10 11 12 13 14 15"
    board.act("O2=C1")
    assert board.view() == "A B C1 D E F G H"
    assert board.view("C") == "A B C D E F G H"
    with pytest.raises(InvalidRangeError, match="moves as a whole"):
        board.act("relocate 2 to 1")


def test_what_moves_far_moves_in_batches(board, monkeypatch):
    monkeypatch.setattr(rearrange, "BATCH_BYTES", 3 * PORTION)
    volume = board.volume
    step = volume.rearrange("relocate", 0, board.size, 16 * PORTION)
    assert (step.moved, step.left) == (3 * PORTION, 5 * PORTION)
    assert board.places() == "16 17 18 | 3 4 5 6 7"
    assert all_of(volume, "relocate", 0, board.size, 16 * PORTION) == 5 * PORTION
    assert board.places() == "16 17 18 19 20 21 22 23"


def test_bringing_home_clears_what_lies_in_the_way(board):
    board.act("convert 0-7 to full-pointer")
    board.act("relocate 0 to 8")
    for number in range(1, 8):  # all of it lies one portion too low now
        board.act(f"relocate {number} to {number - 1}")
    board.act("relocate 0 to 7")
    assert board.places() == "7 | 0 1 2 3 4 5 6"
    board.act("convert 0-7 to identity")
    assert board.places() == "0 1 2 3 4 5 6 7"
    assert board.volume.info().plain
    assert board.path.stat().st_size == board.size
    assert board.view() == "A B C D E F G H"


def small_thin(size_max):
    """Return a thin volume that was written from behind, and its image, which grows so far."""
    image = MemoryDevice(IMAGE_BYTES_MIN)
    volume = still_volume(image, MemoryDevice(direct=True), thin_bytes=SIZE)
    for number in range(127, 67, -1):
        volume.write(number * UNIT_BYTES, b"%64d" % number * (UNIT_BYTES // 64))
    volume.snapshot("s")
    image.size_max = size_max
    return volume, image


def test_an_image_that_cannot_grow_beyond_the_volume_is_brought_home_with_few_moves():
    volume, image = small_thin(SIZE)
    expected, mapped = views_of(volume), volume.initial().mapped_bytes
    assert all_of(volume, "identity") == mapped
    assert volume.info().plain
    assert views_of(volume) == expected
    assert image.pread(SIZE, 0) == expected["original"]
    assert volume.check() == []


def test_an_image_that_cannot_be_as_long_as_the_volume_is_left_as_it_is():
    volume, image = small_thin(SIZE - 4096)
    before, size = volume.initial(), image.size
    with pytest.raises(AreaFullError, match="cannot grow"):
        volume.rearrange("identity")
    assert (volume.initial(), image.size) == (before, size)


def test_what_lies_at_home_by_full_pointers_is_plain_in_the_end(board, monkeypatch):
    monkeypatch.setattr(rearrange, "BATCH_BYTES", PORTION)
    board.act("convert 0-7 to full-pointer")
    board.act("relocate 0 to 8")
    board.act("convert 0-7 to identity")
    assert board.places() == "0 1 2 3 4 5 6 7"
    assert board.volume.info().plain


def test_a_thin_image_reads_as_zeroes_and_grows_by_what_is_written(thin):
    with open_volume(thin) as volume:
        assert volume.info().thin
        assert not any(volume.read(0, SIZE))
        volume.snapshot("empty")
        volume.write(5 * MIB, b"x" * 4096)
        volume.write(0, b"y" * 512)
        assert volume.initial().mapped_bytes == 2 * UNIT_BYTES
        assert volume.stats().preserved_bytes == 0, "what had no place is kept as zeroes"
        assert not any(volume.read(0, SIZE, "empty"))
        assert volume.check() == []
    assert thin.stat().st_size < MIB
    with open_volume(thin) as volume:
        assert volume.read(5 * MIB, 4096) == b"x" * 4096
        assert volume.read(0, 512) == b"y" * 512
        assert not any(volume.read(512, MIB))


def test_what_is_discarded_gives_its_place_back(thin):
    with open_volume(thin) as volume:
        volume.write(0, b"a" * MIB)
        volume.write(4 * MIB, b"b" * MIB)
        volume.snapshot("both")
        volume.trim(0, MIB)
        volume.flush()
        assert volume.initial().mapped_bytes == MIB
        volume.write(6 * MIB, b"c" * MIB)
        volume.flush()
        assert volume.initial().image_bytes < 3 * MIB, "the place is used again"
        volume.trim(6 * MIB, MIB)
        assert all_of(volume, "compact") == MIB
        assert volume.initial().image_bytes == MIB
        assert volume.read(0, MIB, "both") == b"a" * MIB
        assert volume.read(4 * MIB, MIB) == b"b" * MIB
        assert volume.check() == []
    assert thin.stat().st_size == MIB


def test_a_thin_image_becomes_a_plain_one_of_full_size(thin):
    with open_volume(thin) as volume:
        volume.write(4 * MIB, b"b" * MIB)
        volume.write(MIB, b"a" * MIB)
        volume.snapshot("s")
        all_of(volume, "identity")
        assert volume.info().plain
        volume.write(4 * MIB, b"c" * 4096)
        volume.write(7 * MIB, b"d" * 4096)
        expected = views_of(volume)
    assert thin.read_bytes() == expected["original"]
    with open_volume(thin) as volume:
        assert views_of(volume) == expected
        assert volume.check() == []


def test_an_older_program_refuses_a_volume_with_a_map_and_opens_it_without(thin, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr(superblock, "INCOMPATIBLE_FEATURES", {})
        with pytest.raises(FormatError, match=r"unknown features \[1\]"):
            open_volume(thin)
    with open_volume(thin) as volume:
        all_of(volume, "identity")
    monkeypatch.setattr(superblock, "INCOMPATIBLE_FEATURES", {})
    open_volume(thin).close()


def test_an_image_shorter_than_its_map_is_told(thin):
    with open_volume(thin) as volume:
        volume.write(0, b"a" * MIB)
    with thin.open("r+b") as file:
        file.truncate(64 * KIB)
    with pytest.raises(ImageChangedError, match="shorter than the 1048576 bytes"):
        open_volume(thin, accept_changes=True)


def test_of_a_damaged_area_it_is_not_said_that_a_thin_image_can_do_without(thin):
    area = thin.with_name("thin.img.rangepair")
    raw = area.read_bytes()
    for begin in (bytes(8192), raw[:8192]):
        area.write_bytes(begin + bytes(len(raw) - 8192))
        with pytest.raises(RangepairError, match="use a plain raw image without its copies"):
            open_volume(thin)


def test_another_program_that_writes_to_the_image_is_noticed(thin):
    with open_volume(thin) as volume:
        volume.write(0, b"a" * MIB)
    with thin.open("r+b") as file:
        file.write(b"someone else")
    with open_volume(thin) as volume:
        assert volume.info().read_only
        assert "changed by another program" in volume.info().notice


def test_a_check_finds_two_extents_in_one_place(thin):
    with open_volume(thin) as volume:
        volume.write(0, b"a" * MIB)
        mapped = volume._state.initial.map
        extent = next(iter(mapped))
        mapped.set(extent._replace(start=4 * MIB))
        codes = {finding.code for finding in volume.check()}
        assert "initial-map" in codes
        mapped.unset(4 * MIB, 5 * MIB)
        assert volume.check() == []


def test_no_room_for_the_map_leaves_a_plain_image(board, monkeypatch):
    board.act("take C")
    monkeypatch.setattr("core.volume.initialmap.fold", lambda state: False)
    with pytest.raises(AreaFullError, match="no room for the map"):
        board.act("convert 0-3 to full-pointer")
    assert board.volume.info().plain
    monkeypatch.undo()
    board.act("convert 0-3 to full-pointer")
    monkeypatch.setattr("core.volume.initialmap.fold", lambda state: False)
    with pytest.raises(AreaFullError, match="no room for its tables"):
        board.act("convert 0-7 to identity")
    assert not board.volume.info().plain
    board.act("O1=B1")
    monkeypatch.undo()
    board.act("convert 0-7 to identity")
    assert board.volume.info().plain
    assert board.view() == "A B1 C D E F G H"


def test_writers_go_on_while_the_image_is_rearranged(tmp_path, monkeypatch):
    """A writer that took ``write`` when the image was plain still reaches the right place."""
    monkeypatch.setattr(rearrange, "BATCH_BYTES", 256 * KIB)
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(SIZE))
    with open_volume(path) as volume:
        volume.snapshot("zeroes")
        write, over = volume.write, threading.Event()
        grains = range(0, SIZE, 4096)
        written: dict[int, bytes] = {}

        def run():
            number = 0
            while not over.is_set():
                offset = grains[number * 37 % len(grains)]
                written[offset] = b"%8d" % number * 512
                write(offset, written[offset])
                number += 1

        writer = threading.Thread(target=run)
        writer.start()
        for what in (("full-pointer",), ("relocate", 0, SIZE, SIZE), ("compact",), ("identity",)):
            all_of(volume, *what)
        over.set()
        writer.join()
        assert volume.info().plain
        for offset, content in written.items():
            assert volume.read(offset, 4096) == content
        assert len(written) > 10
        assert not any(volume.read(0, SIZE, "zeroes"))
        assert volume.check() == []
