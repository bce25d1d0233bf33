# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One byte of a sidecar is another: it is told, or it does not matter. Nothing else, ever.

"Told" is a ``RangepairError`` at open or at a read, or a finding of ``check``. Data is verified by
``check``, and by every read, of a whole extent or of a part. Two things cannot be
told, by design: a flip in the still used part of an extent of which the rest is gone, for its
checksum covers both; and, in a volume that was not closed, a flip that makes a group of the log or
the ring look as if the power cut had torn it or had come before it.
"""

from __future__ import annotations

import os
import random

import pytest

from core.device.memory import MemoryDevice
from core.errors import RangepairError
from core.format.block import HEADER_BYTES
from tests.engine.stills import read_only_volume, still_volume, views_of
from tests.fuzz import sidecars

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SIDECARS = {
    "clean": sidecars.make(clean=True),
    "dirty": sidecars.make(clean=False),
    "moved": sidecars.make(clean=True, is_moved=True),
    "resized": sidecars.make(clean=True, is_resized=True),
    "sides": sidecars.make(clean=True, has_sides=True),
}
CLEAN = {"clean", "moved", "resized", "sides"}
IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
EVERYWHERE = 4000 if IS_SOAK else 100
STRUCTURE = 5000 if IS_SOAK else 100
NAMES = [
    (name, structure) for name, sidecar in SIDECARS.items() for structure in sidecar.structures
]


def _look(sidecar, device):
    """Return what is told, or the views if nothing is."""
    try:
        volume = read_only_volume(MemoryDevice.from_bytes(sidecar.image), device)
        findings = volume.check()
        return findings or views_of(volume)
    except RangepairError as error:
        return error


def _silent(sidecar, positions, seed):
    """Return where a flip was neither told nor harmless."""
    device = sidecars.FlippedDevice(sidecar.area)
    masks = random.Random(seed)
    silent = []
    for position in positions:
        device.flip(position, masks.choice((0x01, 0x80, 0xFF, masks.randrange(1, 256))))
        seen = _look(sidecar, device)
        if isinstance(seen, dict) and seen != sidecar.views:
            silent.append(position)
    return silent


def test_without_a_flip_nothing_is_told():
    for sidecar in SIDECARS.values():
        device = sidecars.FlippedDevice(sidecar.area)
        assert _look(sidecar, device) == sidecar.views


@pytest.mark.parametrize(("name", "structure"), NAMES)
def test_a_flip_in_a_structure_is_told_or_harmless(name, structure):
    """Every byte of a short structure; of a long one its header and a sample of the rest."""
    sidecar = SIDECARS[name]
    parts = sidecar.structures[structure]
    positions = [at for part in parts for at in part]
    if len(positions) > 2 * STRUCTURE:
        heads = [at for part in parts for at in part[:HEADER_BYTES]]
        positions = heads + random.Random(2).sample(positions, STRUCTURE)
    silent = _silent(sidecar, positions, seed=1)
    if name in CLEAN or structure not in {"log group", "log tail", "ring group"}:
        assert silent == []
    else:
        assert set(silent) <= {at for part in parts for at in _untellable(structure, part)} | {
            *parts[-1]
        }


def _untellable(structure, part):
    """Return the bytes of a group without which it does not look like that group at all.

    These are its magic, offset, uuid and number, its length (of a ring group) or the place of the
    next one (of a log group): if they are damaged, nothing leads to what follows.
    """
    if structure == "log tail":
        return set()
    if structure == "ring group":
        return {*part[:48]}
    return {*part[:40], *part[HEADER_BYTES + 24 : HEADER_BYTES + 32]}


@pytest.mark.parametrize("name", SIDECARS)
@pytest.mark.parametrize("seed", range(2))
def test_a_flip_anywhere_is_told_or_harmless(name, seed):
    """In data, in free space, in the padding of blocks, in dead groups of the ring."""
    sidecar = SIDECARS[name]
    chosen = random.Random(seed)
    used = 4 << 20
    positions = [chosen.randrange(used) for _ in range(EVERYWHERE)]
    positions = [at for at in positions if not any(at in part for part in sidecar.unverified)]
    silent = _silent(sidecar, positions, seed)
    if name in CLEAN:
        assert silent == []
    else:
        assert [at for at in silent if not any(at in group for group in sidecar.last_groups)] == []


@pytest.mark.parametrize("name", SIDECARS)
def test_a_sidecar_cut_short_anywhere_is_told_or_harmless(name):
    sidecar = SIDECARS[name]
    chosen = random.Random(3)
    for length in [0, 1, 64, 4096, *(chosen.randrange(len(sidecar.area)) for _ in range(60))]:
        seen = _look(sidecar, sidecars.FlippedDevice(sidecar.area[:length]))
        if name in CLEAN:
            assert not isinstance(seen, dict) or seen == sidecar.views, length


@pytest.mark.parametrize("name", SIDECARS)
def test_random_bytes_in_the_place_of_blocks_are_told_or_harmless(name):
    sidecar = SIDECARS[name]
    chosen = random.Random(4)
    starts = [places.start for parts in sidecar.structures.values() for places in parts]
    for start in starts:
        block = start // 4096 * 4096
        noise = chosen.randbytes(4096)
        area = sidecar.area[:block] + noise + sidecar.area[block + 4096 :]
        seen = _look(sidecar, sidecars.FlippedDevice(area))
        if name in CLEAN:
            assert not isinstance(seen, dict) or seen == sidecar.views, start


@pytest.mark.parametrize("structure", SIDECARS["dirty"].structures)
def test_recovery_that_may_write_ends_in_an_open_volume_or_is_told(structure):
    """Then it goes on: it is written to, closed and opened again."""
    sidecar = SIDECARS["dirty"]
    chosen = random.Random(5)
    positions = [at for part in sidecar.structures[structure] for at in part]
    for position in chosen.sample(positions, min(len(positions), 40)):
        raw = bytearray(sidecar.area)
        raw[position] ^= chosen.randrange(1, 256)
        image = MemoryDevice.from_bytes(sidecar.image)
        area = MemoryDevice.from_bytes(raw, direct=True)
        try:
            volume = still_volume(image, area)
            volume.write(0, bytes(4096))
            volume.snapshot("after")
            volume.write(0, b"x" * 4096)
            volume.close()
            again = still_volume(image, area)
        except RangepairError:
            continue
        assert again.read(0, 4096, "after") == bytes(4096), position
