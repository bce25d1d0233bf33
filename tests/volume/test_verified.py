# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""No read of a copy yields a byte that a checksum belies, however small a part it asks for."""

from __future__ import annotations

import pytest

from core.device.memory import MemoryDevice
from core.errors import CorruptAreaError
from core.format.layout import EXTENT_BYTES_MAX
from core.volume import verified
from core.volume.verified import DamagedExtentError
from tests.engine.stills import read_only_volume, still_volume
from tests.faults.script import filled

SECTOR = 512
SIZE = 64 * EXTENT_BYTES_MAX
CONTENT = filled(9, SIZE)


@pytest.fixture
def volume():
    """A snapshot 'S' of which one whole extent is kept, and a clone 'C' with one of its own."""
    image, area = MemoryDevice.from_bytes(CONTENT), MemoryDevice(direct=True)
    volume = still_volume(image, area)
    volume.snapshot("S")
    volume.write(0, filled(1, EXTENT_BYTES_MAX))
    volume.clone("C", "S")
    volume.write(2 * EXTENT_BYTES_MAX, filled(2, EXTENT_BYTES_MAX), "C")
    volume._state.journal.checkpoint()
    return volume


def place_of(volume, name, start):
    columns = volume.table(name, start, start + SECTOR).columns
    return columns.offsets.item(0)


def flip(volume, address):
    device = volume._state.area.device
    device.pwrite(bytes([device.pread(1, address)[0] ^ 0x40]), address)


@pytest.mark.parametrize("at", range(0, EXTENT_BYTES_MAX, EXTENT_BYTES_MAX // 8))
@pytest.mark.parametrize(("name", "start"), [("S", 0), ("C", 2 * EXTENT_BYTES_MAX)])
def test_a_part_of_a_damaged_extent_is_refused_and_named(volume, name, start, at):
    flip(volume, place_of(volume, name, start) + 5000)
    with pytest.raises(CorruptAreaError) as error:
        volume.read(start + at, SECTOR, name)
    assert f"The copy '{name}' is damaged in [{start + at}..{start + at + SECTOR - 1}]" in str(
        error.value
    )
    assert volume.read(0, SIZE) == filled(1, EXTENT_BYTES_MAX) + CONTENT[EXTENT_BYTES_MAX:]
    assert (
        volume.read(8 * EXTENT_BYTES_MAX, SECTOR, name)
        == (CONTENT[8 * EXTENT_BYTES_MAX :][:SECTOR])
    )


def test_a_damaged_extent_is_refused_where_the_volume_may_not_be_written_too(volume):
    flip(volume, place_of(volume, "S", 0))
    state = volume._state
    looked_at = read_only_volume(state.image, state.area.device)
    with pytest.raises(CorruptAreaError, match="The copy 'S' is damaged"):
        looked_at.read(SECTOR, SECTOR, "S")


def test_what_was_verified_is_given_from_memory(volume):
    expected = CONTENT[:EXTENT_BYTES_MAX]
    assert volume.read(SECTOR, SECTOR, "S") == expected[SECTOR:][:SECTOR]
    flip(volume, place_of(volume, "S", 0) + 3 * SECTOR)
    assert volume.read(3 * SECTOR, SECTOR, "S") == expected[3 * SECTOR :][:SECTOR]
    with pytest.raises(DamagedExtentError):
        volume.read(0, EXTENT_BYTES_MAX, "S")


def test_memory_holds_few_extents(volume, monkeypatch):
    monkeypatch.setattr(verified, "CACHE_EXTENTS", 2)
    for number in range(5):
        at = (4 + number) * EXTENT_BYTES_MAX
        volume.write(at, filled(20 + number, EXTENT_BYTES_MAX), "C")
    volume._state.journal.checkpoint()
    for number in range(5):
        at = (4 + number) * EXTENT_BYTES_MAX + SECTOR
        assert volume.read(at, SECTOR, "C") == filled(20 + number, EXTENT_BYTES_MAX)[SECTOR:][:512]
    assert len(volume._views._kept._verified._kept) == 2


def test_of_an_extent_that_had_to_go_each_block_is_still_verified(volume, monkeypatch):
    monkeypatch.setattr(verified, "CACHE_EXTENTS", 1)
    monkeypatch.setattr(verified, "DIGESTED_EXTENTS", 2)
    places = [number * EXTENT_BYTES_MAX for number in range(4, 8)]
    for number, place in enumerate(places):
        volume.write(place, filled(20 + number, EXTENT_BYTES_MAX), "C")
    volume._state.journal.checkpoint()
    for place in places:
        volume.read(place, SECTOR, "C")
    assert len(volume._views._kept._verified._digests) == 2
    at, expected = places[2], filled(22, EXTENT_BYTES_MAX)
    address, block = place_of(volume, "C", at), verified.BLOCK_BYTES
    flip(volume, address + 3 * block + SECTOR)
    assert volume.read(at + SECTOR, 3 * block - SECTOR, "C") == expected[SECTOR : 3 * block]
    assert volume.read(at + 4 * block, SECTOR, "C") == expected[4 * block :][:SECTOR]
    for start in (3 * block, 4 * block - SECTOR, 0):  # the last is part of what is damaged
        with pytest.raises(CorruptAreaError, match="The copy 'C' is damaged"):
            volume.read(at + start, SECTOR, "C")
    flip(volume, address + 3 * block + SECTOR)
    assert volume.read(at, EXTENT_BYTES_MAX - SECTOR, "C") == expected[:-SECTOR]


def test_a_part_is_verified_while_the_rest_of_its_extent_lies_unused(volume):
    """A clone wrote over the rest; its bytes are free and nothing has taken their place."""
    start = 2 * EXTENT_BYTES_MAX
    old = place_of(volume, "C", start)
    volume.write(start, filled(3, EXTENT_BYTES_MAX // 2), "C")
    volume._state.journal.checkpoint()
    at = start + EXTENT_BYTES_MAX // 2
    expected = filled(2, EXTENT_BYTES_MAX)[EXTENT_BYTES_MAX // 2 :]
    assert volume.read(at, EXTENT_BYTES_MAX // 2, "C") == expected
    device = volume._state.area.device
    device.pwrite(bytes(SECTOR), old)  # used again
    volume._views._kept._verified.__init__()
    assert volume.read(at, SECTOR, "C") == expected[:SECTOR]
    assert volume.read(at + SECTOR, SECTOR, "C") == expected[SECTOR:][:SECTOR]
