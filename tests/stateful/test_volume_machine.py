# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever is done to a volume, in whatever order: every view equals a full copy of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, rule

from core.area import initial
from core.area.places import IMAGE_BYTES_MIN
from core.device.memory import MemoryDevice
from core.engine import create_volume, open_volume
from core.salvage.repair import Repair
from core.volume import rearrange
from tests.doubles.bareengine import new_volume, reopened
from tests.doubles.storeddevice import StoredDevice
from tests.stateful.volumemachine import VolumeMachine

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0 if IS_SOAK else 300)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Volumes are small here, so must batches and units be."""
    monkeypatch.setattr(rearrange, "BATCH_BYTES", 16384)
    monkeypatch.setattr(initial, "UNIT_BYTES", 8192)


class MemoryMachine(VolumeMachine):
    """Over devices in memory; and after every step, what a killed process leaves is whole."""

    def make(self, content, grain, thin):
        self.image = MemoryDevice.from_bytes(bytes(IMAGE_BYTES_MIN) if thin else content)
        self.area = StoredDevice()
        thin_bytes = len(content) if thin else 0
        return new_volume(self.image, self.area, grain, thin_bytes=thin_bytes)

    def open_again(self):
        return reopened(self.image, self.area)

    @rule()
    def what_is_repaired_of_it_is_whole(self):
        """Of an area that is not damaged, in whatever state it is, all is saved."""
        image, target = self.image.copy(), MemoryDevice(direct=True)
        report = Repair(image, self.area.copy()).write(target, "image", lambda _count: None)
        assert report.is_whole
        looked_at = reopened(image.copy(), target.copy(), writable=False)
        assert self.oracle.copy().settle_on(looked_at) == []
        left = reopened(image, target)
        assert self.oracle.copy().settle_on(left) == []
        assert left.check() == []

    @invariant()
    def what_a_killed_process_leaves_is_whole(self):
        if self.volume is None:
            return
        left = reopened(self.image.copy(), self.area.copy())
        assert self.oracle.copy().settle_on(left) == []
        assert left.check() == []


class FileMachine(VolumeMachine):
    """Over two files, from a plain raw image on, with flights in a thread of their own."""

    def make(self, content, grain, thin):
        self.folder = tempfile.TemporaryDirectory(prefix="rp-machine-")
        self.path = Path(self.folder.name) / "disk.img"
        if thin:
            create_volume(self.path, len(content), thin=True, grain_bytes=grain)
        else:
            self.path.write_bytes(content)  # a plain raw image has the default grain
        return self.open_again()

    def open_again(self):
        volume = open_volume(self.path)
        volume._clock.stop()
        volume._mover.stop()
        return volume

    def drop(self):
        state = self.volume._state
        if state.journal is not None:
            state.journal.close()
        if state.area is not None:
            state.area.device.close()
        state.image_file.close()

    def teardown(self):
        super().teardown()
        if self.volume is not None:
            self.folder.cleanup()


# An example is 40 acts here, so half as many do.
SETTINGS = settings(
    max_examples=settings().max_examples // 2,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)

TestInMemory = MemoryMachine.TestCase
TestInMemory.settings = SETTINGS
TestOnFiles = FileMachine.TestCase
TestOnFiles.settings = SETTINGS
