# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The volume gets longer and shorter on files; what copies read stays."""

from __future__ import annotations

import os
import threading

import pytest

from core.engine import create_portions, create_volume, open_volume
from core.errors import (
    AreaFullError,
    CopyInUseError,
    CorruptAreaError,
    DeviceFailedError,
    ImageError,
    ImageSizeError,
    InvalidRangeError,
    ReadOnlyError,
    UsageError,
)
from core.format.superblock import COPY_SIZES
from core.usage import data_bytes
from core.volume import resize as steps
from tests.faults.script import filled

GRAIN, SECTOR = 4096, 512
SIZE = 40 * GRAIN + 3 * SECTOR
OLD = filled(1, SIZE)


@pytest.fixture
def path(tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(OLD)
    return image


def size_of(volume, name):
    return next(copy.size for copy in volume.info().copies if copy.name == name)


def test_what_grows_reads_as_zeroes_and_copies_end_where_they_did(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        done = volume.resize(SIZE + 9 * SECTOR)
        assert (done.before_bytes, done.size_bytes, done.kept_bytes) == (SIZE, SIZE + 9 * SECTOR, 0)
        assert volume.read(0, done.size_bytes) == OLD + bytes(9 * SECTOR)
        volume.write(SIZE - SECTOR, filled(2, 10 * SECTOR))
        assert volume.read(0, SIZE, "old") == OLD
        with pytest.raises(InvalidRangeError):
            volume.read(SIZE, SECTOR, "old")
        volume.snapshot("new")
        assert (size_of(volume, "old"), size_of(volume, "new")) == (SIZE, SIZE + 9 * SECTOR)
        assert volume.table("old").stop == SIZE
        assert list(volume.allocation("old"))[-1].start < SIZE
        assert volume.check() == []
    assert path.read_bytes() == OLD[:-SECTOR] + filled(2, 10 * SECTOR)


def test_what_is_cut_off_is_kept_for_those_who_read_it(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.clone("own", "old")
        volume.write(SIZE - SECTOR, filled(3, SECTOR), "own")
        done = volume.resize(7 * SECTOR, shrinks=True)
        assert done.kept_bytes >= SIZE - GRAIN
        assert volume.info().size == 7 * SECTOR == path.stat().st_size
        assert volume.read(0, SIZE, "old") == OLD
        assert volume.read(0, SIZE, "own") == OLD[:-SECTOR] + filled(3, SECTOR)
        volume.write(20 * GRAIN, filled(4, GRAIN), "own")
        volume.clone("third", "own")
        assert size_of(volume, "third") == SIZE
        with pytest.raises(InvalidRangeError):
            volume.write(7 * SECTOR, bytes(SECTOR))
        assert volume.check() == []
    with open_volume(path, read_only=True) as volume:
        assert volume.read(0, SIZE, "old") == OLD
        assert volume.read(20 * GRAIN, GRAIN, "third") == filled(4, GRAIN)


def test_the_size_of_before_makes_all_copies_alike_again(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(SIZE - 2 * GRAIN, shrinks=True)
        assert volume._state.area.newest.incompatible >> COPY_SIZES & 1
        volume.resize(SIZE)
        assert not volume._state.area.newest.incompatible >> COPY_SIZES & 1
        assert volume.read(0, SIZE) == OLD[: -2 * GRAIN] + bytes(2 * GRAIN)
        volume.restore("old")
        assert volume.read(0, SIZE) == OLD


def test_a_difference_of_sizes_counts_as_changed(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(SIZE + GRAIN)
        ranges = [(part.start, part.length) for part in volume.diff("old")]
        assert ranges == [(SIZE, GRAIN)]
        volume.write(0, bytes(SECTOR))
        ranges = [(part.start, part.length) for part in volume.diff("old")]
        assert ranges == [(0, GRAIN), (SIZE, GRAIN)]


def test_nothing_is_kept_beyond_the_longest_copy(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(1 << 40)
        before = volume.stats().preserved_portions
        volume.write(1 << 39, filled(5, GRAIN))
        assert volume.stats().preserved_portions == before
        assert volume.resize(SIZE, shrinks=True).kept_bytes == 0
        assert volume.table("old").columns.starts.tolist() == []
        assert volume.check() == []


def test_a_hole_costs_one_pointer_however_long_it_is(tmp_path):
    path = tmp_path / "sparse.img"
    path.write_bytes(OLD)
    os.truncate(path, 1 << 41)
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(GRAIN, shrinks=True)
        assert len(volume.table("old").columns.starts) < 200
        assert volume.read((1 << 41) - GRAIN, GRAIN, "old") == bytes(GRAIN)
        assert volume.check() == []


def test_what_nobody_reads_any_more_is_free_when_its_copy_goes(path):
    def kept_bytes(volume):
        layers = volume._state.catalog.layers.values()
        return sum(data_bytes(layer.map.flatten()) for layer in layers)

    with open_volume(path) as volume:
        volume.snapshot("short")
        volume.resize(SIZE + 300 * GRAIN)
        volume.write(SIZE + SECTOR, filled(6, 200 * GRAIN))
        volume.snapshot("long")
        volume.resize(SIZE, shrinks=True)
        own = next(copy.own_bytes for copy in volume.info().copies if copy.name == "long")
        before = kept_bytes(volume)
        assert own == volume.usage(["long"]).freed_bytes > 150 * GRAIN
        volume.delete(["long"], now=True)
        assert before - kept_bytes(volume) == own
        assert volume.check() == []
        assert volume.read(0, SIZE, "short") == OLD


def test_holdings_name_only_who_reads_so_far(path):
    with open_volume(path) as volume:
        volume.snapshot("short")
        volume.resize(SIZE + 300 * GRAIN)
        volume.write(SIZE + 100 * GRAIN, filled(6, GRAIN))
        volume.snapshot("long")
        volume.write(SIZE + 100 * GRAIN, filled(7, GRAIN))
        area_bytes = volume.usage().area_bytes
        readers = {
            name
            for held in volume.holdings(0, area_bytes)
            if held.start >= SIZE
            for name in held.copies
        }
        assert readers == {"long"}


def test_a_thin_volume_grows_in_its_map_alone(tmp_path):
    path = tmp_path / "thin.img"
    create_volume(path, SIZE, thin=True)
    with open_volume(path) as volume:
        volume.write(0, OLD)
        volume.snapshot("old")
        volume.flush()
        before = path.stat().st_size
        volume.resize(1 << 40)
        assert path.stat().st_size == before
        volume.write((1 << 40) - GRAIN, filled(8, GRAIN))
        volume.resize(9 * SECTOR, shrinks=True)
        assert volume.read(0, SIZE, "old") == OLD
        assert volume.initial().mapped_bytes == 9 * SECTOR
        volume.resize(SIZE)
        assert volume.read(0, SIZE) == OLD[: 9 * SECTOR].ljust(SIZE, b"\0")
        assert volume.check() == []
    with open_volume(path) as volume:
        assert volume.read(0, SIZE, "old") == OLD
        assert volume.check() == []


def test_a_plain_image_without_copies_is_resized_too(path):
    with open_volume(path) as volume:
        volume.resize(SIZE + GRAIN)
        volume.write(SIZE, filled(9, GRAIN))
        volume.resize(GRAIN, shrinks=True)
        volume.write(0, filled(10, GRAIN))
    assert path.read_bytes() == filled(10, GRAIN)
    assert not path.with_name("disk.img.rangepair").exists()


def test_without_consent_nothing_gets_shorter(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        with pytest.raises(UsageError, match="--shrink"):
            volume.resize(SIZE - SECTOR)
        assert volume.info().size == SIZE


@pytest.mark.parametrize(
    ("size", "why"),
    [(0, "512 or more"), (-512, "512 or more"), (1000, "no multiple"), (1 << 63, "at most")],
)
def test_impossible_sizes_are_refused(path, size, why):
    with open_volume(path) as volume, pytest.raises(ImageError, match=why):
        volume.resize(size, shrinks=True)
    assert path.read_bytes() == OLD


def test_a_volume_of_portions_and_one_being_restored_keep_their_size(path, tmp_path):
    portions = tmp_path / "portions.img"
    create_portions(portions, [SECTOR, 2 * SECTOR])
    with open_volume(portions) as volume, pytest.raises(InvalidRangeError, match="resized"):
        volume.resize(1 << 20)
    with open_volume(path) as volume:
        volume._mover.stop()
        volume.snapshot("old")
        volume.write(0, bytes(SIZE))
        volume.restore("old")
        if volume.info().restoring is not None:
            with pytest.raises(CopyInUseError, match="when that is done"):
                volume.resize(2 * SIZE)


def test_one_that_is_read_only_is_not_resized(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
    with open_volume(path, read_only=True) as volume, pytest.raises(ReadOnlyError):
        volume.resize(2 * SIZE)


@pytest.mark.parametrize("size", [SIZE + 30 * GRAIN + SECTOR, 5 * GRAIN + SECTOR])
@pytest.mark.parametrize("kind", ["snapshot", "clone"])
def test_a_restore_gives_the_original_the_size_of_the_copy(path, size, kind):
    with open_volume(path) as volume:
        getattr(volume, kind)("old")
        content = OLD
        if kind == "clone":
            volume.write(30 * GRAIN, filled(20, 3 * GRAIN), "old")
            content = OLD[: 30 * GRAIN] + filled(20, 3 * GRAIN) + OLD[33 * GRAIN :]
        volume.resize(size, shrinks=True)
        volume.write(size - SECTOR, filled(21, SECTOR))
        before = volume.read(0, size)
        plan = volume.plan_restore("old")
        assert (plan.size_bytes, volume.info().size) == (SIZE, size)
        done = volume.restore("old")
        assert (done.size_bytes, volume.info().size) == (SIZE, SIZE)
        assert volume.read(0, SIZE) == content
        assert volume.read(0, size, done.safety) == before
        if kind == "clone":
            volume.write(0, filled(22, SECTOR), "old")
        assert volume.read(0, SIZE) == content
        back = volume.restore(done.safety)
        assert volume.read(0, volume.info().size) == before
        assert volume.read(0, SIZE, back.safety) == content
        assert volume.check() == []
    with open_volume(path) as volume:
        assert volume.read(0, volume.info().size) == before
        assert volume.check() == []


def test_a_restore_without_room_leaves_no_safety_snapshot(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(SIZE + (8 << 20))
        volume.write(SIZE, filled(11, 8 << 20))
        before = volume.read(0, SIZE + (8 << 20))
        volume.set_policy(area_limit_bytes=1 << 20)
        with pytest.raises(AreaFullError):
            volume.restore("old")
        assert [copy.name for copy in volume.info().copies] == ["old"]
        assert volume.read(0, SIZE + (8 << 20)) == before
        assert volume.check() == []
        volume.set_policy(area_limit_bytes=0)
        volume.restore("old")
        assert volume.read(0, SIZE) == OLD


# -- when there is no room -------------------------------------------------------------------------


def test_without_room_for_what_is_cut_off_nothing_changes(path):
    with open_volume(path) as volume:
        volume.resize(SIZE + (8 << 20))
        volume.write(SIZE, filled(11, 8 << 20))
        volume.snapshot("old")
        volume.set_policy(area_limit_bytes=1 << 20)
        with pytest.raises(AreaFullError):
            volume.resize(SIZE, shrinks=True)
        assert volume.info().size == SIZE + (8 << 20) == path.stat().st_size
        assert (
            volume.read(SIZE, 8 << 20) == filled(11, 8 << 20) == volume.read(SIZE, 8 << 20, "old")
        )
        assert volume.check() == []
        volume.set_policy(area_limit_bytes=0)
        volume.resize(SIZE, shrinks=True)
        assert volume.read(SIZE, 8 << 20, "old") == filled(11, 8 << 20)


def test_a_size_that_the_file_system_refuses_changes_nothing(path, monkeypatch):
    def refuse(*_arguments):
        raise OSError(27, "File too large")

    with open_volume(path) as volume:
        volume.snapshot("old")
        with monkeypatch.context() as patch:
            patch.setattr(os, "ftruncate", refuse)
            with pytest.raises(ImageError):
                volume.resize(1 << 62)
        assert volume.info().size == SIZE
        volume.write(0, bytes(SECTOR))
        volume.resize(SIZE + GRAIN)
    with open_volume(path) as volume:
        assert volume.info().size == SIZE + GRAIN
        assert volume.read(0, SIZE, "old") == OLD


# -- others ----------------------------------------------------------------------------------------


def closed_with_a_copy(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.write(0, filled(12, GRAIN))


def test_an_image_that_another_program_made_longer_is_taken_as_it_is(path):
    closed_with_a_copy(path)
    with path.open("ab") as file:
        file.write(filled(13, GRAIN))
    with pytest.raises(ImageSizeError, match=f"resize IMAGE {SIZE + GRAIN}"):
        open_volume(path)
    with open_volume(path, accept_longer=True) as volume:
        with pytest.raises(ImageError, match="first"):
            volume.resize(SIZE + SECTOR)
        volume.resize(SIZE + GRAIN)
        assert volume.read(SIZE, GRAIN) == filled(13, GRAIN)
        assert volume.read(0, SIZE, "old") == OLD
    with open_volume(path) as volume:
        assert not volume.info().notice
        assert volume.read(0, SIZE + GRAIN) == filled(12, GRAIN) + OLD[GRAIN:] + filled(13, GRAIN)


def test_one_that_was_changed_besides_is_told(path):
    closed_with_a_copy(path)
    with path.open("r+b") as file:
        file.write(b"somebody else")
        file.truncate(SIZE + GRAIN)
    with open_volume(path, accept_longer=True) as volume:
        assert "changed by another program" in volume.info().notice
        with pytest.raises(ReadOnlyError, match="changed by another program"):
            volume.resize(SIZE + GRAIN)


def test_one_that_was_made_shorter_is_not_taken(path):
    closed_with_a_copy(path)
    os.truncate(path, SIZE - GRAIN)
    with pytest.raises(ImageSizeError, match="shorter") as caught:
        open_volume(path, accept_longer=True)
    assert "rangepair resize" not in str(caught.value)


def test_a_file_that_is_cut_while_it_is_open_is_told(path):
    with open_volume(path) as volume:
        volume.snapshot("old")
        os.truncate(path, SIZE - GRAIN)
        with pytest.raises(ImageSizeError, match="another program"):
            volume.resize(2 * SIZE)
        os.truncate(path, SIZE)


def test_a_dump_and_a_repair_know_the_sizes(path, tmp_path):
    import json

    from core.engine.repairing import load_area, opened_for_repair

    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(5 * GRAIN, shrinks=True)
    with open_volume(path, read_only=True) as volume:
        raw = json.dumps(volume.dump()).encode()
    area = tmp_path / "disk.img.rangepair"
    with opened_for_repair(path, tmp_path / "repaired") as repair:
        assert repair.run(lambda _count: None).is_whole
    load_area(raw, path, area=tmp_path / "loaded", data=area, tell=lambda _count: None)
    for other in ("repaired", "loaded"):
        with open_volume(path, area=tmp_path / other, read_only=True) as volume:
            assert volume.read(0, SIZE, "old") == OLD
            assert volume.info().size == 5 * GRAIN
            assert volume.check() == []


def test_a_catalog_that_is_lost_with_its_sizes_leaves_every_copy_suspect(path, tmp_path):
    from core.engine.repairing import opened_for_repair

    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(5 * GRAIN, shrinks=True)
        place = volume._state.area.fields.catalog
    area = tmp_path / "disk.img.rangepair"
    raw = bytearray(area.read_bytes())
    raw[place.offset : place.offset + 64] = bytes(64)
    area.write_bytes(raw)
    with opened_for_repair(path, tmp_path / "repaired") as repair:
        report = repair.run(lambda _count: None)
    assert not report.is_whole
    with open_volume(path, area=tmp_path / "repaired", read_only=True) as volume:
        assert volume.info().size == 5 * GRAIN
        for copy in volume.info().copies:
            assert copy.integrity == "suspect"


@pytest.mark.parametrize("is_behind", [False, True])
def test_a_size_that_the_pointers_belie_is_told(path, is_behind):
    with open_volume(path) as volume:
        volume.snapshot("old")
        volume.resize(5 * GRAIN, shrinks=True)
        state = volume._state
        record = state.catalog.find("old")
        if is_behind:
            record.size_bytes += GRAIN
        else:  # the catalog is of another size than the superblock
            state.catalog.size_bytes += SECTOR
        volume.set_policy(timeout_s=1.0)  # so that something is folded
    if not is_behind:
        with pytest.raises(CorruptAreaError, match="of a volume of"):
            open_volume(path)
        return
    with open_volume(path, read_only=True) as volume:
        assert [finding.code for finding in volume.check()] == ["end"]
        assert volume.read(0, SIZE, "old") == OLD
        with pytest.raises(DeviceFailedError, match="ends at byte"):
            volume.read(SIZE, GRAIN, "old")


# -- beside writers --------------------------------------------------------------------------------


def test_writers_go_on_while_a_long_end_is_kept(path, monkeypatch):
    """What is written meanwhile, and copies that are taken, are as whole as without."""
    monkeypatch.setattr(steps, "KEPT_BYTES_MAX", 8 * GRAIN)
    with open_volume(path) as volume:
        volume.resize(SIZE + (4 << 20))
        volume.write(SIZE, filled(14, 4 << 20))
        volume.snapshot("old")
        stop, written = threading.Event(), []

        def write():
            number = 0
            while not stop.is_set():
                number += 1
                volume.write(0, filled(number, SECTOR))
                written.append(number)
                if number == 5:
                    volume.snapshot("meanwhile")

        writer = threading.Thread(target=write)
        writer.start()
        volume.resize(SIZE, shrinks=True)
        stop.set()
        writer.join()
        assert volume.read(SIZE, 4 << 20, "old") == filled(14, 4 << 20)
        for copy in volume.info().copies:
            if copy.size > SIZE:
                assert volume.read(SIZE, 4 << 20, copy.name) == filled(14, 4 << 20)
        assert volume.read(0, SECTOR) == filled(written[-1], SECTOR)
        assert volume.check() == []


def test_a_write_that_was_held_back_by_a_caller_finds_the_new_end(path):
    """A bound method from before a resize is no way past the end."""
    with open_volume(path) as volume:
        volume.snapshot("old")
        write = volume.write
        write(SIZE // GRAIN * GRAIN - GRAIN, filled(15, GRAIN))
        write(SIZE // GRAIN * GRAIN - GRAIN, filled(16, GRAIN))
        volume.resize(10 * GRAIN, shrinks=True)
        volume.write(0, filled(17, GRAIN))
        with pytest.raises(InvalidRangeError):
            write(SIZE // GRAIN * GRAIN - GRAIN, filled(18, GRAIN))
        assert path.stat().st_size == 10 * GRAIN
