# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What all layers of a chain have in common with the older ones is what each has."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.answers import PointerKind
from core.mapping.chainbytes import freed_by_layer
from core.mapping.intersect import intersect
from tests.mapping.twin import runs


def data_bytes(run):
    return int(run.lengths[run.kinds != PointerKind.ZERO].sum())


@given(layers=st.lists(runs(), max_size=6))
def test_a_layer_frees_what_the_older_one_has_too(layers):
    expected = [data_bytes(run) for run in layers[:1]]
    for older, run in pairwise(layers):
        expected.append(data_bytes(intersect(run, older.starts, older.stops)))
    assert freed_by_layer(layers).tolist() == expected
