# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""No loss of power harms a volume whose mapped originals stay where they lie."""

from __future__ import annotations

import os
import random

import pytest

from core.area import initial
from core.area.initial import InitialArea
from core.area.mappedplaces import MapChange, MappedPlaces
from core.journal.writer import Journal
from core.volume import evacuating, initialmap, rearrange, takecopy
from core.volume.state import VolumeState
from tests.crash.redirectlife import (
    CROWDED,
    HOMEWARD,
    REDIRECTING,
    SIDED,
    RedirectLife,
    RedirectToll,
)
from tests.crash.toll import WrongAfterLossError
from tests.doubles.lateflights import land_late

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
BLOCKS = 300 if IS_SOAK else 3
SIDED_BLOCKS = 100 if IS_SOAK else 2
SEEDS_A_BLOCK = 8
EXHAUSTIVE_SEEDS = 200 if IS_SOAK else 4
CROWDED_SEEDS = 1000 if IS_SOAK else 15
SEEDS_MAX = 60

pytestmark = [pytest.mark.crash, pytest.mark.timeout(0 if IS_SOAK else 300)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Volumes are small here, so must batches and units be."""
    monkeypatch.setattr(rearrange, "BATCH_BYTES", 8192)
    monkeypatch.setattr(initial, "UNIT_BYTES", 4096)


def _live_block(block, style):
    toll = RedirectToll()
    for seed in range(block * SEEDS_A_BLOCK, (block + 1) * SEEDS_A_BLOCK):
        toll.crashes_max = toll.crashes + 80
        RedirectLife.of_seed(seed, toll, share=0.4, style=style).run(50)
    return toll


@pytest.mark.parametrize("block", range(BLOCKS))
def test_nothing_is_lost_or_invented_while_originals_stay(block, monkeypatch):
    if block % 2:
        land_late(monkeypatch, random.Random(block))
    toll = _live_block(block, REDIRECTING)
    assert toll.crashes > 150
    assert toll.again > 20
    assert toll.kept_bytes > 20_000


@pytest.mark.parametrize("block", range(SIDED_BLOCKS))
def test_nothing_is_lost_or_invented_when_the_mechanism_changes(block):
    toll = _live_block(block + 1000, SIDED)
    assert toll.crashes > 150
    assert toll.redirecting > 10
    assert toll.separated > 4


@pytest.mark.parametrize("block", range(SIDED_BLOCKS))
def test_nothing_is_lost_or_invented_while_the_image_is_made_plain(block):
    toll = _live_block(block + 2000, HOMEWARD)
    assert toll.crashes > 150
    assert toll.rearranged > 50


@pytest.mark.parametrize("seed", range(EXHAUSTIVE_SEEDS))
def test_every_outcome_of_a_loss_is_harmless_while_little_is_unsynced(seed):
    toll = RedirectToll(exhaustive_max=10 if IS_SOAK else 4, crashes_max=5000 if IS_SOAK else 120)
    RedirectLife.of_seed(seed + 1_000_000, toll, share=0.5, style=REDIRECTING).run(40)
    assert toll.crashes > 20


def test_a_full_area_refuses_and_loses_nothing():
    toll = RedirectToll()
    for seed in range(CROWDED_SEEDS):
        toll.crashes_max = toll.crashes + 20
        RedirectLife.of_seed(seed, toll, share=0.15, style=CROWDED).run(60)
    assert toll.refused > 3 * CROWDED_SEEDS
    assert toll.kept_bytes > 10_000 * CROWDED_SEEDS
    assert toll.crashes > 5 * CROWDED_SEEDS


def _commit_before_the_image_is_synced(patch):
    """M1: what copies keep, and what lies beside it, is in the caches only."""

    def sync(self):
        count = len(self._pending)
        if count and self.commit is not None:
            self.commit(self._pending[:count])
        self.image.sync()
        self.note_durable(count)

    patch.setattr(InitialArea, "sync", sync)


def _fold_before_the_image_is_synced(patch):
    """M1: the same, by a superblock."""
    patch.setattr(InitialArea, "sync_content", lambda self: None)


def _tell_the_range_before_the_pointer(patch):
    """M4: the range is elsewhere, and copies have no pointer yet to what they need."""
    batches = initialmap._batches

    def apart(changes):
        for some in batches(changes):
            for change in some:
                yield [MapChange(change.rows)]
                if change.pointer is not None:
                    yield [MapChange((), change.pointer)]

    patch.setattr(initialmap, "_batches", apart)


def _tell_the_pointer_before_the_range(patch):
    """M4: a pointer names a kept address that the map has not."""
    batches = initialmap._batches

    def apart(changes):
        for some in batches(changes):
            for change in some:
                if change.pointer is not None:
                    yield [MapChange((), change.pointer)]
                yield [MapChange(change.rows)]

    patch.setattr(initialmap, "_batches", apart)


def _use_the_old_place_again(patch):
    """The place of an original that is kept counts as free."""
    keep = MappedPlaces.keep

    def keep_and_free(self, start, length, *rest):
        before = self.map.within(start, start + length)
        address = keep(self, start, length, *rest)
        for piece in before:
            self.places.give_back(piece.place, piece.length)
        return address

    patch.setattr(MappedPlaces, "keep", keep_and_free)


def _flush_without_the_map(patch):
    """A flush does not know that something lies where only the map in memory says."""
    patch.setattr(Journal, "note_uncovered", lambda self: None)


def _free_before_that_is_durable(patch):
    """What a copy kept is used again before the copy is gone for good."""
    commit = takecopy.commit

    def free_first(state, change):
        twin = state.catalog.twin()
        freed = twin.apply(change)
        if state.initial is not None:
            for run in freed:
                kept = run.offsets < 0
                pairs = zip(run.offsets[kept].tolist(), run.lengths[kept].tolist(), strict=True)
                pieces = [
                    piece
                    for address, length in pairs
                    for piece in state.initial.map.within(address, address + length)
                ]
                for piece in pieces:
                    state.initial.image.punch(piece.place, piece.length)
        return commit(state, change)

    patch.setattr(takecopy, "commit", free_first)


def _forget_nothing_in_a_replay(patch):
    """A copy is gone, and what it kept in the image stays."""
    release = VolumeState.release

    def released(self, starts, lengths, *, is_replay=False):
        kept = starts < 0
        if is_replay:
            starts, lengths = starts[~kept], lengths[~kept]
        release(self, starts, lengths, is_replay=is_replay)

    patch.setattr(VolumeState, "release", released)


def _evacuate_without_a_sync(patch):
    """A pointer names bytes of the additional area that the caches only have."""
    copy = evacuating._copy

    def copied(state, *rest):
        device = state.area.device
        device.sync, sync = lambda: None, device.sync
        try:
            return copy(state, *rest)
        finally:
            device.sync = sync

    patch.setattr(evacuating, "_copy", copied)


def _free_the_image_before_the_pointers_move(patch):
    """What is brought to the additional area leaves the image too soon."""
    commit = evacuating._commit

    def committed(state, moves):
        initial = state.initial
        for move in moves:
            for piece in initial.map.within(move.source, move.source + move.length):
                initial.image.punch(piece.place, piece.length)
        commit(state, moves)

    patch.setattr(evacuating, "_commit", committed)


@pytest.mark.parametrize(
    ("mutate", "style"),
    [
        (_commit_before_the_image_is_synced, REDIRECTING),
        (_fold_before_the_image_is_synced, REDIRECTING),
        (_tell_the_range_before_the_pointer, REDIRECTING),
        (_tell_the_pointer_before_the_range, REDIRECTING),
        (_use_the_old_place_again, REDIRECTING),
        (_flush_without_the_map, REDIRECTING),
        (_free_before_that_is_durable, REDIRECTING),
        (_forget_nothing_in_a_replay, REDIRECTING),
        (_evacuate_without_a_sync, HOMEWARD),
        (_free_the_image_before_the_pointers_move, HOMEWARD),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_"),
)
def test_a_broken_order_is_caught(mutate, style, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises((WrongAfterLossError, ValueError)):  # the latter: freed twice
        _live(style)


def _live(style):
    for seed in range(SEEDS_MAX):
        RedirectLife.of_seed(seed, RedirectToll(crashes_max=150), share=0.5, style=style).run(60)
