# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""No loss of power changes what a portion holds, nor how long it is, in any copy."""

from __future__ import annotations

import os

import pytest

from core.volume import portions
from tests.crash.life import Toll, WrongAfterLossError
from tests.crash.portionlife import PortionLife

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
BLOCKS = 200 if IS_SOAK else 2
SEEDS_A_BLOCK = 6
SEEDS_MAX = 40

pytestmark = [pytest.mark.crash, pytest.mark.timeout(0 if IS_SOAK else 300)]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_portion_is_torn_from_its_size(block):
    toll = Toll()
    for seed in range(block * SEEDS_A_BLOCK, (block + 1) * SEEDS_A_BLOCK):
        toll.crashes_max = toll.crashes + 50
        PortionLife.of_seed(seed, toll, share=0.3).run(40)
    assert toll.crashes > 80
    assert toll.again > 5


def _resize_without_originals(patch):
    """The portion's old content is overwritten before it is kept."""

    def careless(state, journal, start, size, reach):
        del state, start, size, reach
        journal.checkpoint()

    patch.setattr(portions, "_preserve", careless)


def _let_the_ring_live(patch):
    """A replay of the ring writes to a portion as it was before it got another size."""
    preserve = portions._preserve

    def careless(state, journal, start, size, reach):
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(journal, "checkpoint", journal.barrier)
            preserve(state, journal, start, size, reach)

    patch.setattr(portions, "_preserve", careless)


def _forget_the_zeroes_behind(patch):
    """A copy reads what a longer portion has behind the end of its own."""
    preserve = portions._preserve

    def careless(state, journal, start, size, reach):
        preserve(state, journal, start, size, min(size, reach))

    patch.setattr(portions, "_preserve", careless)


def _take_the_size_of_now(patch):
    """A copy's portion is as long as the original's is now: the lesson of S11."""
    size_of = portions.size_of
    patch.setattr(portions, "size_of", lambda state, copy, number: size_of(state, None, number))


@pytest.mark.parametrize(
    "mutate",
    [
        _resize_without_originals,
        _let_the_ring_live,
        _forget_the_zeroes_behind,
        _take_the_size_of_now,
    ],
    ids=lambda mutate: mutate.__name__.strip("_"),
)
def test_an_engine_that_mistakes_sizes_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(WrongAfterLossError):
        _live()


def _live():
    for seed in range(SEEDS_MAX):
        PortionLife.of_seed(seed, Toll(crashes_max=100), share=0.5).run(50)
