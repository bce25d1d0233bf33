# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Move extents of the additional area from its end into free runs nearer to its beginning.

Then the end of the file can be cut. Clients write on meanwhile, and copies are taken and purged.

Order of one batch, and why no power cut does harm. The target is *lent*: nobody is handed it, and
the free list on disk names it free. The data is copied there and synced; nothing names it yet, so a
cut leaves free bytes with other content. Then one change in the log says that the pointers name the
target from now on. Before it is durable the source holds the data, after it both do. Only then the
source is free. Replayed, the change marks the target as used and frees the source: no fold between
can have written either of them otherwise.

The data is copied without the volume's lock. Meanwhile a pointer may go: a clone overwrites what it
names, or its copy is purged. All that is released since the plan was made is noted, and what lies
in it is not moved: neither is anything, if copies or layers changed, for then a pointer may be
another layer's. Readers resolve and read under the lock, and so never hold a place that goes.

An extent keeps its checksum. Pieces of one extent that lie side by side move together and so can
still be verified together; a lone piece could not be before either.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from core.answers import PointerKind
from core.area.freeruns import Runs, complement
from core.device.base import read_into, write_all
from core.errors import AreaFullError
from core.format.catalog import Compacted, pack_change
from core.format.layout import BLOCK_BYTES
from core.mapping.pointerrun import join
from core.units import MIB, SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from core.answers import Int64s
    from core.area.additional import AdditionalArea
    from core.mapping.pointerrun import PointerRun
    from core.volume.layer import Layer
    from core.volume.state import VolumeState

BATCH_BYTES_MAX: Final = 4 * MIB
UNITS_MAX: Final = 1024
"""Ranges of one change, so that it fits into what each log segment keeps for changes."""
CLUSTER_BYTES_MAX: Final = 1 * MIB
"""What lies side by side is moved as one up to this length, if there is such a run."""


class Units(NamedTuple):
    """What is moved as one, by address: pieces of an extent side by side, mostly one each.

    Attributes:
        starts, stops: Bytes in the additional area, sorted.
        layers: Id of the layer of each.
    """

    starts: Int64s
    stops: Int64s
    layers: Int64s


class Move(NamedTuple):
    """One range that is moved."""

    source: int
    target: int
    length: int
    layers: frozenset[int]


class Plan:
    """What is to be moved, as of one moment; to be used in one go.

    Attributes:
        remaining_bytes: Of data that lies behind where all would fit.
        is_stale: Copies or layers changed since.
        is_exhausted: All that can be moved was.
    """

    def __init__(self, state: VolumeState, lock: AbstractContextManager[object]) -> None:
        """Look at the volume; from now on all that is released is noted, until ``end``."""
        assert state.area is not None
        self._state = state
        self._area: AdditionalArea = state.area
        self._lock = lock
        self.is_stale = self.is_exhausted = False
        with lock:
            assert state.journal is not None
            state.journal.barrier()
            self._structure = state.structure
            layers = [(layer.id, visible_runs(layer)) for layer in state.catalog.layers.values()]
            packed_end = packed_end_of(state)
            self._area.allocator.watch()
        units = units_of(layers)
        beyond = units.stops > packed_end
        self._units = Units(*(column[beyond] for column in units))
        self.remaining_bytes = int((self._units.stops - self._units.starts).sum())

    def end(self) -> None:
        """Note no more what is released."""
        with self._lock:
            self._area.allocator.unwatch()

    def carry_out(self, seconds_max: float) -> int:
        """Move batches, from the end of the area on, until time is up or nothing fits any more.

        Returns:
            Bytes moved.

        Raises:
            OSError: A write or sync failed; what was moved before is.
            RangepairError: Likewise; or the log has no room for the change.
        """
        deadline, moved = time.monotonic() + seconds_max, 0
        stop = len(self._units.starts)
        while stop:
            with self._lock:
                if self._is_stale():
                    break
                stop, batch = self._lend(stop)
            if batch:
                moved += self._move(batch)
            if time.monotonic() > deadline:
                break
        self.is_exhausted = not (stop or self.is_stale)
        return moved

    def _is_stale(self) -> bool:
        self.is_stale |= self._state.structure != self._structure
        return self.is_stale

    def _lend(self, stop: int) -> tuple[int, list[Move]]:
        """Find targets for units below number ``stop``; return how many units are left, and them.

        Units for which there is nothing nearer to the beginning stay where they are.
        """
        batch, batch_bytes, count = list[Move](), 0, 0
        while stop and batch_bytes < BATCH_BYTES_MAX and count < UNITS_MAX:
            first = self._cluster_first(stop, UNITS_MAX - count)
            count += stop - first
            for move in self._placed(first, stop):
                batch.append(move)
                batch_bytes += move.length
            stop = first
        return stop, batch

    def _cluster_first(self, stop: int, count_max: int) -> int:
        """Return the first of the units up to ``stop`` that lie side by side."""
        starts, stops = self._units.starts, self._units.stops
        first = stop - 1
        while (
            first
            and stops[first - 1] == starts[first]
            and stop - first < count_max
            and stops[stop - 1] - starts[first - 1] <= CLUSTER_BYTES_MAX
        ):
            first -= 1
        return first

    def _placed(self, first: int, stop: int) -> list[Move]:
        """Lend a target for units side by side: for all at once, or for halves of them."""
        units, allocator = self._units, self._area.allocator
        source = int(units.starts[first])
        length = int(units.stops[stop - 1]) - source
        align = BLOCK_BYTES if length % BLOCK_BYTES == 0 else SECTOR_BYTES
        target = allocator.lend_below(length, align, source)
        if target is not None:
            layers = frozenset(units.layers[first:stop].tolist())
            return [Move(source, target, length, layers)]
        if stop - first == 1:
            return []
        middle = (first + stop) // 2
        return self._placed(middle, stop) + self._placed(first, middle)

    def _move(self, batch: list[Move]) -> int:
        """Copy one batch without the lock, then let pointers name it; return the bytes moved."""
        allocator = self._area.allocator
        try:
            self._copy(batch)
            with self._lock:
                journal = self._state.journal
                assert journal is not None
                journal.barrier()  # what is displaced by what is staged is released now
                kept = self._still_there(batch)
                if kept:
                    self._commit(kept)
        except (AreaFullError, OSError):  # nothing on disk names a target
            with self._lock:
                allocator.take_back(targets_of(batch), is_hollow=False)
            raise
        with self._lock:
            dropped = sorted(set(batch) - set(kept))
            allocator.take_back(targets_of(dropped), is_hollow=False)
        return sum(move.length for move in kept)

    def _copy(self, batch: list[Move]) -> None:
        device = self._area.device
        buffer = memoryview(bytearray(max(move.length for move in batch)))
        for move in batch:
            read_into(device, buffer[: move.length], move.source)
            with self._state.writing():
                write_all(device, buffer[: move.length], move.target)
        with self._state.writing():
            device.sync()

    def _still_there(self, batch: list[Move]) -> list[Move]:
        """Return the moves of which no byte was released since the plan was made."""
        if self._is_stale():
            return []
        allocator = self._area.allocator
        released = allocator.watched()
        kept = complement(released, allocator.start, allocator.end)
        whole = []
        for move in batch:
            row = int(kept.starts.searchsorted(move.source, "right")) - 1
            stop = int(kept.starts[row] + kept.lengths[row]) if row >= 0 else 0
            if stop >= move.source + move.length:
                whole.append(move)
        return whole

    def _commit(self, moves: list[Move]) -> None:
        """Make the new places durable, then the old ones free."""
        state = self._state
        journal = state.journal
        assert journal is not None
        ordered = sorted(moves)
        change = Compacted(
            layers=sorted(frozenset[int]().union(*(move.layers for move in ordered))),
            sources=[move.source for move in ordered],
            targets=[move.target for move in ordered],
            lengths=[move.length for move in ordered],
        )
        journal.write_change(pack_change(change), flush=False)
        state.catalog.apply(change)
        self._structure = state.structure = state.structure + 1
        state.chain_edition += 1
        allocator = self._area.allocator
        allocator.keep_lent(targets_of(ordered))
        allocator.release_many(change.sources, change.lengths)
        allocator.commit_releases()


def packed_end_of(state: VolumeState) -> int:
    """Return where the area would end if all that is in use lay together, the log's rest behind."""
    assert state.area is not None
    assert state.journal is not None
    allocator, log = state.area.allocator, state.journal.log
    return allocator.start + allocator.used_bytes - (log.segment_stop - log.offset)


def lower_log(state: VolumeState) -> bool:
    """Let the log go on nearer to the beginning, if it lies far behind all that is in use.

    Without this, the log alone would keep a file long of which all copies were purged.

    Returns:
        Whether it does; a fold then frees what it leaves.
    """
    journal = state.journal
    assert journal is not None
    journal.barrier()
    packed_end = packed_end_of(state)
    if journal.log.offset < 2 * packed_end:
        return False
    with state.writing():
        is_moved = journal.log.move_down()
    if is_moved:
        journal.begin_group()
    return is_moved


def visible_runs(layer: Layer) -> Sequence[PointerRun]:
    """Return runs of a layer in which every pointer is one that readers meet."""
    # A newer run hides parts of older ones; what is hidden may be anybody's by now.
    return (layer.map.flatten(),)


def units_of(
    layers: Sequence[tuple[int, Sequence[PointerRun]]], *, of_initial: bool = False
) -> Units:
    """Return what the given layers have in one area as units, sorted by address."""
    runs = [run for _, runs in layers for run in runs]
    ids = [np.full(len(run), layer_id) for layer_id, runs in layers for run in runs]
    if not runs:
        none = np.empty(0, np.int64)
        return Units(none, none, none)
    every, layer_ids = join(runs), np.concatenate(ids)
    is_there = (every.offsets < 0) == of_initial
    rows = np.flatnonzero((every.kinds != PointerKind.ZERO) & is_there)
    rows = rows[every.offsets[rows].argsort(kind="stable")]
    starts, lengths = every.offsets[rows], every.lengths[rows]
    bases, sums = starts - every.heads[rows], every.checksums[rows]
    goes_on = starts[1:] == starts[:-1] + lengths[:-1]
    goes_on &= (bases[1:] == bases[:-1]) & (sums[1:] == sums[:-1])
    goes_on &= every.heads[rows][1:] > 0
    goes_on &= layer_ids[rows][1:] == layer_ids[rows][:-1]
    firsts = np.flatnonzero(np.concatenate(([True], ~goes_on))) if len(rows) else rows
    lasts = np.concatenate((firsts[1:], [len(rows)])) - 1 if len(rows) else rows
    return Units(starts[firsts], (starts + lengths)[lasts], layer_ids[rows][firsts])


def targets_of(moves: Sequence[Move]) -> Runs:
    """Return where moves lead to."""
    count = len(moves)
    return Runs(
        np.fromiter((move.target for move in moves), np.int64, count),
        np.fromiter((move.length for move in moves), np.int64, count),
    )


def follow_move(state: VolumeState, change: Compacted) -> None:
    """Let free space follow a change that is replayed; the caller commits the release."""
    assert state.area is not None
    for target, length in zip(change.targets, change.lengths, strict=True):
        state.area.allocator.mark_used(target, length)
    sources, lengths = np.array(change.sources, np.int64), np.array(change.lengths, np.int64)
    state.release(sources, lengths, is_replay=True)
