# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The engine process killed again and again, at any moment of a life of writes and copies."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading

import numpy as np
import pytest

from core.errors import EngineGoneError
from core.service.launcher import connect_or_start
from core.session import ORIGINAL
from tests.doubles.ledger import SECTOR_BYTES, View, stamped, stamps_of

pytestmark = pytest.mark.e2e

SECTORS = 8192
COPIES_MAX = 6
ROUNDS = 500 if os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak" else 20
KILL_AFTER_S_MAX = 0.4


class Life:
    """One image through many lives of its engine process."""

    def __init__(self, image, seed):
        self.image = image
        self.random = random.Random(seed)
        self.stamp = 1 << 32
        self.names = 0
        first = np.arange(1, SECTORS + 1, dtype=np.uint64)
        image.write_bytes(stamped(first))
        self.views = {ORIGINAL: View(first)}
        self.snapshots = {}
        self.taking = None
        self.deleting = None

    def round(self):
        """Open, compare, act until killed."""
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
        """Compare everything with what is owed; what was under way may be done or not."""
        assert volume.check() == []
        hidden = [copy.name for copy in volume.info().copies if copy.deleted]
        volume.purge(hidden)  # killed between the two halves of a deletion
        names = {copy.name for copy in volume.info().copies}
        if self.taking is not None:
            name, is_clone, stamps = self.taking
            if name in names:
                self.took(name, is_clone, stamps)
            self.taking = None
        if self.deleting is not None and self.deleting not in names:
            self.gone(self.deleting)
        self.deleting = None
        assert names == (set(self.views) | set(self.snapshots)) - {ORIGINAL}
        for name, stamps in self.snapshots.items():
            assert np.array_equal(self.read(volume, name), stamps), name
        for name, view in self.views.items():
            view.settle_on(self.read(volume, name))

    def read(self, volume, name):
        return stamps_of(volume.read(0, SECTORS * SECTOR_BYTES, name))

    def act(self, volume):
        """Do one thing at random."""
        acts = [self.write] * 60 + [self.flush] * 12 + [self.take] * 2 + [self.delete]
        self.random.choice(acts)(volume)

    def write(self, volume):
        name = self.random.choice(list(self.views))
        count = self.random.choice((1, 3, 8, 8, 8, 64, 512))
        first = self.random.randrange(SECTORS - count)
        if count == 8:
            first = first // 8 * 8
        self.stamp += 1
        self.views[name].write(first, count, self.stamp)
        volume.write(first * SECTOR_BYTES, stamped([self.stamp] * count), name)

    def flush(self, volume):
        volume.flush()
        for view in self.views.values():
            view.flushed()

    def take(self, volume):
        if len(self.views) + len(self.snapshots) > COPIES_MAX:
            self.delete(volume)
            return
        self.names += 1
        name, is_clone = f"copy {self.names}", self.random.random() < 0.4
        source = self.random.choice([*self.views, *self.snapshots])
        held = self.snapshots.get(source)
        stamps = self.views[source].latest.copy() if held is None else held
        if held is not None:
            is_clone = True
        self.taking = (name, is_clone, stamps)
        (volume.clone if is_clone else volume.snapshot)(name, source)
        self.took(name, is_clone, stamps)
        self.taking = None
        for view in self.views.values():
            view.flushed()

    def took(self, name, is_clone, stamps):
        if is_clone:
            self.views[name] = View(stamps)
        else:
            self.snapshots[name] = stamps

    def delete(self, volume):
        names = [*self.snapshots, *self.views]
        names.remove(ORIGINAL)
        if names:
            self.deleting = self.random.choice(names)
            volume.delete([self.deleting], now=True)
            self.gone(self.deleting)
            self.deleting = None

    def gone(self, name):
        self.views.pop(name, None)
        self.snapshots.pop(name, None)


@pytest.mark.timeout(0 if ROUNDS > 20 else 300)
def test_no_kill_loses_what_was_promised(runtime_folder, image):
    life = Life(image, seed=5)
    for _ in range(ROUNDS):
        life.round()
    volume = connect_or_start(image)
    life.compare(volume)
    assert life.names, "no copy was ever taken"
    volume.shutdown()
