# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Many pointers become few links that still begin and end where the pointers and the data are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor

from gui.models.lanelinks import LINKS_MAX, NO_LINKS, Links, bundled, joined
from gui.models.pointerstore import RowKind
from gui.views.arrows import spread
from gui.views.weave import weave


def links(froms, tos, length=0.001, kind=RowKind.ORIGINAL) -> Links:
    froms, tos = np.array(froms, float), np.array(tos, float)
    kinds = np.full(len(froms), kind, np.uint8)
    return Links(froms, froms + length, tos, tos + length, kinds)


def test_pointers_side_by_side_to_data_side_by_side_are_one_link():
    steps = np.arange(300) * 0.001
    (made,) = zip(*bundled(links(0.1 + steps, 0.6 + steps), LINKS_MAX), strict=True)
    assert made == pytest.approx((0.1, 0.4, 0.6, 0.9, RowKind.ORIGINAL))


def test_data_that_lies_elsewhere_or_is_of_another_kind_is_another_link():
    apart = links([0.1, 0.101, 0.102], [0.2, 0.8, 0.801])
    assert bundled(apart, LINKS_MAX).froms.tolist() == [0.1, 0.101]
    mixed = joined([links([0.1], [0.2]), links([0.101], [0.201], kind=RowKind.NEW)])
    assert bundled(mixed, LINKS_MAX).kinds.tolist() == [RowKind.ORIGINAL, RowKind.NEW]


@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.integers(1, 220))
def test_scattered_pointers_stay_few_and_inside(seed, count, most):
    random = np.random.default_rng(seed)
    before = links(np.sort(random.random(count)) * 0.99, random.random(count) * 0.99)
    after = bundled(before, most)
    assert 1 <= len(after.froms) <= most
    assert (after.from_ends >= after.froms).all()
    assert after.froms.min() >= before.froms.min()
    assert after.to_ends.max() <= before.to_ends.max()


def test_nothing_is_no_link():
    assert len(bundled(NO_LINKS, LINKS_MAX).froms) == 0
    assert len(joined([]).froms) == 0


def alpha_of(image) -> np.ndarray:
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)
    return pixels >> 24


def test_a_ribbon_begins_at_its_pointers_and_ends_at_its_data():
    one = Links(*(np.array([place]) for place in (0.1, 0.3, 0.7, 0.9)), np.array([0], np.uint8))
    alpha = alpha_of(weave(one, 100, 40, QColor("#ff0000")))
    assert np.flatnonzero(alpha[0]).tolist() == list(range(10, 31))
    assert alpha[0, 20] == alpha[-1, 80] > 100
    assert np.flatnonzero(alpha[-1])[0] == 69
    assert alpha[20, 50] > 100


def test_a_hair_can_be_seen_and_more_over_it_are_denser():
    hair = links([0.5], [0.5], length=0.0)
    once = alpha_of(weave(hair, 300, 20, QColor("#ff0000"))).max()
    often = alpha_of(weave(joined([hair] * 5), 300, 20, QColor("#ff0000"))).max()
    assert 80 < once < often < 230


def test_discs_at_one_place_lie_side_by_side():
    places = spread([QPointF(50, 10), QPointF(50, 10), QPointF(40, 12), QPointF(200, 10)], 8)
    assert [place.x() for place in places] == [50, 67, 84, 200]
