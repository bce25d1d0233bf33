# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The engine process of a volume of portions killed again and again while their sizes change."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading

import numpy as np
import pytest

from core.engine import create_portions
from core.errors import EngineGoneError
from core.service.launcher import connect_or_start
from core.session import ORIGINAL
from core.volume.portions import SLOT_BYTES
from tests.doubles.ledger import SECTOR_BYTES, View, stamped, stamps_of

pytestmark = pytest.mark.e2e

PORTIONS = 24
SIZES = (1, 2, 7, 8, 9, 64, 127, 128)
COPIES_MAX = 5
ROUNDS = 300 if os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak" else 8
KILL_AFTER_S_MAX = 0.4


class PortionView:
    """What a copy, or the original, is owed: a view of each portion, in sectors."""

    def __init__(self, portions):
        self.portions = [View(stamps) for stamps in portions]

    def latest(self):
        return [portion.latest.copy() for portion in self.portions]

    def flushed(self):
        for portion in self.portions:
            portion.flushed()

    def settle_on(self, found, resizing):
        """Compare; ``resizing`` names a portion that may have another size, and its new stamps."""
        for number, stamps in enumerate(found):
            portion = self.portions[number]
            if resizing is not None and resizing[0] == number:
                wanted = resizing[1]
                if len(wanted) == len(stamps):
                    assert np.array_equal(stamps, wanted), f"portion {number}"
                    self.portions[number] = View(stamps)
                    continue
                reach = min(len(wanted), len(stamps))  # the old size, and sectors of the new
                portion.write(0, reach, wanted[0])
            assert len(stamps) == len(portion.latest), f"size of portion {number}"
            portion.settle_on(stamps)


class Life:
    """One volume of portions through many lives of its engine process."""

    def __init__(self, image, seed):
        self.image = image
        self.random = random.Random(seed)
        self.stamp = 1 << 32
        self.names = self.resized = 0
        sizes = [self.random.choice(SIZES) for _ in range(PORTIONS)]
        create_portions(image, [size * SECTOR_BYTES for size in sizes])
        self.views = {ORIGINAL: PortionView([np.zeros(size, np.uint64) for size in sizes])}
        self.snapshots = {}
        self.taking = self.resizing = self.deleting = None

    def round(self):
        volume = connect_or_start(self.image)
        self.compare(volume)
        delay = self.random.uniform(0.001, KILL_AFTER_S_MAX)
        killer = threading.Timer(delay, os.kill, (volume.welcome.pid, signal.SIGKILL))
        killer.start()
        try:
            while True:
                self.act(volume)
        except EngineGoneError:
            pass
        finally:
            killer.join()
            with contextlib.suppress(EngineGoneError):
                volume.close()

    def compare(self, volume):
        assert volume.check() == []
        hidden = [copy.name for copy in volume.info().copies if copy.deleted]
        volume.purge(hidden)  # killed between the two halves of a deletion
        names = {copy.name for copy in volume.info().copies}
        if self.taking is not None and self.taking[0] in names:
            self.took(*self.taking)
        self.taking = None
        gone = (set(self.views) | set(self.snapshots)) - names - {ORIGINAL}
        assert gone <= {self.deleting}
        for name in gone:
            self.views.pop(name, None)
            self.snapshots.pop(name, None)
        self.deleting = None
        for name in names & set(self.views) | {ORIGINAL}:
            resizing = self.resizing if name == ORIGINAL else None
            self.views[name].settle_on(self.read(volume, name), resizing)
        self.resizing = None
        for name, portions in self.snapshots.items():
            for found, kept in zip(self.read(volume, name), portions, strict=True):
                assert np.array_equal(found, kept), name

    def read(self, volume, name):
        return [
            stamps_of(volume.read(portion.number * SLOT_BYTES, portion.size, name))
            for portion in volume.portions(name)
        ]

    def act(self, volume):
        acts = [self.write] * 40 + [self.resize] * 12 + [self.flush] * 10
        acts += [self.take] * 2 + [self.delete, self.compact, self.rearrange, self.rearrange]
        self.random.choice(acts)(volume)

    def write(self, volume):
        name = self.random.choice(list(self.views))
        number = self.random.randrange(PORTIONS)
        portion = self.views[name].portions[number]
        first = self.random.randrange(len(portion.latest))
        count = self.random.randrange(1, len(portion.latest) - first + 1)
        self.stamp += 1
        portion.write(first, count, self.stamp)
        payload = stamped([self.stamp] * count)
        volume.write(number * SLOT_BYTES + first * SECTOR_BYTES, payload, name)

    def resize(self, volume):
        number, size = self.random.randrange(PORTIONS), self.random.choice(SIZES)
        portions = self.views[ORIGINAL].portions
        self.stamp += 1
        stamps = np.full(size, self.stamp, np.uint64)
        if size == len(portions[number].latest):
            portions[number].write(0, size, self.stamp)
            volume.write_portion(number, stamped(stamps))
            return
        self.resizing = (number, stamps)
        volume.write_portion(number, stamped(stamps))
        portions[number] = View(stamps)
        self.resizing = None
        self.resized += 1

    def flush(self, volume):
        volume.flush()
        for view in self.views.values():
            view.flushed()

    def take(self, volume):
        if len(self.views) + len(self.snapshots) > COPIES_MAX:
            self.delete(volume)
            return
        self.names += 1
        source = self.random.choice([*self.views, *self.snapshots])
        is_clone = source in self.snapshots or self.random.random() < 0.4
        held = self.snapshots.get(source)
        portions = self.views[source].latest() if held is None else held
        self.taking = (f"copy {self.names}", is_clone, portions)
        (volume.clone if is_clone else volume.snapshot)(self.taking[0], source)
        self.took(*self.taking)
        self.taking = None
        for view in self.views.values():
            view.flushed()

    def took(self, name, is_clone, portions):
        if is_clone:
            self.views[name] = PortionView(portions)
        else:
            self.snapshots[name] = portions

    def delete(self, volume):
        names = [*self.snapshots, *self.views]
        names.remove(ORIGINAL)
        if names:
            self.deleting = self.random.choice(names)
            volume.delete([self.deleting], now=True)
            self.views.pop(self.deleting, None)
            self.snapshots.pop(self.deleting, None)
            self.deleting = None

    def compact(self, volume):
        volume.compact_step()

    def rearrange(self, volume):
        volume.rearrange(self.random.choice(("compact", "compact", "full-pointer")))


@pytest.mark.timeout(0 if ROUNDS > 8 else 300)
def test_no_kill_loses_a_portion_or_its_size(runtime_folder, tmp_path):
    life = Life(tmp_path / "portions.img", seed=3)
    for _ in range(ROUNDS):
        life.round()
    volume = connect_or_start(life.image)
    life.compare(volume)
    for act in (life.take, *[life.resize] * 8, life.write, life.flush, life.rearrange):
        act(volume)
    life.compare(volume)
    assert life.names, "no copy was ever taken"
    assert life.resized, "no portion ever got another size"
    volume.shutdown()
