# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.models.address import AddressFormat, AddressStyle

GRAIN = 4096


@pytest.mark.parametrize("style", AddressStyle)
@given(size=st.integers(1, 1 << 35), where=st.integers(0, 1 << 44))
def test_what_is_written_is_read_back(style, size, where):
    form = AddressFormat.of(size * 512, GRAIN, style)
    start = where % size * 512
    assert form.parse(form.text(start)) == start


def test_portions_are_written_hexadecimal_and_equally_wide():
    form = AddressFormat.of(64 << 30, GRAIN)
    assert form.text(0) == "000000"
    assert form.span_text(0xB340 * GRAIN, 0xB400 * GRAIN) == "00b340\u201300b3ff"
    assert form.span_text(5 * GRAIN, 6 * GRAIN) == "000005"


def test_pieces_of_a_portion_name_their_sectors():
    form = AddressFormat.of(8 * GRAIN, GRAIN)
    assert form.span_text(5 * GRAIN, 5 * GRAIN + 512) == "0005\u20130005.0"
    assert form.span_text(5 * GRAIN + 512, 5 * GRAIN + 1024) == "0005.1"
    assert form.span_text(5 * GRAIN + 1024, 7 * GRAIN) == "0005.2\u20130006"


def test_the_other_styles_count_in_tens_and_in_bytes():
    assert AddressFormat.of(1 << 30, GRAIN, AddressStyle.BLOCKS).span_text(GRAIN, 8 * GRAIN) == (
        "000001\u2013000007"
    )
    assert AddressFormat.of(1 << 16, GRAIN, AddressStyle.BYTES).span_text(GRAIN, 2 * GRAIN) == (
        "1000\u20131fff"
    )


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
    assert AddressFormat.of(1 << 40, GRAIN).parse(words) == byte


@pytest.mark.parametrize("words", ["", "monday", "-4", "12 parsecs", "1..2"])
def test_words_that_are_no_address_are_refused(words):
    assert AddressFormat.of(1 << 40, GRAIN).parse(words) is None
