# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every state can be told from every other without colour, wherever marks have room."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.answers import AreaState
from gui.models.cellplane import HEAT_SHIFT
from gui.models.heat import HEAT_MAX
from gui.models.pyramid import OUTSIDE
from gui.theme import DARK, LIGHT
from gui.views.sprites import Atlas, gap_of, palette

FULL = 3 << 3
MARKED = [s for s in AreaState if s not in {AreaState.SHARED, AreaState.NEW, AreaState.FREE}]


def cell(atlas: Atlas, key: int) -> np.ndarray:
    return atlas.cells(np.array([key], np.uint8))[0]


def shape_of(pixels: np.ndarray) -> np.ndarray:
    """Where a cell has its main colour: what is left of it on a photocopy."""
    side = len(pixels)
    body = pixels[side // 4, side // 4 : side // 2]
    values, counts = np.unique(body, return_counts=True)
    return pixels == values[counts.argmax()]


@pytest.mark.parametrize("px", [8, 12, 24, 60, 120])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_marks_tell_states_apart_without_colour(qapp, theme, px):
    atlas = Atlas(theme, px)
    shapes = {state: shape_of(cell(atlas, FULL | state)) for state in MARKED}
    shapes[AreaState.SHARED] = shape_of(cell(atlas, FULL | AreaState.SHARED))
    for one, other in itertools.combinations(shapes, 2):
        assert (shapes[one] != shapes[other]).sum() >= 2, (one, other)


@pytest.mark.parametrize("px", [5, 8, 24, 60])
def test_cells_leave_a_gap_and_keep_their_colour_in_it(qapp, px):
    atlas = Atlas(LIGHT, px)
    pixels, card = cell(atlas, FULL | AreaState.NEW), LIGHT.color("card").rgb()
    gap = gap_of(px)
    assert (pixels[:, px - gap :] == card).all()
    assert (pixels[px - gap :] == card).all()
    assert pixels[px // 2, px // 2] == LIGHT.color("written").rgb()


def test_the_core_of_heat_shrinks_as_it_cools(qapp):
    atlas = Atlas(LIGHT, 12)
    plain = cell(atlas, FULL | AreaState.SHARED)
    changed = [
        int((cell(atlas, FULL | AreaState.SHARED | heat << HEAT_SHIFT) != plain).sum())
        for heat in range(HEAT_MAX + 1)
    ]
    assert changed[0] == 0
    assert changed == sorted(changed)
    assert len(set(changed)) >= HEAT_MAX - 1


def test_a_partly_filled_cell_is_paler(qapp):
    colors = palette(DARK)
    reds = [int(colors[share << 3 | AreaState.PRESERVED]) >> 16 & 255 for share in range(4)]
    assert reds == sorted(set(reds))


def test_places_past_the_end_are_blank(qapp):
    atlas = Atlas(DARK, 8)
    assert (cell(atlas, FULL | OUTSIDE) == DARK.color("card").rgb()).all()


def test_letters_come_only_where_there_is_room(qapp):
    for px, has_letter in ((20, False), (24, True)):
        plain, lettered = Atlas(LIGHT, px), Atlas(LIGHT, px, letters=True)
        key = FULL | AreaState.SHARED
        assert (cell(plain, key) != cell(lettered, key)).any() == has_letter


def test_sharp_screens_get_twice_the_pixels(qapp):
    assert Atlas(LIGHT, 8, 2).cells(np.array([FULL], np.uint8)).shape == (1, 16, 16)
