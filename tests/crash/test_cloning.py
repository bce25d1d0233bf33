# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Originals that are cloned instead of written survive every loss of power as written ones do."""

from __future__ import annotations

import os
import random

import pytest

from core.device.base import write_all
from core.format.layout import BLOCK_BYTES
from core.journal import cloning
from core.journal.cloning import Cloning
from core.journal.opengroup import OpenGroup
from core.volume.verified import DamagedExtentError
from tests.crash.life import ACTS, MIXED, RESTORING, Life, Toll, WrongAfterLossError
from tests.doubles.crashdevice import CrashDevice
from tests.doubles.lateflights import land_late

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
SEEDS = 2000 if IS_SOAK else 6
SEEDS_MAX = 60
SHORT = {"grains": (512, 4096, 4096, 16384, 65536), "sectors": (100, 240), "whole_share": 0.1}
LONG_WRITES = MIXED._replace(
    acts={**ACTS, "write": 90, "barrier": 20, "snapshot": 25, "write_copy": 6, "scrub": 0}, **SHORT
)
RESTORES = RESTORING._replace(**SHORT)

pytestmark = [pytest.mark.crash, pytest.mark.timeout(0 if IS_SOAK else 300)]


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch):
    """Let what the small volumes of these lives preserve be long enough."""
    monkeypatch.setattr(cloning, "STRETCH_BYTES_MIN", BLOCK_BYTES)


@pytest.fixture
def clones(monkeypatch):
    """Return a list that holds the length of each clone."""
    made = []
    clone = CrashDevice.clone

    def noting(self, source, start, length, offset, /):
        is_done = clone(self, source, start, length, offset)
        made.append(length)
        return is_done

    monkeypatch.setattr(CrashDevice, "clone", noting)
    return made


@pytest.mark.parametrize("style", [LONG_WRITES, RESTORES], ids=["writes", "restores"])
@pytest.mark.parametrize("is_late", [False, True], ids=["at once", "late"])
def test_nothing_is_lost_or_invented_where_originals_are_cloned(
    style, is_late, clones, monkeypatch
):
    if is_late:
        land_late(monkeypatch, random.Random(1))
    toll = Toll()
    for seed in range(SEEDS):
        toll.crashes_max = toll.crashes + 40
        Life.of_seed(seed, toll, share=0.3, style=style).run(60)
    assert toll.crashes > 5 * SEEDS
    assert len(clones) > 5 * SEEDS


def _land_before_the_sync(patch):
    """I1: new data goes in place while the clones are in the file system's memory only."""
    put_down = Cloning.put_down

    def hasty(self, *arguments):
        with pytest.MonkeyPatch.context() as own:
            own.setattr(self._area, "sync", lambda: None)
            return put_down(self, *arguments)

    patch.setattr(Cloning, "put_down", hasty)


def _write_the_head_durably_and_the_clones_not(patch):
    """I2: the head is there, and names originals that are not."""

    def put_down(self, image, buffer, offset, opened, overlay):
        cloned = self._clone(image, opened.base, self._stretches(opened, overlay))
        if not cloned:
            self._area.pwritev_durable([buffer], offset)
            return 0
        self._area.pwritev_durable([buffer[:BLOCK_BYTES]], offset)
        done = BLOCK_BYTES
        for at, length in [*cloned, (len(buffer) - BLOCK_BYTES, 0)]:
            if at + BLOCK_BYTES > done:
                self._area.pwritev_durable([buffer[done : BLOCK_BYTES + at]], offset + done)
            done = BLOCK_BYTES + at + length
        return sum(length for _, length in cloned)

    patch.setattr(Cloning, "put_down", put_down)


def _clone_what_was_overwritten(patch):
    """C1: the image holds new data already when its blocks are taken over."""
    put_down = Cloning.put_down

    def late(self, image, buffer, offset, opened, overlay):
        overlay.write_out(image)
        return put_down(self, image, buffer, offset, opened, overlay)

    patch.setattr(Cloning, "put_down", late)


def _leave_the_rest_out(patch):
    """What lies between the clones is not written."""

    def writing(device, buffer, offset):
        if len(buffer) <= BLOCK_BYTES:
            write_all(device, buffer, offset)

    patch.setattr(cloning, "write_all", writing)


@pytest.mark.parametrize(
    "mutate",
    [
        _land_before_the_sync,
        _write_the_head_durably_and_the_clones_not,
        _clone_what_was_overwritten,
        _leave_the_rest_out,
    ],
    ids=lambda mutate: mutate.__name__.strip("_"),
)
def test_cloning_in_another_order_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises((WrongAfterLossError, DamagedExtentError)):
        _live(LONG_WRITES)


def test_cloning_what_a_restore_staged_from_elsewhere_is_caught(monkeypatch):
    """C1: a grain that is not moved yet reads from the source, not as the image holds it."""
    add = OpenGroup.add

    def noting(self, layer, start, length, kind):
        offset = add(self, layer, start, length, kind)
        if kind == 0:
            self.note_in_image(start, length)
        return offset

    monkeypatch.setattr(OpenGroup, "add", noting)
    with pytest.raises((WrongAfterLossError, DamagedExtentError)):
        _live(RESTORES)


def _live(style):
    for seed in range(SEEDS_MAX):
        Life.of_seed(seed, Toll(crashes_max=150), share=0.5, style=style).run(60)
