# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a repair says of a copy is true of the new additional area, whatever was damaged.

The sidecars are those of ``tests/fuzz``: one that was closed, one as a power cut leaves it. A copy
that was saved reads as it did, a damaged one reads so outside its ranges and not at all within,
and the new area is clean.
"""

from __future__ import annotations

import random

import pytest

from core.device.memory import MemoryDevice
from core.errors import CorruptAreaError, RangepairError
from core.format.block import HEADER_BYTES
from core.salvage.repair import Repair
from tests.engine.stills import bytes_of, read_only_volume, still_volume, views_of
from tests.fuzz import sidecars
from tests.fuzz.test_sidecar import _untellable

pytestmark = pytest.mark.slow
SIDECARS = {
    "clean": sidecars.make(clean=True),
    "dirty": sidecars.make(clean=False),
    "sides": sidecars.make(clean=True, has_sides=True),
}
ORIGINAL_DAMAGED = "New data of the original fails its checksum; there it cannot be read."
TABLES = ("catalog", "table", "free list", "superblock", "ring head", "ranges")


def repaired(sidecar, device):
    """Return the report and the device of the new area."""
    target = MemoryDevice(direct=True)
    work = Repair(MemoryDevice.from_bytes(sidecar.image), device)
    copied = []
    report = work.write(target, "disk.img", copied.append)
    assert sum(copied) == work.total_bytes
    return report, target


def flipped(sidecar, *positions):
    raw = bytearray(sidecar.area)
    for position in positions:
        raw[position] ^= 0x11
    return sidecars.FlippedDevice(bytes(raw))


def opened(sidecar, target):
    return still_volume(MemoryDevice.from_bytes(sidecar.image), target)


def assert_true(sidecar, report, target):
    """Compare the new area with what the report says of it."""
    looked_at = read_only_volume(MemoryDevice.from_bytes(sidecar.image), target)
    assert looked_at.check() == []
    volume = opened(sidecar, target)
    assert volume.check() == []
    there = {copy.name for copy in volume.info().copies}
    assert there == {copy.name for copy in report.copies if copy.outcome != "lost"}
    for copy in report.copies:
        if copy.outcome == "saved":
            assert volume.read(0, volume.info().size, copy.name) == sidecar.views[copy.name]
        elif copy.outcome == "damaged":
            assert_damaged(volume, copy, sidecar.views[copy.name])
    if ORIGINAL_DAMAGED in report.losses:
        with pytest.raises(CorruptAreaError, match="The original is damaged"):
            volume.read(0, volume.info().size)
        return
    if not any("lost" in loss for loss in report.losses):
        assert volume.read(0, volume.info().size) == sidecar.views["original"]
    goes_on(volume)


def assert_damaged(volume, copy, expected):
    bad = [(each.start, each.start + each.length) for each in copy.damaged_ranges]
    assert bad
    for at in range(0, len(expected), 512):
        if any(start <= at < stop for start, stop in bad):
            with pytest.raises(CorruptAreaError, match=f"'{copy.name}' is damaged"):
                volume.read(at, 512, copy.name)
        else:
            assert volume.read(at, 512, copy.name) == expected[at : at + 512]


def goes_on(volume):
    """Write, take a copy, write again: the new area is one like any other."""
    before = volume.read(0, 4096)
    volume.snapshot("after")
    volume.write(0, b"x" * 4096)
    volume.flush()
    assert volume.read(0, 4096, "after") == before
    assert volume.check() == []


@pytest.mark.parametrize("name", SIDECARS)
def test_of_an_intact_area_all_is_saved(name):
    sidecar = SIDECARS[name]
    report, target = repaired(sidecar, flipped(sidecar))
    assert report.is_whole
    assert {copy.name for copy in report.copies} == sidecar.views.keys() - {"original"}
    volume = opened(sidecar, target)
    assert views_of(volume) == sidecar.views
    assert {copy.integrity for copy in volume.info().copies} == {"intact"}
    assert_true(sidecar, *repaired(sidecar, flipped(sidecar)))
    # Nothing of it hangs on its being opened for writing at once.
    _, again = repaired(sidecar, flipped(sidecar))
    looked_at = read_only_volume(MemoryDevice.from_bytes(sidecar.image), again)
    assert views_of(looked_at) == sidecar.views


@pytest.mark.parametrize("name", SIDECARS)
@pytest.mark.parametrize("structure", TABLES)
def test_with_a_damaged_structure_what_is_said_is_true(name, structure):
    sidecar = SIDECARS[name]
    for part in sidecar.structures.get(structure, ()):
        for at in random.Random(part.start).sample(list(part), 2):
            report, target = repaired(sidecar, flipped(sidecar, at))
            assert_true(sidecar, report, target)
            if structure in {"free list", "superblock"}:
                assert report.is_whole


@pytest.mark.parametrize("name", SIDECARS)
def test_a_damaged_table_loses_those_that_read_it_and_no_others(name):
    sidecar = SIDECARS[name]
    outcomes = set()
    for part in sidecar.structures["table"]:
        report, _ = repaired(sidecar, flipped(sidecar, part.start + HEADER_BYTES))
        lost = [copy for copy in report.copies if copy.outcome == "lost"]
        assert lost or any("New data of the original" in loss for loss in report.losses)
        assert {copy.why for copy in lost} <= {
            "its pointer table is damaged",
            "it reads what was being moved, and that is lost",
        }
        outcomes |= {copy.outcome for copy in report.copies}
    assert name == "dirty" or outcomes == {"lost", "saved"}


def test_without_the_ranges_of_a_separation_those_that_read_them_are_lost():
    sidecar = SIDECARS["sides"]
    (part,) = sidecar.structures["ranges"]
    report, target = repaired(sidecar, flipped(sidecar, part.start + HEADER_BYTES))
    lost = {copy.name: copy.why for copy in report.copies if copy.outcome == "lost"}
    assert lost == {"C1": "it reads what was being moved, and that is lost"}
    assert report.losses == []  # the original's head is whole
    assert_true(sidecar, report, target)


def test_a_lost_catalog_is_rebuilt_from_the_one_before_and_the_log():
    """The dirty one has two superblocks; of the newer one the catalog is gone."""
    sidecar = SIDECARS["dirty"]
    (part,) = sidecar.structures["catalog"]
    report, target = repaired(sidecar, flipped(sidecar, part.start + 80))
    assert_true(sidecar, report, target)
    assert report.is_whole


@pytest.mark.parametrize("structure", ["log group", "log tail", "ring group"])
def test_with_a_damaged_log_or_ring_what_is_said_is_true(structure):
    sidecar = SIDECARS["dirty"]
    parts = sidecar.structures[structure][:-1] or sidecar.structures[structure]
    told = 0
    for part in parts:
        tellable = sorted(set(part) - _untellable(structure, part))
        at = random.Random(part.start).choice(tellable)
        report, target = repaired(sidecar, flipped(sidecar, at))
        assert_true(sidecar, report, target)
        told += bool(report.losses)
        suspect = {copy.name for copy in report.copies if copy.outcome == "suspect"}
        doubtful = {"C1"} if structure == "ring group" else {copy.name for copy in report.copies}
        assert suspect == (doubtful if report.losses else set())
    assert told


@pytest.mark.parametrize("name", SIDECARS)
def test_damaged_data_is_named_and_the_rest_saved(name):
    sidecar = SIDECARS[name]
    look = read_only_volume(
        MemoryDevice.from_bytes(sidecar.image), sidecars.FlippedDevice(sidecar.area)
    )
    chosen = random.Random(8)
    seen = set()
    for layer in look._state.catalog.layers.values():
        run = layer.map.flatten()
        rows = [row for row in range(len(run)) if run.wholes[row] == run.lengths[row] > 0]
        for row in chosen.sample(rows, min(2, len(rows))):
            at = run.offsets.item(row) + chosen.randrange(run.lengths.item(row))
            report, target = repaired(sidecar, flipped(sidecar, at))
            damaged = [copy for copy in report.copies if copy.outcome == "damaged"]
            assert damaged or report.losses
            assert set(report.losses) <= {ORIGINAL_DAMAGED}
            assert_true(sidecar, report, target)
            seen |= {copy.name for copy in damaged}
    assert len(seen) >= 2


def test_damage_that_was_repaired_is_known_and_new_damage_is_found():
    sidecar = SIDECARS["clean"]
    look = read_only_volume(
        MemoryDevice.from_bytes(sidecar.image), sidecars.FlippedDevice(sidecar.area)
    )
    columns = look.table("first").columns
    rows = [row for row in range(len(columns)) if columns.lengths[row] == 4096]
    old, new = columns.offsets.item(rows[0]), columns.starts.item(rows[5])
    report, target = repaired(sidecar, flipped(sidecar, old + 5))
    assert not report.is_whole
    volume = opened(sidecar, target)
    assert volume.check() == []
    at = volume.table("first", new, new + 512).columns.offsets.item(0)
    target.pwrite(bytes([target.pread(1, at)[0] ^ 1]), at)
    (finding,) = volume.check()
    assert finding.code == "checksum"
    assert f"[{new}.." in finding.what
    # A repair of what was repaired still knows both.
    again, _ = repaired(sidecar, sidecars.FlippedDevice(bytes_of(target)))
    first = next(copy for copy in again.copies if copy.name == "first")
    assert len(first.damaged_ranges) == 2


def test_without_any_catalog_all_is_rebuilt_from_the_log():
    """Nothing has been folded since the area was made, so the log has everything."""
    image, area = MemoryDevice.from_bytes(sidecars.START), MemoryDevice(direct=True)
    volume = still_volume(image, area)
    volume.snapshot("S")
    volume.write(0, b"1" * 40960)
    volume.clone("C", "S")
    volume.write(4096, b"2" * 4096, "C")
    volume.flush()
    volume.rename("S", "first")
    volume.write(0, b"3" * 4096)
    volume.write(8192, b"4" * 512, "C")
    volume.flush()
    views = views_of(volume)
    raw = bytearray(bytes_of(area))
    at = raw.find(b"RPAIRCAT")
    while at >= 0:
        raw[at + 70] ^= 0xFF
        at = raw.find(b"RPAIRCAT", at + 1)
    target = MemoryDevice(direct=True)
    source = sidecars.FlippedDevice(bytes(raw))
    report = Repair(image.copy(), source).write(target, "disk.img", lambda _count: None)
    assert report.is_whole
    again = still_volume(image.copy(), target)
    assert views_of(again) == views
    assert again.check() == []


def test_without_superblocks_the_newest_catalog_is_taken_and_all_is_suspect():
    sidecar = SIDECARS["clean"]
    heads = [part.start + 9 for part in sidecar.structures["superblock"]]
    for device in (flipped(sidecar, *heads), zeroed(sidecar, 8192)):
        report, target = repaired(sidecar, device)
        assert {copy.outcome for copy in report.copies} == {"suspect"}
        assert report.losses[0].startswith("Both superblocks are damaged, so what came after")
        volume = opened(sidecar, target)
        assert volume.info().grain == 4096
        assert volume.check() == []
        assert views_of(volume) == sidecar.views  # as it happens: it had been closed
        assert {copy.integrity for copy in volume.info().copies} == {"suspect"}
        goes_on(volume)


def zeroed(sidecar, count):
    return sidecars.FlippedDevice(bytes(count) + sidecar.area[count:])


def test_a_small_grain_is_found_again_without_superblocks():
    image, area = MemoryDevice.from_bytes(sidecars.START), MemoryDevice(direct=True)
    volume = still_volume(image, area, grain_bytes=512)
    volume.snapshot("S")
    volume.write(512, b"1" * 512)
    volume.write(40960, b"2" * 4096)
    volume.close()
    raw = bytes(8192) + bytes_of(area)[8192:]
    target = MemoryDevice(direct=True)
    Repair(image, MemoryDevice.from_bytes(raw)).write(target, "disk.img", lambda _count: None)
    again = still_volume(image, target)
    assert again.info().grain == 512
    again.write(0, b"3" * 4096)
    assert again.read(0, len(sidecars.START), "S") == sidecars.START
    assert again.check() == []


def test_what_is_beyond_repair_is_refused():
    sidecar = SIDECARS["clean"]
    with pytest.raises(CorruptAreaError, match="no catalog of one volume is left"):
        repaired(sidecar, zeroed(sidecar, len(sidecar.area)))
    short = sidecars.Sidecar(sidecar.image[:-512], sidecar.area, {}, {}, [], [])
    with pytest.raises(RangepairError, match="is shorter than"):
        repaired(short, flipped(short))
