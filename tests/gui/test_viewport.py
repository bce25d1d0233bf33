# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Zooming and panning never lose the place, nor show one that does not exist."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.models import hilbert
from gui.models.viewport import BLOCK_PX_MAX, CELL_SIZES, SECTOR_PX_MAX, Viewport


def view(blocks=1 << 24, width=700, height=240, block_bytes=4096) -> Viewport:
    made = Viewport()
    made.set_area(blocks, block_bytes)
    made.resize(width, height)
    return made


def check(port: Viewport) -> None:
    assert port.first >= 0
    assert port.cells >= 1
    assert port.columns * port.px <= max(port.width_px, port.px)
    assert port.first + port.cells <= port.total_cells
    assert port.start < port.stop <= port.blocks * port.block_bytes


def is_free(port: Viewport) -> bool:
    """Neither end of the area holds the view back."""
    return port.capacity < port.first < port.total_cells - 2 * port.capacity


sizes = st.tuples(st.integers(1, 1 << 24), st.integers(1, 1800), st.integers(1, 900))
acts = st.lists(
    st.one_of(
        st.tuples(st.just("zoom"), st.integers(-4, 4)),
        st.tuples(st.just("pan"), st.integers(-9999, 9999)),
        st.tuples(st.just("cell"), st.sampled_from(CELL_SIZES)),
        st.tuples(st.just("hilbert"), st.booleans()),
        st.tuples(st.just("show"), st.integers(0, 1 << 36)),
    ),
    max_size=12,
)


@given(sizes, acts, st.sampled_from([512, 4096, 65536]))
def test_whatever_one_does_the_view_shows_cells_that_exist(size, steps, block_bytes):
    port = view(*size, block_bytes=block_bytes)
    check(port)
    for act, value in steps:
        if act == "zoom":
            port.zoom(value, min(abs(value), port.cells - 1))
        elif act == "pan":
            port.pan_cells(value)
        elif act == "cell":
            port.set_cell_px(value)
        elif act == "hilbert":
            port.set_hilbert(on=value)
        else:
            port.show(min(value, port.blocks * block_bytes - 1), value + 4096)
        check(port)


@pytest.mark.parametrize("height", [120, 143, 240, 600])
def test_at_the_end_of_the_ladder_one_sector_is_as_high_as_the_view(height):
    port = view(height=height)
    port.zoom(99)
    assert port.cell_bytes == 512
    assert (port.px, port.rows) == (min(height, SECTOR_PX_MAX), 1)


@given(st.integers(1, 1 << 24), st.sampled_from([1, 4, 8]))
def test_at_first_the_whole_area_is_in_view(blocks, cell_px):
    port = view(blocks)
    port.set_cell_px(cell_px)
    assert port.first == 0
    assert port.is_whole
    assert port.stop == blocks * 4096


@given(st.integers(0, (1 << 24) - 1), st.integers(1, 30), st.booleans())
def test_zooming_keeps_the_place_under_the_mouse(block, notches, on):
    port = view()
    port.set_hilbert(on=on)
    address = block * 4096
    for _ in range(notches):
        cell = port.cell_at(address)
        assert cell is not None
        address = port.bytes_of(cell)[0]
        row, column = port.place_of(cell)
        x, y, before = column * port.px, row * port.px, port.px
        free = is_free(port)
        port.zoom(1, cell)
        found = port.cell_at(address)
        assert found is not None
        if free and is_free(port) and port.level >= 0:
            row, column = port.place_of(found)
            # Cells of a half are drawn, so the place lies in one of its two halves.
            tolerance = 2 * (before + port.px) + (32 * port.px if on else port.width_px)
            assert abs(column * port.px - x) <= tolerance
            assert abs(row * port.px - y) <= 3 * (before + port.px) + (32 * port.px if on else 0)


def test_each_notch_shows_a_quarter_less():
    port = view()
    spans = [port.stop - port.start]
    for _ in range(15):
        port.zoom(1, port.cells // 2)
        spans.append(port.stop - port.start)
    ratio = (spans[3] / spans[15]) ** (1 / 12)
    assert ratio == pytest.approx(1.25, abs=0.03)


def test_zoom_goes_from_the_whole_volume_to_one_sector():
    port = view(width=300, height=300)
    assert port.is_whole
    while port.zoom(1):
        pass
    assert port.cell_bytes == 512
    assert port.capacity == 1
    while port.zoom(-1):
        pass
    assert port.is_whole


def test_eight_blocks_are_shown_as_large_as_they_go():
    port = view(8, 960, 200)
    assert (port.px, port.columns, port.rows) == (120, 8, 1)
    assert port.cells == 8
    port.resize(9999, 9999)
    assert port.px == BLOCK_PX_MAX


def test_a_range_is_brought_into_view_and_fills_it():
    port = view()
    start = 123456 * 4096
    port.show(start, start + 64 * 4096)
    assert port.start <= start
    assert port.stop >= start + 64 * 4096
    assert port.level == 0
    assert port.cells < 64 * 16


def test_scrolling_to_an_address_moves_as_little_as_needed():
    port = view()
    port.zoom(12)
    inside = port.start + 4096
    assert not port.reveal(inside)
    below = port.stop + 5
    assert port.reveal(below)
    assert port.cell_at(below) is not None
    assert port.place_of(port.cell_at(below) or 0)[0] == port.rows - 1
    assert port.reveal(0)
    assert port.first == 0


def test_finer_cells_show_about_the_same_stretch():
    port = view()
    port.zoom(20)
    port.pan_cells(5_000_000)
    before = port.stop - port.start
    port.set_cell_px(1)
    assert 0.3 < (port.stop - port.start) / before < 3


@given(st.integers(1, 70), st.integers(1, 200))
def test_the_curve_visits_each_place_once_and_has_no_jumps_in_a_band(rows, columns):
    columns -= columns % hilbert.tile_side(min(rows, columns))
    order = hilbert.order(rows, columns)
    assert sorted(order.tolist()) == list(range(rows * columns))
    where = np.argsort(order)
    y, x = where // columns, where % columns
    jumps = (np.abs(np.diff(y)) + np.abs(np.diff(x)) != 1).sum()
    bands, left = 0, rows
    while left:
        left -= hilbert.tile_side(min(left, columns))
        bands += 1
    assert jumps <= bands - 1
