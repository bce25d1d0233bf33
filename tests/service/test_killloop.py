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

from core.engine import create_volume
from core.errors import CopyInUseError, EngineGoneError, InvalidRangeError
from core.service.launcher import connect_or_start
from core.session import ORIGINAL
from tests.doubles.ledger import SECTOR_BYTES, View, stamped, stamps_of

pytestmark = pytest.mark.e2e

SECTORS = 8192
COPIES_MAX = 6
ROUNDS = 500 if os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak" else 8
KILL_AFTER_S_MAX = 0.4
SHAPES = ("plain", "thin", "moved")
MAP_ACTS = ("compact", "compact", "full-pointer", "load-point", "relocate", "relocate", "identity")


class Life:
    """One image through many lives of its engine process."""

    def __init__(self, image, seed, shape):
        self.image = image
        self.random = random.Random(seed)
        self.is_mapped = shape != "plain"
        self.stamp = 1 << 32
        self.names = 0
        self.rearranged = self.restored = 0
        first = np.arange(1, SECTORS + 1, dtype=np.uint64)
        if shape == "thin":
            create_volume(image, SECTORS * SECTOR_BYTES, thin=True)
            first[:] = 0
        else:
            image.write_bytes(stamped(first))
        self.views = {ORIGINAL: View(first)}
        self.snapshots = {}
        self.taking = None
        self.deleting = None
        self.restoring = None

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
        if self.restoring is not None:
            safety, stamps = self.restoring
            if safety in names:
                self.has_restored(safety, stamps)
            self.restoring = None
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
        acts += [self.trim] * 4 + [self.restore, self.promote, self.compact, self.scrub]
        acts += [self.rearrange] * 6 if self.is_mapped else []
        self.random.choice(acts)(volume)

    def range(self):
        count = self.random.choice((1, 3, 8, 8, 8, 64, 512))
        first = self.random.randrange(SECTORS - count)
        return (first // 8 * 8 if count == 8 else first), count

    def write(self, volume):
        name = self.random.choice(list(self.views))
        first, count = self.range()
        self.stamp += 1
        self.views[name].write(first, count, self.stamp)
        volume.write(first * SECTOR_BYTES, stamped([self.stamp] * count), name)

    def trim(self, volume):
        name = self.random.choice(list(self.views))
        first, count = self.range()
        self.views[name].write(first, count, 0)
        volume.trim(first * SECTOR_BYTES, count * SECTOR_BYTES, name)

    def flush(self, volume):
        volume.flush()
        self.has_flushed()

    def has_flushed(self):
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
        self.has_flushed()

    def took(self, name, is_clone, stamps):
        if is_clone:
            self.views[name] = View(stamps)
        else:
            self.snapshots[name] = stamps

    def restore(self, volume):
        source = self.random.choice([*self.views, *self.snapshots])
        if source == ORIGINAL or len(self.views) + len(self.snapshots) > COPIES_MAX:
            return
        held = self.snapshots.get(source)
        stamps = self.views[source].latest.copy() if held is None else held
        self.names += 1
        self.restoring = (f"safety {self.names}", stamps)
        if volume.restore(source, self.restoring[0]).safety_id:
            self.has_restored(*self.restoring)
            self.restored += 1
        self.restoring = None
        self.has_flushed()

    def has_restored(self, safety, stamps):
        self.snapshots[safety] = self.views[ORIGINAL].latest.copy()
        self.views[ORIGINAL] = View(stamps)

    def promote(self, volume):
        names = [*self.views, *self.snapshots][1:]
        if names:
            with contextlib.suppress(CopyInUseError):
                volume.promote(self.random.choice(names))

    def compact(self, volume):
        volume.compact_step()

    def scrub(self, volume):
        assert not volume.scrub_step().damaged_bytes

    def rearrange(self, volume):
        """Move some batches of the initial area; a place that is taken is refused."""
        how = self.random.choice(MAP_ACTS)
        first, count = self.range()
        place = self.random.randrange(2 * SECTORS) * SECTOR_BYTES
        whole = how in {"compact", "identity"}
        where = (0, None) if whole else (first * SECTOR_BYTES, count * SECTOR_BYTES)
        with contextlib.suppress(InvalidRangeError):
            for _ in range(self.random.choice((1, 1, 20))):
                self.rearranged += 1
                if not volume.rearrange(how, *where, place).left:
                    break

    def delete(self, volume):
        names = [*self.snapshots, *self.views]
        names.remove(ORIGINAL)
        if names:
            self.deleting = self.random.choice(names)
            try:
                volume.delete([self.deleting], now=True)
            except CopyInUseError:  # a restore under way needs it
                self.deleting = None
                return
            self.gone(self.deleting)
            self.deleting = None

    def gone(self, name):
        self.views.pop(name, None)
        self.snapshots.pop(name, None)


@pytest.mark.timeout(0 if ROUNDS > 8 else 300)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_kill_loses_what_was_promised(runtime_folder, tmp_path, shape):
    image = tmp_path / "disk.img"
    life = Life(image, seed=5, shape=shape)
    for _ in range(ROUNDS):
        life.round()
    volume = connect_or_start(image)
    life.compare(volume)
    # What the last life has to do, however slow the machine was that the others were killed on.
    acts = [life.take, life.write, life.trim, life.take, life.write, life.flush, life.take]
    for act in acts + [life.rearrange] * 3 * life.is_mapped:
        act(volume)
    life.compare(volume)
    assert life.names, "no copy was ever taken"
    assert bool(life.rearranged) == life.is_mapped
    assert life.restored or ROUNDS == 8, "no restore ever came to its end"
    volume.shutdown()
