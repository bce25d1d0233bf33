# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Sealed layers are one, and stay what they are known to be while copies are only taken."""

from __future__ import annotations

import pytest

from core.device.memory import MemoryDevice
from core.mapping.stack import stack
from tests.engine.stills import still_volume
from tests.faults.script import filled
from tests.mapping.twin import rows_of

GRAIN, GRAINS = 4096, 64


@pytest.fixture
def volume():
    content = filled(3, GRAINS * GRAIN)
    with still_volume(MemoryDevice.from_bytes(content), MemoryDevice(direct=True)) as volume:
        for number in range(12):
            volume.snapshot(f"copy {number}")
            for grain in range(number, GRAINS, number + 2):
                volume.write(grain * GRAIN, filled(100 * number + grain, GRAIN))
        yield volume


def sealed_of(volume, name):
    """Return what the cache has of a copy's sealed layers, once it has proved to be right."""
    state = volume._state
    catalog, base = state.catalog, state.catalog.find(name).base
    chain = catalog.chain[catalog.chain.index(base) : -1]
    sealed = volume._views.sealed.between(base, catalog.active.id)
    expected = stack([catalog.layers[layer_id].map.flatten() for layer_id in chain])
    assert rows_of(sealed.flatten()) == rows_of(expected)
    return sealed


def test_taking_copies_adds_to_what_is_known(volume):
    known = sealed_of(volume, "copy 2")
    for number in range(20):
        volume.snapshot(f"more {number}")
        volume.write(number * GRAIN, filled(number, GRAIN))
        assert sealed_of(volume, "copy 2") is known
    volume.rename("copy 1", "another")
    assert sealed_of(volume, "copy 2") is known
    assert sealed_of(volume, "more 19").runs == ()


@pytest.mark.parametrize("gone", ["copy 2", "copy 7", "copy 11"])
def test_removing_copies_makes_it_anew(volume, gone):
    before = {name: volume.read(0, GRAINS * GRAIN, name) for name in ("copy 1", "copy 5")}
    for name in before:
        sealed_of(volume, name)
    volume.delete([gone], now=True)
    for name, content in before.items():
        sealed_of(volume, name)
        assert volume.read(0, GRAINS * GRAIN, name) == content


def test_few_views_are_kept(volume):
    for number in range(12):
        volume.snapshot(f"more {number}")
        sealed_of(volume, f"more {number}")
        sealed_of(volume, f"copy {number}")
    assert len(volume._views.sealed._kept) <= 16
