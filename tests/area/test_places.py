# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Free places of an image: none is handed out twice, none before a map has forgotten it."""

from __future__ import annotations

import pytest

from core.area.places import IMAGE_BYTES_MIN, Places
from core.device.memory import MemoryDevice
from core.errors import AreaFullError
from core.mapping.initialmap import InitialMap, MapExtent, Scheme

PAGE = 4096
VOLUME_BYTES = 64 * PAGE


def places_of(image_pages, *used, pages_max=1 << 20):
    """Return the places of an image of which pages ``used`` are mapped."""
    image = MemoryDevice(image_pages * PAGE, size_max=pages_max * PAGE)
    extents = [extent(page) for page in used]
    return Places(image, InitialMap(extents), VOLUME_BYTES), image


def extent(page, pages=1):
    return MapExtent(page * PAGE, pages * PAGE, page * PAGE, Scheme.FULL_POINTER)


def test_the_lowest_place_that_fits_is_taken():
    places, _ = places_of(8, 0, 2, 5)
    assert places.free_bytes == 5 * PAGE
    assert places.take(2 * PAGE) == 3 * PAGE
    assert places.take(PAGE) == PAGE
    assert places.lowest() == (6 * PAGE, 2 * PAGE)


def test_the_image_grows_when_nothing_fits():
    places, image = places_of(4, 0, 1, 2)
    assert places.take(3 * PAGE) == 3 * PAGE
    assert image.size == 6 * PAGE
    assert places.capacity == 6 * PAGE


def test_an_image_that_cannot_grow_refuses():
    places, image = places_of(4, 0, 1, 2, pages_max=5)
    with pytest.raises(AreaFullError):
        places.take(3 * PAGE)
    assert image.size == 4 * PAGE
    assert places.take(PAGE) == 3 * PAGE


def test_a_place_asked_for_is_given_if_all_of_it_is_free():
    places, image = places_of(8, 2)
    assert not places.take_at(PAGE, 2 * PAGE)
    assert places.take_at(3 * PAGE + 512, PAGE)
    assert not places.take_at(4 * PAGE, 512)
    assert places.take_at(20 * PAGE, PAGE)
    assert image.size == 21 * PAGE
    assert places.take(PAGE) == 0


def test_places_behind_a_byte_are_found_or_made():
    places, image = places_of(8, 5)
    assert places.take_behind(4 * PAGE, PAGE) == 4 * PAGE
    assert places.take_behind(4 * PAGE, PAGE) == 6 * PAGE
    assert places.take_behind(20 * PAGE, PAGE) == 20 * PAGE
    assert image.size >= 21 * PAGE
    assert places.take_behind(0, PAGE) == 0


def test_what_is_released_is_free_only_when_that_is_durable():
    places, _ = places_of(3, 0, 1, 2)
    places.release([extent(1)])
    assert places.take(PAGE) == 3 * PAGE
    assert places.commit_releases() == [(PAGE, PAGE)]
    assert places.commit_releases() == []
    assert places.take(PAGE) == PAGE


def test_only_what_lies_behind_the_end_of_once_is_clean_and_only_once():
    places, _ = places_of(4, 0)
    assert not places.is_clean(places.take(PAGE), PAGE)
    grown = places.take(8 * PAGE)
    assert grown == 2 * PAGE
    assert not places.is_clean(grown, 8 * PAGE)
    fresh = places.take(PAGE)
    assert places.is_clean(fresh, PAGE)
    places.give_back(fresh, PAGE)
    assert places.take(PAGE) == fresh
    assert not places.is_clean(fresh, PAGE)


def test_the_free_end_is_cut_off():
    places, image = places_of(8, 0, 2)
    places.cut_tail()
    assert image.size == 3 * PAGE
    assert places.free_bytes == PAGE
    assert places.take(2 * PAGE) == 3 * PAGE


def test_no_image_is_cut_to_nothing():
    places, image = places_of(8)
    places.cut_tail()
    assert image.size == IMAGE_BYTES_MIN
    assert places.free_bytes == IMAGE_BYTES_MIN


def test_a_nearly_full_disk_gives_what_is_needed():
    image = MemoryDevice(PAGE, size_max=3 * PAGE)
    places = Places(image, InitialMap([extent(0)]), 1 << 30)
    assert places.take(2 * PAGE) == PAGE
    assert image.size == places.capacity == 3 * PAGE
