# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where the patterns write, and what."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from core.units import MIB
from core.workload.patterns import hot_spots, scattered, sequential

PATTERNS = [sequential, scattered, hot_spots]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(sectors=st.integers(1, 5000), write_sectors=st.integers(1, 64), seed=st.integers(0, 9))
def test_every_write_lies_whole_in_the_volume(pattern, sectors, write_sectors, seed):
    size, length = sectors * 512, write_sectors * 512
    if length > size:
        with pytest.raises(UsageError, match="smaller than one write"):
            next(pattern(size, length, seed))
        return
    for offset, payload in islice(pattern(size, length, seed), 50):
        assert 0 <= offset <= size - length
        assert offset % length == 0
        assert len(payload) == length


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_seed_decides_everything(pattern):
    assert list(islice(pattern(MIB, 4096, 3), 2000)) == list(islice(pattern(MIB, 4096, 3), 2000))
    assert list(islice(pattern(MIB, 4096, 3), 9)) != list(islice(pattern(MIB, 4096, 4), 9))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_rewrite_brings_other_bytes(pattern):
    latest: dict[int, bytes] = {}
    for offset, payload in islice(pattern(MIB, 4096, 1), 3000):
        assert latest.get(offset) != payload
        latest[offset] = payload


def test_sequential_goes_round_and_round():
    offsets = [offset for offset, _ in islice(sequential(5 * 4096 + 512, 4096, 1), 3000)]
    assert offsets[:7] == [0, 4096, 8192, 12288, 16384, 0, 4096]
    assert offsets == [4096 * (number % 5) for number in range(3000)]


def test_scattered_goes_everywhere_alike():
    met = Counter(offset for offset, _ in islice(scattered(64 * 4096, 4096, 1), 6400))
    assert len(met) == 64
    assert max(met.values()) < 200


def test_hot_spots_gather():
    blocks = 16384
    met = Counter(offset for offset, _ in islice(hot_spots(blocks * 4096, 4096, 1), 10_000))
    hottest = sum(count for _, count in met.most_common(blocks // 20))
    assert hottest > 6000
    assert len(met) > blocks // 20, "the rest is not untouched either"


@pytest.mark.parametrize("write_bytes", [0, -512, 100, 33 * MIB])
def test_a_write_of_odd_size_is_refused(write_bytes: int):
    with pytest.raises(UsageError, match="multiple of 512"):
        next(scattered(64 * MIB, write_bytes, 1))
