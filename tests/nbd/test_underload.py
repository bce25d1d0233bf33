# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Snapshots taken, and the engine process killed, while block clients write."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from core.service.launcher import HOST_MODULE, connect_or_start
from tests.doubles import nbdpeer as peer
from tests.doubles.ledger import SECTOR_BYTES, View, stamped, stamps_of
from tests.doubles.nbdclient import Client

if TYPE_CHECKING:
    from pathlib import Path

    from core.service.client import RemoteVolume

pytestmark = pytest.mark.e2e
SECTORS = 4096
ROUNDS = 100 if os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak" else 5
DEPTH = 16


class Writer:
    """Writes stamps, one sector range a write, and remembers all of them in order.

    Attributes:
        writes: (first, count) of every write that was sent; its stamp is its number.
        answered: How many of them were answered: all of the first so many.
    """

    def __init__(self, client: Client, seed: int) -> None:
        self.client = client
        self.random = random.Random(seed)
        self.writes: list[tuple[int, int]] = []
        self.answered = 0
        self.is_stopping = False

    def run(self) -> None:
        """Keep one write under way, so that what is there is always a beginning of all writes."""
        while not self.is_stopping:
            count = self.random.choice((1, 8, 8, 8, 64))
            first = self.random.randrange((SECTORS - count) // count) * count
            self.writes.append((first, count))
            payload = stamped([len(self.writes)] * count)
            self.client.write(first * SECTOR_BYTES, payload)
            self.answered = len(self.writes)
            if self.random.random() < 0.05:
                self.client.flush()


def replayed(writes: list[tuple[int, int]], until: int) -> np.ndarray:
    stamps = np.zeros(SECTORS, np.uint64)
    for number, (first, count) in enumerate(writes[:until], 1):
        stamps[first : first + count] = number
    return stamps


def test_a_snapshot_holds_one_moment_of_a_client_that_writes(
    engine: RemoteVolume, uri: str
) -> None:
    engine.write(0, bytes(SECTORS * SECTOR_BYTES))
    with Client(uri) as client:
        writer = Writer(client, 11)
        thread = threading.Thread(target=writer.run)
        thread.start()
        taken = []
        for number in range(12):
            time.sleep(0.05)
            before = writer.answered
            engine.snapshot(f"s{number}")
            taken.append((before, len(writer.writes), f"s{number}"))
        writer.is_stopping = True
        thread.join()
    for before, after, name in taken:
        with Client(uri, name) as client:
            found = stamps_of(client.read(0, SECTORS * SECTOR_BYTES))
        moments = [
            until
            for until in range(before, after + 1)
            if np.array_equal(found, replayed(writer.writes, until))
        ]
        assert moments, f"{name} is no moment from write {before} to {after}"
    assert engine.check() == []


class Life:
    """One image whose engine process is killed under the load of two connections."""

    def __init__(self, image: Path, module: str = HOST_MODULE) -> None:
        self.image = image
        self.module = module
        self.random = random.Random(3)
        first = np.arange(1, SECTORS + 1, dtype=np.uint64)
        image.write_bytes(stamped(first))
        self.view = View(first)
        self.snapshots: dict[str, np.ndarray] = {}
        self.stamp = 1 << 32

    def compare(self, engine: RemoteVolume) -> None:
        assert engine.check() == []
        for name, stamps in self.snapshots.items():
            assert np.array_equal(stamps_of(engine.read(0, SECTORS * SECTOR_BYTES, name)), stamps)
        self.view.settle_on(stamps_of(engine.read(0, SECTORS * SECTOR_BYTES)))

    def go_on(self, rounds: int) -> None:
        for number in range(rounds):
            self.round(number)

    def round(self, number: int) -> None:
        with connect_or_start(self.image, module=self.module) as engine:
            self.compare(engine)
            engine.snapshot(f"s{number}")
            self.snapshots[f"s{number}"] = self.view.latest.copy()
            self.view.flushed()
            uri = engine.serve().uri
            delay = self.random.uniform(0.05, 0.6)
            killer = threading.Timer(delay, os.kill, (engine.welcome.pid, signal.SIGKILL))
            with Client(uri) as one, Client(uri) as two:
                killer.start()
                with contextlib.suppress(OSError):
                    self.load([one, two])
            killer.join()

    def load(self, clients: list[Client]) -> None:
        """Write batches with many requests under way; now and then flush, on either connection."""
        while True:
            batch: list[tuple[int, int]] = []
            cookies = [self.send(clients[each % 2], batch) for each in range(DEPTH)]
            for each, cookie in enumerate(cookies):
                assert clients[each % 2].wait(cookie).error == 0
            if self.random.random() < 0.3:
                clients[self.random.randrange(2)].flush()
                self.view.flushed()

    def send(self, client: Client, batch: list[tuple[int, int]]) -> int:
        """Write where no other write under way does: then the last one sent is what is there."""
        count = self.random.choice((1, 8, 8, 8, 60))
        self.stamp += 1
        first = self.random.randrange(SECTORS - count) // 8 * 8
        while any(first < stop and start < first + count for start, stop in batch):
            first = self.random.randrange(SECTORS - count) // 8 * 8
        batch.append((first, first + count))
        self.view.write(first, count, self.stamp)
        payload = stamped([self.stamp] * count)
        return client.send(peer.WRITE, first * SECTOR_BYTES, payload=payload)


@pytest.mark.timeout(0 if ROUNDS > 5 else 300)
def test_what_was_flushed_survives_the_death_of_the_engine(
    image: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    life = Life(image)
    life.go_on(ROUNDS)
    with connect_or_start(image) as engine:
        life.compare(engine)
        engine.shutdown()
    assert life.stamp - (1 << 32) > 20 * ROUNDS


@pytest.mark.timeout(300)
def test_a_flush_that_is_not_done_is_found_out(
    image: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the test above would prove nothing."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    life = Life(image, module="tests.doubles.forgetfulhost")
    with pytest.raises(AssertionError, match="sectors lost"):
        life.go_on(30)
