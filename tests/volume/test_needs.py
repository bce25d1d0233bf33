# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Whether anybody still needs an original, and how much is looked at to find out."""

from __future__ import annotations

import pytest

from core.device.memory import MemoryDevice
from core.journal.writer import Journal
from core.volume import needs
from tests.engine.stills import still_volume
from tests.faults.script import filled

GRAIN = 4096
GRAINS = 64
CLONES = 40


@pytest.fixture
def volume():
    return still_volume(
        MemoryDevice.from_bytes(filled(1, GRAINS * GRAIN)), MemoryDevice(direct=True)
    )


@pytest.fixture
def asked(monkeypatch):
    """Layers that were looked at."""
    layers, uncovered = [], needs._uncovered

    def counted(state, layer_id, ranges):
        layers.append(layer_id)
        return uncovered(state, layer_id, ranges)

    monkeypatch.setattr(needs, "_uncovered", counted)
    return layers


@pytest.fixture
def barriers(monkeypatch):
    """How often everything staged was made durable."""
    calls, barrier = [], Journal.barrier

    def counted(journal):
        calls.append(journal)
        barrier(journal)

    monkeypatch.setattr(Journal, "barrier", counted)
    return calls


def clone_deep(volume):
    """Take clones of each other, each with a grain of its own."""
    source = "original"
    for number in range(CLONES):
        volume.clone(f"c{number}", source)
        source = f"c{number}"
        volume.write(number * GRAIN, filled(2, GRAIN), source)


def clone_wide(volume):
    """Take clones of the original, each with a grain of its own."""
    for number in range(CLONES):
        volume.clone(f"c{number}")
        volume.write(number * GRAIN, filled(2, GRAIN), f"c{number}")


@pytest.mark.parametrize("clone", [clone_deep, clone_wide])
def test_a_grain_that_some_clone_needs_is_found_at_once(volume, asked, barriers, clone):
    clone(volume)
    asked.clear()
    barriers.clear()
    for number in range(1, CLONES):
        before = volume.read(number * GRAIN, GRAIN, f"c{number - 1}")
        volume.write(number * GRAIN, filled(3, GRAIN))
        assert volume.read(number * GRAIN, GRAIN, f"c{number - 1}") == before
    assert len(asked) <= 3 * (CLONES - 1)
    assert not barriers, "what decided was the initial area, not what waits in memory"
    assert volume.stats().preserved_portions == CLONES - 1


def test_below_a_layer_that_has_the_grain_nobody_is_asked(volume, asked):
    clone_deep(volume)
    asked.clear()
    volume.write(0, filled(3, GRAIN))  # the first clone wrote it before the others were taken
    assert len(asked) == 1
    assert volume.stats().preserved_portions == 0
    for number in range(CLONES):
        assert volume.read(0, GRAIN, f"c{number}") == filled(2, GRAIN)


def test_a_grain_that_only_memory_has_is_made_durable_before_its_original_goes(volume, barriers):
    volume.clone("c")
    volume.write(5 * GRAIN, filled(2, GRAIN), "c")
    barriers.clear()
    volume.write(5 * GRAIN, filled(3, GRAIN))
    assert len(barriers) == 1
    assert volume.stats().preserved_portions == 0
    assert volume.read(5 * GRAIN, GRAIN, "c") == filled(2, GRAIN)


def test_of_a_long_write_only_what_is_needed_is_kept(volume):
    volume.clone("c")
    volume.write(4 * GRAIN, filled(2, 2 * GRAIN), "c")
    volume.write(7 * GRAIN + 512, filled(2, 512), "c")  # a part: the rest is still owed
    volume.write(0, filled(3, 10 * GRAIN))
    assert volume.stats().preserved_bytes == 8 * GRAIN
    content = volume.read(0, 10 * GRAIN, "c")
    assert content[: 4 * GRAIN] == filled(1, 4 * GRAIN)
    assert content[4 * GRAIN : 6 * GRAIN] == filled(2, 2 * GRAIN)
    assert content[7 * GRAIN + 512 : 7 * GRAIN + 1024] == filled(2, 512)
    assert content[8 * GRAIN :] == filled(1, GRAINS * GRAIN)[8 * GRAIN : 10 * GRAIN]
