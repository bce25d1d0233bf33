# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Area models that follow a real engine's events end where its own map is."""

from __future__ import annotations

import random

import numpy as np
import pytest

from core.answers import AreaState
from core.engine import create_volume, open_volume
from core.events import EVENT_DTYPE
from gui.models.areamodel import AdditionalAreaModel, InitialAreaModel

GRAIN = 4096
GRAINS = 256
LIVE = {AreaState.PRESERVED, AreaState.NEW}


class Ears:
    """Keeps every event, numbered as a ring numbers them."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []

    def publish(self, kind, flags, copy_id, start, length, moved, area_offset) -> None:
        row = (len(self.rows) + 1, kind, flags, copy_id, start, length, moved, area_offset, 0, 0)
        self.rows.append(row)

    def drain(self, done: int) -> np.ndarray:
        return np.array(self.rows[done:], EVENT_DTYPE)


@pytest.mark.parametrize("seed", range(4))
def test_following_events_ends_at_the_engines_map(tmp_path, seed):
    rng, ears = random.Random(seed), Ears()
    path = tmp_path / "disk.img"
    create_volume(path, GRAINS * GRAIN, grain_bytes=GRAIN)
    with open_volume(path, sink=ears) as volume:
        volume.write(0, rng.randbytes(GRAINS * GRAIN))
        volume.snapshot("first")
        volume.clone("branch", "first")
        volume.flush()
        done, answer = len(ears.rows), volume.map()
        models = InitialAreaModel(), AdditionalAreaModel()
        models[0].load(answer.initial, GRAIN)
        models[1].load(answer.additional, GRAIN)
        for _ in range(60):
            first = rng.randrange(GRAINS)
            grains = rng.randint(1, min(6, GRAINS - first))
            copy = rng.choice(["original", "original", "branch"])
            volume.write(first * GRAIN, rng.randbytes(grains * GRAIN), copy)
        volume.flush()
        for model in models:
            model.apply(ears.drain(done))
        answer = volume.map()
    fresh = InitialAreaModel(), AdditionalAreaModel()
    fresh[0].load(answer.initial, GRAIN)
    fresh[1].load(answer.additional, GRAIN)
    followed, told = (each[0].pyramid.states[:GRAINS].tolist() for each in (models, fresh))
    assert followed == told
    assert AreaState.PRESERVED in told
    followed, told = (each[1] for each in (models, fresh))
    wrong = [
        (block, AreaState(int(now)), followed.state_at(block * GRAIN))
        for block, now in enumerate(told.pyramid.states[: told.blocks])
        if AreaState(int(now)) in LIVE and followed.state_at(block * GRAIN) != now
    ]
    assert wrong == []
    assert {AreaState(int(now)) for now in told.pyramid.states[: told.blocks]} >= LIVE
