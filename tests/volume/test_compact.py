# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept for copies moves together, whatever happens meanwhile, and every view stays."""

from __future__ import annotations

import contextlib
import errno

import numpy as np
import pytest

from core.errors import AreaFullError, DeviceFailedError
from core.format.catalog import LostExtent
from core.mapping.pointerrun import PointerRun
from core.units import KIB
from core.volume import compact
from core.volume.compact import Plan, units_of
from core.volume.fold import fold
from tests.doubles.faultdevice import FaultDevice
from tests.doubles.storeddevice import StoredDevice
from tests.engine.stills import still_volume, views_of
from tests.faults.script import filled

GRAIN = 4096
SIZE = 512 * GRAIN
START = filled(0, SIZE)


class Bench:
    """A volume with gaps in its additional area, and what it must show."""

    def __init__(self):
        self.image, self.stored = StoredDevice(direct=False), StoredDevice()
        self.image.allocate(0, SIZE)
        self.image.pwrite(START, 0)
        self.area = FaultDevice(self.stored)
        self.volume = still_volume(self.image, self.area)
        self._fill()
        self.views = views_of(self.volume)

    def _fill(self):
        volume = self.volume
        for number in range(6):
            volume.snapshot(f"s{number}")
            for grain in range(number % 3, 512, 3):
                volume.write(grain * GRAIN, filled(1000 * number + grain, GRAIN))
        volume.clone("clone", "s2")
        volume.write(10 * GRAIN, filled(9000, 40 * GRAIN), "clone")
        volume.write(12 * GRAIN + 512, filled(9100, 3 * GRAIN), "clone")
        volume.trim(30 * GRAIN, 512, "clone")
        volume.snapshot("frozen", "clone")
        volume.write(11 * GRAIN, filled(9200, GRAIN), "clone")
        volume._state.journal.barrier()
        volume.delete(["s0", "s1", "s3"], now=True)
        fold(volume._state)

    @property
    def allocator(self):
        return self.volume._state.area.allocator

    def again(self):
        """Open what a killed process leaves."""
        return still_volume(self.image.copy(), self.stored.copy())

    def run(self):
        steps = [self.volume.compact_step()]
        while not steps[-1].is_done:
            steps.append(self.volume.compact_step())
            assert len(steps) < 50, "it does not end"
        return steps

    def check(self):
        assert self.volume.check() == []
        assert views_of(self.volume) == self.views
        again = self.again()
        assert again.check() == []
        assert views_of(again) == self.views


@pytest.fixture
def bench():
    return Bench()


def test_everything_moves_together_and_the_file_is_cut(bench):
    before = bench.volume.usage()
    assert before.free_bytes > 2 * before.used_bytes / 3
    steps = bench.run()
    after = bench.volume.usage()
    assert sum(step.moved_bytes for step in steps) > 500 * KIB
    assert steps[-1].remaining_bytes == 0
    assert after.area_bytes == steps[-1].area_bytes < before.area_bytes
    log = bench.volume._state.journal.log
    spare = after.free_bytes - (log.segment_stop - log.offset) - bench.allocator.reserve
    assert spare < 256 * KIB
    assert after.host_bytes == steps[-1].host_bytes <= after.area_bytes
    bench.check()
    bench.volume.close()
    assert views_of(still_volume(bench.image, bench.stored)) == bench.views


def test_a_compact_area_stays_as_it_is(bench):
    bench.run()
    seq = bench.volume._state.area.newest.seq
    size = bench.area.size
    (step,) = bench.run()
    assert (step.moved_bytes, step.is_done, step.area_bytes) == (0, True, size)
    assert bench.volume._state.area.newest.seq > seq
    bench.check()


def test_a_volume_without_an_area_has_nothing_to_compact():
    state_holder = still_volume(StoredDevice(direct=False), StoredDevice())
    state_holder._state.area = state_holder._state.journal = None
    assert state_holder.compact_step().is_done


def test_checksums_and_pieces_travel_along(bench):
    def told(volume):
        layers = volume._state.catalog.layers.values()
        runs = [layer.map.flatten() for layer in layers]
        return [
            (run.starts.tolist(), run.checksums.tolist(), run.heads.tolist(), run.wholes.tolist())
            for run in runs
        ]

    for at, length in ((100 * GRAIN, 8 * GRAIN), (102 * GRAIN + 512, GRAIN)):
        bench.volume.write(at, filled(9300 + length, length), "clone")
        bench.volume._state.journal.barrier()
    bench.views = views_of(bench.volume)
    before = told(bench.volume)
    assert any(head for run in before for head in run[2]), "there are pieces"
    plan = Plan(bench.volume._state, contextlib.nullcontext())
    assert plan.carry_out(float("inf"))
    plan.end()
    assert told(bench.volume) == before
    assert told(bench.again()) == before
    bench.check()


def test_pieces_side_by_side_are_one_unit():
    run = PointerRun.from_columns(
        [0, 512, 4096, 8192, 12288],
        [512, 512, 512, 4096, 4096],
        [1000_0000, 1000_0512, 1000_1536, 0, 2000_0000],
        [1, 1, 1, 2, 0],
        [7, 7, 7, 0, 9],
        heads=[0, 512, 1536, 0, 0],
        wholes=[2048, 2048, 2048, 0, 4096],
    )
    units = units_of([(5, [run])])
    assert units.starts.tolist() == [1000_0000, 1000_1536, 2000_0000]
    assert units.stops.tolist() == [1000_1024, 1000_2048, 2000_4096]
    assert units.layers.tolist() == [5, 5, 5]
    assert not len(units_of([]).starts)
    assert not len(units_of([(5, [run.take(slice(3, 4))])]).starts)


def test_whole_extents_side_by_side_are_units_of_their_own():
    run = PointerRun.from_columns([0, 512], [512, 512], [8192, 8704], [0, 0], [7, 7])
    assert units_of([(1, [run])]).starts.tolist() == [8192, 8704]


# -- what happens between copying and committing -------------------------------------------------


def during_the_copying(bench, monkeypatch, act):
    """Carry out one plan, and ``act`` once after the first batch was copied."""
    copy, acts = Plan._copy, [act]

    def copy_then_act(self, batch):
        copy(self, batch)
        if acts:
            acts.pop()()

    monkeypatch.setattr(Plan, "_copy", copy_then_act)
    plan = Plan(bench.volume._state, contextlib.nullcontext())
    moved = plan.carry_out(float("inf"))
    plan.end()
    bench.views = views_of(bench.volume)
    bench.check()
    assert not bench.allocator._lent.total_bytes
    return moved, plan


def test_what_a_clone_overwrites_meanwhile_is_not_moved(bench, monkeypatch):
    def overwrite():
        bench.volume.write(10 * GRAIN, filled(7000, 40 * GRAIN), "clone")
        bench.volume._state.journal.barrier()
        bench.volume.write(60 * GRAIN, filled(7100, 90 * GRAIN), "clone")

    moved, plan = during_the_copying(bench, monkeypatch, overwrite)
    assert moved < plan.remaining_bytes
    assert bench.volume.read(10 * GRAIN, 40 * GRAIN, "clone") == filled(7000, 40 * GRAIN)


def test_space_that_was_freed_and_used_again_is_not_taken_for_the_old(bench, monkeypatch):
    def replace():
        for number in range(8):
            bench.volume.write(10 * GRAIN, filled(7000 + number, 40 * GRAIN), "clone")
            bench.volume._state.journal.barrier()

    during_the_copying(bench, monkeypatch, replace)


@pytest.mark.parametrize("act", ["purge", "snapshot", "clone"])
def test_a_change_of_the_copies_ends_the_plan(bench, monkeypatch, act):
    acts = {
        "purge": lambda: bench.volume.delete(["s2"], now=True),
        "snapshot": lambda: bench.volume.snapshot("meanwhile"),
        "clone": lambda: bench.volume.clone("meanwhile", "clone"),
    }
    moved, plan = during_the_copying(bench, monkeypatch, acts[act])
    assert (moved, plan.is_stale) == (0, True)


def test_writes_to_the_original_do_not_hinder_it(bench, monkeypatch):
    def write():
        for grain in range(0, 512, 5):
            bench.volume.write(grain * GRAIN, filled(6000 + grain, GRAIN))

    moved, plan = during_the_copying(bench, monkeypatch, write)
    assert moved > 0
    assert not plan.is_stale


def test_a_fold_meanwhile_names_the_targets_free(bench, monkeypatch):
    moved, _ = during_the_copying(bench, monkeypatch, lambda: fold(bench.volume._state))
    assert moved > 0


def test_a_fold_and_a_crash_meanwhile_leave_no_leak(bench, monkeypatch):
    found = []

    def fold_and_look():
        fold(bench.volume._state)
        again = bench.again()
        found.append((again.check(), views_of(again) == bench.views))

    during_the_copying(bench, monkeypatch, fold_and_look)
    assert found == [([], True)]


# -- failures ------------------------------------------------------------------------------------


def test_data_that_cannot_be_read_stays_where_it_is(bench):
    bench.area.fail("preadv", code=errno.EIO)
    with pytest.raises(DeviceFailedError, match="refused to read"):
        bench.volume.compact_step()
    assert not bench.allocator._lent.total_bytes
    bench.check()
    bench.run()
    bench.check()


@pytest.mark.parametrize("operation", ["pwritev", "sync", "pwritev_durable"])
def test_a_failed_write_or_sync_is_the_last(bench, operation):
    bench.area.fail(operation, code=errno.EIO)
    with pytest.raises(DeviceFailedError, match="takes no more writes"):
        bench.run()
    with pytest.raises(DeviceFailedError):
        bench.volume.write(0, filled(1, GRAIN))
    again = bench.again()
    assert again.check() == []
    assert views_of(again) == bench.views


def test_without_room_for_the_change_nothing_moves(bench, monkeypatch):
    log = bench.volume._state.journal.log

    def refuse(change, covers, *, makes_room):
        raise AreaFullError("no room")

    monkeypatch.setattr(log, "write_change", refuse)
    with pytest.raises(AreaFullError):
        bench.volume.compact_step()
    assert not bench.allocator._lent.total_bytes
    bench.check()


def test_small_batches_come_to_the_same(bench, monkeypatch):
    monkeypatch.setattr(compact, "BATCH_BYTES_MAX", 16 * KIB)
    monkeypatch.setattr(compact, "CLUSTER_BYTES_MAX", 8 * KIB)
    monkeypatch.setattr(compact, "UNITS_MAX", 3)
    bench.run()
    bench.check()
    assert np.diff(bench.allocator.free_runs().starts).size < 40


def test_a_step_is_short_and_the_next_goes_on(bench, monkeypatch):
    monkeypatch.setattr("core.engine.compaction.STEP_S", 0.0)
    monkeypatch.setattr(compact, "BATCH_BYTES_MAX", 64 * KIB)
    steps = bench.run()
    moving = [step for step in steps if step.moved_bytes]
    assert len(moving) > 3
    assert all(step.moved_bytes <= 64 * KIB + compact.CLUSTER_BYTES_MAX for step in moving)
    left = [step.remaining_bytes for step in moving]
    assert left[-1] < left[0]
    bench.check()


def test_what_is_known_to_be_lost_is_known_where_it_lies_now(bench):
    catalog = bench.volume._state.catalog
    run = next(layer.map.flatten() for layer in catalog.layers.values() if not layer.private)
    row = int(run.offsets.argmax())
    offset, checksum = int(run.offsets[row]), int(run.checksums[row])
    bench.stored.pwrite(b"damaged" * 73 + b"!", offset)
    catalog.lost = [LostExtent(offset, checksum)]
    assert bench.volume.check() == []
    bench.run()
    (lost,) = catalog.lost
    assert lost.checksum == checksum
    assert lost.address != offset
    assert bench.volume.check() == []
