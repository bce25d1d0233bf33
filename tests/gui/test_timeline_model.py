# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answers import CopyInfo
from core.events import EVENT_DTYPE, EventKind
from gui.models.timeline import BINS, Intensity, lay_out, tick_seconds


def copy(number, name, parent="original", **kwargs):
    made = {
        "name": name, "id": number, "kind": "snapshot", "parent": parent, "created": 100.0 + number,
        "locked": False, "own_bytes": 0, "shared_bytes": 0, "pointers": 0, "range_pairs": 1,
    }  # fmt: skip
    return CopyInfo(**{**made, **kwargs})


FAMILY = [
    copy(1, "monday"),
    copy(2, "tuesday"),
    copy(3, "branch", "monday", kind="clone"),
    copy(4, "twig", "branch"),
    copy(5, "gone", deleted=True),
]


def rows(copies, selected="", room=99):
    lanes, hidden = lay_out(copies, selected, room)
    return [(lane.name, lane.row, lane.parent_row) for lane in lanes], hidden


def test_families_stay_together_and_children_branch_from_parents():
    assert rows(FAMILY) == (
        [("monday", 1, 0), ("branch", 2, 1), ("twig", 3, 2), ("tuesday", 4, 0)],
        0,
    )


def test_in_a_small_room_the_selected_and_the_newest_stay_with_their_ancestors():
    assert rows(FAMILY, "branch", 2) == ([("monday", 1, 0), ("branch", 2, 1)], 2)
    assert rows(FAMILY, "tuesday", 2) == ([("monday", 1, 0), ("tuesday", 2, 0)], 2)
    assert rows(FAMILY, "", 3) == ([("monday", 1, 0), ("branch", 2, 1), ("twig", 3, 2)], 1)
    assert rows(FAMILY, "", 0) == ([], 4)


def test_a_copy_without_room_for_its_ancestors_does_not_look_born_from_the_original():
    for room in range(5):
        for name, _, parent_row in rows(FAMILY, "", room)[0]:
            assert (parent_row == 0) == (name in {"monday", "tuesday"})


def test_children_of_a_copy_that_is_gone_branch_from_the_volume():
    assert rows([copy(9, "orphan", "gone")]) == ([("orphan", 1, 0)], 0)


def written(times, length=512):
    made = np.zeros(len(times), EVENT_DTYPE)
    made["kind"], made["length"] = EventKind.WRITTEN, length
    made["time_ns"] = (np.array(times) * 1e9).astype(np.uint64)
    return made


@given(st.lists(st.lists(st.floats(0, 3e6), min_size=1, max_size=5), max_size=8))
def test_no_byte_is_lost_however_long_it_runs(batches):
    intensity = Intensity(0.0)
    for batch in batches:
        intensity.feed(written(batch))
    total = 512 * sum(map(len, batches))
    assert intensity.bytes.sum() == total
    span = intensity.bin_s * BINS
    rates = intensity.between(0, span, 40)
    assert rates.sum() * span / 40 == pytest.approx(total)


def test_what_was_before_the_window_opened_is_not_made_up():
    intensity = Intensity(1000.0)
    intensity.feed(written([1010.0]))
    rates = intensity.between(0.0, 2000.0, 20)
    assert not rates[:10].any()
    assert rates[10] == pytest.approx(512 / 100)


def test_other_events_are_no_writes():
    intensity = Intensity(0.0)
    other = written([1.0])
    other["kind"] = EventKind.PRESERVED
    intensity.feed(other)
    assert not intensity.bytes.any()


@pytest.mark.parametrize(
    ("span", "step"), [(4, 1), (60, 15), (3600, 900), (86400, 21600), (9e8, 252288000)]
)
def test_ticks_fall_on_even_times(span, step):
    assert tick_seconds(span, 4) == step
