# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map of the initial area against a list that has an address for every byte."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping.initialmap import InitialMap, MapExtent, Scheme

SIZE = 40
LOAD_POINT, FULL_POINTER = Scheme.LOAD_POINT, Scheme.FULL_POINTER

ranges = st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)).map(
    lambda pair: (pair[0], min(pair[1], SIZE - pair[0]))
)
changes = st.lists(
    st.tuples(ranges, st.none() | st.tuples(st.integers(0, 3), st.sampled_from(Scheme))),
    max_size=12,
)


def changed(acts):
    """Return a map after the acts, and the address and scheme of every byte of its twin."""
    mapped, twin = InitialMap(), [None] * SIZE
    for number, ((start, length), whither) in enumerate(acts):
        before = twin[start : start + length]
        if whither is None:
            gone = mapped.unset(start, start + length)
            twin[start : start + length] = [None] * length
        else:
            column, scheme = whither
            place = 1000 * (number + 1 if column else 1) + start + column
            gone = mapped.set(MapExtent(start, length, place, scheme))
            twin[start : start + length] = [(place + at, scheme) for at in range(length)]
        assert bytes_of(gone, start, length) == before
    return mapped, twin


def bytes_of(extents, start, length):
    found = [None] * length
    for extent in extents:
        for at in range(extent.length):
            found[extent.start + at - start] = (extent.place + at, extent.scheme)
    return found


@given(acts=changes)
def test_every_byte_lies_where_it_was_put_last(acts):
    mapped, twin = changed(acts)
    assert bytes_of(mapped, 0, SIZE) == twin
    assert mapped.mapped_bytes == sum(entry is not None for entry in twin)
    assert mapped.place_end == max((entry[0] + 1 for entry in twin if entry), default=0)


@given(acts=changes)
def test_extents_are_sorted_and_as_long_as_can_be(acts):
    extents = list(changed(acts)[0])
    for left, right in pairwise(extents):
        assert left.stop <= right.start
        assert not left.precedes(right)


@given(acts=changes, asked=ranges)
def test_a_range_is_cut_and_its_gaps_are_what_is_left(acts, asked):
    mapped, twin = changed(acts)
    start, length = asked
    stop = start + length
    assert bytes_of(mapped.within(start, stop), start, length) == twin[start:stop]
    gaps = [at for low, high in mapped.gaps(start, stop) for at in range(low, high)]
    assert gaps == [at for at in range(start, stop) if twin[at] is None]
    whole = mapped.touching(start, stop)
    assert whole == [extent for extent in mapped if extent.start < stop and extent.stop > start]


@given(acts=changes, asked=ranges)
def test_a_place_is_told_for_what_lies_in_one_piece(acts, asked):
    mapped, twin = changed(acts)
    start, length = asked
    entries = twin[start : start + length]
    place = mapped.place_of(start, length)
    if place is not None:
        assert [entry[0] for entry in entries] == list(range(place, place + length))
    elif None not in entries:
        assert len(mapped.touching(start, start + length)) > 1


@given(acts=changes, low=st.integers(0, 15000), length=st.integers(1, 3000))
def test_what_lies_in_a_stretch_of_the_image_is_found(acts, low, length):
    mapped, twin = changed(acts)
    found = [
        (at + offset, part.place + offset)
        for part in mapped.lying_in(low, low + length)
        for at in [part.start]
        for offset in range(part.length)
    ]
    assert sorted(found) == [
        (at, entry[0]) for at, entry in enumerate(twin) if entry and low <= entry[0] < low + length
    ]


@given(acts=changes)
def test_columns_come_back(acts):
    mapped = changed(acts)[0]
    columns = mapped.columns()
    assert [len(column) for column in columns] == [len(mapped)] * 4
    assert InitialMap.from_columns(*columns) == mapped
    assert InitialMap(reversed(list(mapped))) == mapped


def test_the_identity_is_one_extent_with_a_load_point():
    mapped = InitialMap.identity(SIZE)
    assert list(mapped) == [MapExtent(0, SIZE, 0, LOAD_POINT)]
    assert mapped.is_identity(SIZE)
    assert not mapped.is_identity(SIZE + 1)
    mapped.set(MapExtent(5, 3, 5, FULL_POINTER))
    assert [extent.length for extent in mapped] == [5, 3, 32]
    assert not mapped.is_identity(SIZE)
    mapped.set(MapExtent(5, 3, 5, LOAD_POINT))
    assert mapped.is_identity(SIZE)


def test_a_range_of_nothing_touches_nothing():
    mapped = InitialMap.identity(SIZE)
    assert mapped.within(5, 5) == mapped.touching(5, 5) == mapped.gaps(5, 5) == []
    assert mapped.unset(5, 5) == []
    assert mapped.is_identity(SIZE)


@pytest.mark.parametrize(
    "extents",
    [
        [MapExtent(0, 0, 0, LOAD_POINT)],
        [MapExtent(0, 4, 0, LOAD_POINT), MapExtent(3, 4, 9, LOAD_POINT)],
        [MapExtent(0, 4, -1, LOAD_POINT)],
    ],
)
def test_extents_that_make_no_sense_are_refused(extents):
    with pytest.raises(ValueError, match="is empty or overlaps"):
        InitialMap(extents)


def test_extents_that_continue_each_other_are_made_one_from_the_beginning():
    parts = [MapExtent(512, 512, 4608, FULL_POINTER), MapExtent(0, 512, 4096, FULL_POINTER)]
    mapped = InitialMap(parts)
    assert list(mapped) == [MapExtent(0, 1024, 4096, FULL_POINTER)]
    assert mapped.place_of(0, 1024) == 4096
    assert len(InitialMap([*parts, MapExtent(1024, 512, 5120, LOAD_POINT)])) == 2


@pytest.mark.parametrize(
    ("extents", "makes_sense"),
    [
        ([], True),
        ([MapExtent(0, 4, 8, LOAD_POINT), MapExtent(4, 4, 4, LOAD_POINT)], True),
        ([MapExtent(0, 4, 8, LOAD_POINT), MapExtent(4, 4, 5, LOAD_POINT)], False),
        ([MapExtent(SIZE - 4, 5, 0, LOAD_POINT)], False),
    ],
)
def test_a_map_makes_sense_within_the_volume_and_with_every_place_once(extents, makes_sense):
    assert InitialMap(extents).makes_sense(SIZE) is makes_sense
