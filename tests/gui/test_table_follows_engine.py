# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A table loaded once and fed by the real engine's events equals the engine's table ever after."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.engine import create_volume, open_volume
from core.session import ORIGINAL
from gui.demo.controller import EventList
from gui.models.pointertable import Geometry, PointerTable

GRAIN = 4096
GRAINS = 64
SIZE = GRAIN * GRAINS


class Numbered(EventList):
    """Events numbered through, as a ring numbers them."""

    seq = 0

    def take(self):
        events = super().take()
        events["seq"] = np.arange(self.seq + 1, self.seq + 1 + len(events))
        self.seq += len(events)
        return events


def spread(table):
    """Return for each sector what it points to, so that how pieces are cut does not matter."""
    rows = table.rows(0, table.row_count)
    found = []
    for start, stop, offset, kind, _ in zip(*rows, strict=True):
        base = int(offset) if kind <= 1 else 0
        step = 512 if kind <= 1 else 0
        found.extend((int(kind), base + at * step) for at in range(int(stop - start) // 512))
    return found


def act(volume, rng):
    target = [ORIGINAL, "clone", "twig"][rng.integers(3)]
    unit = GRAIN if target == ORIGINAL and rng.random() < 0.5 else 512
    first = int(rng.integers(SIZE // unit))
    count = int(rng.integers(1, min(24, SIZE // unit - first) + 1))
    start, length = first * unit, count * unit
    if rng.random() < 0.1:
        volume.flush()
    if rng.random() < 0.15:
        volume.trim(start, length, target)
    else:
        filled = b"\0" if rng.random() < 0.1 else bytes([int(rng.integers(1, 256))])
        volume.write(start, filled * length, target)


@pytest.mark.parametrize("mechanism", ["copy-on-write", "always-additional", "redirect-on-write"])
@pytest.mark.parametrize("seed", range(4))
def test_tables_of_all_copies_follow(tmp_path, seed, mechanism):
    rng = np.random.default_rng(seed)
    create_volume(tmp_path / "disk.img", SIZE)
    sink = Numbered()
    with open_volume(tmp_path / "disk.img", sink=sink) as volume:
        for grain in range(0, GRAINS, 2):
            volume.write(grain * GRAIN, bytes([grain + 1]) * GRAIN)
        if mechanism == "redirect-on-write":
            volume.rearrange("full-pointer", 0, SIZE // 2)
        volume.choose_mechanism(mechanism)
        volume.snapshot("first")
        volume.clone("clone")
        volume.clone("twig", of="clone")
        names = ("first", "clone", "twig")
        if mechanism == "always-additional":
            names = (*names, ORIGINAL)
        sink.take()
        tables = {name: PointerTable() for name in names}
        for name, table in tables.items():
            table.load(volume.table(name), name, Geometry(SIZE, GRAIN))
            table.event_seq = sink.seq
        for name, step in itertools.product(names, range(40)):
            act(volume, rng)
            if step % 5 == 0:
                events = sink.take()
                for table in tables.values():
                    table.apply(events)
                truth = PointerTable()
                truth.load(volume.table(name), name, Geometry(SIZE, GRAIN))
                assert spread(tables[name]) == spread(truth)


def test_a_table_of_a_shorter_copy_has_nothing_behind_its_end(tmp_path):
    """What a longer volume preserves goes past the copy's end, even within its last grain."""
    short = SIZE - 3 * 512
    create_volume(tmp_path / "disk.img", short)
    sink = Numbered()
    with open_volume(tmp_path / "disk.img", sink=sink) as volume:
        volume.write(0, b"a" * short)
        volume.snapshot("short")
        volume.resize(2 * SIZE)
        volume.snapshot("long")
        sink.take()
        table = PointerTable()
        answer = volume.table("short")
        table.load(answer, "short", Geometry(answer.stop, GRAIN))
        table.event_seq = sink.seq
        for grain in (GRAINS - 2, GRAINS - 1, GRAINS, GRAINS + 9):
            volume.write(grain * GRAIN, b"b" * GRAIN)
        volume.flush()
        assert table.apply(sink.take())
        asked = PointerTable()
        asked.load(volume.table("short"), "short", Geometry(answer.stop, GRAIN))
        assert spread(table) == spread(asked)
        assert table.rows(table.row_count - 1, 1).stops.tolist() == [short]
