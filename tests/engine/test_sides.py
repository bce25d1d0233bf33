# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""While new data of the original is elsewhere, no way leads to the image alone."""

from __future__ import annotations

import random

import pytest

from core.device.memory import MemoryDevice
from core.engine import mechanisms, reading, restores
from core.errors import CopyInUseError, CorruptAreaError, InvalidRangeError
from core.events import ORIGINAL_ID
from core.format import superblock
from core.format.layout import BLOCK_BYTES
from core.format.superblock import ALWAYS_ADDITIONAL, COPY_SIZES, RESTORING
from core.units import MIB
from core.volume import mechanism as steps
from core.volume.fold import fold
from core.volume.moment import moment_of
from core.volume.read import Views
from tests.doubles.history import ORIGINAL, History
from tests.engine.stills import still_volume

GRAIN, SIZE = 4096, 2 * MIB


@pytest.fixture
def volume():
    image = MemoryDevice.from_bytes(random.Random(1).randbytes(SIZE))
    with still_volume(image, MemoryDevice(direct=True)) as volume:
        yield volume


def finish(volume):
    while restores.take_step(volume):
        continue


def turn(volume, rng):
    """Choose where new data goes, or bring some home, perhaps not to the end."""
    finish(volume)
    if volume.info().original is None:
        volume.choose_mechanism("always-additional")
        return
    names = [copy.name for copy in volume.info().copies]
    volume.separate(rng.choice([ORIGINAL, ORIGINAL, *names]))
    for _ in range(rng.randrange(6)):
        restores.take_step(volume, 8 * GRAIN)


def compare(volume, name, expected, rng):
    """Read a view by every way there is."""
    view_id = next((copy.id for copy in volume.info().copies if copy.name == name), ORIGINAL_ID)
    view, target = volume.view(view_id), bytearray(4 * GRAIN)
    for _ in range(12):
        length = rng.choice((512, GRAIN, 4 * GRAIN))
        at = rng.randrange((SIZE - length) // 512) * 512
        found, buffer = volume.read(at, length, name), memoryview(target)[:length]
        assert found == expected[at : at + length]
        assert found == reading.read(volume, at, length, name)
        volume.read_into(at, buffer, name)
        assert buffer == found
        view.read_into(at, buffer)
        assert buffer == found
        if view.try_read(at, buffer):
            assert buffer == found
    end = 0
    for part in view.allocation(0, SIZE):
        assert not any(expected[end : part.start])
        end = part.start + part.length
    assert not any(expected[end:])
    columns = volume.table(name).columns
    assert view.pointers().starts.tolist() == columns.starts.tolist()
    assert view.pointers().offsets.tolist() == columns.offsets.tolist()


def compare_counts(volume):
    """Compare what is told of each view with its table, and with what purging it would free."""
    info = volume.info()
    for shown in [*info.copies, *([] if info.original is None else [info.original])]:
        columns = volume.table(shown.name).columns
        edges = [0, *(columns.starts + columns.lengths).tolist()]
        gaps = zip(edges, [*columns.starts.tolist(), SIZE], strict=True)
        told = (len(columns.starts), sum(stop < start for stop, start in gaps))
        assert (shown.pointers, shown.range_pairs) == told, shown.name
        if shown.id and info.restoring is None:
            assert volume.usage([shown.name]).freed_bytes == shown.own_bytes, shown.name


@pytest.mark.parametrize("seed", range(6))
def test_every_way_of_reading_gives_the_same(volume, seed):
    history, rng = History(volume, seed), random.Random(seed)
    was_elsewhere = False
    for _ in range(24):
        finish(volume)  # what a restore reads cannot be purged
        history.live(3)
        if rng.random() < 0.4:
            turn(volume, rng)
        was_elsewhere |= volume.info().original is not None
        for name in {ORIGINAL, rng.choice(sorted(history.views))}:
            compare(volume, name, history.views[name], rng)
        compare_counts(volume)
        assert volume.check() == []
    assert was_elsewhere


def test_a_lane_that_was_taken_before_follows(volume):
    """NBD and FUSE hold the way of a view for days."""
    view, target = volume.view(ORIGINAL_ID), bytearray(GRAIN)
    old = volume.read(0, GRAIN)
    volume.snapshot("before")
    volume.choose_mechanism("always-additional")
    view.write(0, b"n" * GRAIN)
    assert view.try_read(0, memoryview(target))
    assert target == b"n" * GRAIN
    assert [(part.start, part.length) for part in view.differing(1)] == [(0, GRAIN)]
    assert len(view.pointers()) == 1
    volume.separate()
    assert view.try_read(0, memoryview(target))
    assert target == b"n" * GRAIN
    finish(volume)
    assert view.try_read(0, memoryview(target))
    assert target == b"n" * GRAIN
    assert len(view.pointers()) == 0
    assert volume.read(0, GRAIN, "before") == old


def test_a_question_does_not_touch_the_head(volume):
    volume.choose_mechanism("always-additional")
    volume.write(0, b"n" * GRAIN)
    plan = volume.plan_separation()
    assert plan == volume.plan_separation()
    volume.snapshot("a")
    before = volume.info()
    volume.usage(["a"])
    volume.map()
    after = volume.info()
    assert (after.original, after.copies) == (before.original, before.copies)
    assert volume.read(0, GRAIN) == b"n" * GRAIN


def test_new_data_goes_home_whether_the_image_has_it_or_not(volume):
    """So that what was foretold is what is moved."""
    volume.snapshot("a")
    volume.choose_mechanism("always-additional")
    volume.write(0, volume.read(0, 2 * GRAIN))
    plan, before = volume.plan_separation(), volume.stats()
    assert (plan.home_bytes, plan.kept_bytes) == (2 * GRAIN, 2 * GRAIN)
    volume.separate()
    finish(volume)
    after = volume.stats()
    assert after.preserved_bytes - before.preserved_bytes == plan.kept_bytes


def test_it_is_not_resized(volume):
    volume.choose_mechanism("always-additional")
    volume.write(0, b"n" * GRAIN)
    for size, shrinks in ((SIZE + GRAIN, False), (SIZE - GRAIN, True)):
        with pytest.raises(CopyInUseError, match="'rangepair separate IMAGE' brings it home"):
            volume.resize(size, shrinks=shrinks)
    volume.separate()
    with pytest.raises(CopyInUseError, match="separated: new data goes home of 'original'"):
        volume.resize(SIZE + GRAIN)
    finish(volume)
    volume.resize(SIZE + GRAIN)
    assert volume.read(0, GRAIN) == b"n" * GRAIN
    assert volume.read(SIZE, GRAIN) == bytes(GRAIN)
    assert volume._state.image.size == SIZE + GRAIN


def test_it_is_not_chosen_for_copies_of_other_sizes(volume):
    volume.snapshot("short")
    volume.resize(SIZE + GRAIN)
    with pytest.raises(InvalidRangeError, match="copies of other sizes"):
        volume.choose_mechanism("always-additional")
    assert volume.info().mechanism == "copy-on-write"
    volume.delete(["short"], now=True)
    volume.choose_mechanism("always-additional")
    assert volume.info().mechanism == "always-additional"


def features_on_disk(volume):
    device = volume._state.area.device
    slots = [superblock.unpack(device.pread(BLOCK_BYTES, at), at) for at in (0, BLOCK_BYTES)]
    newest = max(slots, key=lambda slot: slot.seq)
    return [bit for bit in range(64) if newest.incompatible >> bit & 1]


def test_the_features_of_an_area_tell_the_two_apart(volume):
    volume.snapshot("a")
    volume.resize(SIZE + GRAIN)
    assert features_on_disk(volume) == [COPY_SIZES]
    volume.delete(["a"], now=True)
    volume.choose_mechanism("always-additional")
    volume.write(0, b"n" * GRAIN)
    fold(volume._state)
    assert features_on_disk(volume) == [ALWAYS_ADDITIONAL]
    volume.separate()
    fold(volume._state)
    assert features_on_disk(volume) == [RESTORING, ALWAYS_ADDITIONAL]
    finish(volume)
    fold(volume._state)
    assert features_on_disk(volume) == []


@pytest.mark.parametrize(
    ("view", "way_out"), [(ORIGINAL, "write to that range of the original"), ("c", "reads as it")]
)
def test_damage_of_what_goes_home_is_told(volume, view, way_out):
    volume.clone("c")
    volume.choose_mechanism("always-additional")
    for name in (ORIGINAL, "c"):
        volume.write(0, name[:1].encode() * GRAIN, name)
        volume.write(8 * GRAIN, name[:1].encode() * GRAIN, name)
    volume.flush()
    volume._state.journal.checkpoint()
    place = volume.table(view).columns.offsets.item(0)
    volume._state.area.device.pwrite(b"?", place)
    volume.separate(view)
    with pytest.raises(CorruptAreaError, match=rf"New data of .*on its way home.*{way_out}"):
        restores.take_step(volume)
    if view == ORIGINAL:
        volume.write(0, b"w" * GRAIN)
        finish(volume)
        assert volume.info().restoring is None
        assert volume.read(0, GRAIN) == b"w" * GRAIN
    assert volume.read(8 * GRAIN, GRAIN, view) == view[:1].encode() * GRAIN


def test_a_moment_keeps_the_head_that_it_saw(volume):
    volume.choose_mechanism("always-additional")
    volume.write(0, b"n" * GRAIN)
    moment = moment_of(volume._state)
    before = Views(moment).flatten(moment.catalog.head)
    volume.snapshot("a")  # freezes the head's layer
    volume.write(8 * GRAIN, b"m" * GRAIN)
    after = Views(moment).flatten(moment.catalog.head)
    assert after.starts.tolist() == before.starts.tolist() == [0]


def test_what_goes_home_stays_readable_when_all_copies_are_purged(volume):
    """Then nothing but the separation enters the chain where the original's old data is kept."""
    old = volume.read(0, 4 * GRAIN)
    volume.snapshot("a")
    volume.choose_mechanism("always-additional")
    volume.clone("c")
    volume.write(0, b"c" * (4 * GRAIN), "c")
    volume.separate("c")
    finish(volume)
    volume.separate()
    assert volume.info().restoring.left_bytes == 4 * GRAIN
    volume.delete(["a", "c"], now=True)
    assert volume.read(0, 4 * GRAIN) == old
    finish(volume)
    assert volume.read(0, 4 * GRAIN) == old
    assert volume._state.image.pread(4 * GRAIN, 0) == old
    assert volume.check() == []


def test_a_separation_does_not_begin_while_another_is_under_way(volume):
    """What a caller meets who saw the one before finished, and whom another has overtaken."""
    volume.clone("c")
    volume.choose_mechanism("always-additional")
    volume.write(0, b"n" * GRAIN)
    volume.write(0, b"c" * GRAIN, "c")
    volume.separate("c")
    state = volume._state
    assert mechanisms._separate(volume, ORIGINAL) is None
    assert not mechanisms._choose(volume, "copy-on-write")
    with pytest.raises(CopyInUseError, match="separated: new data goes home of 'c'; try again"):
        steps.separate(state, state.catalog.head)
    assert state.restore.left_bytes == GRAIN
    volume.separate()
    finish(volume)
    assert (volume.read(0, GRAIN), volume.read(0, GRAIN, "c")) == (b"n" * GRAIN, b"c" * GRAIN)
    assert volume.check() == []
