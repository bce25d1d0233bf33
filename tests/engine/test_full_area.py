# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A write that the additional area has no room for is refused, waits, or costs some copies."""

from __future__ import annotations

import errno
import threading
import time

import pytest

from core.device.memory import MemoryDevice
from core.engine import restores
from core.errors import (
    AreaFullError,
    NoSuchCopyError,
    ReadOnlyError,
    UsageError,
)
from core.events import EventKind
from core.units import MIB
from core.volume.fold import fold
from tests.doubles.faultdevice import FaultDevice
from tests.doubles.storeddevice import StoredDevice
from tests.engine.board import Trace
from tests.engine.stills import still_volume, views_of
from tests.faults.script import filled

GRAIN = 4096
SIZE = 512 * GRAIN
START = filled(0, SIZE)
LIMIT = 16 * MIB
PATIENCE_S = 20.0


class Bench:
    """A volume whose additional area may take 16 MiB, and copies that fill it."""

    def __init__(self):
        self.image, self.area = MemoryDevice.from_bytes(START), StoredDevice()
        self.volume = still_volume(self.image, self.area)
        self.trace = Trace()
        self.volume._state.sink = self.trace
        self.volume.set_policy(area_limit_bytes=LIMIT)
        self.content = {}
        self.number = 0

    def rewrite(self):
        self.number += 1
        content = filled(self.number * 1000, SIZE)
        for offset in range(0, SIZE, GRAIN):
            self.volume.write(offset, content[offset : offset + GRAIN])

    def take_and_rewrite(self, times):
        for _ in range(times):
            self.volume.snapshot(f"more {self.number}")
            self.rewrite()

    def poke(self):
        """Rewrite the end, which was not reached when the area got full."""
        self.number += 1
        content = filled(self.number * 1000, 64 * GRAIN)
        for at in range(0, len(content), GRAIN):
            self.volume.write(SIZE - len(content) + at, content[at : at + GRAIN])

    def fill(self):
        """Take copies and rewrite everything until a write is refused."""
        while True:
            name = f"c{len(self.content)}"
            self.content[name] = self.volume.read(0, SIZE)
            self.volume.snapshot(name)
            try:
                self.rewrite()
            except AreaFullError:
                return

    def kinds(self):
        return [event[0] for event in self.trace.events]

    def check(self, *gone):
        assert self.volume.check() == []
        views = views_of(self.volume)
        for name, content in self.content.items():
            assert (name in views) == (name not in gone)
            assert name in gone or views[name] == content, name
        assert self.area.stored_bytes <= LIMIT
        again = still_volume(MemoryDevice.from_bytes(self.image.pread(SIZE, 0)), self.area.copy())
        assert again.check() == []
        assert again.policy() == self.volume.policy()


@pytest.fixture
def bench():
    bench = Bench()
    bench.fill()
    assert len(bench.content) >= 3
    return bench


def test_a_write_is_refused_if_nothing_else_was_said(bench):
    assert bench.volume.policy().when_full == "refuse"
    with pytest.raises(AreaFullError):
        bench.poke()
    bench.check()
    bench.volume.delete(["c0"], now=True)
    bench.poke()
    bench.check("c0")


def count_until_refused(act, names):
    """Return how many acts went well before one was refused for want of room."""
    for count, name in enumerate(names):
        try:
            act(name)
        except AreaFullError:
            return count
    raise AssertionError("none was refused")


def use_up_the_log(volume):
    """Leave nothing of it but what is for changes that make room."""
    count_until_refused(
        lambda is_locked: volume.lock(["c1"], locked=is_locked), [True, False] * 999
    )


def test_hiding_copies_leaves_room_for_purging_them():
    bench, names = Bench(), [f"n{number}" for number in range(80)]
    for name in names:
        bench.volume.snapshot(name)
    bench.fill()
    use_up_the_log(bench.volume)
    hidden = names[: count_until_refused(lambda name: bench.volume.delete([name]), names)]
    assert len(hidden) > 16
    for name in hidden[:4]:
        bench.volume.purge([name])
    bench.check()
    bench.volume.delete([*hidden[4:], *names[len(hidden) :], "c0"], now=True)
    bench.poke()
    bench.check("c0")


def test_expendable_copies_are_dropped_in_the_order_given(bench):
    bench.volume.set_policy(when_full="drop", expendable=["c1", "c0"])
    assert [copy.expendable for copy in bench.volume.info().copies][:3] == [2, 1, 0]
    bench.poke()
    policy = bench.volume.policy()
    assert [copy.name for copy in policy.dropped] == ["c1"]
    assert policy.expendable == ["c0"]
    assert bench.volume.stats().dropped_copies == 1
    event = next(event for event in bench.trace.events if event[0] == EventKind.COPY_DROPPED)
    assert event[2] == 2, "the id of c1"
    assert event[5] > 0, "and what it freed"
    assert EventKind.CATALOG_CHANGED in bench.kinds()
    bench.check("c1")


def test_a_copy_that_is_not_marked_is_never_dropped(bench):
    bench.volume.set_policy(when_full="drop", expendable=["c1"])
    with pytest.raises(AreaFullError):
        bench.take_and_rewrite(8)
    assert bench.volume.stats().dropped_copies == 1
    bench.check("c1")


def test_a_locked_copy_is_passed_over(bench):
    bench.volume.lock(["c0"])
    bench.volume.set_policy(when_full="drop", expendable=["c0", "c1"])
    bench.poke()
    assert [copy.name for copy in bench.volume.policy().dropped] == ["c1"]
    bench.check("c1")


def test_a_copy_that_others_use_is_passed_over(bench):
    bench.volume.spare({"c0"}.__contains__)
    bench.volume.set_policy(when_full="drop", expendable=["c0", "c1"])
    bench.poke()
    assert [copy.name for copy in bench.volume.policy().dropped] == ["c1"]
    bench.check("c1")


def test_a_clone_is_not_dropped_for_its_own_sake(bench):
    bench.volume.clone("mine", "c0")
    bench.volume.set_policy(when_full="drop", expendable=["mine", "c1"])
    content = filled(5, 64 * GRAIN)
    bench.volume.write(0, content, "mine")
    assert bench.volume.read(0, len(content), "mine") == content
    assert [copy.name for copy in bench.volume.policy().dropped] == ["c1"]
    bench.check("c1")


def test_batches_and_discards_follow_the_policy(bench):
    bench.volume.set_policy(when_full="drop", expendable=["c0", "c1"])
    bench.volume.trim(0, SIZE)
    bench.volume.snapshot("after")
    content = filled(77, SIZE)
    bench.volume.write_batch([(at, content[at : at + MIB // 4]) for at in range(0, SIZE, MIB // 4)])
    assert bench.volume.read(0, SIZE) == content
    assert bench.volume.check() == []


def test_taking_copies_follows_the_policy(bench):
    bench.volume.set_policy(when_full="drop", expendable=["c0"])
    use_up_the_log(bench.volume)
    taken = 0
    while not bench.volume.stats().dropped_copies:
        bench.volume.snapshot(f"taken {taken}")
        taken += 1
        assert taken < 100
    assert {f"taken {number}" for number in range(taken)} <= views_of(bench.volume).keys()
    bench.check("c0")


def test_what_a_copy_is_taken_of_is_not_dropped_for_it(bench):
    bench.volume.set_policy(when_full="drop", expendable=["c0"])
    use_up_the_log(bench.volume)
    with pytest.raises(AreaFullError):
        bench.volume.clone("taken", "c0")
    bench.check()


def test_dropped_names_are_remembered_across_opening(bench):
    bench.volume.set_policy(when_full="drop", expendable=["c0"])
    bench.poke()
    before = bench.volume.policy()
    assert time.time() - before.dropped[0].when < 60
    bench.volume.close()
    again = still_volume(bench.image, bench.area)
    assert again.policy() == before
    again.set_policy(when_full="refuse")
    assert again.policy().dropped == before.dropped


# -- waiting -----------------------------------------------------------------------------------


class Waiter(threading.Thread):
    """Writes, and keeps what it meets."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act = act
        self.error = None
        self.start()

    def run(self):
        try:
            self.act()
        except Exception as error:  # noqa: BLE001 (told by the test)
            self.error = error

    def end(self):
        self.join(PATIENCE_S)
        assert not self.is_alive()
        return self.error


def wait_for_the_wait(bench, count=1):
    deadline = time.monotonic() + PATIENCE_S
    while bench.volume._state.stats.room_waits < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_write_waits_until_somebody_makes_room(bench):
    bench.volume.set_policy(when_full="wait", timeout_s=PATIENCE_S)
    waiter = Waiter(bench.poke)
    wait_for_the_wait(bench)
    assert bench.volume.read(0, SIZE, "c0") == bench.content["c0"], "others are let in"
    bench.volume.delete(["c0"], now=True)
    assert waiter.end() is None
    assert bench.volume.stats().room_waits >= 1
    bench.check("c0")


def test_a_write_waits_no_longer_than_it_was_told(bench):
    bench.volume.set_policy(when_full="wait", timeout_s=0.3)
    began = time.monotonic()
    with pytest.raises(AreaFullError):
        bench.poke()
    assert 0.3 <= time.monotonic() - began < 10
    bench.check()


def test_closing_ends_the_wait(bench):
    bench.volume.set_policy(when_full="wait", timeout_s=PATIENCE_S)
    waiter = Waiter(bench.poke)
    wait_for_the_wait(bench)
    bench.volume.close()
    assert isinstance(waiter.end(), ReadOnlyError)
    again = still_volume(bench.image, bench.area)
    assert again.check() == []
    assert again.read(0, SIZE, "c0") == bench.content["c0"]


# -- the policy itself ---------------------------------------------------------------------------


def test_parts_of_the_policy_are_set_one_by_one(bench):
    bench.volume.set_policy(timeout_s=5)
    bench.volume.set_policy(expendable=["c1"])
    policy = bench.volume.set_policy(when_full="wait")
    assert (policy.when_full, policy.timeout_s, policy.area_limit_bytes, policy.expendable) == (
        "wait",
        5.0,
        LIMIT,
        ["c1"],
    )
    assert bench.volume.set_policy(expendable=[]).expendable == []


@pytest.mark.parametrize(
    ("wish", "error", "words"),
    [
        ({"when_full": "explode"}, UsageError, "no policy"),
        ({"timeout_s": -1.0}, UsageError, "cannot wait"),
        ({"timeout_s": float("nan")}, UsageError, "cannot wait"),
        ({"area_limit_bytes": -1}, UsageError, "less than nothing"),
        ({"expendable": ["original"]}, UsageError, "never dropped"),
        ({"expendable": ["nobody"]}, NoSuchCopyError, "no copy named"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(bench, wish, error, words):
    before = bench.volume.policy()
    with pytest.raises(error, match=words):
        bench.volume.set_policy(**wish)
    assert bench.volume.policy() == before


def test_a_purged_copy_is_expendable_no_more(bench):
    bench.volume.set_policy(expendable=["c1", "c0"])
    bench.volume.delete(["c1"], now=True)
    assert bench.volume.policy().expendable == ["c0"]
    assert bench.volume.info().copies[0].expendable == 1


def test_raising_the_limit_makes_room(bench):
    with pytest.raises(AreaFullError, match=r"no more than|full"):
        bench.poke()
    bench.volume.set_policy(area_limit_bytes=0)
    bench.poke()
    assert bench.volume.check() == []


def test_a_full_disk_keeps_no_volume_closed_of_which_the_end_was_cut():
    """The log has left a segment behind where the file was cut since, and no fold says so yet."""
    image, area = MemoryDevice.from_bytes(START), StoredDevice()
    volume = still_volume(image, area)
    while area.size < 3 * volume._state.area.geometry.segment_bytes:
        volume.snapshot(f"c{len(volume.info().copies)}")
        volume.write(0, filled(area.size, SIZE))
        volume._state.journal.barrier()
    fold(volume._state)
    fold(volume._state)
    named = volume._state.area.fields.segment_stop
    volume.delete([copy.name for copy in volume.info().copies], now=True)
    assert volume._state.journal.log.move_down()
    volume._state.journal.begin_group()
    volume.snapshot("last")
    volume.write(0, filled(1, GRAIN))
    volume._state.journal.checkpoint()
    volume._keeper.give_back()
    assert area.size < named
    views = views_of(volume)
    full = FaultDevice(area.copy())
    full.fail("allocate", code=errno.ENOSPC, for_ever=True)
    again = still_volume(image.copy(), full)
    assert views_of(again) == views
    assert again.check() == []
    assert again._state.area.allocator.capacity == full.size


def test_a_full_disk_keeps_no_volume_closed_in_the_midst_of_a_restore():
    image, area = MemoryDevice.from_bytes(START), FaultDevice(StoredDevice())
    volume = still_volume(image, area)
    volume.snapshot("c0")
    volume.snapshot("c1")
    volume.write(0, filled(1, SIZE))
    volume.restore("c1")
    area.fail("allocate", code=errno.ENOSPC, for_ever=True)
    volume.write(0, filled(2, 8 * GRAIN))
    volume.flush()
    assert volume._state.journal.ring.is_live
    _rename_until_refused(volume)
    again = still_volume(image.copy(), area)
    assert views_of(again) == views_of(volume)
    assert again.check() == []
    again.delete([again.info().copies[0].name], now=True)


def test_what_a_restore_kept_before_it_found_no_room_is_kept_once(monkeypatch):
    """Copies taken meanwhile: what is moved is preserved first, and that in pieces."""
    volume = still_volume(MemoryDevice.from_bytes(START), StoredDevice())
    volume.snapshot("c0")
    volume.write(0, filled(1, SIZE))
    volume.restore("c0")
    volume.snapshot("newer")
    journal, calls = volume._state.journal, iter(range(100))
    make_room = journal.make_room

    def refuse_the_fourth(length):
        if next(calls) == 3:
            raise AreaFullError("no room")
        make_room(length)

    monkeypatch.setattr(journal, "make_room", refuse_the_fourth)
    with pytest.raises(AreaFullError):
        restores.take_step(volume)
    while restores.take_step(volume):
        continue
    assert volume.check() == []
    assert volume.read(0, SIZE) == START


def _rename_until_refused(volume):
    """Write down so many changes that nothing is left for more."""
    name = "c0"
    for number in range(1000):
        new_name = f"r{number}"
        try:
            volume.rename(name, new_name)
        except AreaFullError:
            return
        name = new_name
    raise AssertionError("it never became full")


def test_copies_can_be_deleted_however_much_was_written_down_before(bench):
    _rename_until_refused(bench.volume)
    bench.volume.delete(["c2"])
    bench.volume.purge(["c2"])
    bench.volume.delete(["c1"], now=True)
    bench.poke()
    assert bench.volume.check() == []


def test_the_limit_can_be_raised_however_much_was_written_down_before(bench):
    _rename_until_refused(bench.volume)
    bench.volume.set_policy(area_limit_bytes=2 * LIMIT)
    bench.poke()
    assert bench.volume.check() == []


def test_what_is_free_but_scattered_is_used_before_anything_is_refused(bench):
    """Every second grain of a copy goes: no free run is long enough for a segment of the log."""
    bench.volume.delete(["c1"], now=True)
    freed = bench.volume._state.area.allocator
    assert freed.free_bytes > 0
    bench.poke()
    bench.check("c1")
