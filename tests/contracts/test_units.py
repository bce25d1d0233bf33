# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from core.units import GIB, KIB, MIB, TIB, format_bytes


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (KIB, "1 KiB"),
        (1536, "1.5 KiB"),
        (1000 * MIB, "1000 MiB"),
        (1023 * MIB + 900 * KIB, "1023.9 MiB"),
        (GIB - 12 * KIB, "1.0 GiB"),
        (GIB, "1 GiB"),
        (2048 * TIB, "2 PiB"),
    ],
)
def test_a_size_is_told_in_the_unit_a_person_would_choose(count, words):
    assert format_bytes(count) == words
