# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An original that has a full pointer stays where it lies; every other way to it leads there."""

from __future__ import annotations

import errno
import random

import pytest

from core.area import initial
from core.device.memory import MemoryDevice
from core.engine import reading, restores
from core.errors import (
    AreaFullError,
    CopyInUseError,
    CorruptAreaError,
    FormatError,
    InvalidRangeError,
)
from core.format import superblock
from core.format.layout import BLOCK_BYTES
from core.format.superblock import REDIRECT_ON_WRITE
from core.units import KEPT_BASE, MIB
from core.volume import evacuating, rearrange, redirecting
from core.volume.fold import fold
from tests.doubles.faultdevice import FaultDevice
from tests.doubles.history import ORIGINAL
from tests.engine.stills import bytes_of, read_only_volume, still_volume, views_of

GRAIN, SIZE = 4096, 2 * MIB
CONTENT = random.Random(1).randbytes(SIZE)


def volume_on(image, area=None):
    volume = still_volume(image, area or MemoryDevice(direct=True))
    volume.rearrange("full-pointer")
    volume.choose_mechanism("redirect-on-write")
    return volume


@pytest.fixture
def volume():
    with volume_on(MemoryDevice.from_bytes(CONTENT)) as volume:
        yield volume


def filled(letter, grains=1):
    return letter.encode() * (grains * GRAIN)


def again(volume):
    """Return what a new process finds of a volume that was closed."""
    volume.close()
    area = volume._state.area.device
    image = volume._state.image_file
    return still_volume(
        MemoryDevice.from_bytes(bytes_of(image)),
        MemoryDevice.from_bytes(bytes_of(area), direct=True),
    )


def kept(volume):
    return [(extent.length, extent.place) for extent in volume.initial().kept]


def test_nothing_is_copied_and_the_original_stays_where_it_lay(volume):
    volume.snapshot("S")
    before = volume.usage().used_bytes
    volume.write(8 * GRAIN, filled("x", 2))
    stats = volume.stats()
    assert (stats.preserved_bytes, stats.kept_bytes, stats.kept_portions) == (0, 2 * GRAIN, 1)
    assert kept(volume) == [(2 * GRAIN, 8 * GRAIN)]
    assert volume.usage().used_bytes == before
    assert volume.usage().kept_bytes == 2 * GRAIN
    assert volume.read(8 * GRAIN, 2 * GRAIN) == filled("x", 2)
    assert volume.read(0, SIZE, "S") == CONTENT
    (extent,) = [each for each in volume.initial().extents if each.start == 8 * GRAIN]
    assert extent.place >= SIZE
    assert volume.check() == []


def test_the_second_write_goes_over_the_first(volume):
    volume.snapshot("S")
    volume.write(8 * GRAIN, filled("x"))
    places = volume.initial()
    volume.write(8 * GRAIN, filled("y"))
    assert volume.initial() == places
    assert volume.stats().kept_portions == 1
    assert volume.read(0, SIZE, "S") == CONTENT


def test_without_a_copy_everything_is_written_in_place(volume):
    volume.write(8 * GRAIN, filled("x"))
    assert volume.stats().kept_bytes == 0
    assert volume.initial().kept == []


def test_a_part_of_a_grain_takes_the_rest_along(volume):
    volume.snapshot("S")
    volume.write(8 * GRAIN + 512, b"x" * 1024)
    expected = bytearray(CONTENT)
    expected[8 * GRAIN + 512 : 8 * GRAIN + 1536] = b"x" * 1024
    assert volume.read(0, SIZE) == bytes(expected)
    assert volume.read(0, SIZE, "S") == CONTENT
    assert kept(volume) == [(GRAIN, 8 * GRAIN)]


def test_a_write_across_both_schemes_is_copied_and_redirected(volume):
    volume.rearrange("load-point", 0, 16 * GRAIN)
    volume.snapshot("S")
    volume.write(14 * GRAIN + 512, b"x" * (4 * GRAIN))
    stats = volume.stats()
    assert (stats.preserved_bytes, stats.kept_bytes) == (2 * GRAIN, 3 * GRAIN)
    expected = bytearray(CONTENT)
    expected[14 * GRAIN + 512 : 18 * GRAIN + 512] = b"x" * (4 * GRAIN)
    assert volume.read(0, SIZE) == bytes(expected)
    assert volume.read(0, SIZE, "S") == CONTENT
    assert volume.check() == []
    later = again(volume)
    assert (later.read(0, SIZE), later.read(0, SIZE, "S")) == (bytes(expected), CONTENT)
    assert later.check() == []


def test_what_lies_in_pieces_is_kept_as_one(volume):
    volume.rearrange("relocate", 9 * GRAIN, GRAIN, SIZE + 64 * GRAIN)
    volume.snapshot("S")
    volume.write(8 * GRAIN, filled("x", 3))
    assert kept(volume) == [(GRAIN, 8 * GRAIN), (GRAIN, SIZE + 64 * GRAIN), (GRAIN, 10 * GRAIN)]
    assert volume.info().copies[0].pointers == 1
    assert volume.read(0, SIZE, "S") == CONTENT


def test_zeroes_need_no_place(volume):
    volume.trim(0, 16 * GRAIN)
    volume.write(4 * GRAIN, bytes(GRAIN))
    volume.snapshot("S")
    volume.write(0, filled("x", 16))
    assert volume.stats().kept_bytes == 0
    assert volume.stats().zero_bytes == 16 * GRAIN
    assert volume.read(0, 16 * GRAIN, "S") == bytes(16 * GRAIN)
    assert volume.check() == []


def test_a_discard_leaves_the_original_to_the_copy(volume):
    volume.snapshot("S")
    volume.trim(8 * GRAIN, 4 * GRAIN)
    assert volume.stats().preserved_bytes == 0
    assert kept(volume) == [(4 * GRAIN, 8 * GRAIN)]
    assert volume.read(8 * GRAIN, 4 * GRAIN) == bytes(4 * GRAIN)
    assert volume.initial().mapped_bytes == SIZE - 4 * GRAIN
    assert volume.read(0, SIZE, "S") == CONTENT
    later = again(volume)
    assert later.read(0, SIZE, "S") == CONTENT
    assert later.check() == []


def test_places_are_handed_down_and_freed_with_the_copies(volume):
    volume.snapshot("S1")
    volume.write(0, filled("x", 4))
    volume.snapshot("S2")
    volume.write(2 * GRAIN, filled("y", 4))
    views = views_of(volume)
    assert volume.usage().kept_bytes == 8 * GRAIN
    assert volume.usage(["S1"]).freed_bytes == 4 * GRAIN
    volume.delete(["S2"], now=True)
    del views["S2"]
    assert views_of(volume) == views
    assert volume.usage().kept_bytes == 6 * GRAIN
    image_bytes = volume.initial().image_bytes
    volume.delete(["S1"], now=True)
    assert volume.initial().kept == []
    assert volume.usage().kept_bytes == 0
    assert volume.check() == []
    volume.snapshot("S3")
    volume.write(0, filled("z", 6))  # into what the copies left
    assert volume.initial().image_bytes == image_bytes
    assert volume.check() == []


def test_clones_snapshots_promotions_and_restores_read_what_stayed(volume):
    volume.snapshot("S")
    volume.clone("C", "S")
    volume.write(0, filled("c", 2), "C")
    volume.write(GRAIN, filled("x", 4))
    volume.snapshot("T")
    volume.write(3 * GRAIN, filled("y", 4))
    views = views_of(volume)
    while volume.promote("C").left_bytes:
        continue
    assert views_of(volume) == views
    volume.restore("S")
    while restores.take_step(volume):
        continue
    assert volume.read(0, SIZE) == CONTENT
    assert {name: views_of(volume)[name] for name in "SCT"} == {name: views[name] for name in "SCT"}
    volume.restore("T")
    volume.write(40 * GRAIN, filled("z"))  # while something is restored everything is copied
    assert volume.stats().preserved_bytes > 0
    while restores.take_step(volume):
        continue
    later = again(volume)
    assert later.check() == []
    assert {name: views_of(later)[name] for name in "SCT"} == {name: views[name] for name in "SCT"}


def test_every_way_to_read_a_copy_finds_what_stayed(volume):
    volume.snapshot("S")
    for grain in range(0, 64, 3):
        volume.write(grain * GRAIN, filled("x"))
    volume.snapshot("T")
    volume.write(0, filled("y", 20))
    for name in ("S", "T"):
        whole = volume.read(0, 64 * GRAIN, name)
        for start in range(0, 64 * GRAIN - 8192, 3 * 1536):
            length = 512 * (1 + start // 512 % 11)
            expected = whole[start : start + length]
            assert volume.read(start, length, name) == expected
            assert reading.read(volume, start, length, name) == expected
            target = bytearray(length)
            volume.read_into(start, target, name)
            assert target == expected
    assert volume.read(0, 64 * GRAIN, "S") == CONTENT[: 64 * GRAIN]
    step = volume.scrub_step()
    while not step.is_done:
        step = volume.scrub_step(step.run)
    assert step.damaged_bytes == 0


def test_resizing_leaves_what_stayed(volume):
    volume.snapshot("S")
    volume.write(SIZE - 4 * GRAIN, filled("x", 4))
    volume.resize(SIZE - 16 * GRAIN, shrinks=True)
    volume.resize(SIZE + 16 * GRAIN)
    volume.write(SIZE - 20 * GRAIN, filled("y", 8))
    assert volume.read(0, SIZE, "S") == CONTENT
    later = again(volume)
    assert later.read(0, SIZE, "S") == CONTENT
    assert later.check() == []


def test_compaction_moves_what_stayed(volume):
    volume.snapshot("S")
    volume.rearrange("relocate", 0, 64 * GRAIN, SIZE + 64 * GRAIN)
    volume.write(0, filled("x", 8))
    before = volume.initial().image_bytes
    while volume.rearrange("compact").left:
        continue
    answer = volume.initial()
    assert answer.image_bytes < before
    assert answer.image_bytes <= SIZE + 8 * GRAIN + MIB
    assert all(extent.place + extent.length <= answer.image_bytes for extent in answer.kept)
    assert volume.read(0, SIZE, "S") == CONTENT
    assert volume.check() == []


def test_a_place_of_a_kept_original_is_no_place_to_move_to(volume):
    volume.snapshot("S")
    volume.write(0, filled("x", 8))
    with pytest.raises(InvalidRangeError, match="where an original is kept for copies"):
        volume.rearrange("relocate", 64 * GRAIN, GRAIN, 2 * GRAIN)
    volume.rearrange("relocate", 64 * GRAIN, GRAIN, SIZE + MIB)
    assert volume.read(0, SIZE, "S") == CONTENT


def test_a_plain_image_keeps_nothing_and_is_copied_on_write_again(volume, monkeypatch):
    monkeypatch.setattr(rearrange, "BATCH_BYTES", 16 * GRAIN)
    volume.snapshot("S")
    for grain in range(0, 200, 5):
        volume.write(grain * GRAIN, filled("x", 3))
    volume.clone("C", "S")
    volume.write(GRAIN, filled("c"), "C")
    views = views_of(volume)
    steps = 1
    while volume.rearrange("identity").left:
        assert views_of(volume) == views
        steps += 1
    assert steps > 4
    assert views_of(volume) == views
    info = volume.info()
    assert (info.plain, info.mechanism, volume.usage().kept_bytes) == (True, "copy-on-write", 0)
    assert bytes_of(volume._state.image_file) == views[ORIGINAL]
    assert volume.check() == []
    later = again(volume)
    assert later.info().mechanism == "copy-on-write"
    assert views_of(later) == views


def test_bringing_it_to_a_full_area_is_refused_and_loses_nothing(volume, monkeypatch):
    volume.snapshot("S")
    volume.write(0, filled("x", 64))
    views = views_of(volume)

    def full(*_arguments, **_options):
        raise AreaFullError("full")

    with monkeypatch.context() as patch:
        patch.setattr(volume._state.area.allocator, "allocate", full)
        with pytest.raises(AreaFullError):
            volume.rearrange("identity")
    assert views_of(volume) == views
    assert volume.check() == []
    while volume.rearrange("identity").left:
        continue
    assert views_of(volume) == views


def test_where_the_image_cannot_grow_the_original_is_copied(monkeypatch):
    image = FaultDevice(MemoryDevice.from_bytes(CONTENT))
    volume = volume_on(image)
    volume.snapshot("S")

    def full(*_range):
        raise AreaFullError("full")

    with monkeypatch.context() as patch:
        patch.setattr(image, "allocate", full)
        volume.write(0, filled("x"))
    stats = volume.stats()
    assert (stats.kept_bytes, stats.preserved_bytes) == (0, GRAIN)
    assert volume.read(0, SIZE, "S") == CONTENT
    image.fail("pwritev", 1, errno.ENOSPC)
    volume.write(8 * GRAIN, filled("y", 2))
    assert (volume.stats().kept_bytes, volume.stats().preserved_bytes) == (0, 3 * GRAIN)
    assert volume.read(0, SIZE, "S") == CONTENT
    assert volume.check() == []
    free = volume._state.initial.places.free_bytes
    assert free == volume.initial().image_bytes - SIZE


def test_what_waits_for_a_sync_is_bounded(volume, monkeypatch):
    monkeypatch.setattr(redirecting, "CELLS_MAX", 12)
    volume.snapshot("S")
    for grain in range(0, 60, 2):
        volume.write(grain * GRAIN, filled("x"))
        assert volume._state.initial.pending_cells <= 12
    assert volume.stats().checkpoints > 5
    assert volume.read(0, SIZE, "S") == CONTENT


def test_a_flush_makes_it_durable_without_the_ring(volume):
    volume.snapshot("S")
    volume.write(0, filled("x"))
    volume.flush()
    state = volume._state
    assert not state.initial.has_pending
    left = read_only_volume(
        MemoryDevice.from_bytes(bytes_of(state.image_file)),
        MemoryDevice.from_bytes(bytes_of(state.area.device)),
    )
    assert left.read(0, GRAIN) == filled("x")
    assert left.read(0, SIZE, "S") == CONTENT
    assert left.info().mechanism == "redirect-on-write"


def test_the_superblock_says_it_as_long_as_it_is_so(volume):
    def features():
        state = volume._state
        newest = superblock.unpack(
            state.area.device.pread(BLOCK_BYTES, (state.area.newest.seq % 2) * BLOCK_BYTES),
            (state.area.newest.seq % 2) * BLOCK_BYTES,
        )
        return newest.incompatible >> REDIRECT_ON_WRITE & 1

    assert features()
    volume.snapshot("S")
    volume.write(0, filled("x"))
    volume.choose_mechanism("copy-on-write")
    assert features()  # what was kept so still is
    volume.write(8 * GRAIN, filled("y"))
    assert volume.stats().preserved_bytes == GRAIN
    volume.delete(["S"], now=True)
    fold(volume._state)
    assert not features()


def test_an_older_program_says_that_it_is_one(volume, monkeypatch):
    known = dict(superblock.INCOMPATIBLE_FEATURES)
    del known[REDIRECT_ON_WRITE]
    monkeypatch.setattr(superblock, "INCOMPATIBLE_FEATURES", known)
    with pytest.raises(FormatError, match="unknown features \\[5\\]"):
        again(volume)


def test_only_a_volume_with_a_map_can_have_it():
    with still_volume(MemoryDevice.from_bytes(CONTENT), MemoryDevice(direct=True)) as volume:
        with pytest.raises(InvalidRangeError, match="convert it first with 'rangepair convert"):
            volume.choose_mechanism("redirect-on-write")
        assert volume.info().mechanism == "copy-on-write"


def test_mechanisms_follow_each_other(volume):
    volume.snapshot("S")
    volume.write(0, filled("x"))
    volume.choose_mechanism("always-additional")
    assert volume.info().mechanism == "always-additional"
    assert volume._state.catalog.redirects is False
    volume.write(GRAIN, filled("y"))
    with pytest.raises(CopyInUseError, match="rangepair separate"):
        volume.choose_mechanism("redirect-on-write")
    volume.separate()
    while restores.take_step(volume):
        continue
    volume.choose_mechanism("redirect-on-write")
    volume.write(2 * GRAIN, filled("z"))
    assert kept(volume)[-1] == (GRAIN, 2 * GRAIN)
    assert volume.read(0, SIZE, "S") == CONTENT
    assert volume.check() == []


def test_a_full_area_refuses_to_choose_it(monkeypatch):
    from core.volume import mechanism

    with still_volume(MemoryDevice.from_bytes(CONTENT), MemoryDevice(direct=True)) as volume:
        volume.rearrange("full-pointer")
        with monkeypatch.context() as patch:
            patch.setattr(mechanism, "fold", lambda state: False)
            with pytest.raises(AreaFullError, match="write down another mechanism"):
                volume.choose_mechanism("redirect-on-write")
        assert volume.info().mechanism == "copy-on-write"
        volume.snapshot("S")
        volume.write(0, filled("x"))
        assert volume.stats().preserved_bytes == GRAIN


def test_damage_of_what_stayed_is_told_and_never_given(volume):
    volume.snapshot("S")
    volume.write(8 * GRAIN, filled("x"))
    volume.flush()
    volume._state.image_file.pwrite(b"?" * 512, 8 * GRAIN)
    with pytest.raises(CorruptAreaError, match=r"'S' is damaged .* kept address \d+ of the image"):
        volume.read(8 * GRAIN, GRAIN, "S")
    assert [finding.code for finding in volume.check()] == ["checksum"]
    step = volume.scrub_step()
    while not step.is_done:
        step = volume.scrub_step(step.run)
    assert step.damaged_bytes == GRAIN


def test_the_check_finds_what_is_kept_for_nobody_and_what_is_not_kept(volume):
    volume.snapshot("S")
    volume.write(8 * GRAIN, filled("x", 2))
    volume.flush()
    mapped = volume._state.initial.map
    (extent,) = mapped.kept_extents
    mapped.set(extent._replace(start=extent.stop + GRAIN, length=GRAIN, place=SIZE + 4 * MIB))
    volume._state.image_file.resize(SIZE + 5 * MIB)
    assert [finding.code for finding in volume.check()] == ["leak"]
    mapped.unset(extent.stop + GRAIN, extent.stop + 2 * GRAIN)
    mapped.unset(KEPT_BASE, KEPT_BASE + GRAIN)
    assert {finding.code for finding in volume.check()} == {"kept", "checksum"}


def test_a_batch_is_brought_to_the_additional_area_in_order(volume):
    volume.snapshot("S")
    volume.write(0, filled("x", 40))
    volume.flush()
    moved = evacuating.evacuate(volume._state, 16 * GRAIN)
    assert moved == 16 * GRAIN
    assert volume.usage().kept_bytes == 24 * GRAIN
    assert volume.read(0, SIZE, "S") == CONTENT
    assert volume.check() == []
    assert moved <= initial.UNIT_BYTES
