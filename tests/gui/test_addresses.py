# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.models.addresses import AddressFormat, AddressStyle

GRAIN = 4096


@pytest.mark.parametrize("style", AddressStyle)
@given(size=st.integers(1, 1 << 35), where=st.integers(0, 1 << 44))
def test_what_is_written_is_read_back(style, size, where):
    form = AddressFormat(size * 512, GRAIN, style)
    start = where % size * 512
    assert form.parse(form.first(start)) == start


def test_portions_are_written_hexadecimal_and_equally_wide():
    form = AddressFormat(64 << 30, GRAIN)
    assert form.first(0) == "000000"
    assert form.span(0xB340 * GRAIN, 0xB400 * GRAIN) == "00b340\u201300b3ff"
    assert form.span(5 * GRAIN, 6 * GRAIN) == "000005"


def test_pieces_of_a_portion_name_their_sectors():
    form = AddressFormat(8 * GRAIN, GRAIN)
    assert form.span(5 * GRAIN, 5 * GRAIN + 512) == "5\u20135.0"
    assert form.span(5 * GRAIN + 512, 5 * GRAIN + 1024) == "5.1"
    assert form.span(5 * GRAIN + 1024, 7 * GRAIN) == "5.2\u20136"


def test_the_last_portion_may_be_short():
    form = AddressFormat(2 * GRAIN + 512, GRAIN)
    assert form.last(2 * GRAIN + 512) == "2"


@pytest.mark.parametrize(
    ("words", "byte"),
    [
        ("1f", 0x1F * GRAIN),
        ("0x1F", 0x1F * GRAIN),
        ("1f.3", 0x1F * GRAIN + 1536),
        ("2 MiB", 2 << 20),
    ],
)
def test_people_write_addresses_in_many_ways(words, byte):
    assert AddressFormat(1 << 40, GRAIN).parse(words) == byte


@pytest.mark.parametrize("words", ["", "monday", "-4", "12 parsecs", "1..2"])
def test_words_that_are_no_address_are_refused(words):
    assert AddressFormat(1 << 40, GRAIN).parse(words) is None
