# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Copies of copies at any depth: read through one flat run, and right after every change."""

from __future__ import annotations

import random

import pytest

from core.device.memory import MemoryDevice
from core.mapping import stack as stack_module
from core.volume import frozen
from tests.engine.stills import still_volume
from tests.faults.script import filled

GRAIN = 4096
GRAINS = 48
DEPTH = 40


@pytest.fixture
def volume():
    return still_volume(
        MemoryDevice.from_bytes(filled(1, GRAINS * GRAIN)), MemoryDevice(direct=True)
    )


@pytest.fixture
def stacked(monkeypatch):
    """How many runs were laid over each other, call by call."""
    counts = []

    def counted(runs):
        counts.append(len(runs))
        return stack_module.stack(runs)

    monkeypatch.setattr(frozen, "stack", counted)
    return counts


def clone_deep(volume, depth=DEPTH):
    source = "original"
    for number in range(depth):
        volume.clone(f"c{number}", source)
        source = f"c{number}"
        volume.write(number % GRAINS * GRAIN, filled(2 + number, GRAIN), source)
    return source


def expected(number):
    """Return what the clone ``number`` reads: all that those below it wrote, and the rest."""
    whole = bytearray(filled(1, GRAINS * GRAIN))
    for below in range(number + 1):
        at = below % GRAINS * GRAIN
        whole[at : at + GRAIN] = filled(2 + below, GRAIN)
    return bytes(whole)


def test_every_depth_reads_what_it_should(volume):
    clone_deep(volume)
    for number in range(DEPTH):
        assert volume.read(0, GRAINS * GRAIN, f"c{number}") == expected(number)


def test_a_further_copy_costs_one_layer_more(volume, stacked):
    deepest = clone_deep(volume)
    volume.read(0, GRAIN, deepest)
    stacked.clear()
    volume.clone("further", deepest)
    volume.read(0, GRAIN, "further")
    assert sum(stacked) <= 4, "one layer, and the run below it"
    stacked.clear()
    volume.read(GRAIN, GRAIN, "further")
    assert not stacked


def test_what_deletion_and_compaction_change_is_read_anew(volume):
    clone_deep(volume)
    chance = random.Random(3)
    alive = list(range(DEPTH))
    while len(alive) > 2:
        for number in (alive[0], alive[-1], chance.choice(alive)):
            assert volume.read(0, GRAINS * GRAIN, f"c{number}") == expected(number)
        gone = alive.pop(chance.randrange(len(alive)))
        volume.delete([f"c{gone}"], now=True)
        if chance.random() < 0.3:
            while not volume.compact_step().is_done:
                pass
    for number in alive:
        assert volume.read(0, GRAINS * GRAIN, f"c{number}") == expected(number)
    assert volume.check() == []


def test_snapshots_of_clones_stay_as_they_were(volume):
    deepest = clone_deep(volume, 5)
    volume.snapshot("still", deepest)
    volume.write(0, filled(99, 4 * GRAIN), deepest)
    volume.write(0, filled(98, 8 * GRAIN))
    assert volume.read(0, GRAINS * GRAIN, "still") == expected(4)
