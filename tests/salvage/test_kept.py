# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Originals that stayed in the image are there after a repair, and after a dump was loaded."""

from __future__ import annotations

import random

import msgspec
import pytest

from core.device.memory import MemoryDevice
from core.engine.bundles import open_bundle
from core.errors import CorruptAreaError, FormatError
from core.salvage.load import read_dump, write_loaded
from core.salvage.repair import Repair
from core.units import MIB
from tests.engine.stills import bytes_of, read_only_volume, still_volume, views_of

GRAIN, SIZE = 4096, MIB
CONTENT = random.Random(2).randbytes(SIZE)


def filled(letter, grains=1):
    return letter.encode() * (grains * GRAIN)


def lived(*, clean):
    """Return image and area of a volume, and its views; some of it in the log only if not clean."""
    volume = still_volume(MemoryDevice.from_bytes(CONTENT), MemoryDevice(direct=True))
    volume.rearrange("full-pointer", 0, 128 * GRAIN)
    volume.choose_mechanism("redirect-on-write")
    volume.snapshot("S")
    volume.write(4 * GRAIN, filled("a", 4))
    volume.write(126 * GRAIN, filled("b", 4))
    volume.snapshot("T")
    volume.write(6 * GRAIN, filled("c", 4))
    volume.clone("C")
    volume.write(40 * GRAIN, filled("d", 2), "C")
    volume.write(40 * GRAIN, filled("e", 2))
    volume.delete(["T"], now=True)  # hands down, and cuts what is left of an extent
    volume.flush()
    views = views_of(volume)
    if clean:
        volume.close()
    area = volume._state.area.device
    return bytes_of(volume._state.image_file), bytes_of(area), views


def repaired(image, area):
    target = MemoryDevice(direct=True)
    work = Repair(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area, direct=True))
    copied = []
    report = work.write(target, "disk.img", copied.append)
    assert sum(copied) <= work.total_bytes
    return still_volume(MemoryDevice.from_bytes(image), target), report


@pytest.mark.parametrize("clean", [True, False])
def test_a_repair_leaves_it_where_it_is(clean):
    image, area, views = lived(clean=clean)
    volume, report = repaired(image, area)
    assert report.is_whole
    assert views_of(volume) == views
    assert volume.info().mechanism == "redirect-on-write"
    assert volume.usage().kept_bytes > 0
    assert bytes_of(volume._state.image_file) == image
    assert volume.check() == []
    volume.snapshot("U")
    volume.write(0, filled("z", 16))
    volume.delete(["S"], now=True)
    assert volume.check() == []


def test_damage_of_it_is_told_by_a_repair():
    image, area, _ = lived(clean=False)
    volume = read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area))
    kept = volume.initial().kept[0]
    harmed = bytearray(image)
    harmed[kept.place : kept.place + 512] = b"?" * 512
    volume, report = repaired(bytes(harmed), area)
    assert {copy.name for copy in report.copies if copy.outcome == "damaged"} == {"S"}
    with pytest.raises(CorruptAreaError, match="of the image"):
        volume.read(4 * GRAIN, 4 * GRAIN, "S")
    assert volume.check() == []  # what is known as lost is not found anew


def test_what_was_kept_for_a_lost_copy_is_free():
    image, area, views = lived(clean=True)
    volume = read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area))
    state = volume._state
    oldest = state.catalog.layers[state.catalog.chain[0]]
    harmed = bytearray(area)
    for _, place in oldest.places.values():
        harmed[place.offset + 70] ^= 0x11
    volume, report = repaired(image, bytes(harmed))
    assert {copy.name for copy in report.copies if copy.outcome == "lost"} == {"S"}
    assert views_of(volume) == {name: views[name] for name in ("original", "C")}
    assert volume.check() == []


def dump_of(image, area):
    return read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area)).dump()


def test_a_dump_in_which_two_pointers_name_it_is_none():
    image, area, _ = lived(clean=True)
    dumped = dump_of(image, area)
    (first, *_) = [
        row for layer in dumped["layers"] for row in layer["pointers"] if row["offset"] < 0
    ]
    clone = next(layer for layer in dumped["layers"] if layer["private"])
    clone["pointers"] = [{**first, "start": 0, "length": GRAIN, "whole": GRAIN, "head": 0}]
    with pytest.raises(FormatError, match="two pointers name the same"):
        read_dump(msgspec.json.encode(dumped))


def loaded(dumped, image, area):
    target, copied = MemoryDevice(direct=True), []
    read = read_dump(msgspec.json.encode(dumped))
    data = MemoryDevice.from_bytes(area)
    write_loaded(read, MemoryDevice.from_bytes(image), target, "disk.img", data, copied.append)
    assert sum(copied) == read.data_bytes
    return still_volume(MemoryDevice.from_bytes(image), target)


def test_a_loaded_dump_names_it():
    image, area, views = lived(clean=True)
    volume = loaded(dump_of(image, area), image, area)
    assert views_of(volume) == views
    assert volume.info().mechanism == "redirect-on-write"
    assert volume.check() == []


def test_a_dump_whose_map_lacks_it_is_none():
    image, area, _ = lived(clean=True)
    dumped = dump_of(image, area)
    dumped["initial_map"] = [row for row in dumped["initial_map"] if row["start"] >= 0]
    with pytest.raises(FormatError, match="its map lacks what a pointer names"):
        read_dump(msgspec.json.encode(dumped))


def test_what_a_dumped_map_keeps_for_nobody_is_left_out():
    image, area, views = lived(clean=True)
    dumped = dump_of(image, area)
    lost = next(layer for layer in dumped["layers"] if layer["pointers"])
    lost["pointers"] = [row for row in lost["pointers"] if row["offset"] >= 0]
    volume = loaded(dumped, image, area)
    assert volume.check() == []
    assert volume.read(0, SIZE) == views["original"]


def test_a_bundle_has_the_map_and_names_what_stayed(tmp_path):
    image, area, _ = lived(clean=False)
    volume = read_only_volume(MemoryDevice.from_bytes(image), MemoryDevice.from_bytes(area))
    (tmp_path / "bundle").write_bytes(volume.pack())
    with open_bundle(tmp_path / "bundle") as bundle:
        assert bundle.check(structures=True) == []
        assert bundle.dump()["initial_map"] == volume.dump()["initial_map"]
        assert bundle.usage().kept_bytes == volume.usage().kept_bytes > 0
