# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume has its old size or its new one after a loss of power, and every view is whole."""

from __future__ import annotations

import os
import random

import pytest

from core.area import initial
from core.area.initial import InitialArea
from core.volume import rearrange, resize, restore, sizedrestore, takecopy
from core.volume.fold import fold
from tests.crash.life import Toll, WrongAfterLossError
from tests.crash.resizelife import RESIZING, RESIZING_MAPPED, RESIZING_TIGHT, ResizeLife
from tests.doubles.lateflights import land_late

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
BLOCKS = 400 if IS_SOAK else 2
SEEDS_A_BLOCK = 5
EXHAUSTIVE_SEEDS = 200 if IS_SOAK else 2
SEEDS_MAX = 60

pytestmark = [pytest.mark.crash, pytest.mark.timeout(0 if IS_SOAK else 300)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Volumes are small here, so must batches and units be."""
    monkeypatch.setattr(rearrange, "BATCH_BYTES", 8192)
    monkeypatch.setattr(initial, "UNIT_BYTES", 4096)


@pytest.mark.parametrize("style", [RESIZING, RESIZING_MAPPED, RESIZING_TIGHT])
@pytest.mark.parametrize("block", range(BLOCKS))
def test_nothing_is_lost_or_invented_while_the_size_changes(block, style, monkeypatch):
    if block % 2:
        land_late(monkeypatch, random.Random(block))
    toll = Toll()
    for seed in range(block * SEEDS_A_BLOCK, (block + 1) * SEEDS_A_BLOCK):
        toll.crashes_max = toll.crashes + 60
        ResizeLife.of_seed(seed, toll, share=0.3, style=style).run(50)
    assert toll.crashes > 60
    assert toll.again > 5
    assert toll.rearranged > 5
    assert toll.restored or style is RESIZING_TIGHT  # where hardly anything finds room


@pytest.mark.parametrize("seed", range(EXHAUSTIVE_SEEDS))
@pytest.mark.parametrize("style", [RESIZING, RESIZING_MAPPED])
def test_every_outcome_of_a_loss_is_harmless_while_little_is_unsynced(seed, style):
    toll = Toll(exhaustive_max=10 if IS_SOAK else 4, crashes_max=5000 if IS_SOAK else 100)
    ResizeLife.of_seed(seed + 1_000_000, toll, share=0.5, style=style).run(40)
    assert toll.crashes > 20


# -- what would be wrong ---------------------------------------------------------------------------


def _cut_before_the_size(patch):
    """The image loses its end while the superblock still says that it has one."""
    become = resize._become

    def cut_first(state, size_bytes, along, *, resizing_bytes):
        if size_bytes < state.size_bytes and state.initial is None:
            state.image.resize(size_bytes)
            state.image.sync()
        become(state, size_bytes, along, resizing_bytes=resizing_bytes)

    patch.setattr(resize, "_become", cut_first)


def _cut_without_keeping(patch):
    """What copies need of the end is gone."""
    patch.setattr(resize, "keep_some", lambda state, grain: (state.size_bytes, 0))
    patch.setattr("core.engine.resizing.steps.keep_some", lambda state, grain: (1 << 62, 0))


def _keep_after_the_size(patch):
    """The size is durable before the originals that copies need are."""
    keep, become = resize.keep_some, resize._become

    def keep_late(state, size_bytes, along, *, resizing_bytes):
        before = state.size_bytes
        become(state, size_bytes, along, resizing_bytes=resizing_bytes)
        if size_bytes < before:
            state.size_bytes = before
            grain = size_bytes >> state.grain_shift
            while grain << state.grain_shift < before:
                grain, _ = keep(state, grain)
            state.size_bytes = size_bytes

    patch.setattr(resize, "keep_some", lambda state, grain: (1 << 62, 0))
    patch.setattr(resize, "_become", keep_late)


def _grow_without_a_mark(patch):
    """A cut between file and superblock leaves an image that is too long, and nobody knows why."""
    mark = resize._mark
    patch.setattr(
        resize, "_mark", lambda state, area, size: None if size else mark(state, area, size)
    )


def _size_before_the_image(patch):
    """The superblock says the new size while the file's is in the caches only."""
    patch.setattr(resize, "_lengthen", lambda state, size: state.image.resize(size))


def _forget_the_mark_too_early(patch):
    """The superblock says that the image was cut before that is durable."""

    def cut_tail(state):
        area = state.area
        if area is None or not area.fields.resizing_bytes:
            return
        resize._mark(state, area, 0)
        if state.initial is None:
            state.image.resize(state.size_bytes)
        else:
            state.initial.resize(state.size_bytes)
        state.image.sync()

    patch.setattr(resize, "cut_tail", cut_tail)


def _leave_the_ring_alive(patch):
    """A replay of the ring writes behind the new end."""
    original_shrink = resize.shrink

    def shrink(state, size_bytes, along=None):
        journal = state.journal
        kept, journal.checkpoint = journal.checkpoint, journal.barrier
        try:
            original_shrink(state, size_bytes, along)
        finally:
            journal.checkpoint = kept

    patch.setattr(resize, "shrink", shrink)


def _let_copies_follow_the_size(patch):
    """A copy that was taken before has the volume's size, whatever that becomes."""

    def follow(state, size_bytes):
        state.size_bytes = state.catalog.size_bytes = size_bytes
        state.structure += 1
        if state.initial is not None:
            state.initial.size = size_bytes
        state.journal.flights.use_size(size_bytes)
        state.journal.overlay.use_size(size_bytes)

    patch.setattr(resize, "_use_size", follow)


def _leave_the_places_of_the_end(patch):
    """The map goes on behind the volume, and what grows there shows what was cut off."""
    patch.setattr(InitialArea, "resize", lambda self, length: setattr(self, "size", length))


def _restore_in_two_acts(patch):
    """The original has the copy's size, and its own content still."""

    def begin(state, source, safety):
        kept = takecopy.take(state, safety, "original", writable=False)
        size = state.catalog.size_of(source)
        (resize.grow if size > state.size_bytes else resize.shrink)(state, size)
        sizedrestore._enter(state, source, kept.id)
        state.structure += 1
        assert fold(state)
        restore.resume(state)

    patch.setattr(sizedrestore, "begin", begin)


MUTANTS = [
    (_cut_before_the_size, RESIZING),
    (_cut_without_keeping, RESIZING),
    (_keep_after_the_size, RESIZING),
    (_grow_without_a_mark, RESIZING),
    (_size_before_the_image, RESIZING),
    (_forget_the_mark_too_early, RESIZING),
    (_leave_the_ring_alive, RESIZING),
    (_let_copies_follow_the_size, RESIZING),
    (_leave_the_places_of_the_end, RESIZING_MAPPED),
    (_restore_in_two_acts, RESIZING),
]


@pytest.mark.parametrize(
    ("mutate", "style"),
    MUTANTS,
    ids=[mutate.__name__.strip("_") for mutate, _ in MUTANTS],
)
def test_a_broken_resize_is_caught(mutate, style, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(WrongAfterLossError):
        _live(style)


def _live(style):
    for seed in range(SEEDS_MAX):
        ResizeLife.of_seed(seed, Toll(crashes_max=150), share=0.5, style=style).run(60)
