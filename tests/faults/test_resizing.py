# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Each call that a resize makes fails once: one size or the other is found, and all views whole."""

from __future__ import annotations

import errno

import pytest

from core.area.places import IMAGE_BYTES_MIN
from core.device.memory import MemoryDevice
from core.errors import RangepairError
from core.session import ORIGINAL
from tests.doubles.faultdevice import FaultDevice
from tests.engine.stills import bytes_of, read_only_volume, still_volume, views_of
from tests.faults.script import GRAIN, SECTOR, filled

SIZE = 40 * GRAIN + 3 * SECTOR
SIZES = {"longer": SIZE + 20 * GRAIN, "shorter": 9 * GRAIN + SECTOR}
FAILING = (
    "pread", "preadv", "pwrite", "pwritev", "pwritev_durable", "sync", "allocate", "punch",
    "resize",
)  # fmt: skip


class Stage:
    """A volume with copies, one of them a clone with data of its own, on devices that may fail."""

    def __init__(self, *, is_thin):
        content = bytes(IMAGE_BYTES_MIN) if is_thin else filled(0, SIZE)
        self.disks = MemoryDevice.from_bytes(content), MemoryDevice(direct=True)
        self.devices = dict(zip(("image", "area"), map(FaultDevice, self.disks), strict=True))
        thin_bytes = SIZE if is_thin else 0
        self.volume = still_volume(*self.devices.values(), thin_bytes=thin_bytes)
        if is_thin:
            self.volume.write(0, filled(0, SIZE))
        self.volume.snapshot("first")
        self.volume.write(12 * GRAIN, filled(1, 3 * GRAIN))
        self.volume.clone("own", "first")
        self.volume.write(SIZE - GRAIN, filled(2, GRAIN), "own")
        self.volume.snapshot("second")
        self.volume.write(30 * GRAIN, filled(3, 2 * GRAIN))
        self.volume.flush()
        self.before = views_of(self.volume)

    def resized(self, size):
        original = self.before[ORIGINAL]
        return {**self.before, ORIGINAL: original[:size].ljust(size, b"\0")}

    def left(self):
        """Return copies of both disks as they are now."""
        image, area = self.disks
        return MemoryDevice.from_bytes(bytes_of(image)), MemoryDevice.from_bytes(
            bytes_of(area), direct=True
        )


def _cases():
    cases = []
    for is_thin in (False, True):
        for way, size in SIZES.items():
            stage = Stage(is_thin=is_thin)
            start = {name: device.calls.copy() for name, device in stage.devices.items()}
            stage.volume.resize(size, shrinks=True)
            for name, device in stage.devices.items():
                for operation in FAILING:
                    count = device.calls[operation] - start[name][operation]
                    cases += [
                        (is_thin, way, name, operation, nth, code)
                        for nth in range(1, count + 1)
                        for code in (errno.EIO, errno.ENOSPC)
                    ]
    return cases


CASES = _cases()


def test_a_resize_does_everything_that_may_fail():
    seen = {(is_thin, way, name, operation) for is_thin, way, name, operation, _, _ in CASES}
    assert {(False, way, "image", "resize") for way in SIZES} <= seen
    assert {(True, "shorter", "image", "punch"), (False, "shorter", "image", "preadv")} <= seen
    assert {(False, way, "area", "pwritev_durable") for way in SIZES} <= seen


@pytest.mark.parametrize(
    ("is_thin", "way", "name", "operation", "nth", "code"),
    CASES,
    ids=[
        "-".join(map(str, ("thin" if is_thin else "plain", *rest, errno.errorcode[code])))
        for is_thin, *rest, code in CASES
    ],
)
def test_a_call_that_fails_leaves_one_size_or_the_other(is_thin, way, name, operation, nth, code):
    stage, size = Stage(is_thin=is_thin), SIZES[way]
    stage.devices[name].fail(operation, nth, code)
    after = stage.resized(size)
    try:
        stage.volume.resize(size, shrinks=True)
    except RangepairError:
        assert views_of(stage.volume) in (stage.before, after)
    else:
        assert views_of(stage.volume) == after
    stage.devices[name].heal()
    _assert_recoverable(stage, after)
    if stage.volume._state.journal.failed is None:
        stage.volume.resize(size, shrinks=True)
        assert views_of(stage.volume) == after
        assert stage.volume.check() == []
        _assert_recoverable(stage, after)


def _assert_recoverable(stage, after):
    """Open what is on the disks now, read-only and for writing."""
    image, area = stage.left()
    reader = read_only_volume(image, area)
    seen = views_of(reader)
    assert seen in (stage.before, after)
    assert reader.check() == []
    writer = still_volume(image, area)
    assert views_of(writer) == seen
    assert writer.check() == []
    if writer.info().plain:
        assert image.size == writer.info().size
    end = writer.info().size
    writer.resize(end + 30 * GRAIN)
    assert writer.read(end, 30 * GRAIN) == bytes(30 * GRAIN)
    writer.close()
    again = still_volume(image, area)
    assert {name: view for name, view in views_of(again).items() if name != ORIGINAL} == {
        name: view for name, view in seen.items() if name != ORIGINAL
    }
