# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""No loss of power harms a volume whose image lies otherwise, nor one that is being rearranged."""

from __future__ import annotations

import os
import random

import pytest

from core.area import initial, places
from core.area.initial import InitialArea
from core.area.places import Places
from core.volume import initialmap, rearrange
from tests.crash.life import MAPPED, TIGHT, Life, Toll, WrongAfterLossError
from tests.doubles.lateflights import land_late

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
BLOCKS = 300 if IS_SOAK else 3
SEEDS_A_BLOCK = 8
EXHAUSTIVE_SEEDS = 200 if IS_SOAK else 4
TIGHT_SEEDS = 1000 if IS_SOAK else 15
SEEDS_MAX = 60
CROWDED = TIGHT._replace(acts=MAPPED.acts, thin_share=0.6)
"""The additional area cannot grow, so that neither can the log that changes of the map go to."""

CLOSING = MAPPED._replace(
    acts={
        "write": 20,
        "trim": 14,
        "flush": 4,
        "snapshot": 2,
        "relocate": 8,
        "full_pointer": 6,
        "compact": 6,
        "identity": 2,
        "fold": 12,
        "close": 20,
        "kill": 2,
    }
)
"""A life that is mostly about the map, and often closed."""

pytestmark = [pytest.mark.crash, pytest.mark.timeout(0 if IS_SOAK else 300)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Volumes are small here, so must batches and units be."""
    monkeypatch.setattr(rearrange, "BATCH_BYTES", 8192)
    monkeypatch.setattr(initial, "UNIT_BYTES", 4096)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_nothing_is_lost_or_invented_while_the_image_is_rearranged(block, monkeypatch):
    if block % 2:
        land_late(monkeypatch, random.Random(block))
    toll = Toll()
    for seed in range(block * SEEDS_A_BLOCK, (block + 1) * SEEDS_A_BLOCK):
        toll.crashes_max = toll.crashes + 80
        Life.of_seed(seed, toll, share=0.4, style=MAPPED).run(50)
    assert toll.crashes > 150
    assert toll.again > 20
    assert toll.rearranged > 100


@pytest.mark.parametrize("seed", range(EXHAUSTIVE_SEEDS))
def test_every_outcome_of_a_loss_is_harmless_while_little_is_unsynced(seed):
    toll = Toll(exhaustive_max=10 if IS_SOAK else 4, crashes_max=5000 if IS_SOAK else 120)
    Life.of_seed(seed + 1_000_000, toll, share=0.5, style=MAPPED).run(40)
    assert toll.crashes > 20


def test_a_full_area_refuses_and_loses_nothing():
    toll = Toll()
    for seed in range(TIGHT_SEEDS):
        toll.crashes_max = toll.crashes + 20
        Life.of_seed(seed, toll, share=0.15, style=CROWDED).run(60)
    assert toll.refused > 6 * TIGHT_SEEDS
    assert toll.rearranged > 8 * TIGHT_SEEDS
    assert toll.crashes > 5 * TIGHT_SEEDS


def _commit_the_map_before_the_data(patch):
    """M1: the map names a place whose content is in the caches only."""

    def sync(self):
        count = len(self._pending)
        if count and self.commit is not None:
            self.commit(self._pending[:count])
        self.image.sync()
        self.note_durable(count)

    patch.setattr(InitialArea, "sync", sync)


def _fold_the_map_before_the_data(patch):
    """M1: the same, by a superblock."""
    patch.setattr(InitialArea, "sync_content", lambda self: None)


def _give_a_place_as_it_is(patch):
    """M1: what an earlier owner of a place left there shows again."""
    patch.setattr(InitialArea, "_clean", lambda self, place, length, keep_storage: None)


def _free_a_place_at_once(patch):
    """M2: a place is used again while the durable map names it."""

    def release(self, extents):
        self._free.add(places._runs([(extent.place, extent.length) for extent in extents]))

    patch.setattr(Places, "release", release)


def _keep_the_map_in_memory(patch):
    """M3: a flush does not make the map durable."""
    patch.setattr(initialmap, "_commit", lambda state, rows: None)


def _close_without_a_last_sync(patch):
    """The fingerprint is of what only the caches hold."""
    patch.setattr(initialmap, "settle", lambda state: state.journal.checkpoint())


@pytest.mark.parametrize(
    "mutate",
    [
        _commit_the_map_before_the_data,
        _fold_the_map_before_the_data,
        _give_a_place_as_it_is,
        _free_a_place_at_once,
        _keep_the_map_in_memory,
        _close_without_a_last_sync,
    ],
    ids=lambda mutate: mutate.__name__.strip("_"),
)
def test_a_broken_map_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(WrongAfterLossError):
        _live()


def _live():
    for seed in range(SEEDS_MAX):
        Life.of_seed(seed, Toll(crashes_max=150), share=0.5, style=CLOSING).run(60)
