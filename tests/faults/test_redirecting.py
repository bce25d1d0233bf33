# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every call of either device fails once while mapped originals stay where they lie."""

from __future__ import annotations

from errno import EIO, ENOSPC

import pytest

from core.area import initial
from core.errors import AreaFullError, DeviceFailedError
from core.session import ORIGINAL
from core.volume import rearrange
from tests.engine.stills import still_volume, views_of
from tests.faults.script import GRAIN, SECTOR, START, filled
from tests.faults.test_engine import (
    assert_nothing_is_tried_again,
    assert_says_why,
    assert_views_intact,
)
from tests.faults.test_rearranging import MovingPlay, assert_recoverable

STAYING = (
    ("rearrange", "full-pointer", 0, 64 * GRAIN),
    ("choose_mechanism", "redirect-on-write"),
    ("snapshot", "S1", ORIGINAL),
    ("write", ORIGINAL, 2 * GRAIN, filled(1, 4 * GRAIN)),
    ("write", ORIGINAL, 9 * GRAIN + SECTOR, filled(2, SECTOR)),
    ("flush",),
    ("write", ORIGINAL, 60 * GRAIN, filled(3, 20 * GRAIN)),
    ("write", ORIGINAL, 3 * GRAIN, filled(4, GRAIN)),
    ("flush",),
    ("clone", "C1", "S1"),
    ("write", "C1", 3 * GRAIN + SECTOR, filled(5, 2 * GRAIN)),
    ("snapshot", "S2", ORIGINAL),
    ("write", ORIGINAL, 0, filled(6, 40 * GRAIN)),
    ("trim", ORIGINAL, 50 * GRAIN, 6 * GRAIN),
    ("checkpoint",),
    ("write", ORIGINAL, 44 * GRAIN, filled(7, 2 * GRAIN)),
    ("fold",),
    ("delete", "S1"),
    ("write", ORIGINAL, 46 * GRAIN, filled(8, 2 * GRAIN)),
    ("read",),
    ("rearrange", "compact"),
    ("write", ORIGINAL, 58 * GRAIN, filled(9, GRAIN)),
    ("snapshot", "S3", ORIGINAL),
    ("restore", "S2", "R1"),
    ("write", ORIGINAL, 30 * GRAIN, filled(10, GRAIN)),
    ("finish",),
    ("read",),
    ("close",),
)
LEAVING = (
    ("rearrange", "full-pointer", 0, 64 * GRAIN),
    ("choose_mechanism", "redirect-on-write"),
    ("snapshot", "S1", ORIGINAL),
    ("write", ORIGINAL, 2 * GRAIN, filled(1, 12 * GRAIN)),
    ("snapshot", "S2", ORIGINAL),
    ("write", ORIGINAL, 4 * GRAIN, filled(2, 2 * GRAIN)),
    ("choose_mechanism", "copy-on-write"),
    ("write", ORIGINAL, 4 * GRAIN, filled(3, 4 * GRAIN)),
    ("rearrange", "identity"),
    ("write", ORIGINAL, 5 * GRAIN, filled(4, GRAIN)),
    ("flush",),
    ("read",),
    ("close",),
)
SCRIPTS = {"staying": STAYING, "leaving": LEAVING}
UNNOTICED = {"punch"}
"""A place that is free all the same: it only keeps its storage."""


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Move and place little at once."""
    _set_steps(monkeypatch)


def _set_steps(patch):
    patch.setattr(rearrange, "BATCH_BYTES", 8 * GRAIN)
    patch.setattr(initial, "UNIT_BYTES", 2 * GRAIN)


def _play(which):
    return MovingPlay(SCRIPTS[which], START)


def _cases(*operations):
    cases = []
    with pytest.MonkeyPatch.context() as patch:
        _set_steps(patch)
        for which in SCRIPTS:
            play = _play(which)
            start = {name: play.device(name).calls.copy() for name in ("image", "area")}
            play.run()
            assert play.failed is None, play.failed
            for name in ("image", "area"):
                for operation in operations:
                    count = play.device(name).calls[operation] - start[name][operation]
                    cases += [(which, name, operation, nth) for nth in range(1, count + 1)]
    return cases


@pytest.mark.parametrize("which", SCRIPTS)
def test_the_scripts_do_what_they_are_for(which):
    play = _play(which)
    play.run()
    assert play.failed is None
    volume = still_volume(*play.disks_now())
    assert views_of(volume) == play.twin.views
    assert volume.check() == []
    assert play.volume._state.stats.kept_bytes >= 12 * GRAIN
    assert bool(volume.usage().kept_bytes) == (which == "staying")


@pytest.mark.parametrize(
    ("which", "name", "operation", "nth"),
    _cases("pwrite", "pwritev", "pwritev_durable", "sync", "punch"),
)
def test_a_failed_write_or_sync_ends_all_writing(which, name, operation, nth):
    play = _play(which)
    play.device(name).fail(operation, nth)
    play.run()
    if play.failed is None:
        assert operation in UNNOTICED
        assert_recoverable(play)
        return
    assert type(play.failed[1]) is DeviceFailedError
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)
    assert_nothing_is_tried_again(play)
    assert_recoverable(play)


ROOM = [(*case, code) for case in _cases("allocate", "zero", "resize") for code in (EIO, ENOSPC)]
ROOM += [(*case, ENOSPC) for case in _cases("pwrite", "pwritev") if case[1] == "image"]
READING = [(*case, EIO) for case in _cases("pread", "preadv")]


@pytest.mark.parametrize(("which", "name", "operation", "nth", "code"), ROOM + READING)
def test_what_fails_before_anything_is_changed_fails_one_request(which, name, operation, nth, code):
    play = _play(which)
    play.device(name).fail(operation, nth, code)
    play.run()
    if play.failed is None:
        assert_recoverable(play)
        return
    assert type(play.failed[1]) in {DeviceFailedError, AreaFullError}
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)
    if play.volume._state.journal.failed:
        assert_nothing_is_tried_again(play)
    elif play.failed[0][0] != "close":
        for step in (("write", ORIGINAL, 90 * GRAIN, filled(50, GRAIN)), ("flush",), ("close",)):
            play.do(step)
            play.twin.accept(step)
    assert_recoverable(play)
