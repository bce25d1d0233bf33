# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What lies where in both areas, for maps and checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.answers import AreaExtents, AreaState, PointerKind
from core.area.freeruns import Runs, complement
from core.format.layout import BLOCK_BYTES, block_ceil

if TYPE_CHECKING:
    from core.answers import Int64s, UInt8s
    from core.volume.state import VolumeState

Columns = tuple["Int64s", "Int64s", "UInt8s"]
"""Starts, stops and states."""


def initial_extents(state: VolumeState) -> AreaExtents:
    """Return the states of the initial area.

    A grain whose original the active layer holds is PRESERVED; every other is SHARED while there
    are copies, for the newest of them reads it through a range pair; holes are FREE where no copy
    needs them.
    """
    preserved = _preserved_runs(state)
    holes = _holes(state, preserved)
    starts = np.concatenate((preserved[0], holes[0]))
    order = np.argsort(starts, kind="stable")
    states = np.concatenate(
        (
            np.full(len(preserved[0]), AreaState.PRESERVED, np.uint8),
            np.full(len(holes[0]), AreaState.FREE, np.uint8),
        )
    )
    hole_bytes = int((holes[1] - holes[0]).sum())
    return AreaExtents(
        size=state.size_bytes,
        used=state.size_bytes - hole_bytes,
        starts=starts[order],
        stops=np.concatenate((preserved[1], holes[1]))[order],
        states=states[order],
        rest=AreaState.SHARED if state.catalog.copies else AreaState.ORIGINAL_ONLY,
    )


def _preserved_runs(state: VolumeState) -> tuple[Int64s, Int64s]:
    """Return starts and stops of what the active layer preserves, neighbours joined."""
    active = state.catalog.active
    if active is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    runs = [*active.map.runs, state.staged_run(active.id)]
    starts = np.concatenate([run.starts for run in runs])
    stops = np.concatenate([run.starts + run.lengths for run in runs])
    order = np.argsort(starts, kind="stable")
    starts, stops = _join(starts[order], stops[order])
    inside = starts < state.size_bytes  # longer copies have pointers beyond
    return starts[inside], np.minimum(stops[inside], state.size_bytes)


def _join(starts: Int64s, stops: Int64s) -> tuple[Int64s, Int64s]:
    """Join sorted ranges that touch."""
    if not len(starts):
        return starts, stops
    stops = np.maximum.accumulate(stops)  # a piece that was sealed anew lies above the old one
    breaks = np.flatnonzero(starts[1:] > stops[:-1]) + 1
    return starts[np.concatenate(([0], breaks))], stops[
        np.concatenate((breaks - 1, [len(stops) - 1]))
    ]


def _holes(state: VolumeState, preserved: tuple[Int64s, Int64s]) -> tuple[Int64s, Int64s]:
    """Return the holes of the image that are not preserved ranges."""
    found = list(state.image.data_extents(0, state.size_bytes))
    starts = np.array([extent.start for extent in found], np.int64)
    stops = np.array([extent.stop for extent in found], np.int64)
    all_starts = np.concatenate((starts, preserved[0]))
    order = np.argsort(all_starts, kind="stable")
    used = Runs(all_starts[order], (np.concatenate((stops, preserved[1])) - all_starts)[order])
    holes = complement(used, 0, state.size_bytes)
    return holes.starts, holes.starts + holes.lengths


class Frame(NamedTuple):
    """What a picture of the additional area needs beside the pointers; bytes."""

    size: int
    used: int
    metadata: Columns


def frame_of(state: VolumeState) -> Frame:
    """Return size, use and metadata of the additional area; all of it nothing without one."""
    area = state.area
    if area is None:
        return Frame(0, 0, (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8)))
    used = area.allocator.used_bytes + area.allocator.start
    return Frame(area.device.size, used, metadata_extents(state))


def additional_extents(state: VolumeState, frame: Frame) -> AreaExtents:
    """Return the states of the additional area; what no extent covers is free."""
    pointed, meta = pointed_extents(state), frame.metadata
    starts = np.concatenate((pointed[0], meta[0]))
    order = np.argsort(starts, kind="stable")
    return AreaExtents(
        size=frame.size,
        used=frame.used,
        starts=starts[order],
        stops=np.concatenate((pointed[1], meta[1]))[order],
        states=np.concatenate((pointed[2], meta[2]))[order],
        rest=AreaState.FREE,
    )


def pointed_extents(state: VolumeState) -> Columns:
    """Return starts, stops and states of all data in the additional area."""
    runs = []
    for layer in state.catalog.layers.values():
        runs += [layer.map.flatten(), state.staged_run(layer.id)]
    offsets = np.concatenate([run.offsets for run in runs] or [np.empty(0, np.int64)])
    lengths = np.concatenate([run.lengths for run in runs] or [np.empty(0, np.int64)])
    kinds = np.concatenate([run.kinds for run in runs] or [np.empty(0, np.uint8)])
    has_bytes = (kinds != PointerKind.ZERO) & (offsets >= 0)
    is_new = kinds[has_bytes] == PointerKind.NEW
    states = np.where(is_new, AreaState.NEW, AreaState.PRESERVED).astype(np.uint8)
    starts = offsets[has_bytes]
    return starts, starts + lengths[has_bytes], states


def metadata_extents(state: VolumeState) -> Columns:
    """Return starts, stops and states of superblocks, ring, log headers, tables and catalog."""
    area, journal = state.area, state.journal
    assert area is not None
    assert journal is not None
    fields = area.fields
    extents = [(0, area.allocator.start), *journal.log.metadata]
    places = [fields.catalog, fields.free_list, fields.initial_map]
    places += state.catalog.dropped_places
    if state.catalog.restoring is not None and state.catalog.restoring.place is not None:
        places.append(state.catalog.restoring.place)
    places += [
        place for layer in state.catalog.layers.values() for _, place in layer.places.values()
    ]
    extents += [(place.offset, block_ceil(place.length)) for place in places if place.length]
    if journal.opened.count:
        extents.append((journal.opened.base - BLOCK_BYTES, BLOCK_BYTES))
    starts = np.array([start for start, _ in extents], np.int64)
    stops = np.array([start + length for start, length in extents], np.int64)
    return starts, stops, np.full(len(extents), AreaState.METADATA, np.uint8)
