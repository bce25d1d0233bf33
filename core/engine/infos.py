# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Answers to questions about an open volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from core.answers import (
    AreaState,
    CopyInfo,
    MapAnswer,
    PointerColumns,
    Stats,
    TableAnswer,
    Usage,
    VolumeInfo,
)
from core.engine.told import readable_path
from core.mapping.chaincounts import chain_counts
from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.stack import stack
from core.session import ORIGINAL
from core.usage import freed_bytes, own_bytes
from core.volume.picture import additional_extents, initial_extents, metadata_extents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from core.format.catalog import CopyRecord
    from core.volume.read import Views
    from core.volume.state import VolumeState

    Counts = tuple[int, int]


def volume_info(state: VolumeState, views: Views, area_path: Path) -> VolumeInfo:
    """Return the volume and all its copies."""
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
        event_seq=_event_seq(state),
        copies=copy_infos(state, views),
        notice=_notice(state),
    )


def _notice(state: VolumeState) -> str:
    journal = state.journal
    if journal is not None and journal.failed is not None:
        return journal.failed.message
    return state.changed_outside


def copy_infos(state: VolumeState, views: Views) -> list[CopyInfo]:
    """Return all copies in the order in which they were taken."""
    own = own_bytes(state.catalog)
    in_chain = _chain_counts(state)
    return [
        _copy_info(
            state,
            copy,
            own[copy.id],
            in_chain[copy.base] if copy.top is None else _counts(state, views, copy),
        )
        for copy in state.catalog.copies.values()
    ]


def copy_info(state: VolumeState, views: Views, copy: CopyRecord) -> CopyInfo:
    """Return one copy that was just taken, so that nothing is its own yet."""
    return _copy_info(state, copy, 0, _counts(state, views, copy))


def _copy_info(state: VolumeState, copy: CopyRecord, own: int, counts: Counts) -> CopyInfo:
    parent = state.catalog.copies.get(copy.parent_id)
    pointers, range_pairs = counts
    return CopyInfo(
        name=copy.name,
        id=copy.id,
        kind="clone" if copy.writable else "snapshot",
        parent=ORIGINAL if parent is None else parent.name,
        created=copy.created,
        locked=copy.locked,
        own_bytes=own,
        shared_bytes=state.size_bytes - own,
        pointers=pointers,
        range_pairs=range_pairs,
        deleted=copy.deleted,
    )


def _counts(state: VolumeState, views: Views, copy: CopyRecord) -> Counts:
    """Return pointers and range pairs of one view."""
    run = views.flatten(copy)
    return len(run), len(run.gaps(0, state.size_bytes)[0])


def _chain_counts(state: VolumeState) -> dict[int, Counts]:
    """Return pointers and range pairs of the views without private layers, by their base."""
    chain = state.catalog.chain
    runs = [
        stack([state.staged_run(id_), state.catalog.layers[id_].map.flatten()]) for id_ in chain
    ]
    pointers, range_pairs = chain_counts(runs, state.size_bytes)
    counts = zip(pointers.tolist(), range_pairs.tolist(), strict=True)
    return dict(zip(chain, counts, strict=True))


def table(
    state: VolumeState, views: Views, copy: CopyRecord | None, start: int, stop: int
) -> TableAnswer:
    """Return the resolved pointers of a copy; the original has none."""
    run = EMPTY if copy is None else views.flatten(copy).clip(start, stop)
    return TableAnswer(
        copy_id=0 if copy is None else copy.id,
        start=start,
        stop=stop,
        event_seq=_event_seq(state),
        columns=columns_of(run),
    )


def columns_of(run: PointerRun) -> PointerColumns:
    """Return a run as columns that may travel."""
    return PointerColumns(run.starts, run.lengths, run.offsets, run.kinds, run.checksums)


def map_answer(state: VolumeState) -> MapAnswer:
    """Return what lies where in both areas."""
    return MapAnswer(
        event_seq=_event_seq(state),
        generation=state.catalog.generation,
        initial=initial_extents(state),
        additional=additional_extents(state),
    )


def usage(state: VolumeState, views: Views, if_deleted: Sequence[CopyRecord]) -> Usage:
    """Return the space used; nothing may be staged."""
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
    free = area.allocator.free_bytes + _log_space(state)
    return Usage(
        area_bytes=area.device.size,
        used_bytes=area.device.size - free,
        free_bytes=free,
        metadata_bytes=metadata,
        reclaimable_bytes=_reclaimable(state),
        copies=copy_infos(state, views),
        freed_bytes=freed_bytes(state.catalog, if_deleted) if if_deleted else 0,
    )


def _log_space(state: VolumeState) -> int:
    assert state.journal is not None
    return state.journal.log.segment_stop - state.journal.log.offset


def _reclaimable(state: VolumeState) -> int:
    """Return what the next fold gives back: headers of the log, tables of layers that are gone."""
    assert state.journal is not None
    headers = sum(length for _, length in state.journal.log.metadata)
    return headers + sum(place.length for place in state.catalog.dropped_places)


def stats(state: VolumeState) -> Stats:
    """Return the counters as of now."""
    journal = state.journal
    state.stats.writes += state.lane_writes
    state.stats.written_bytes += state.lane_writes * state.grain_bytes
    state.lane_writes = 0
    if journal is None:
        return msgspec.structs.replace(state.stats)
    return msgspec.structs.replace(
        state.stats,
        overlay_bytes=journal.overlay.used_bytes,
        staged_bytes=journal.opened.used_bytes,
        flushed_seq=journal.ring.seq,
    )


def _event_seq(state: VolumeState) -> int:
    return int(getattr(state.sink, "last_seq", 0))
