# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Bring an additional area that was not closed cleanly to a whole state again.

First the log from where the superblock says: groups with consecutive numbers, each naming the place
of the next. Groups were written one at a time, so only the last can be torn; its data is verified,
the others' headers and records suffice. A group that is damaged though the next one is whole was
not torn by a power cut: that is told, and nothing is recovered. Then the ring: groups with
consecutive numbers above the dead mark. What they hold of the additional area and no permanent
group covers is staged again. New data of all of them is written in place, in order; where it was
accepted after the newest change of the catalog and the original is not preserved, the image still
holds that, and it is preserved first, as at any write. Doing all of it twice has the same outcome,
so a power cut during recovery does no harm.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import xxhash

from core.answers import PointerKind
from core.area.freeruns import Runs, complement
from core.device.base import aligned_buffer, read_available
from core.errors import CorruptAreaError
from core.format import group as group_format
from core.format import ringgroup
from core.format.block import WAY_OUT
from core.format.catalog import Compacted, Remapped, unpack_change
from core.format.group import KIND_CHANGE, RECORD_WRITE, Group
from core.format.layout import BLOCK_BYTES, EXTENT_BYTES_MAX, RING_OFFSET
from core.journal.cloning import STRETCH_BYTES_MIN
from core.journal.log import TAIL_BYTES_MAX
from core.mapping.grainset import GrainSet
from core.volume import handdown, initialmap
from core.volume.compact import follow_move
from core.volume.needs import needed_gaps
from core.volume.read import read_initial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.area.additional import AdditionalArea
    from core.format.ringgroup import RingGroup
    from core.journal.log import Log
    from core.journal.writer import Journal
    from core.volume.layer import Layer
    from core.volume.state import VolumeState

READ_ONLY_BASE: Final = 1 << 62
"""Where the open group of a volume that may not be written pretends to lie: no real address."""

CHANGE_BYTES_MAX: Final = 16 << 20


class Coverage(NamedTuple):
    """Up to which number of the ring log and tables have everything.

    Attributes:
        staged_seq: What these groups hold of the additional area.
        original_seq: The originals of what they write as well, because the catalog was changed or
            tables were written after them. They may be of a layer that is not active any more.
    """

    staged_seq: int
    original_seq: int


def replay_log(state: VolumeState, area: AdditionalArea, log: Log, *, writable: bool) -> Coverage:
    """Bring catalog, layers and allocator up to the end of the log.

    The image may still share blocks with what its groups preserve: it gets its own.

    A power cut may leave a group that names a segment, and the file too short for that: then
    nothing was written there, and it is made to hold the segment if it may be written. Segments
    that the log has left since may lie behind the end of the file, too: it was cut.
    """
    storage = area.allocator.storage
    storage.capacity = max(storage.capacity, area.allocator.end)
    staged_seq = original_seq = area.fields.covered_ring_seq
    for group in intact_groups(area, log.offset, log.seq):
        staged_seq = max(staged_seq, group.covers_ring_seq)
        storage.capacity = max(storage.capacity, group.next_segment_stop)
        log.follow(group)
        if group.kind == KIND_CHANGE:
            original_seq = max(original_seq, group.covers_ring_seq)
            change = unpack_change(group.tail)
            if isinstance(change, Remapped):
                initialmap.replay(state, change)
            else:
                freed = state.catalog.apply(change)
                state.release(*handdown.extents_of(freed), is_replay=True)
            if isinstance(change, Compacted):
                follow_move(state, change)
        elif group.record_count:
            state.note_group(group)
            if writable:
                unshare(state, group)
        area.allocator.commit_releases()  # also of the rest of a segment that the log has left
    if writable:
        if log.segment_stop > area.device.size:
            area.device.allocate(log.offset, log.segment_stop - log.offset)
        storage.capacity = max(area.device.size, area.allocator.end)
    return Coverage(staged_seq, original_seq)


def unshare(state: VolumeState, group: Group) -> None:
    """Give the image blocks of its own where it may share them with a group (``journal.cloning``).

    On a full disk it keeps what it shares. A write there is refused then, or, where it was accepted
    and waited in memory, ends all writing until there is room and the volume was opened again.
    """
    unsharer = getattr(state.image, "unshare", None)
    records = group.records[group.records["kind"] == int(PointerKind.ORIGINAL)]
    if unsharer is None or int(records["length"].sum()) < STRETCH_BYTES_MIN:
        return
    starts, lengths = records["start"].astype(np.int64), records["length"].astype(np.int64)
    gaps = complement(Runs(starts, lengths), 0, state.size_bytes)
    runs = complement(gaps, 0, state.size_bytes)
    for start, length in zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True):
        if length >= STRETCH_BYTES_MIN:
            with contextlib.suppress(OSError):
                unsharer(start, length)


def erase_torn_group(area: AdditionalArea, log: Log) -> None:
    """Erase the header of a torn group at the end of the log, durably.

    The next group goes to the same place. If that one is torn too, but so that this header is still
    there, its bytes may be the very ones that this header names: then a group would count that says
    nothing of what the ring has held since. A torn group may also share blocks with the image: the
    place gets its own again, so that the next group finds the room that was allocated for it.
    """
    unsharer = getattr(area.device, "unshare", None)
    if unsharer is not None:
        with contextlib.suppress(OSError):
            unsharer(log.offset, log.segment_stop - log.offset)
    read = functools.partial(read_available, area.device)
    if group_format.successor_offset(area.uuid, log.offset, log.seq, read) is not None:
        area.device.pwritev_durable([aligned_buffer(BLOCK_BYTES)], log.offset)


def intact_groups(area: AdditionalArea, offset: int, seq: int) -> Iterator[Group]:
    """Yield the groups of the log from ``offset`` on, the torn one at the end left out.

    Raises:
        CorruptAreaError: One is damaged that is not the last.
    """
    group = read_group(area, offset, seq)
    if group is None:
        _refuse_gap(area, offset, seq)
    while group is not None:
        following = read_group(area, group.next_offset, group.seq + 1)
        if following is None:
            _refuse_gap(area, group.next_offset, group.seq + 1)
            if not _payload_is_intact(area, group):
                return
        yield group
        group = following


def intact_ring_groups(area: AdditionalArea, dead_seq: int) -> Iterator[RingGroup]:
    """Yield the live groups of the ring, in order.

    Raises:
        CorruptAreaError: One is damaged that is not the last.
    """
    position, seq = 0, dead_seq + 1
    while (group := _read_ring_group(area, RING_OFFSET + position, seq)) is not None:
        yield group
        position += group.total_bytes
        seq += 1
    read = functools.partial(read_available, area.device)
    following = ringgroup.successor_offset(area.uuid, RING_OFFSET + position, seq, read)
    if following is not None and _read_ring_group(area, following, seq + 1) is not None:
        raise _damaged("ring", RING_OFFSET + position)


def replay_ring(
    state: VolumeState, journal: Journal, groups: list[RingGroup], coverage: Coverage
) -> None:
    """Stage what the ring holds of the additional area, and let its new data wait.

    Nothing is written here unless memory runs short. All that the ring holds is staged before any
    new data waits: it was in one open group once, so it fits into one again, and what is written
    when memory runs short is a group that covers the whole ring. A loss of power after that finds
    nothing left to stage, and of the originals those preserved that may be lost in the image.

    Raises:
        CorruptAreaError: What they hold was to lie behind a group that the log lacks now, or
            belongs to a copy that it does not know of.
    """
    place = journal.log.offset + BLOCK_BYTES
    for group in groups:
        if group.seq > coverage.staged_seq:
            layers = set(group.records["layer"][group.records["kind"] != RECORD_WRITE].tolist())
            is_elsewhere = len(group.originals) and group.originals_base != place
            if is_elsewhere or not layers <= state.catalog.layers.keys():
                raise _damaged("log", journal.log.offset)
            place += len(group.originals)
            journal.make_room(len(group.originals))
            _stage(journal, group)
        journal.ring.seq = group.seq
    active_grains_of(state)
    for group in groups:
        records = group.records
        for start, length, at in _columns(records[records["kind"] == RECORD_WRITE]):
            first = start >> state.grain_shift
            stop = (start + length - 1 >> state.grain_shift) + 1
            if group.seq > coverage.original_seq:
                if state.restore is not None:
                    state.restore.keep(first, stop)
                _preserve(state, journal, first, stop)
            journal.put(first, stop, group.writes[at : at + length])
            if state.restore is not None:  # it began before: see the head of core.volume.restore
                state.restore.note_moved(first, stop)


def _preserve(state: VolumeState, journal: Journal, first: int, stop: int) -> None:
    """Stage originals that are not preserved, from the image and what waits on top of it."""
    active, preserved = state.catalog.active, state.preserved
    if active is None or preserved is None:
        return
    step = max(EXTENT_BYTES_MAX >> state.grain_shift, 1)
    for low, high in needed_gaps(state, preserved.gaps(first, stop)):
        for grain in range(low, high, step):
            start = grain << state.grain_shift
            until = min(grain + step, high)
            length = min(until << state.grain_shift, state.size_bytes) - start
            original = read_initial(state, start, length)
            journal.make_room(length)
            stage_original(journal, active.id, start, original)
            preserved.add(grain, until)


def stage_original(journal: Journal, layer_id: int, start: int, original: bytes) -> None:
    """Stage one extent for which there is room."""
    length = len(original)
    if original.count(0) == length:
        journal.opened.add_zero(layer_id, start, length, int(PointerKind.ZERO))
    else:
        journal.opened.reserve(length)[:] = original
        journal.opened.add(layer_id, start, length, int(PointerKind.ORIGINAL))


def _stage(journal: Journal, group: RingGroup) -> None:
    opened = journal.opened
    for record in group.records:
        kind = int(record["kind"])
        start, length, offset = int(record["start"]), int(record["length"]), int(record["offset"])
        if kind == RECORD_WRITE:
            continue
        if not offset:
            opened.add_zero(int(record["layer"]), start, length, kind)
            continue
        at = offset - group.originals_base
        opened.reserve(length)[:] = group.originals[at : at + length]
        opened.add(int(record["layer"]), start, length, kind)


def _columns(records: group_format.RecordArray) -> Iterator[tuple[int, int, int]]:
    return zip(
        records["start"].tolist(),
        records["length"].tolist(),
        records["offset"].tolist(),
        strict=True,
    )


def read_group(area: AdditionalArea, offset: int, seq: int) -> Group | None:
    """Return the group of the log of this number, if an intact one lies at ``offset``."""
    if offset % BLOCK_BYTES or offset >= area.device.size:
        return None
    tail_max = max(TAIL_BYTES_MAX, CHANGE_BYTES_MAX)
    read = functools.partial(read_available, area.device)
    return group_format.unpack(area.uuid, offset, seq, read, tail_max)


def _refuse_gap(area: AdditionalArea, offset: int, seq: int) -> None:
    """Tell a damaged group from a torn one: the next was written only after it had returned."""
    read = functools.partial(read_available, area.device)
    following = group_format.successor_offset(area.uuid, offset, seq, read)
    if following is not None and read_group(area, following, seq + 1) is not None:
        raise _damaged("log", offset)


def _read_ring_group(area: AdditionalArea, offset: int, seq: int) -> RingGroup | None:
    left = RING_OFFSET + area.fields.ring_bytes - offset
    if offset % BLOCK_BYTES or left <= 0:
        return None
    read = functools.partial(read_available, area.device)
    return ringgroup.unpack(area.uuid, offset, seq, read, left)


def _damaged(what: str, offset: int) -> CorruptAreaError:
    return CorruptAreaError(
        f"The {what} of the additional area is damaged at byte {offset}, and newer groups follow; "
        f"{WAY_OUT}"
    )


def _payload_is_intact(area: AdditionalArea, group: Group) -> bool:
    if group.kind == KIND_CHANGE or not area.has_data:
        return True
    records = group.records
    has_bytes = records["kind"] != int(PointerKind.ZERO)
    for offset, length, checksum in zip(
        records["offset"][has_bytes].tolist(),
        records["length"][has_bytes].tolist(),
        records["checksum"][has_bytes].tolist(),
        strict=True,
    ):
        raw = read_available(area.device, length, offset)
        if len(raw) != length or xxhash.xxh3_64_intdigest(raw) != checksum:
            return False
    return True


def active_grains_of(state: VolumeState) -> None:
    """Find the grains which the active layer preserves, or of which no copy has any byte."""
    active = state.catalog.active
    state.preserved = None if active is None else grains_of(state, active)
    if state.preserved is not None:
        grain, end = state.grain_bytes, -(-state.size_bytes // state.grain_bytes)
        beyond = -(-state.catalog.chain_reaches()[-1] // grain)
        state.preserved.add(beyond, max(beyond, end))


def grains_of(state: VolumeState, layer: Layer) -> GrainSet:
    """Return the grains which a layer has pointers for, durable ones and in the open group."""
    grains = GrainSet(state.grain_bytes)
    for run in layer.map.runs:
        grains.add_run(run)
    grains.add_run(state.staged_run(layer.id))
    return grains
