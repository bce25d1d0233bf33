# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The disk that loses power keeps every promise, and loses all it may."""

from __future__ import annotations

import contextlib
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.device.base import aligned_buffer
from core.errors import AreaFullError
from tests.doubles.crashdevice import PowerCut, Step
from tests.doubles.crashdisk import CrashDisk

pytestmark = pytest.mark.crash

SECTOR = 512
PAGE = 4096
OLD = b"o" * SECTOR


def _page(letter, count=1):
    buffer = aligned_buffer(PAGE * count)
    buffer[:] = letter * (PAGE * count)
    return buffer


def _sectors(content):
    return [content[at : at + SECTOR] for at in range(0, len(content), SECTOR)]


def _losses(disk, count=200):
    return [disk.survivors(random.Random(seed)) for seed in range(count)]


@pytest.fixture
def disk():
    return CrashDisk(OLD * 16)


def test_what_was_synced_survives_and_what_was_not_may_be_torn(disk):
    disk.image.pwrite(b"s" * 1024, 0)
    disk.image.sync()
    disk.image.pwrite(b"n" * 2048, 4096)
    images = {image for image, _ in _losses(disk, 1000)}
    assert all(image[:4096] == b"s" * 1024 + OLD * 6 for image in images)
    assert all(set(_sectors(image[4096:6144])) <= {OLD, b"n" * SECTOR} for image in images)
    assert len({image[4096:6144] for image in images}) == 16
    assert disk.image.pread(2048, 4096) == b"n" * 2048


def test_a_sync_is_of_one_device_only(disk):
    disk.area.resize(PAGE)
    disk.image.pwrite(b"n" * SECTOR, 0)
    disk.area.sync()
    assert {image[:SECTOR] for image, _ in _losses(disk)} == {OLD, b"n" * SECTOR}
    assert {len(area) for _, area in _losses(disk)} == {PAGE}


def test_a_durable_write_is_durable_alone(disk):
    disk.area.resize(4 * PAGE)
    disk.area.sync()
    disk.area.pwrite(b"u" * PAGE, 0)
    disk.area.pwritev_durable([_page(b"d")], 2 * PAGE)
    areas = {area for _, area in _losses(disk)}
    assert {area[2 * PAGE : 3 * PAGE] for area in areas} == {b"d" * PAGE}
    assert bytes(PAGE) in {area[:PAGE] for area in areas}


def test_older_unsynced_content_never_beats_a_durable_write(disk):
    disk.area.resize(2 * PAGE)
    disk.area.pwrite(b"u" * 2 * PAGE, 0)
    disk.area.pwritev_durable([_page(b"d")], 0)
    disk.area.pwrite(b"l" * SECTOR, 0)
    for _, area in _losses(disk):
        assert area[:SECTOR] in {b"d" * SECTOR, b"l" * SECTOR}
        assert area[SECTOR:PAGE] == b"d" * (PAGE - SECTOR)
        assert set(_sectors(area[PAGE:])) <= {bytes(SECTOR), b"u" * SECTOR}


def test_a_durable_write_takes_the_size_along(disk):
    disk.area.allocate(0, 4 * PAGE)
    assert {len(area) for _, area in _losses(disk)} == {0, 4 * PAGE}
    disk.area.pwritev_durable([_page(b"d")], PAGE)
    assert {len(area) for _, area in _losses(disk)} == {4 * PAGE}


def test_what_was_cut_off_durably_does_not_come_back(disk):
    disk.area.resize(4 * PAGE)
    disk.area.sync()
    disk.area.pwrite(b"x" * PAGE, 2 * PAGE)
    disk.area.resize(PAGE)
    assert b"x" * PAGE in {area[2 * PAGE : 3 * PAGE] for _, area in _losses(disk)}
    disk.area.pwritev_durable([_page(b"d")], 0)
    disk.area.resize(4 * PAGE)
    disk.area.sync()
    assert {area[PAGE:] for _, area in _losses(disk)} == {bytes(3 * PAGE)}


def test_an_unsynced_file_may_end_anywhere_up_to_its_size(disk):
    disk.area.allocate(0, 2 * PAGE)
    disk.area.pwrite(b"w" * PAGE, 0)
    sizes = {len(area) for _, area in _losses(disk, 400)}
    assert {0, 2 * PAGE} < sizes
    assert sizes <= {*range(0, PAGE + 1, SECTOR), 2 * PAGE}


def test_a_sector_written_twice_may_hold_either(disk):
    disk.image.pwrite(b"1" * SECTOR, 0)
    disk.image.pwrite(b"2" * SECTOR, 0)
    assert {image[:1] for image, _ in _losses(disk)} == {b"o", b"1", b"2"}


@pytest.mark.parametrize("act", ["punch", "zero"])
def test_a_punch_is_torn_like_a_write(disk, act):
    getattr(disk.image, act)(SECTOR, 2 * SECTOR)
    found = {image[: 4 * SECTOR] for image, _ in _losses(disk)}
    hole = bytes(SECTOR)
    assert found == {OLD + one + two + OLD for one in (OLD, hole) for two in (OLD, hole)}


def test_part_of_a_sector_is_kept_with_the_rest_of_it(disk):
    disk.image.pwrite(b"part", 600)
    kept = OLD + OLD[:88] + b"part" + OLD[92:]
    assert {image[: 2 * SECTOR] for image, _ in _losses(disk)} == {OLD * 2, kept}


def test_the_power_goes_during_the_nth_step(disk):
    disk.stop_after(3)
    disk.area.allocate(0, PAGE)
    disk.image.pwrite(b"a" * SECTOR, 0)
    with pytest.raises(PowerCut):
        disk.area.pwritev_durable([_page(b"d")], 0)
    assert disk.is_off
    assert disk.log == [
        Step("area", "allocate", 0, PAGE),
        Step("image", "pwrite", 0, SECTOR),
        Step("area", "pwritev_durable", 0, PAGE),
    ]
    assert len({area for _, area in _losses(disk)}) > 2


def test_a_sync_during_which_the_power_goes_promises_nothing(disk):
    disk.image.pwrite(b"a" * SECTOR, 0)
    disk.stop_after(1)
    with pytest.raises(PowerCut):
        disk.image.sync()
    assert {image[:1] for image, _ in _losses(disk)} == {b"o", b"a"}


def test_without_power_nothing_goes_but_closing(disk):
    disk.area.resize(PAGE)
    disk.cut()
    calls = [
        lambda: disk.image.pread(1, 0),
        lambda: disk.image.preadv([bytearray(1)], 0),
        lambda: disk.image.pwrite(b"x", 0),
        lambda: disk.image.pwritev([b"x"], 0),
        lambda: disk.area.pwritev_durable([_page(b"d")], 0),
        disk.image.sync,
        lambda: disk.area.allocate(0, 1),
        lambda: disk.area.punch(0, 1),
        lambda: disk.area.zero(0, 1),
        lambda: disk.area.resize(1),
        lambda: disk.image.data_extents(0, 1),
    ]
    for call in calls:
        with pytest.raises(PowerCut):
            call()
    disk.image.close()
    assert disk.log == [Step("area", "resize", PAGE, 0)]


def test_a_thread_without_power_stops_as_well(disk):
    disk.cut()
    caught = []

    def sync():
        try:
            disk.image.sync()
        except PowerCut as cut:
            caught.append(cut)

    thread = threading.Thread(target=sync)
    thread.start()
    thread.join()
    assert len(caught) == 1


def test_every_subset_is_tried_and_every_tear(disk):
    disk.image.pwrite(b"a" * 4 * SECTOR, 0)
    disk.image.pwrite(b"b" * SECTOR, 4 * SECTOR)
    found = {image[: 5 * SECTOR : SECTOR] for image, _ in disk.every_survivor()}
    whole = {b"ooooo", b"aaaao", b"oooob", b"aaaab"}
    torn = {b"aooo", b"oaaa", b"aaoo", b"ooaa", b"aaao", b"oooa"}
    assert found == whole | {head + tail for head in torn for tail in (b"o", b"b")}


def test_too_many_subsets_are_refused(disk):
    for sector in range(11):
        disk.image.pwrite(b"a" * SECTOR, sector * SECTOR)
    with pytest.raises(ValueError, match="too many"):
        next(disk.every_survivor())


def test_the_power_comes_back_over_what_survived(disk):
    disk.area.resize(PAGE)
    disk.area.pwrite(b"k" * PAGE, 0)
    disk.area.sync()
    disk.image.pwrite(b"n" * 4096, 0)
    disk.cut()
    for seed in range(20):
        image, area = disk.survivors(random.Random(seed))
        for again in (CrashDisk.from_bytes(image, area), disk.after_loss(random.Random(seed))):
            assert again.image.pread(len(image), 0) == image
            assert again.area.pread(PAGE, 0) == area == b"k" * PAGE
            assert again.unsynced == []
            again.image.pwrite(b"z" * SECTOR, 0)
            assert disk.image.durable.pread(SECTOR, 0) == OLD


def test_a_full_area_is_told():
    disk = CrashDisk(OLD, area_bytes_max=PAGE)
    disk.area.allocate(0, PAGE)
    with pytest.raises(AreaFullError):
        disk.area.allocate(PAGE, 1)
    assert len(disk.log) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pwrite", "pwritev", "durable", "punch", "sync"]),
        st.integers(0, 14),
        st.integers(1, 6),
    ),
    max_size=24,
)


@given(STEPS, st.integers(0, 1 << 30))
def test_each_sector_holds_a_version_it_may_hold(steps, seed):
    disk = CrashDisk(OLD * 20)
    versions = [[OLD] for _ in range(20)]
    for number, (act, first, count) in enumerate(steps, 1):
        content = bytes([number]) * SECTOR
        touched = range(first, first + count)
        if act == "sync":
            disk.image.sync()
            touched = range(20)
        elif act == "punch":
            content = bytes(SECTOR)
            disk.image.punch(first * SECTOR, count * SECTOR)
        elif act == "durable":
            disk.image.pwritev_durable([content] * count, first * SECTOR)
        elif act == "pwritev":
            disk.image.pwritev([content] * count, first * SECTOR)
        else:
            disk.image.pwrite(content * count, first * SECTOR)
        for sector in touched:
            if act != "sync":
                versions[sector].append(content)
            if act in {"sync", "durable"}:
                del versions[sector][:-1]
    now = disk.image.pread(20 * SECTOR, 0)
    assert _sectors(now) == [held[-1] for held in versions]
    image, _ = disk.survivors(random.Random(seed))
    assert all(one in held for one, held in zip(_sectors(image), versions, strict=True))
    assert disk.survivors(lambda _, operation: operation.parts)[0] == now
    disk.image.sync()
    assert disk.survivors(random.Random(seed))[0] == now


def _overwrite(disk, *, preserve_first):
    """Keep a page of the image in the area before overwriting it, or the other way round."""
    disk.area.allocate(0, 2 * PAGE)
    kept = [_page(b"k"), _page(b"o")]
    if preserve_first:
        disk.area.pwritev_durable(kept, 0)
    disk.image.pwrite(b"n" * PAGE, 0)
    disk.area.pwritev_durable(kept, 0)


@pytest.mark.parametrize("preserve_first", [True, False])
def test_an_order_that_loses_originals_is_caught_and_a_right_one_passes(preserve_first):
    lost = tried = 0
    for step in range(1, 5):
        disk = CrashDisk(b"o" * PAGE)
        disk.stop_after(step)
        with contextlib.suppress(PowerCut):
            _overwrite(disk, preserve_first=preserve_first)
        for image, area in disk.every_survivor():
            tried += 1
            lost += image != b"o" * PAGE and area != b"k" * PAGE + b"o" * PAGE
    assert tried > 50
    assert (lost == 0) is preserve_first
