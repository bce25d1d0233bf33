# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Giving back and compacting real files while threads write, take, purge and read."""

from __future__ import annotations

import random
import threading
import time

import pytest

from core.engine import open_volume, spacekeeper
from core.errors import RangepairError
from core.units import MIB
from tests.faults.script import filled

pytestmark = pytest.mark.slow

GRAIN = 4096
GRAINS = 4096
SIZE = GRAINS * GRAIN
SECONDS = 5.0
PATIENCE_S = 60.0


class Crowd:
    """Threads on one volume; the first error ends all of them."""

    def __init__(self, volume):
        self.volume = volume
        self.over = threading.Event()
        self.errors = []
        self.kept = {}
        self.done = {"write": 0, "take": 0, "purge": 0, "compact": 0}

    def run(self, *acts):
        threads = [threading.Thread(target=self._repeat, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        self.over.wait(SECONDS)
        patience = time.monotonic() + PATIENCE_S  # on a slow machine not all was done by then
        while not (all(self.done.values()) or self.over.is_set()) and time.monotonic() < patience:
            self.over.wait(0.1)
        self.over.set()
        for thread in threads:
            thread.join()

    def _repeat(self, act):
        rng = random.Random(act.__name__)
        try:
            while not self.over.is_set():
                act(rng)
        except Exception as error:  # noqa: BLE001 (told by the test)
            self.errors.append(error)
            self.over.set()

    def write(self, rng):
        self.done["write"] += 1
        count = rng.choice((1, 1, 1, 16))
        offset = rng.randrange(GRAINS - count) * GRAIN
        self.volume.write(offset, filled(self.done["write"], count * GRAIN))

    def write_clone(self, rng):
        offset = rng.randrange(GRAINS - 8) * GRAIN + 512 * rng.randrange(8)
        self.volume.write(offset, filled(rng.randrange(9999), 512 * rng.randrange(1, 20)), "clone")
        time.sleep(0.001)

    def take(self, rng):
        self.done["take"] += 1
        name = f"s{self.done['take']}"
        self.volume.snapshot(name)
        self.kept[name] = self.volume.read(0, SIZE, name)
        time.sleep(rng.random() / 5)

    def purge(self, rng):
        if len(self.kept) > 3:
            name = rng.choice(list(self.kept)[:-1])
            content = self.kept.pop(name)
            assert self.volume.read(0, SIZE, name) == content
            self.volume.delete([name], now=True)
            self.done["purge"] += 1
        time.sleep(0.05)

    def compact(self, rng):
        step = self.volume.compact_step()
        self.done["compact"] += step.moved_bytes
        time.sleep(rng.random() / 20)


def test_no_copy_changes_while_everything_goes_on_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(spacekeeper, "PAUSE_S", 0.02)
    path = tmp_path / "disk.img"
    path.write_bytes(filled(0, MIB) * (SIZE // MIB))
    with open_volume(path) as volume:
        volume.snapshot("first")
        volume.clone("clone", "first")
        crowd = Crowd(volume)
        crowd.run(crowd.write, crowd.write_clone, crowd.take, crowd.purge, crowd.compact)
        assert crowd.errors == []
        assert all(crowd.done.values()), crowd.done
        assert volume._keeper._prepared().given_bytes > MIB
        assert volume.check() == []
        for name, content in crowd.kept.items():
            assert volume.read(0, SIZE, name) == content, name
        clone = volume.read(0, SIZE, "clone")
    with open_volume(path) as volume:
        assert volume.check() == []
        for name, content in crowd.kept.items():
            assert volume.read(0, SIZE, name) == content, name
        assert volume.read(0, SIZE, "clone") == clone
        assert volume.read(0, SIZE, "first") == filled(0, MIB) * (SIZE // MIB)
        with pytest.raises(RangepairError):
            volume.read(0, SIZE, "nobody")
