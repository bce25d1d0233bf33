# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""No loss of power, at whatever step, takes what was flushed or changes what a copy holds."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.life import MAPPED, RESTORING, RINGING, TIGHT, Life, Toll
from tests.crash.sidedlife import SIDED, SidedLife
from tests.doubles.lateflights import land_late

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
BLOCKS = 400 if IS_SOAK else 4
SEEDS_A_BLOCK = 10
EXHAUSTIVE_SEEDS = 200 if IS_SOAK else 6
TIGHT_SEEDS = 2000 if IS_SOAK else 20
RINGING_SEEDS = 1000 if IS_SOAK else 10
RESTORING_SEEDS = 2000 if IS_SOAK else 12
SIDED_SEEDS = 3000 if IS_SOAK else 12

RINGING_RESTORES = RINGING._replace(acts={**RINGING.acts, "snapshot": 2, "restore": 4, "move": 6})
TIGHT_RESTORES = TIGHT._replace(acts=RESTORING.acts)
RINGING_SIDES = RINGING._replace(
    acts={**RINGING.acts, "mechanism": 12, "separate": 12, "move": 10, "snapshot": 2}
)
TIGHT_SIDES = TIGHT._replace(acts=SIDED.acts)
SIDED_AND_MAPPED = MAPPED._replace(
    acts={**MAPPED.acts, "mechanism": 10, "separate": 10, "move": 14}
)

pytestmark = [pytest.mark.crash, pytest.mark.timeout(0 if IS_SOAK else 300)]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_nothing_is_lost_or_invented_in_random_lives(block, monkeypatch):
    if block % 2:
        land_late(monkeypatch, random.Random(block))
    toll = Toll()
    for seed in range(block * SEEDS_A_BLOCK, (block + 1) * SEEDS_A_BLOCK):
        toll.crashes_max = toll.crashes + 100
        Life.of_seed(seed, toll, share=0.4).run(60)
    assert toll.crashes > 150
    assert toll.again > 20
    assert toll.given_bytes
    assert toll.moved_bytes


@pytest.mark.parametrize("seed", range(EXHAUSTIVE_SEEDS))
def test_every_outcome_of_a_loss_is_harmless_while_little_is_unsynced(seed):
    toll = Toll(exhaustive_max=10 if IS_SOAK else 4, crashes_max=5000 if IS_SOAK else 120)
    Life.of_seed(seed + 1_000_000, toll, share=0.5).run(40)
    assert toll.crashes > 20


def test_a_full_area_refuses_and_loses_nothing():
    toll = Toll()
    for seed in range(TIGHT_SEEDS):
        toll.crashes_max = toll.crashes + 30
        Life.of_seed(seed, toll, share=0.15, style=TIGHT).run(60)
    assert toll.refused > 10 * TIGHT_SEEDS
    assert toll.crashes > 5 * TIGHT_SEEDS


def test_a_ring_that_memory_cannot_take_at_once_is_replayed():
    toll = Toll()
    for seed in range(RINGING_SEEDS):
        toll.crashes_max = toll.crashes + 40
        Life.of_seed(seed, toll, share=0.1, style=RINGING).run(120)
    assert toll.crashes > 10 * RINGING_SEEDS


@pytest.mark.parametrize("style", [RESTORING, RINGING_RESTORES, TIGHT_RESTORES])
def test_a_restore_goes_on_after_a_loss_wherever_it_was(style):
    toll = Toll()
    for seed in range(RESTORING_SEEDS):
        toll.crashes_max = toll.crashes + 60
        Life.of_seed(seed, toll, share=0.3, style=style).run(60)
    assert toll.crashes > 5 * RESTORING_SEEDS


@pytest.mark.parametrize("style", [SIDED, RINGING_SIDES, TIGHT_SIDES, SIDED_AND_MAPPED])
def test_sides_are_separated_wherever_the_power_goes(style):
    toll = Toll()
    for seed in range(SIDED_SEEDS):
        toll.crashes_max = toll.crashes + 60
        SidedLife.of_seed(seed, toll, share=0.3, style=style).run(60)
    assert toll.crashes > 5 * SIDED_SEEDS
    assert toll.separated > SIDED_SEEDS
