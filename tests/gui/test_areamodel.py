# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An area model says the same after any events as one that is loaded anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.answers import AreaState
from core.events import EventFlag, EventKind
from gui.models.areamodel import BLOCKS_MAX, AdditionalAreaModel, InitialAreaModel
from gui.models.cellplane import CellPlane, heat_of, share_of, state_of
from gui.models.heat import HEAT_MAX, HOLD_S, LIFE_S
from gui.models.pyramid import OUTSIDE, STATES
from tests.gui.areas import events, extents, from_blocks, overwrites

GRAIN = 4096
S = AreaState


def initial(states) -> InitialAreaModel:
    model = InitialAreaModel()
    model.load(from_blocks(np.array(states, np.uint8)), GRAIN)
    return model


def additional(states) -> AdditionalAreaModel:
    model = AdditionalAreaModel()
    model.load(from_blocks(np.array(states, np.uint8)), GRAIN)
    return model


def blocks_of(model) -> list[int]:
    return model.pyramid.states[: model.blocks].tolist()


@given(hnp.arrays(np.uint8, st.integers(1, 400), elements=st.integers(0, STATES - 1)))
def test_extents_become_the_blocks_they_were_made_of(states):
    model = initial(states)
    assert blocks_of(model) == states.tolist()
    assert (model.pyramid.totals() == np.bincount(states, minlength=STATES)).all()


@given(st.data())
def test_extents_finer_than_a_block_show_the_rarest_state_in_it(data):
    sectors = data.draw(hnp.arrays(np.uint8, st.integers(1, 300), elements=st.integers(0, 6)))
    rest = data.draw(st.sampled_from([S.FREE, S.ORIGINAL_ONLY]))
    area = from_blocks(np.where(sectors == 0, np.uint8(rest), sectors), 512)
    model = InitialAreaModel()
    model.load(area, 4096)
    told = np.where(sectors == 0, np.uint8(rest), sectors)
    padded = np.pad(told, (0, -len(told) % 8))
    assert blocks_of(model) == padded.reshape(-1, 8).max(1).tolist()


def test_a_huge_volume_is_shown_in_coarser_blocks():
    model = InitialAreaModel()
    size = 16 << 40
    model.load(extents(size, [(size - 4096, 4096, S.PRESERVED)], S.SHARED), GRAIN)
    assert model.blocks == BLOCKS_MAX
    assert model.state_at(size - 1) == S.PRESERVED
    assert model.state_at(size - model.block_bytes - 1) == S.SHARED
    assert model.state_at(size) is None


def test_an_overwrite_turns_its_place_amber_and_fills_a_place_in_the_additional_area():
    above = initial([S.SHARED] * 8)
    below = additional([S.METADATA, S.FREE, S.FREE, S.FREE])
    happened = overwrites([3 * GRAIN], [2 * GRAIN])
    above.apply(happened)
    below.apply(happened)
    assert blocks_of(above) == [2, 2, 2, 3, 2, 2, 2, 2]
    assert blocks_of(below) == [5, 0, 3, 0]


def test_an_original_of_zeroes_takes_no_place():
    below = additional([S.METADATA, S.FREE])
    row = {"kind": EventKind.PRESERVED, "flags": EventFlag.ZERO, "length": GRAIN}
    below.apply(events(row))
    assert blocks_of(below) == [5, 0]
    assert not below.heat.is_warm


def test_writes_fill_holes_and_trims_make_them_only_where_no_copy_looks():
    above = initial([S.FREE, S.ORIGINAL_ONLY, S.PRESERVED, S.SHARED])
    above.apply(events({"kind": EventKind.WRITTEN, "length": 4 * GRAIN}))
    assert blocks_of(above) == [1, 1, 3, 2]
    above.apply(events({"kind": EventKind.TRIMMED, "length": 4 * GRAIN}))
    assert blocks_of(above) == [0, 0, 3, 2]


def test_a_write_to_a_clone_leaves_the_initial_area_alone():
    above, below = initial([S.SHARED] * 4), additional([S.METADATA, S.FREE])
    happened = events(
        {"kind": EventKind.REDIRECTED, "copy_id": 2, "length": GRAIN, "area_offset": GRAIN},
        {"kind": EventKind.WRITTEN, "copy_id": 2, "length": GRAIN},
    )
    above.apply(happened)
    below.apply(happened)
    assert blocks_of(above) == [2, 2, 2, 2]
    assert not above.heat.is_warm
    assert blocks_of(below) == [5, 4]


def test_a_write_of_the_original_that_goes_elsewhere_leaves_the_initial_area_alone():
    above, below = initial([S.FREE, S.ORIGINAL_ONLY]), additional([S.METADATA, S.FREE])
    elsewhere = EventFlag.ELSEWHERE
    happened = events(
        {"kind": EventKind.REDIRECTED, "length": GRAIN, "area_offset": GRAIN},
        {"kind": EventKind.WRITTEN, "flags": elsewhere, "length": GRAIN},
        {"kind": EventKind.TRIMMED, "flags": elsewhere, "start": GRAIN, "length": GRAIN},
    )
    above.apply(happened)
    below.apply(happened)
    assert blocks_of(above) == [0, 1]
    assert not above.heat.is_warm
    assert blocks_of(below) == [5, 4]


def test_the_additional_area_grows_and_gives_back():
    below = additional([S.METADATA])
    place = {"kind": EventKind.REDIRECTED, "copy_id": 2, "length": 2 * GRAIN}
    for offset in range(1, 400, 2):
        below.apply(events({**place, "area_offset": offset * GRAIN}))
    assert below.blocks == 401
    assert blocks_of(below) == [5] + [4] * 400
    freed = {"kind": EventKind.AREA_CHANGED, "flags": S.RECLAIMABLE, "area_offset": GRAIN}
    below.apply(events({**freed, "length": 3 * GRAIN}))
    assert blocks_of(below)[:5] == [5, 6, 6, 6, 4]
    assert below.used_share() == 1.0


def test_a_very_long_change_counts_right():
    above = initial([S.SHARED] * 20000)
    row = {"kind": EventKind.PRESERVED, "start": 100 * GRAIN, "length": 19000 * GRAIN}
    above.apply(events(row, {**row, "start": 0, "length": GRAIN}))
    totals = above.pyramid.totals()
    assert (totals[S.PRESERVED], totals[S.SHARED]) == (19001, 999)


def test_shares_of_a_range_add_up():
    above = initial([S.SHARED] * 6 + [S.PRESERVED] * 2)
    share = above.share(4 * GRAIN, 8 * GRAIN)
    assert (share[S.SHARED], share[S.PRESERVED], share.sum()) == (0.5, 0.5, 1.0)
    assert above.share(0, 0).sum() == 0


changes = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 499), st.integers(1, 9)), min_size=1, max_size=5),
        st.sampled_from([0.0, 0.016, 0.4, 1.5]),
    ),
    max_size=8,
)


@given(changes, st.integers(-3, 6), st.integers(0, 20), st.integers(1, 120))
def test_following_gives_the_same_cells_as_looking_anew(steps, level, first, cells):
    model = initial([S.SHARED] * 500)
    plane = CellPlane(model)
    plane.look_at(level, first, cells)
    for ranges, seconds in steps:
        happened = [
            {"kind": EventKind.PRESERVED, "start": start * GRAIN, "length": length * GRAIN}
            for start, length in ranges
            if start + length <= 500
        ]
        before = plane.keys.copy()
        model.apply(events(*happened))
        model.tick(seconds)
        changed = plane.advance()
        fresh = CellPlane(model)
        fresh.look_at(level, first, cells)
        assert plane.keys.tolist() == fresh.keys.tolist()
        assert not plane.is_stale
        if changed is not None:
            assert set(np.flatnonzero(before != plane.keys)) <= set(changed.tolist())


@given(
    hnp.arrays(np.uint8, st.integers(200, 600), elements=st.integers(0, STATES - 1)),
    st.integers(0, 10),
)
def test_what_a_cell_shows_follows_from_exact_counts(states, level):
    model = initial(states)
    plane = CellPlane(model)
    cells = (len(states) - 1 >> level) + 1
    plane.look_at(level, 0, cells + 1)
    counts = model.counts(level, 0, cells)
    for cell, key in enumerate(plane.keys[:-1].tolist()):
        part = states[cell << level : (cell + 1) << level]
        assert counts[:, cell].tolist() == np.bincount(part, minlength=STATES).tolist()
        assert counts[state_of(key), cell] == counts[:, cell].max()
        if level >= 2:
            assert share_of(key) == (int(counts[:, cell].max()) - 1) * 4 >> level
    assert state_of(int(plane.keys[-1])) == OUTSIDE


def test_a_change_is_hottest_for_a_while_and_then_cools_to_nothing():
    model = initial([S.SHARED] * 64)
    plane = CellPlane(model)
    plane.look_at(0, 0, 64)
    model.apply(overwrites([GRAIN], [0]))
    seen = []
    for _ in range(90):
        plane.advance()
        seen.append(heat_of(int(plane.keys[1])))
        model.tick(1 / 60)
    assert seen[: int(HOLD_S * 60) - 1] == [HEAT_MAX] * (int(HOLD_S * 60) - 1)
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == set(range(HEAT_MAX + 1))
    assert seen.index(0) == pytest.approx(LIFE_S * 60, abs=2)
    assert not model.heat.is_warm


def test_a_place_written_again_stays_hot_and_never_flickers():
    model = initial([S.SHARED] * 64)
    plane = CellPlane(model)
    plane.look_at(2, 0, 16)
    seen = []
    for frame in range(240):
        if frame % 10 == 0:
            model.apply(overwrites([GRAIN], [0]))
        plane.advance()
        seen.append(heat_of(int(plane.keys[0])))
        model.tick(1 / 60)
    assert set(seen) == {HEAT_MAX}


def test_a_view_that_slept_through_changes_catches_up():
    model = initial([S.SHARED] * 64)
    plane = CellPlane(model)
    plane.look_at(0, 0, 64)
    model.apply(overwrites([GRAIN], [0]))
    model.tick(10)
    model.apply(overwrites([5 * GRAIN], [0]))
    model.tick(10)
    assert plane.is_stale
    plane.advance()
    assert [state_of(key) for key in plane.keys[[1, 5, 6]].tolist()] == [3, 3, 2]
    assert not plane.is_stale
