# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An engine process killed at full speed: its snapshots hold, its flushed writes are there."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from core.service.launcher import connect_or_start

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("writes", [1, 50, 2000])
def test_a_killed_engine_loses_nothing_that_was_promised(
    runtime_folder: Path, image: Path, writes: int
) -> None:
    before = image.read_bytes()
    volume = connect_or_start(image)
    volume.snapshot("monday")
    volume.start_workload("random", 0, allow_overwrite=True, seed=writes)
    reached = 0
    while reached < writes:
        status = volume.workload_status()
        assert status is not None
        reached = int(str(status["writes"]))
    os.kill(volume.welcome.pid, signal.SIGKILL)
    volume.close()
    again = connect_or_start(image)
    assert again.check() == []
    assert again.read(0, len(before), "monday") == before
    again.shutdown()


def test_a_flushed_write_survives_a_kill(runtime_folder: Path, image: Path) -> None:
    before = image.read_bytes()
    for round_number in range(4):
        volume = connect_or_start(image)
        if round_number == 0:
            volume.snapshot("monday")
        payload = bytes([round_number + 1]) * 8192
        volume.write(round_number * 16384, payload)
        volume.flush()
        volume.write(round_number * 16384 + 8192, payload)  # not flushed: may be lost
        os.kill(volume.welcome.pid, signal.SIGKILL)
        volume.close()
        again = connect_or_start(image)
        assert again.check() == []
        for past in range(round_number + 1):
            assert again.read(past * 16384, 8192) == bytes([past + 1]) * 8192
        assert again.read(0, len(before), "monday") == before
        again.shutdown()


def test_a_restore_goes_on_after_a_kill(runtime_folder: Path, image: Path) -> None:
    before = image.read_bytes()
    volume = connect_or_start(image)
    volume.snapshot("monday")
    for offset in range(0, len(before), 1 << 20):
        volume.write(offset, bytes([offset >> 20 & 255 | 1]) * min(1 << 20, len(before) - offset))
    changed = volume.read(0, len(before))
    safety = volume.restore("monday").safety
    for _ in range(3):
        os.kill(volume.welcome.pid, signal.SIGKILL)
        volume.close()
        volume = connect_or_start(image)
        assert volume.read(0, len(before)) == before
        assert volume.read(0, len(before), safety) == changed
    deadline = time.monotonic() + 20
    while volume.stats().restoring_bytes:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert volume.check() == []
    volume.shutdown()
    assert image.read_bytes() == before
