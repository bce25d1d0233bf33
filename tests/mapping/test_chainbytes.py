# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What all layers of a chain have in common with the older ones is what each has."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping import chainbytes
from core.mapping.chainbytes import data_bytes, freed_by_layer
from core.mapping.intersect import intersect
from tests.mapping.twin import runs


@given(layers=st.lists(runs(), max_size=6), small=st.integers(0, 8))
def test_a_layer_frees_what_the_older_one_has_too(layers, small):
    expected = [data_bytes(run) for run in layers[:1]]
    for older, run in pairwise(layers):
        expected.append(data_bytes(intersect(run, older.starts, older.stops)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chainbytes, "SMALL_POINTERS_MAX", small)
        assert freed_by_layer(layers) == expected
