# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A repair keeps the map of the initial area, or makes nothing of what is left."""

from __future__ import annotations

import msgspec
import pytest

from core.device.memory import MemoryDevice
from core.errors import CorruptAreaError, FormatError
from core.salvage.load import read_dump
from core.salvage.repair import Repair
from tests.engine.stills import still_volume, views_of
from tests.fuzz import sidecars

MOVED = {
    "closed": sidecars.make(clean=True, is_moved=True),
    "cut off": sidecars.make(clean=False, is_moved=True),
}


def repaired(sidecar, area):
    target = MemoryDevice(direct=True)
    damaged = MemoryDevice.from_bytes(area, direct=True)
    work = Repair(MemoryDevice.from_bytes(sidecar.image), damaged)
    work.write(target, "disk.img", lambda count: None)
    return still_volume(MemoryDevice.from_bytes(sidecar.image), target)


def flipped(sidecar, structure):
    raw = bytearray(sidecar.area)
    raw[sidecar.structures[structure][0].start + 70] ^= 0x11
    return bytes(raw)


@pytest.mark.parametrize("which", MOVED)
@pytest.mark.parametrize("structure", [None, "free list"])
def test_an_image_with_a_map_is_read_through_it_after_a_repair(which, structure):
    sidecar = MOVED[which]
    area = sidecar.area if structure is None else flipped(sidecar, structure)
    volume = repaired(sidecar, area)
    assert views_of(volume) == sidecar.views
    assert not volume.info().plain
    assert volume.check() == []


@pytest.mark.parametrize("which", MOVED)
def test_without_the_whole_map_nothing_is_made(which):
    sidecar = MOVED[which]
    with pytest.raises(CorruptAreaError, match="map"):
        repaired(sidecar, flipped(sidecar, "map"))


def test_without_the_end_of_the_log_nothing_is_made():
    sidecar = MOVED["cut off"]
    with pytest.raises(CorruptAreaError, match="map of the initial area is damaged"):
        repaired(sidecar, flipped(sidecar, "log group"))


def test_nothing_is_loaded_from_a_dump_without_the_map():
    sidecar = MOVED["closed"]
    image = MemoryDevice.from_bytes(sidecar.image)
    volume = still_volume(image, MemoryDevice.from_bytes(sidecar.area, direct=True))
    dumped = volume.dump()
    read_dump(msgspec.json.encode(dumped))
    del dumped["initial_map"]  # as dumps were made once
    with pytest.raises(FormatError, match="a map"):
        read_dump(msgspec.json.encode(dumped))
