# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Exact differences, against the bytes themselves; and the pieces that they are made of."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.answers import Ranges
from core.transfer import pieces
from core.transfer.exact import differing
from core.transfer.pieces import data_in, differing_in, outside, overlapping, spans, within
from tests.doubles.history import History

if TYPE_CHECKING:
    from tests.transfer.conftest import OpenImage

SECTOR = 512


def by_sector(one: bytes, other: bytes) -> list[tuple[int, int]]:
    """Return (start, length) of the runs of sectors in which two contents differ."""
    found: list[tuple[int, int]] = []
    for at in range(0, len(one), SECTOR):
        if one[at : at + SECTOR] == other[at : at + SECTOR]:
            continue
        if found and sum(found[-1]) == at:
            found[-1] = found[-1][0], found[-1][1] + SECTOR
        else:
            found.append((at, SECTOR))
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("piece_bytes", [1536, 1 << 22])
def test_any_two_views_differ_where_their_bytes_do(
    open_here: OpenImage, content, seed, piece_bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", piece_bytes)
    volume = open_here("disk.img", content)
    history = History(volume, seed)
    history.live(20)
    names = history.rng.sample(list(history.views), min(4, len(history.views)))
    for source in names:
        for target in names:
            ranges = volume.diff(source, target)
            compared: list[int] = []
            found = differing(volume, source, target, ranges, compared.append)
            told = [(part.start, part.length) for part in found]
            assert told == by_sector(history.views[source], history.views[target])
            assert sum(compared) == ranges.total_bytes


def ranges_of(chosen: np.ndarray) -> Ranges:
    edges = np.flatnonzero(np.diff(chosen.astype(np.int8), prepend=0, append=0)).astype(np.int64)
    return Ranges(starts=edges[::2], lengths=edges[1::2] - edges[::2])


@pytest.mark.parametrize("seed", range(20))
def test_ranges_are_sets_of_bytes(seed) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.random(60) < 0.5, rng.random(60) < rng.random()
    here, there = ranges_of(one), ranges_of(other)
    assert list(spans(outside(here, 0, 60))) == list(spans(ranges_of(~one)))
    assert list(spans(within(here, there, 60))) == list(spans(ranges_of(one & other)))
    low, high = sorted(rng.integers(0, 61, 2).tolist())
    window = np.zeros(60, bool)
    window[low:high] = True
    found = list(overlapping(here.starts, here.stops, low, high))
    assert [span for span in found if span[0] < span[1]] == list(spans(ranges_of(one & window)))
    assert (len(here), here.total_bytes) == (len(list(here)), int(one.sum()))


def test_short_zeroes_between_data_are_data_and_long_ones_are_not() -> None:
    rng = random.Random(4)
    data = rng.randbytes(SECTOR)
    assert data_in(bytes(8192)) == []
    assert data_in(data * 3) == [(0, 1536)]
    assert data_in(data + bytes(7 * SECTOR) + data) == [(0, 9 * SECTOR)]
    assert data_in(data + bytes(8 * SECTOR) + data) == [(0, 512), (9 * 512, 10 * 512)]
    assert data_in(bytes(1024) + data + bytes(4096)) == [(1024, 1536)]
    assert data_in(b"") == []


def test_pieces_differ_by_sectors() -> None:
    assert differing_in(bytes(2048), bytes(2048)) == []
    one = bytearray(4096)
    one[511] = one[512] = one[4095] = 1
    assert differing_in(bytes(one), bytes(4096)) == [(0, 1024), (3584, 4096)]
