# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every call of either device fails once while new data goes to the additional area and home."""

from __future__ import annotations

from errno import EIO, ENOSPC

import pytest

from core.errors import AreaFullError, DeviceFailedError
from core.session import ORIGINAL
from tests.engine.stills import still_volume, views_of
from tests.faults.script import GRAIN, SECTOR, Play, filled
from tests.faults.test_engine import (
    CHANGING,
    READING,
    assert_nothing_is_tried_again,
    assert_recoverable,
    assert_says_why,
    assert_views_intact,
)

SIDES = (
    ("snapshot", "S1", ORIGINAL),
    ("write", ORIGINAL, 0, filled(2, 8 * GRAIN)),
    ("choose_mechanism", "always-additional"),
    ("write", ORIGINAL, 2 * GRAIN + SECTOR, filled(3, 6 * GRAIN)),
    ("flush",),
    ("clone", "C1", ORIGINAL),
    ("write", ORIGINAL, 20 * GRAIN, filled(4, 20 * GRAIN)),
    ("write", "C1", 5 * GRAIN + SECTOR, filled(7, 3 * GRAIN)),
    ("trim", ORIGINAL, 10 * GRAIN + SECTOR, 6 * GRAIN),
    ("snapshot", "S2", ORIGINAL),
    ("flush",),
    ("fold",),
    ("restore", "C1", "R1"),
    ("write", ORIGINAL, 60 * GRAIN, filled(8, 4 * GRAIN)),
    ("flush",),
    ("restore", "S2", "R2"),
    ("separate", "C1"),
    ("move",),
    ("write", ORIGINAL, 6 * GRAIN, filled(9, GRAIN)),
    ("write", "C1", 70 * GRAIN, filled(10, GRAIN)),
    ("finish",),
    ("read",),
    ("write", "C1", 71 * GRAIN, filled(11, GRAIN)),
    ("separate", ORIGINAL),
    ("move",),
    ("write", ORIGINAL, 22 * GRAIN + SECTOR, filled(12, 2 * GRAIN)),
    ("flush",),
    ("snapshot", "S3", ORIGINAL),
    ("write", ORIGINAL, 30 * GRAIN + SECTOR, filled(13, SECTOR)),
    ("move",),
    ("delete", "R1"),
    ("fold",),
    ("finish",),
    ("write", ORIGINAL, 0, filled(14, 4 * GRAIN)),
    ("read",),
    ("close",),
)


def _counts():
    """Return how often the script calls each operation of each device."""
    play = Play(SIDES)
    start = {name: play.device(name).calls.copy() for name in ("image", "area")}
    play.run()
    assert play.failed is None
    return {
        (name, operation): count - start[name][operation]
        for name in ("image", "area")
        for operation, count in play.device(name).calls.items()
        if count > start[name][operation]
    }


COUNTS = _counts()


def _cases(operations):
    return [
        pytest.param(name, operation, nth, id=f"{name}-{operation}-{nth}")
        for (name, operation), count in sorted(COUNTS.items())
        if operation in operations
        for nth in range(1, count + 1)
    ]


def test_the_script_leaves_what_it_should():
    play = Play(SIDES)
    play.run()
    assert play.failed is None
    volume = still_volume(*play.disks_now())
    assert views_of(volume) == play.twin.views
    assert volume.info().mechanism == "copy-on-write"
    assert volume.check() == []


@pytest.mark.parametrize(("name", "operation", "nth"), _cases(CHANGING))
def test_a_failed_write_or_sync_ends_all_writing(name, operation, nth):
    play = Play(SIDES)
    play.device(name).fail(operation, nth, EIO)
    play.run()
    assert play.failed is not None, "the failure went unnoticed"
    assert type(play.failed[1]) is DeviceFailedError
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)
    assert_nothing_is_tried_again(play)
    assert_recoverable(play)


@pytest.mark.parametrize(("name", "operation", "nth"), _cases(READING))
def test_a_failed_read_fails_one_request(name, operation, nth):
    play = Play(SIDES)
    play.device(name).fail(operation, nth, EIO)
    play.run()
    if play.failed is None:
        return  # an answer that did not need it, such as how much of a view is a copy's own
    assert type(play.failed[1]) is DeviceFailedError
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)


@pytest.mark.parametrize(("name", "operation", "nth"), _cases(("pwrite", "pwritev_durable")))
def test_no_space_for_a_write_harms_nothing(name, operation, nth):
    play = Play(SIDES)
    play.device(name).fail(operation, nth, ENOSPC)
    play.run()
    assert play.failed is not None, "the failure went unnoticed"
    assert type(play.failed[1]) in {AreaFullError, DeviceFailedError}
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)
