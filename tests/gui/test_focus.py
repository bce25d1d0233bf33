# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The focus tells each change once, to all."""

from __future__ import annotations

import pytest

from core.answers import PointerKind
from core.extent import Extent
from gui.models.address import EN_DASH, AddressFormat
from gui.models.focus import BADGES_MAX, AreaKind, Badge, Focus, FocusedCopy, Place

FAR = Place(AreaKind.INITIAL, Extent((1 << 44) - 512, 512))


@pytest.fixture
def focus(qapp) -> Focus:
    return Focus()


def hear(signal) -> list[object]:
    heard: list[object] = []
    signal.connect(heard.append)
    return heard


def test_selection_and_hover_are_told_once_and_carry_large_addresses(focus):
    selected, hovered = hear(focus.selection_changed), hear(focus.hover_changed)
    for _ in range(2):
        focus.select(FAR)
        focus.set_hover(FAR)
    focus.select(None)
    assert selected == [FAR, None]
    assert hovered == [FAR]
    assert focus.hover == FAR
    assert focus.hover.extent.stop == 1 << 44


def test_badges_are_numbered_from_one_and_end_at_nine(focus):
    heard = hear(focus.badges_changed)
    focus.set_badges(Badge(0, row * 4096, 4096, row) for row in range(12))
    assert [badge.number for badge in focus.badges] == list(range(1, BADGES_MAX + 1))
    assert heard == [focus.badges]


def test_another_copy_takes_the_badges_of_the_former_one_off(focus):
    focus.set_badges([Badge(1, 0, 4096, 8192, PointerKind.NEW)])
    copies = hear(focus.copy_changed)
    focus.set_copy(FocusedCopy(3, "install"))
    focus.set_copy(FocusedCopy(3, "install"))
    assert copies == [FocusedCopy(3, "install")]
    assert focus.badges == ()


def test_addresses_are_block_numbers_and_name_the_sector_inside_a_block():
    form = AddressFormat.of(64 << 30, 4096)
    assert form.text(0x8C40 * 4096) == "008c40"
    assert form.text(0x8C40 * 4096 + 1024) == "008c40.2"
    assert form.range_text(0x8C40 * 4096, 64 * 4096) == f"008c40{EN_DASH}008c7f"
    assert form.range_text(4096, 4096) == form.range_text(4096, 512) == "000001"
    assert AddressFormat.of(16 << 40, 4096).text((16 << 40) - 4096) == "ffffffff"
    assert AddressFormat.of(512, 512).text(0) == "0000"
