# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from gui.models.address import AddressFormat
from gui.models.pointerstore import RowKind, Rows
from gui.models.tablequery import POINTER_KINDS, Query, SortBy, arrange, parse_query

G = 4096
FORM = AddressFormat.of(1 << 30, G)
# address, length, area offset, kind, stamp; lengths and offsets run against the addresses
TABLE = [
    (0, 3 * G, 0, RowKind.PAIR, 0),
    (3 * G, G, 9 * G, RowKind.ORIGINAL, 2.0),
    (4 * G, 4 * G, 0, RowKind.PAIR, 0),
    (8 * G, 2 * G, 4 * G, RowKind.NEW, 5.0),
    (10 * G, 512, 0, RowKind.ZERO, 1.0),
]


def rows():
    starts, lengths, offsets, kinds, stamps = map(list, zip(*TABLE, strict=True))
    starts = np.array(starts)
    return Rows(
        starts,
        starts + np.array(lengths),
        np.array(offsets),
        np.array(kinds, np.uint8),
        np.array(stamps, float),
    )


def portions(query, order=SortBy.ADDRESS, **kwargs):
    return (arrange(rows(), query, order, **kwargs) // G).tolist()


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("", Query()),
        (" b340 ", Query(start=0xB340 * G, stop=0xB340 * G + 1, is_place=True)),
        ("b340-b3ff", Query(start=0xB340 * G, stop=0xB400 * G)),
        ("b340..b3ff", Query(start=0xB340 * G, stop=0xB400 * G)),
        ("1 MiB \u2013 2 MiB", Query(start=1 << 20, stop=(2 << 20) + G)),
        ("@12", Query(area=0x12 * G)),
        ("Pairs", Query(kinds=frozenset({RowKind.PAIR}))),
        ("pointers", Query(kinds=POINTER_KINDS)),
        ("add", Query(copy="add")),
    ],
)
def test_the_box_understands(words, query):
    assert parse_query(words, FORM, ["add"]) == query


@pytest.mark.parametrize("words", ["monday", "@", "@zz", "9-3", "9-"])
def test_the_box_says_what_it_does_not_understand(words):
    assert parse_query(words, FORM, ["add"]).problem


def test_rows_are_picked_by_range_kind_and_area():
    assert portions(Query()) == [0, 3, 4, 8, 10]
    assert portions(Query(start=3 * G, stop=5 * G)) == [3, 4]
    assert portions(Query(kinds=frozenset({RowKind.PAIR}))) == [0, 4]
    assert portions(Query(area=5 * G)) == [8]
    assert portions(Query(area=0)) == []


def test_rows_are_ordered_by_each_column():
    assert portions(Query(), descending=True) == [10, 8, 4, 3, 0]
    assert portions(Query(kinds=POINTER_KINDS), SortBy.AREA) == [10, 8, 3]
    assert portions(Query(), SortBy.LENGTH) == [10, 3, 8, 0, 4]
    assert portions(Query(), SortBy.KIND) == [3, 8, 10, 0, 4]
    assert portions(Query(), SortBy.RECENT, descending=True)[:3] == [8, 3, 10]
