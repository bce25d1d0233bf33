# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An engine that breaks one of its invariants is caught: so much the lives of this folder see.

The letters are those of the journal's head comment.
"""

from __future__ import annotations

import random
from unittest import mock

import msgspec
import pytest

from core.area.additional import AdditionalArea
from core.area.allocator import Allocator
from core.format.catalog import Purged
from core.format.layout import block_ceil
from core.format.superblock import Place
from core.journal.flights import Flights
from core.journal.overlay import Overlay
from core.journal.ring import Ring, RingWrite
from core.journal.writer import Journal
from core.volume import (
    compact,
    fold,
    handdown,
    mechanism,
    needs,
    recover,
    restore,
    restoring,
    takecopy,
    trim,
)
from core.volume import write as write_module
from core.volume.catalog import Catalog
from core.volume.restore import Restore
from core.volume.restoring import Restoring
from core.volume.verified import DamagedSourceError
from tests.crash.life import MIXED, RESTORING, Life, Toll, WrongAfterLossError
from tests.crash.sidedlife import SIDED, SidedLife
from tests.doubles.crashdevice import CrashDevice
from tests.doubles.lateflights import land_late

SEEDS_MAX = 60
NEWER = RESTORING._replace(
    acts={"write": 30, "flush": 12, "snapshot": 8, "restore": 8, "move": 16, "purge": 3, "kill": 2},
    grains=(512, 1024, 4096),
)
"""Copies are taken of the original while it is being restored."""
SIDED_ONLY = SIDED._replace(
    acts={name: share for name, share in SIDED.acts.items() if name != "restore"},
    grains=(512, 1024, 4096),
)
"""What is moved home is of a separation, and of nothing else."""

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]


def _write_in_place_first(patch):
    """I1: new data reaches the image before the original is durable."""
    put = Journal.put

    def early(self, first, stop, payload):
        self._image.pwrite(payload, first * self.overlay._grain_bytes)
        put(self, first, stop, payload)

    patch.setattr(Journal, "put", early)


def _accept_a_torn_group(patch):
    """I2: the last group of the log counts although its data never arrived."""
    patch.setattr(recover, "_payload_is_intact", lambda area, group: True)


def _forget_the_ring_head(patch):
    """I3: the ring begins anew, and nothing says so on disk."""

    def kill(self):
        self.dead_seq, self._position = self.seq, 0

    patch.setattr(Ring, "kill", kill)


def _write_round_the_overlay(patch):
    """I3: a write goes straight to the image while the ring lives, and a sync acknowledges it."""
    kill = Ring.kill

    def may(self, first, stop):
        return not self.overlay.holds_any(first, stop)

    patch.setattr(Journal, "may_write_in_place", may)
    patch.setattr(
        Ring, "kill", lambda self: None if self.has_room(1, self._ring_bytes // 2) else kill(self)
    )


def _flush_without_sync(patch):
    """I3: what went straight to the image is taken for durable."""
    never = property(lambda self: False, lambda self, value: None)
    patch.setattr(Journal, "_has_uncovered", never, raising=False)


def _take_without_flush(patch):
    """I4: the copy is durable before what it holds is."""

    def write_change(self, change, *, flush=True, makes_room=False):
        del flush
        self.barrier()
        self.log.write_change(change, self.covered_ring_seq, makes_room=makes_room)
        self.begin_group()

    patch.setattr(Journal, "write_change", write_change)


def _take_before_the_flights_landed(patch):
    """I4: a group that the copy needs is still on its way."""
    land_late(patch, random.Random(1))
    patch.setattr(Flights, "wait", lambda self: None)
    patch.setattr(Flights, "are_under_way", property(lambda self: False))


def _write_in_place_before_the_flight_landed(patch):
    """I1: a flight writes its new data first, its originals after."""

    def carry_out(self, flight):
        flight.overlay.write_out(self._image)
        buffer = flight.opened.image(flight.group, self._uuid)
        self._cloning._area.pwritev_durable([buffer], flight.group.offset)
        flight.landed.set()

    patch.setattr(Flights, "_carry_out", carry_out)


def _write_the_superblock_before_the_sync(patch):
    """Tables and catalog are named while they are in the caches only."""
    sync = CrashDevice.sync
    patch.setattr(CrashDevice, "sync", lambda self: None if self.path == "area" else sync(self))


def _release_before_the_commit(patch):
    """The old catalog's space is used again while the superblock on disk still names it."""
    write = fold._Fold.write

    def eager(self, journal):
        area: AdditionalArea = self._area
        for place in (area.fields.catalog, area.fields.free_list):
            if place.length:
                area.allocator.release(place.offset, block_ceil(place.length))
        area.allocator.commit_releases()
        none = Place(0, 0)
        fields = msgspec.structs.replace(area.fields, catalog=none, free_list=none)
        area.newest = msgspec.structs.replace(area.newest, fields=fields)
        return write(self, journal)

    patch.setattr(fold._Fold, "write", eager)


def _stage_the_ring_twice(patch):
    """Recovery stages originals that a permanent group holds already."""
    replay = recover.replay_ring
    patch.setattr(
        recover,
        "replay_ring",
        lambda state, journal, groups, coverage: replay(
            state, journal, groups, recover.Coverage(0, coverage.original_seq)
        ),
    )


def _preserve_what_was_overwritten(patch):
    """Recovery takes a ring group from before the newest copy for one from after it."""
    replay = recover.replay_ring
    patch.setattr(
        recover,
        "replay_ring",
        lambda state, journal, groups, coverage: replay(
            state, journal, groups, recover.Coverage(coverage.staged_seq, 0)
        ),
    )


def _replay_without_originals(patch):
    """I1: recovery puts new data in place whose originals are only in the image."""
    patch.setattr(recover, "_preserve", lambda state, journal, first, stop: None)


def _drain_after_the_ring(patch):
    """I1: new data is in place once the ring has it, although the ring has no originals."""
    land = Journal.land

    def early(self):
        is_under_way = self._ring_write is not None
        land(self)
        if is_under_way:
            self.overlay.drain(self._image)

    patch.setattr(Journal, "land", early)


def _say_flushed_before_it_landed(patch):
    """I3: a flush that was begun is taken for one that is done."""
    carry_out = RingWrite.carry_out

    def later(self):
        if self.error is None:
            carry_out(self)
        self.error = None

    patch.setattr(RingWrite, "carry_out", later)


def _write_where_the_ring_still_reads(patch):
    """I3: new data takes the place of what is on its way into the ring."""
    land, mark_flushed = Journal.land, Overlay.mark_flushed

    def late(self):
        is_under_way = self._ring_write is not None
        land(self)
        if is_under_way:
            mark_flushed(self.overlay)

    patch.setattr(Overlay, "mark_flushed", lambda self: None)
    patch.setattr(Journal, "land", late)


def _let_buffers_go_before_it_landed(patch):
    """I3: what is on its way into the ring is overwritten by what is staged next."""
    advance = Journal.advance

    def careless(self):
        ring_write, self._ring_write = self._ring_write, None
        advance(self)
        self._ring_write = ring_write

    patch.setattr(Journal, "advance", careless)


def _take_all_that_leaves_for_flushed(patch):
    """I3: what left memory between two flushes is taken for what the ring has."""
    patch.setattr(Journal, "_note_leaving", lambda self: False)


def _leave_the_ring_out(patch):
    """Recovery does not look into the ring."""
    patch.setattr(recover, "intact_ring_groups", lambda area, dead_seq: iter(()))


def _discard_without_originals(patch):
    """A discard takes from the copies what they read in the image."""
    patch.setattr(trim, "_preserve_before_punch", lambda state, journal, low, high: None)


def _need_no_originals_for_clones(patch):
    """A clone's grain counts as its own although a part of it is not."""
    needed = needs.needed_gaps

    def careless(state, gaps):
        return gaps if state.catalog.needs_every_original else needed(state, gaps)[:0]

    patch.setattr(needs, "needed_gaps", careless)


def _give_back_what_is_only_released(patch):
    """What a clone's new data replaces is a hole before the group that says so is durable."""
    init, release = AdditionalArea.__init__, Allocator.release_many

    def bind(self, device, newest, allocator):
        init(self, device, newest, allocator)
        allocator.device = device

    def release_many(self, starts, lengths):
        release(self, starts, lengths)
        for start, length in zip(starts, lengths, strict=True):
            self.device.discard(int(start), int(length))

    patch.setattr(AdditionalArea, "__init__", bind)
    patch.setattr(Allocator, "release_many", release_many)


def _give_back_before_the_purge(patch):
    """A purged copy's data is a hole before the change that says so is durable."""
    commit = takecopy.commit

    def eager(state, change):
        if isinstance(change, Purged):
            freed = state.catalog.twin().apply(change)
            for start, length in zip(*handdown.extents_of(freed), strict=True):
                state.area.device.discard(int(start), int(length))
        return commit(state, change)

    patch.setattr(takecopy, "commit", eager)


def _move_without_a_sync(patch):
    """Pointers name an extent's new place while the data is in the caches only."""
    copy = compact.Plan._copy

    def careless(self, batch):
        with mock.patch.object(CrashDevice, "sync"):
            copy(self, batch)

    patch.setattr(compact.Plan, "_copy", careless)


def _free_what_moves_too_early(patch):
    """An extent's old place is a hole before the change that names the new one is durable."""
    commit = compact.Plan._commit

    def eager(self, moves):
        for move in moves:
            self._area.device.discard(move.source, move.length)
        commit(self, moves)

    patch.setattr(compact.Plan, "_commit", eager)


def _forget_at_replay_what_moved(patch):
    """Recovery hands the new places out again."""
    patch.setattr(recover, "follow_move", lambda allocator, change: None)


def _say_moved_before_the_sync(patch):
    """What is moved counts as moved while it is in the caches only."""
    checkpoint = Journal.checkpoint

    def early(self):
        self.barrier()
        self.before_ring_dies()
        checkpoint(self)

    patch.setattr(Journal, "checkpoint", early)


def _believe_the_caches(patch):
    """What a killed process moved is taken for durable, because the image reads so."""
    patch.setattr(Journal, "note_uncovered", lambda self: None)


def _let_the_ring_die_first(patch):
    """A client's write to what is being restored is durable by the ring, which dies too early."""

    def checkpoint(self):
        self.barrier()
        if self._has_uncovered or self.ring.is_live:
            self._image.sync()
        self._has_uncovered = False
        self.ring.kill()
        self.before_ring_dies()
        self._update_direct()

    patch.setattr(Journal, "checkpoint", checkpoint)


def _restore_over_a_live_ring(patch):
    """A ring group from before a restore is taken for a write during it."""
    begin = restore.begin

    def careless(state, source, safety):
        with pytest.MonkeyPatch.context() as own:
            own.setattr(state.journal, "checkpoint", lambda: None)
            begin(state, source, safety)

    patch.setattr(restore, "begin", careless)


def _move_part_of_a_grain(patch):
    """A write to what is being restored leaves the rest of its grain as it was in the image."""

    def write(state, journal, offset, payload):
        write_module._write_original(state, journal, offset, payload)
        shift = state.grain_shift
        if state.restore is not None:
            state.restore.note_moved(offset >> shift, (offset + len(payload) - 1 >> shift) + 1)

    patch.setattr(write_module, "_write_restoring", write)


def _restore_a_clone_that_goes_on(patch):
    """What is restored follows what is written to the clone meanwhile."""
    view = Restoring.view.fget

    def moving(self):
        record = view(self)
        for catalog in catalogs:
            if catalog.restoring is self:
                record.top = catalog.copies[self.source_id].top
        return record

    catalogs, apply = [], Catalog.apply

    def noting(self, change):
        catalogs.append(self)
        return apply(self, change)

    patch.setattr(Catalog, "apply", noting)
    patch.setattr(Restoring, "view", property(moving))


def _take_a_copy_of_what_is_not_durable(patch):
    """A copy taken during a restore reads what was written from the source after a loss."""
    take = takecopy.take

    def without(state, name, source, *, writable):
        with pytest.MonkeyPatch.context() as own:
            if state.restore is not None:
                own.setattr(state.journal, "checkpoint", lambda: None)
            return take(state, name, source, writable=writable)

    patch.setattr(takecopy, "take", without)


def _keep_for_older_copies_only(patch):
    """What a client puts over grains that are left is not preserved for copies taken meanwhile."""
    keep = Restore.keep
    patch.setattr(
        Restore, "keep", lambda self, first, stop, **_: keep(self, first, stop, is_move=True)
    )


def _replay_as_if_nothing_was_restored(patch):
    """Recovery preserves for the copies taken meanwhile what the image holds."""
    patch.setattr(Restore, "has_newer", property(lambda self: False))


def _separate_over_a_live_ring(patch):
    """A ring group from before all new data went elsewhere is taken for a write of today."""
    carry_out = mechanism._carry_out

    def careless(state, change):
        with pytest.MonkeyPatch.context() as own:
            own.setattr(state.journal, "checkpoint", lambda: None)
            carry_out(state, change)

    patch.setattr(mechanism, "_carry_out", careless)


def _free_new_data_before_it_is_home(patch):
    """What a separation moves is a hole as soon as it begins."""
    separate = mechanism.separate

    def eager(state, view):
        runs = [layer.map.flatten() for layer in state.catalog.private_stack(view)]
        tops = {other.top for other in state.catalog.views.values() if other is not view}
        separate(state, view)
        if view.top not in tops:
            for start, length in zip(*handdown.extents_of(runs[:1]), strict=True):
                state.area.device.discard(int(start), int(length))

    patch.setattr(mechanism, "separate", eager)


def _write_into_the_image_all_the_same(patch):
    """New data of the original goes to the image, although a head says that it does not."""
    original = write_module.receive

    def careless(state, offset, length, name):
        view = original(state, offset, length, name)
        return None if view is state.catalog.head else view

    patch.setattr(write_module, "receive", careless)


def _keep_nothing_that_goes(patch):
    """What new data is brought home over is not kept for the copies that read it."""
    needed = needs.needed_gaps

    def careless(state, gaps):
        is_separating = state.restore is not None and not state.restore.restoring.safety_id
        return needed(state, gaps)[:0] if is_separating else needed(state, gaps)

    patch.setattr(needs, "needed_gaps", careless)


def _give_up_the_source_too_early(patch):
    """The layers that a separation reads are dropped when the first part of it is home."""
    follow = restoring.follow

    def eager(catalog, change):
        state = catalog.restoring
        freed = follow(catalog, change)
        if catalog.restoring is not None and not state.safety_id:
            return restoring.end(catalog, state)
        return freed

    patch.setattr(restoring, "follow", eager)


@pytest.mark.parametrize(
    "mutate",
    [
        _separate_over_a_live_ring,
        _free_new_data_before_it_is_home,
        _write_into_the_image_all_the_same,
        _keep_nothing_that_goes,
        _give_up_the_source_too_early,
        _say_moved_before_the_sync,
        _move_part_of_a_grain,
    ],
    ids=lambda mutate: mutate.__name__.strip("_"),
)
def test_a_broken_separation_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    # Where new data is freed too early, the engine itself may find it overwritten.
    with pytest.raises((WrongAfterLossError, DamagedSourceError)):
        _live(SIDED_ONLY, SidedLife)


@pytest.mark.parametrize(
    "mutate",
    [
        _take_a_copy_of_what_is_not_durable,
        _keep_for_older_copies_only,
        _replay_as_if_nothing_was_restored,
    ],
    ids=lambda mutate: mutate.__name__.strip("_"),
)
def test_a_restore_that_harms_a_newer_copy_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(WrongAfterLossError):
        _live(NEWER)


@pytest.mark.parametrize(
    "mutate",
    [
        _say_moved_before_the_sync,
        _believe_the_caches,
        _let_the_ring_die_first,
        _restore_over_a_live_ring,
        _move_part_of_a_grain,
        _restore_a_clone_that_goes_on,
    ],
    ids=lambda mutate: mutate.__name__.strip("_"),
)
def test_a_broken_restore_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(WrongAfterLossError):
        _live(RESTORING)


@pytest.mark.parametrize(
    "mutate",
    [
        _write_in_place_first,
        _accept_a_torn_group,
        _forget_the_ring_head,
        _write_round_the_overlay,
        _flush_without_sync,
        _take_without_flush,
        _take_before_the_flights_landed,
        _write_in_place_before_the_flight_landed,
        _write_the_superblock_before_the_sync,
        _release_before_the_commit,
        _stage_the_ring_twice,
        _preserve_what_was_overwritten,
        _replay_without_originals,
        _drain_after_the_ring,
        _say_flushed_before_it_landed,
        _write_where_the_ring_still_reads,
        _let_buffers_go_before_it_landed,
        _take_all_that_leaves_for_flushed,
        _leave_the_ring_out,
        _discard_without_originals,
        _need_no_originals_for_clones,
        _give_back_what_is_only_released,
        _give_back_before_the_purge,
        _move_without_a_sync,
        _free_what_moves_too_early,
        _forget_at_replay_what_moved,
    ],
    ids=lambda mutate: mutate.__name__.strip("_"),
)
def test_a_broken_engine_is_caught(mutate, monkeypatch):
    mutate(monkeypatch)
    with pytest.raises(WrongAfterLossError):
        _live()


def _live(style=MIXED, life=Life):
    for seed in range(SEEDS_MAX):
        life.of_seed(seed, Toll(crashes_max=150), share=0.5, style=style).run(60)
