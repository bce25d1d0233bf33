# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Answers to questions about an open volume.

What costs as much as there are pointers is asked of a moment (``core.volume.moment``), without the
volume's lock; what must be read of the living state besides is read first, under the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from core.answers import (
    AreaState,
    ByteRange,
    CopyInfo,
    MapAnswer,
    PointerColumns,
    Stats,
    TableAnswer,
    Usage,
    VolumeInfo,
)
from core.area.forecast import full_in_s, room_bytes
from core.device.refusals import readable_path
from core.errors import CorruptAreaError
from core.events import ORIGINAL_ID
from core.format.layout import block_ceil
from core.longwork import RestoreProgress
from core.mapping.pointerrun import EMPTY, PointerRun
from core.session import ORIGINAL
from core.usage import freed_bytes, own_bytes
from core.volume import integrity
from core.volume.counts import counts_of_views
from core.volume.outside import removal_of
from core.volume.picture import additional_extents, initial_extents, metadata_extents
from core.volume.read import Views

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.answers import CopyKind, Mechanism
    from core.area.additional import AdditionalArea
    from core.errors import RangepairError
    from core.format.catalog import CopyRecord
    from core.volume.picture import Frame
    from core.volume.state import VolumeState

    Counts = tuple[int, int]


def volume_head(state: VolumeState, area_path: Path, problem: RangepairError | None) -> VolumeInfo:
    """Return all about the volume but its copies; ``problem``: why a restore does not go on."""
    area = state.area
    return VolumeInfo(
        image=readable_path(state.image.path),
        size=state.size_bytes,
        grain=state.grain_bytes,
        thin=state.thin,
        area=readable_path(str(area_path)),
        uuid="" if area is None else area.uuid.hex(),
        read_only=bool(state.read_only),
        generation=state.catalog.generation,
        event_seq=event_seq(state),
        copies=[],
        notice=_notice(state),
        changed_ranges=[ByteRange(each.start, each.length) for each in state.changed_ranges],
        restoring=_progress(state, problem),
        plain=state.initial is None and not _is_elsewhere(state),
        portions=state.portion_count,
        mechanism=_mechanism(state),
    )


def _mechanism(state: VolumeState) -> Mechanism:
    if state.catalog.head is not None:
        return "always-additional"
    return "redirect-on-write" if state.catalog.redirects else "copy-on-write"


def _is_elsewhere(state: VolumeState) -> bool:
    """Return whether new data of the original is, or was just now, in the additional area."""
    restoring = state.catalog.restoring
    is_separating = restoring is not None and not restoring.safety_id
    return state.catalog.head is not None or is_separating


def _progress(state: VolumeState, problem: RangepairError | None) -> RestoreProgress | None:
    """Return how far the restore under way is; None without one."""
    if state.restore is None:
        return None
    record = state.restore.restoring
    return RestoreProgress(
        source=state.restore.source_name,
        safety=state.catalog.copies[record.safety_id].name if record.safety_id else "",
        whole_bytes=min(record.whole_grains * state.grain_bytes, state.size_bytes),
        left_bytes=state.restore.left_bytes,
        problem="" if problem is None else problem.message,
        is_damaged=isinstance(problem, CorruptAreaError),
    )


def _notice(state: VolumeState) -> str:
    journal = state.journal
    if journal is not None and journal.failed is not None:
        return journal.failed.message
    return state.changed_outside or removal_of(state)


def copy_infos(moment: VolumeState) -> list[CopyInfo]:
    """Return all copies in the order in which they were taken."""
    return [info for info in view_infos(moment) if info.id != ORIGINAL_ID]


def view_infos(moment: VolumeState) -> list[CopyInfo]:
    """Return all copies, and the original behind them if it has pointers of its own."""
    own, counts = own_bytes(moment.catalog), counts_of_views(moment)
    views = moment.catalog.views.values()
    return [_copy_info(moment, view, own[view.id], counts[view.id]) for view in views]


def copy_info(state: VolumeState, views: Views, copy: CopyRecord) -> CopyInfo:
    """Return one copy that was just taken, so that nothing is its own yet."""
    return _copy_info(state, copy, 0, _counts(state, views, copy))


def _copy_info(state: VolumeState, copy: CopyRecord, own: int, counts: Counts) -> CopyInfo:
    parent = state.catalog.copies.get(copy.parent_id)
    pointers, range_pairs = counts
    known = integrity.known_of(state.catalog, copy.id)
    expendable = state.catalog.policy.expendable
    kind: CopyKind = "clone" if copy.writable else "snapshot"
    return CopyInfo(
        name=copy.name,
        id=copy.id,
        kind=kind if copy.id else "original",
        parent=ORIGINAL if parent is None else parent.name,
        created=copy.created,
        locked=copy.locked,
        own_bytes=own,
        size=state.catalog.size_of(copy),
        shared_bytes=state.catalog.size_of(copy) - own,
        pointers=pointers,
        range_pairs=range_pairs,
        deleted=copy.deleted,
        integrity=integrity.badge_of(known),
        damaged_ranges=integrity.told(known.damaged),
        suspect_ranges=integrity.told(known.suspect),
        scrubbed=known.scrubbed,
        expendable=expendable.index(copy.id) + 1 if copy.id in expendable else 0,
    )


def _counts(state: VolumeState, views: Views, copy: CopyRecord) -> Counts:
    """Return pointers and range pairs of one view."""
    run = views.flatten(copy)
    return len(run), len(run.gaps(0, state.catalog.size_of(copy))[0])


def table(moment: VolumeState, name: str, start: int, stop: int, seq: int) -> TableAnswer:
    """Return the resolved pointers of a copy after event ``seq``; the original has none.

    A deleted copy is kept until it is purged, so it can still be looked at.
    """
    copy = moment.catalog.find(name) or moment.copy_named(name)
    run = EMPTY if copy is None else Views(moment).flatten(copy).clip(start, stop)
    return TableAnswer(
        copy_id=0 if copy is None else copy.id,
        start=start,
        stop=stop,
        event_seq=seq,
        columns=columns_of(run),
        is_original_elsewhere=copy is not None and not copy.id,
    )


def columns_of(run: PointerRun) -> PointerColumns:
    """Return a run as columns that may travel."""
    return PointerColumns(run.starts, run.lengths, run.offsets, run.kinds, run.checksums)


def map_answer(moment: VolumeState, frame: Frame, seq: int) -> MapAnswer:
    """Return what lay where in both areas after event ``seq``.

    The image is looked at for holes now. What was written to it since then is no hole any more, and
    the events after ``seq`` say the same once again.
    """
    return MapAnswer(
        event_seq=seq,
        generation=moment.catalog.generation,
        initial=initial_extents(moment),
        additional=additional_extents(moment, frame),
    )


def usage_head(state: VolumeState, bytes_per_s: float | None) -> Usage:
    """Return the space used, without the copies; nothing may be staged.

    ``bytes_per_s`` is the rate at which the area fills, None if it is not known.
    """
    area = state.area
    if area is None:
        return Usage(
            area_bytes=0,
            used_bytes=0,
            free_bytes=0,
            metadata_bytes=0,
            reclaimable_bytes=0,
            copies=[],
            freed_bytes=0,
        )
    starts, stops, states = metadata_extents(state)
    metadata = int((stops - starts)[states == AreaState.METADATA].sum())
    free, room = _free_bytes(state, area), room_bytes(area)
    return Usage(
        area_bytes=area.device.size,
        used_bytes=area.device.size - free,
        free_bytes=free,
        metadata_bytes=metadata,
        reclaimable_bytes=_reclaimable(state),
        copies=[],
        freed_bytes=0,
        host_bytes=area.device.stored_bytes,
        room_bytes=room,
        full_in_seconds=full_in_s(room, bytes_per_s),
        kept_bytes=0 if state.initial is None else state.initial.map.kept_bytes,
    )


def usage(moment: VolumeState, head: Usage, if_deleted: Sequence[str]) -> Usage:
    """Return ``head`` with all copies, and what purging those named would free."""
    names = dict.fromkeys(if_deleted)
    copies = [copy for copy in map(moment.catalog.find, names) if copy is not None]
    return msgspec.structs.replace(
        head,
        copies=copy_infos(moment) if moment.catalog.copies else [],
        freed_bytes=freed_bytes(moment.catalog, copies) if copies else 0,
    )


def _free_bytes(state: VolumeState, area: AdditionalArea) -> int:
    assert state.journal is not None
    log = state.journal.log
    return area.allocator.free_bytes + log.segment_stop - log.offset


def _reclaimable(state: VolumeState) -> int:
    """Return what the next fold gives back: headers of the log, tables of layers that are gone."""
    assert state.journal is not None
    headers = sum(length for _, length in state.journal.log.metadata)
    return headers + sum(block_ceil(place.length) for place in state.catalog.dropped_places)


def stats(state: VolumeState) -> Stats:
    """Return the counters as of now."""
    journal, area = state.journal, state.area
    state.stats.writes += state.lane_writes
    state.stats.written_bytes += state.lane_writes * state.grain_bytes
    state.stats.preserved_portions += state.grains_preserved
    state.stats.preserved_bytes += state.grains_preserved * state.grain_bytes
    state.lane_writes = state.grains_preserved = 0
    state.stats.restoring_bytes = 0 if state.restore is None else state.restore.left_bytes
    if journal is None or area is None:
        return msgspec.structs.replace(state.stats)
    return msgspec.structs.replace(
        state.stats,
        preserved_by_cloning_bytes=journal.flights.cloned_bytes,
        overlay_bytes=journal.overlay.used_bytes,
        staged_bytes=journal.opened.used_bytes,
        flushed_seq=journal.flushed_seq,
        area_bytes=area.device.size,
        area_used_bytes=area.device.size - _free_bytes(state, area),
    )


def event_seq(state: VolumeState) -> int:
    """Return the number of the last event published."""
    return int(getattr(state.sink, "last_seq", 0))
