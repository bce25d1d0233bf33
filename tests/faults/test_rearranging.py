# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every call of either device fails once while a thin image is written, moved and made plain."""

from __future__ import annotations

from errno import EIO, ENOSPC

import pytest

from core.area import initial
from core.errors import AreaFullError, DeviceFailedError
from core.session import ORIGINAL
from core.volume import rearrange
from tests.engine.stills import still_volume, views_of
from tests.faults.script import GRAIN, SECTOR, SIZE, Play, filled
from tests.faults.test_engine import (
    assert_nothing_is_tried_again,
    assert_possible,
    assert_says_why,
    assert_views_intact,
)

MOVING = (
    ("write", ORIGINAL, 40 * GRAIN, filled(1, 4 * GRAIN)),
    ("snapshot", "S1", ORIGINAL),
    ("write", ORIGINAL, 0, filled(2, 20 * GRAIN)),
    ("write", ORIGINAL, 60 * GRAIN + SECTOR, filled(3, SECTOR)),
    ("flush",),
    ("clone", "C1", "S1"),
    ("write", "C1", 41 * GRAIN, filled(4, GRAIN)),
    ("trim", ORIGINAL, 2 * GRAIN, 16 * GRAIN),
    ("flush",),
    ("write", ORIGINAL, 80 * GRAIN, filled(5, 3 * GRAIN)),
    ("fold",),
    ("rearrange", "relocate", 40 * GRAIN, 4 * GRAIN, 200 * GRAIN),
    ("write", ORIGINAL, 41 * GRAIN, filled(6, GRAIN)),
    ("rearrange", "compact"),
    ("snapshot", "S2", ORIGINAL),
    ("write", ORIGINAL, 3 * GRAIN, filled(7, 4 * GRAIN)),
    ("rearrange", "load-point", 0, GRAIN),
    ("close",),
)
HOMEWARD = (
    ("write", ORIGINAL, 40 * GRAIN, filled(1, 4 * GRAIN)),
    ("write", ORIGINAL, 0, filled(2, 8 * GRAIN)),
    ("snapshot", "S1", ORIGINAL),
    ("write", ORIGINAL, 42 * GRAIN, filled(3, 4 * GRAIN)),
    ("rearrange", "identity"),
    ("write", ORIGINAL, 70 * GRAIN, filled(4, GRAIN)),
    ("flush",),
    ("rearrange", "full-pointer", 0, 8 * GRAIN),
    ("read",),
    ("close",),
)
SCRIPTS = {"moving": MOVING, "homeward": HOMEWARD}
UNNOTICED = {"punch"}
"""A place that is free all the same: it only keeps its storage."""


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Move and place little at once."""
    _set_steps(monkeypatch)


def _set_steps(patch):
    patch.setattr(rearrange, "BATCH_BYTES", 4 * GRAIN)
    patch.setattr(initial, "UNIT_BYTES", 2 * GRAIN)


class MovingPlay(Play):
    """One that knows how to rearrange the image."""

    def do(self, step):
        if step[0] != "rearrange":
            super().do(step)
            return
        while self.volume.rearrange(*step[1:]).left:
            continue


def _play(which):
    return MovingPlay(SCRIPTS[which], bytes(SIZE))


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


def assert_recoverable(play):
    """Open what is on the disks now; every view is one that may be found."""
    image, area = play.disks_now()
    volume = still_volume(image, area)
    assert_possible(views_of(volume), play.twin)
    assert volume.check() == []
    volume.write(0, filled(99, GRAIN))
    seen = views_of(volume)
    while volume.rearrange("identity").left:
        continue
    assert views_of(volume) == seen
    volume.close()
    assert views_of(still_volume(image, area)) == seen


@pytest.mark.parametrize("which", SCRIPTS)
def test_the_scripts_do_what_they_are_for(which):
    play = _play(which)
    play.run()
    assert play.failed is None
    assert_recoverable(play)
    calls = play.image.calls
    assert calls["punch"]
    assert calls["resize"]
    assert calls["allocate"]


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
READING = [(*case, EIO) for case in _cases("pread", "preadv") if case[1] == "image"]


@pytest.mark.parametrize(("which", "name", "operation", "nth", "code"), ROOM + READING)
def test_what_fails_before_anything_is_changed_fails_one_request(which, name, operation, nth, code):
    play = _play(which)
    play.device(name).fail(operation, nth, code)
    play.run()
    if play.failed is None:
        return
    assert type(play.failed[1]) in {DeviceFailedError, AreaFullError}
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)
    if play.volume._state.journal.failed:
        assert code == EIO  # of the image, while it was written to or cut
        assert_nothing_is_tried_again(play)
    elif play.failed[0][0] != "close":
        for step in (("write", ORIGINAL, 90 * GRAIN, filled(50, GRAIN)), ("flush",), ("close",)):
            play.do(step)
            play.twin.accept(step)
    assert_recoverable(play)
