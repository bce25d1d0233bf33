# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every call of either device fails once, in every way it can: no view is harmed by it.

The engine refuses with an error a user can read. After a failed write or sync it touches neither
file again. What is on the disks then opens, on devices that work, with every snapshot exact and
with every sector of the others as it was flushed or as it was written later.
"""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import pytest

from core.device.memory import MemoryDevice
from core.engine import Volume
from core.errors import AreaFullError, DeviceFailedError, RangepairError, ReadOnlyError
from core.events import EventKind
from core.session import ORIGINAL
from core.volume import moving, opening
from tests.doubles.faultdevice import FaultDevice
from tests.engine.stills import StillImage, read_only_volume, still_volume, views_of
from tests.faults.script import GRAIN, SCRIPT, SECTOR, SIZE, START, Play, filled

CHANGING = ("pwrite", "pwritev", "pwritev_durable", "sync", "punch")
READING = ("pread", "preadv")
SNAPSHOTS = {"S1", "S2", "S3", "S4", "R1", "R2"}


def _counts():
    """Return how often the script calls each operation of each device."""
    play = Play()
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


def _cases(operations, *rest):
    return [
        pytest.param(name, operation, nth, *rest, id=f"{name}-{operation}-{nth}")
        for (name, operation), count in sorted(COUNTS.items())
        if operation in operations
        for nth in range(1, count + 1)
    ]


def test_the_script_does_everything():
    assert {operation for _, operation in COUNTS} >= {
        "pread", "preadv", "pwrite", "pwritev", "pwritev_durable", "sync", "allocate", "punch",
        "discard", "resize",
    }  # fmt: skip
    play = Play()
    play.run()
    assert play.failed is None
    volume = still_volume(*play.disks_now())
    assert views_of(volume) == play.twin.views
    assert volume.check() == []


def assert_possible(views, twin):
    """Every snapshot is exact; every sector of the rest is of one of the moments it may be of."""
    for name, content in views.items():
        moments = twin.possible[name]
        if name in SNAPSHOTS:
            assert content in moments, name
            continue
        for at in range(0, len(content), SECTOR):
            sector = content[at : at + SECTOR]
            assert any(moment[at : at + SECTOR] == sector for moment in moments), (name, at)


def assert_recoverable(play):
    """Open what is on the disks now, read-only and for writing."""
    image, area = play.disks_now()
    reader = read_only_volume(image, area)
    seen = views_of(reader)
    assert_possible(seen, play.twin)
    assert reader.check() == []
    assert area.size == play.disks[1].size
    writer = still_volume(image, area)
    assert views_of(writer) == seen
    assert writer.check() == []
    missing = set(play.twin.views) - set(seen)
    assert missing <= _in_doubt(play), "a copy is gone"
    writer.write(0, filled(99, GRAIN))
    while moving.step(writer._state):
        continue
    writer.snapshot("after")
    writer.close()
    again = still_volume(image, area)
    assert {name: view for name, view in views_of(again).items() if name in SNAPSHOTS} == {
        name: view for name, view in seen.items() if name in SNAPSHOTS
    }
    assert again.check() == []


def _in_doubt(play):
    """Return the copy that a refused deletion may have removed all the same."""
    step = play.failed[0] if play.failed else ("",)
    return {step[1]} if step[0] == "delete" else set()


def assert_views_intact(play):
    """What the open volume still reads, after a refusal, is what was accepted or refused."""
    step, _ = play.failed
    if step[0] == "close":
        return
    tried = play.twin.after(step)
    seen = views_of(play.volume)
    for name, accepted in play.twin.views.items():
        if name not in seen:
            assert name in _in_doubt(play)
        elif name in SNAPSHOTS:
            assert seen[name] == accepted, name
        else:
            for at in range(0, len(accepted), SECTOR):
                piece = seen[name][at : at + SECTOR]
                known = {accepted[at : at + SECTOR], tried[name][at : at + SECTOR]}
                assert piece in known, (name, at)


def assert_says_why(error):
    assert isinstance(error, RangepairError)
    assert "\n" not in error.message
    assert ";" in error.message or "," in error.message


LATER = (
    ("write", ORIGINAL, 0, filled(50, GRAIN)),
    ("write", ORIGINAL, 80 * GRAIN, filled(51, GRAIN)),
    ("flush",),
    ("trim", ORIGINAL, 0, GRAIN),
    ("snapshot", "late", ORIGINAL),
    ("flush",),
)


def assert_nothing_is_tried_again(play):
    """Every later change is refused, and neither file is touched by it, nor by closing."""
    before = [device.calls.copy() for device in (play.image, play.area)]
    if play.failed[0][0] != "close":
        for step in LATER:
            with pytest.raises((DeviceFailedError, ReadOnlyError)) as error:
                play.do(step)
            assert_says_why(error.value)
    play.volume.close()
    for device, calls in zip((play.image, play.area), before, strict=True):
        touched = {name: device.calls[name] - calls[name] for name in CHANGING}
        assert not any(touched.values()), touched


@pytest.mark.parametrize(("name", "operation", "nth"), _cases(CHANGING))
def test_a_failed_write_or_sync_ends_all_writing(name, operation, nth):
    play = Play()
    play.device(name).fail(operation, nth)
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
    play = Play()
    play.device(name).fail(operation, nth)
    play.run()
    if play.failed is None:
        return  # an answer that did not need it, such as how much of a view is a copy's own
    assert type(play.failed[1]) is DeviceFailedError
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)
    if play.failed[0][0] == "close":
        return
    play.do(("write", ORIGINAL, 0, filled(50, GRAIN)))
    play.do(("flush",))
    play.volume.close()


@pytest.mark.parametrize(("name", "operation", "nth"), _cases(("allocate",)))
@pytest.mark.parametrize("for_ever", [False, True])
def test_a_full_disk_refuses_what_needs_room_and_harms_nothing(name, operation, nth, for_ever):
    play = Play()
    play.device(name).fail(operation, nth, errno.ENOSPC, for_ever=for_ever)
    play.run()
    if play.failed is None:
        return  # there was room elsewhere, or it was not needed yet
    assert isinstance(play.failed[1], AreaFullError)
    assert_says_why(play.failed[1])
    assert_views_intact(play)
    assert_recoverable(play)
    play.device(name).heal()
    step = play.failed[0]
    play.do(step)
    play.twin.accept(step)
    assert views_of(play.volume) == play.twin.views
    play.volume.close()
    assert_recoverable(play)


@pytest.mark.parametrize(("name", "operation", "nth"), _cases(("pwrite", "pwritev_durable")))
def test_no_space_for_a_write_harms_nothing(name, operation, nth):
    play = Play()
    play.device(name).fail(operation, nth, errno.ENOSPC)
    play.run()
    assert play.failed is not None, "the failure went unnoticed"
    assert type(play.failed[1]) in {AreaFullError, DeviceFailedError}
    assert_says_why(play.failed[1])
    assert_recoverable(play)
    assert_views_intact(play)


@pytest.mark.parametrize(("name", "operation", "nth"), _cases(("discard", "resize")))
def test_storage_that_cannot_be_given_back_stays_and_nobody_is_bothered(name, operation, nth):
    play = Play()
    play.device(name).fail(operation, nth)
    play.run()
    assert play.failed is None, play.failed
    volume = still_volume(*play.disks_now())
    assert views_of(volume) == play.twin.views
    assert volume.check() == []


@pytest.mark.parametrize(
    ("name", "operation", "nth"), _cases(("pread", "preadv", "pwrite", "pwritev"))
)
def test_a_short_transfer_is_finished(name, operation, nth):
    play = Play()
    play.device(name).shorten(operation, SECTOR + 100, nth)
    play.run()
    assert play.failed is None, play.failed
    volume = still_volume(*play.disks_now())
    assert views_of(volume) == play.twin.views
    assert volume.check() == []


def _until_the_ring_is_alive():
    """Return a play that stopped with groups in ring and log, and the disks as they are."""
    play = Play()
    for step in SCRIPT[:9]:
        play.do(step)
        play.twin.accept(step)
    play.do(SCRIPT[9])
    assert play.volume._state.journal.ring.is_live
    return play


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("operation", ["pread", "preadv", "pwrite", "pwritev_durable", "sync"])
@pytest.mark.parametrize("name", ["image", "area"])
def test_a_failure_during_recovery_leaves_it_for_the_next_time(name, operation, nth):
    play = _until_the_ring_is_alive()
    play.disks = play.disks_now()
    play.image, play.area = (FaultDevice(disk) for disk in play.disks)
    play.device(name).fail(operation, nth)
    with contextlib.suppress(RangepairError, OSError):
        still_volume(play.image, play.area)
    assert_recoverable(play)


@pytest.mark.parametrize("nth", range(1, 12))
@pytest.mark.parametrize("operation", ["pread", "preadv"])
def test_short_reads_during_recovery_are_finished(operation, nth):
    play = _until_the_ring_is_alive()
    image, area = play.disks_now()
    failing = FaultDevice(area)
    failing.shorten(operation, 700, nth)
    assert views_of(still_volume(image, failing)) == play.twin.views


def test_a_refused_write_leaves_no_original_in_memory_only():
    """What it staged counts as kept, so later writes there go straight to the image."""
    play = Play()
    play.do(("snapshot", "S1", ORIGINAL))
    order = []
    play.volume._state.journal._ring_credit = 0
    durable, write = play.area.pwritev_durable, play.image.pwrite
    play.area.pwritev_durable = lambda *args: (order.append("kept"), durable(*args))[1]
    play.image.pwrite = lambda *args: (order.append("written"), write(*args))[1]
    play.image.fail("preadv", 2)
    with pytest.raises(DeviceFailedError):
        play.do(("write", ORIGINAL, 0, filled(1, 40 * GRAIN)))
    play.do(("write", ORIGINAL, 0, filled(2, GRAIN)))
    assert order == ["kept", "written"]
    assert play.volume.read(0, SIZE, "S1") == START


def test_a_failure_is_published_once():
    play = Play()
    told = []
    play.volume._state.sink = Sink(told)
    play.volume.snapshot("S1")
    play.area.fail("pwritev_durable", for_ever=True)
    play.do(("write", ORIGINAL, 0, filled(1, GRAIN)))
    for _ in range(3):
        with pytest.raises(DeviceFailedError):
            play.do(("flush",))
        with pytest.raises(DeviceFailedError):
            play.do(("write", ORIGINAL, 0, filled(1, GRAIN)))
    assert told.count(EventKind.READ_ONLY) == 1


class Sink:
    def __init__(self, kinds):
        self._kinds = kinds

    def publish(self, kind, *rest):
        self._kinds.append(kind)


# -- a plain image, without any copy ----------------------------------------------------------


@pytest.fixture
def plain():
    image = FaultDevice(MemoryDevice.from_bytes(START))
    state = opening.state_without_area(image, GRAIN, thin=False)
    volume = Volume(state, StillImage(image), Path("none"), sink=None, ticking=False)
    return image, volume


@pytest.mark.parametrize("act", ["flush", "close"])
def test_a_failed_sync_of_a_plain_image_is_not_tried_again(plain, act):
    image, volume = plain
    volume.write(0, filled(1, GRAIN))
    image.fail("sync")
    with pytest.raises(DeviceFailedError) as error:
        getattr(volume, act)()
    assert_says_why(error.value)
    if act == "flush":
        with pytest.raises(ReadOnlyError):
            volume.write(0, filled(2, GRAIN))
    volume.close()
    assert image.calls["sync"] == 1


def test_a_failed_write_to_a_plain_image_is_not_tried_again(plain):
    image, volume = plain
    image.fail("pwritev")
    for kind in (DeviceFailedError, ReadOnlyError):
        with pytest.raises(kind):
            volume.write(0, filled(1, GRAIN))
    assert volume.info().read_only
    assert volume.read(0, SIZE) == START
    assert image.calls["pwritev"] == 1


def test_a_plain_image_on_a_full_disk_goes_on_when_there_is_room(plain):
    image, volume = plain
    image.fail("pwritev", code=errno.ENOSPC)
    with pytest.raises(AreaFullError) as error:
        volume.write(0, filled(1, GRAIN))
    assert_says_why(error.value)
    volume.write(0, filled(2, GRAIN))
    volume.flush()
    assert volume.read(0, GRAIN) == filled(2, GRAIN)


# -- the short way of writes -------------------------------------------------------------------


def _on_the_short_way():
    """Return a play in which a rewrite of grain 0 goes straight to the image."""
    play = Play()
    play.do(("snapshot", "S1", ORIGINAL))
    for number in range(3):
        play.do(("write", ORIGINAL, 0, filled(number, GRAIN)))
        play.volume._state.journal._ring_credit = 0
        play.do(("checkpoint",))
    play.do(("write", ORIGINAL, 0, filled(3, GRAIN)))
    assert play.volume._state.journal.is_direct
    return play


def test_a_direct_rewrite_that_fails_ends_all_writing():
    play = _on_the_short_way()
    play.image.fail("pwrite")
    writes = play.image.calls["pwrite"]
    for _ in range(3):
        with pytest.raises(DeviceFailedError) as error:
            play.do(("write", ORIGINAL, 0, filled(4, GRAIN)))
        assert_says_why(error.value)
    assert play.image.calls["pwrite"] == writes + 1
    assert play.volume.read(0, SIZE, "S1") == START


def test_a_direct_rewrite_without_room_is_refused_alone():
    play = _on_the_short_way()
    play.image.fail("pwrite", code=errno.ENOSPC)
    with pytest.raises(AreaFullError):
        play.do(("write", ORIGINAL, 0, filled(4, GRAIN)))
    play.do(("write", ORIGINAL, 0, filled(5, GRAIN)))
    assert play.volume.read(0, GRAIN) == filled(5, GRAIN)


def test_a_direct_rewrite_that_is_short_is_finished():
    play = _on_the_short_way()
    play.image.shorten("pwrite", 700)
    play.do(("write", ORIGINAL, 0, filled(4, GRAIN)))
    assert play.volume.read(0, GRAIN) == filled(4, GRAIN)
