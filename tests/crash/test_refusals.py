# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A write that fails half way leaves nothing behind that a loss of power could turn into harm."""

from __future__ import annotations

import pytest

from core.errors import RangepairError
from tests.doubles.bareengine import new_volume, reopened
from tests.doubles.crashdisk import CrashDisk
from tests.doubles.faultdevice import FaultDevice
from tests.doubles.oracle import content_of

pytestmark = pytest.mark.crash

GRAIN = 4096
OLD = b"".join(b"%08d" % at * 64 for at in range(240))


@pytest.mark.parametrize(
    ("operation", "nth", "length"),
    [("preadv", 2, 5 * GRAIN), ("pread", 1, GRAIN - 512)],
    ids=["second original", "rest of the grain"],
)
def test_an_original_is_durable_before_its_grain_is_written_after_a_failed_write(
    operation, nth, length
):
    disk = CrashDisk(OLD)
    image = FaultDevice(disk.image)
    volume = new_volume(image, disk.area, GRAIN)
    volume.snapshot("s")
    volume.write(2 * GRAIN, b"a" * GRAIN)
    volume.check()
    volume.write(2 * GRAIN, b"b" * GRAIN)  # from here on rewrites pass to the image directly
    image.fail(operation, nth)
    with pytest.raises(RangepairError):
        volume.write(0, b"c" * length)
    volume.write(0, b"d" * GRAIN)
    lost = disk.after_loss(lambda _, operation: operation.parts)
    after = reopened(lost.image, lost.area)
    assert content_of(after, "s", len(OLD)) == OLD
    assert after.check() == []
