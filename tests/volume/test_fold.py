# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Folding without room changes nothing; deep trees of copies come apart in any order."""

from __future__ import annotations

from itertools import permutations

import pytest

from core.device.memory import MemoryDevice
from core.errors import AreaFullError
from core.volume.fold import fold
from tests.engine.stills import still_volume, views_of
from tests.faults.script import filled

GRAIN = 4096
START = filled(0, 32 * GRAIN)


@pytest.fixture
def disks():
    return MemoryDevice.from_bytes(START), MemoryDevice(direct=True)


@pytest.fixture
def volume(disks):
    return still_volume(*disks)


@pytest.mark.parametrize("granted", [0, 1, 2])
def test_a_fold_without_room_changes_nothing_and_the_log_goes_on(volume, disks, granted):
    volume.snapshot("S")
    volume.write(0, filled(1, 4 * GRAIN))
    volume._state.journal.barrier()
    allocator, left = volume._state.area.allocator, [granted]
    allocate, before = allocator.allocate, volume._state.area.newest.seq

    def refusing(length, align=GRAIN, *, for_metadata=False):
        left[0] -= 1
        if left[0] < 0:
            raise AreaFullError("no room")
        return allocate(length, align, for_metadata=for_metadata)

    used = allocator.used_bytes
    allocator.allocate = refusing
    assert fold(volume._state) is False
    assert volume._state.area.newest.seq == before
    assert allocator.used_bytes == used
    allocator.allocate = allocate
    assert volume.check() == []
    volume.write(8 * GRAIN, filled(2, GRAIN))
    volume.close()
    again = still_volume(*disks)
    assert again.read(0, len(START), "S") == START
    assert again.check() == []


def test_a_second_fold_writes_only_what_is_new(volume):
    volume.snapshot("S")
    volume.write(0, filled(1, 4 * GRAIN))
    fold(volume._state)
    (layer,) = volume._state.catalog.layers.values()
    places = [place for _, place in layer.places.values()]
    fold(volume._state)
    assert [place for _, place in layer.places.values()] == places
    assert volume.check() == []


NAMES = ("A", "B", "C", "D")


def _family(volume):
    """Make clones of clones with two children of one layer, each with data of its own."""
    volume.clone("A")
    volume.write(0, filled(10, 6 * GRAIN), "A")
    volume.clone("B", "A")
    volume.write(2 * GRAIN, filled(11, 2 * GRAIN), "B")
    volume.clone("C", "A")
    volume.write(4 * GRAIN, filled(12, 2 * GRAIN), "C")
    volume.write(8 * GRAIN, filled(13, 4 * GRAIN))
    volume.snapshot("D", "C")
    volume.write(5 * GRAIN, filled(14, 2 * GRAIN), "C")
    volume.write(9 * GRAIN, filled(15, 2 * GRAIN), "A")


@pytest.mark.parametrize("order", list(permutations(NAMES)), ids="".join)
def test_a_family_of_copies_may_be_purged_in_any_order(volume, disks, order):
    _family(volume)
    views = views_of(volume)
    for number, name in enumerate(order):
        usage = volume.usage([name])
        own = {copy.name: copy.own_bytes for copy in usage.copies}[name]
        assert usage.freed_bytes == own, "what purging it alone would free"
        before = usage.used_bytes - usage.metadata_bytes
        volume.delete([name], now=True)
        del views[name]
        after = volume.usage()
        assert before - (after.used_bytes - after.metadata_bytes) == own
        assert views_of(volume) == views
        assert volume.check() == []
        if number == 1:
            volume.close()
            volume = still_volume(*disks)
            assert views_of(volume) == views
            assert volume.check() == []
    assert volume._state.catalog.layers == {}
