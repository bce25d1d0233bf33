# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Fold the log into tables: what opening then reads instead of the log.

Before that, pieces of extents that were cut get checksums of their own (``core.volume.reseal``).

Everything goes to fresh space, is synced, and becomes true with one superblock; only then is the
space of what it replaces free. Tables are written per run of a layer and stay while the run does,
so a fold costs what is new, not what there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from core.area.additional import place_block
from core.area.freeruns import Runs, merge
from core.device.base import write_all
from core.errors import AreaFullError, CorruptAreaError
from core.format import catalog as catalog_format
from core.format import table
from core.format.block import HEADER_BYTES, WAY_OUT
from core.format.layout import block_ceil
from core.format.superblock import (
    ALWAYS_ADDITIONAL,
    COPY_SIZES,
    NO_PLACE,
    REDIRECT_ON_WRITE,
    RESTORING,
    Place,
)
from core.mapping.pointerrun import PointerRun
from core.volume.catalog import Catalog
from core.volume.reseal import reseal
from core.volume.restoring import extents_of

if TYPE_CHECKING:
    from core.answers import Int64s
    from core.area.additional import AdditionalArea
    from core.format.catalog import LayerRecord, RestoringRecord
    from core.format.superblock import SuperblockFields
    from core.journal.writer import Journal
    from core.volume.layer import Layer
    from core.volume.restoring import Restoring
    from core.volume.state import VolumeState

GROUPS_BEFORE_FOLD: Final = 1024
FAR: Final = 1 << 62
_FREE_LIST_SLACK: Final = 64


def fold(
    state: VolumeState,
    *,
    clean: bool = False,
    fingerprint: bytes = b"",
    tables_below: int = FAR,
    resizing_bytes: int | None = None,
) -> bool:
    """Write tables, catalog and free list, and a superblock that names them.

    Args:
        state: With an additional area; nothing staged or waiting stays so.
        clean: The volume is being closed after a checkpoint.
        fingerprint: Of the image, if ``clean``.
        tables_below: Tables from this address on are written anew, where there is room.
        resizing_bytes: Up to here the image, or its map, may go on behind the volume's end; None
            leaves that as it is.

    Returns:
        False if the area has no room for it; then nothing has changed and the log goes on.
    """
    area, journal = state.area, state.journal
    assert area is not None
    assert journal is not None
    journal.barrier()
    reseal(state)
    work = _Fold(state, area, tables_below)
    with state.writing():
        if state.initial is not None:
            state.initial.sync_content()
        try:
            fields = work.write(journal)
        except AreaFullError:
            work.take_back()
            return False
        area.device.sync()
        fields = msgspec.structs.replace(fields, clean=clean, fingerprint=fingerprint)
        if resizing_bytes is not None:
            fields = msgspec.structs.replace(fields, resizing_bytes=resizing_bytes)
        area.write_superblock(fields, incompatible=_features(state))
    work.release_replaced(journal)
    return True


def fold_twice(state: VolumeState) -> None:
    """Fold so that the second superblock names nothing either of what the first fold replaces."""
    if fold(state):
        fold(state)


def _features(state: VolumeState) -> int:
    """Return the bits of what a reader of this catalog must know."""
    catalog, restoring = state.catalog, state.catalog.restoring
    is_separating = restoring is not None and not restoring.safety_id
    is_elsewhere = catalog.head is not None or is_separating
    features = 0 if restoring is None else 1 << RESTORING
    features |= catalog.has_other_sizes << COPY_SIZES
    has_kept = state.initial is not None and state.initial.map.has_kept
    features |= (catalog.redirects or has_kept) << REDIRECT_ON_WRITE
    return features | is_elsewhere << ALWAYS_ADDITIONAL


class _Fold:
    """One fold: what it has placed, and what it will make free."""

    def __init__(self, state: VolumeState, area: AdditionalArea, tables_below: int) -> None:
        self._state = state
        self._tables_below = tables_below
        self._area = area
        self._placed: list[Place] = []
        self._tables: list[tuple[Layer, PointerRun, Place]] = []
        self._replaced: list[Place] = list(state.catalog.dropped_places)
        self._ranges: Place | None = None

    def write(self, journal: Journal) -> SuperblockFields:
        """Write everything but the superblock; return its fields."""
        state, area, old = self._state, self._area, self._area.fields
        places = {layer.id: self._layer(layer) for layer in state.catalog.layers.values()}
        record = state.catalog.to_record(places)
        if state.catalog.restoring is not None:
            record.restoring = self._restoring(state.catalog.restoring)
        body = catalog_format.encode(record)
        catalog_place = place_block(area, HEADER_BYTES + len(body))
        self._placed.append(catalog_place)
        raw = catalog_format.pack(record, catalog_place.offset, area.uuid, body)
        self._write_at(catalog_place, raw)
        self._replaced += [place for place in (old.catalog, old.free_list) if place.length]
        map_place = self._initial_map(old.initial_map)
        free_place = self._write_free_list(journal)
        return msgspec.structs.replace(
            old,
            size_bytes=self._state.size_bytes,
            log_offset=journal.log.offset,
            log_seq=journal.log.seq,
            segment_stop=journal.log.segment_stop,
            area_end=area.allocator.end,
            covered_ring_seq=journal.covered_ring_seq,
            ring_ready_bytes=journal.ring.ready_bytes,
            catalog=catalog_place,
            free_list=free_place,
            initial_map=map_place,
        )

    def take_back(self) -> None:
        """Free what was placed; nothing durable names it."""
        for place in self._placed:
            self._area.allocator.release(place.offset, block_ceil(place.length))
        self._area.allocator.commit_releases()

    def release_replaced(self, journal: Journal) -> None:
        """Free what the new superblock does not name any more."""
        for layer, run, place in self._tables:
            layer.places[id(run)] = (run, place)
        if self._state.catalog.restoring is not None:
            self._state.catalog.restoring.place = self._ranges
        initial = self._state.initial
        if initial is not None:
            initial.has_table = True
            initial.note_durable()
        starts, lengths = self._replaced_extents(journal)
        self._area.allocator.release_many(starts, lengths)
        self._area.allocator.commit_releases()
        self._area.older = Runs(starts, lengths)
        self._state.catalog.dropped_places.clear()
        journal.log.metadata.clear()
        journal.log.group_count = 0

    def _layer(self, layer: Layer) -> list[Place]:
        """Write the runs of a layer that have no table yet; return all its tables."""
        places, kept = [], set()
        for run in layer.map.runs:
            known = layer.places.get(id(run))
            place = known[1] if known else None
            if place is None or place.offset >= self._tables_below:
                if place is not None:
                    self._replaced.append(place)
                place = self._run(layer, run)
            kept.add(id(run))
            places.append(place)
        for key in [key for key in layer.places if key not in kept]:
            self._replaced.append(layer.places.pop(key)[1])
        return places

    def _run(self, layer: Layer, run: PointerRun) -> Place:
        columns: list[table.Column] = [
            run.starts, run.lengths, run.offsets, run.checksums, run.heads, run.wholes, run.kinds
        ]  # fmt: skip
        uuid, magic = self._area.uuid, table.POINTERS_MAGIC
        place = place_block(self._area, table.length_bytes(magic, len(run)))
        self._placed.append(place)
        self._tables.append((layer, run, place))
        self._write_at(place, table.pack(magic, place.offset, uuid, layer.id, columns))
        return place

    def _restoring(self, restoring: Restoring) -> RestoringRecord:
        """Write the ranges that are left to restore; return the record that names them."""
        starts, stops = extents_of(restoring.left)
        uuid, magic = self._area.uuid, table.RANGES_MAGIC
        place = place_block(self._area, table.length_bytes(magic, len(starts)))
        self._placed.append(place)
        self._ranges = place
        self._write_at(place, table.pack(magic, place.offset, uuid, 0, [starts, stops]))
        if restoring.place is not None:
            self._replaced.append(restoring.place)
        return msgspec.structs.replace(restoring.to_record(), left=place)

    def _initial_map(self, old: Place) -> Place:
        """Write the map of the initial area, if it is not as its table says it is."""
        initial, uuid = self._state.initial, self._area.uuid
        if initial is not None and initial.has_table and old.offset < self._tables_below:
            return old
        if old.length:
            self._replaced.append(old)
        if initial is None:
            return NO_PLACE
        place = place_block(self._area, table.length_bytes(table.MAP_MAGIC, len(initial.map)))
        self._placed.append(place)
        columns = initial.map.columns()
        self._write_at(place, table.pack(table.MAP_MAGIC, place.offset, uuid, 0, columns))
        return place

    def _write_free_list(self, journal: Journal) -> Place:
        """Write what will be free once the superblock holds."""
        allocator, uuid = self._area.allocator, self._area.uuid
        count = len(allocator.free_runs().starts) + len(journal.log.metadata) + len(self._replaced)
        length = table.length_bytes(table.FREE_MAGIC, count + _FREE_LIST_SLACK)
        place = place_block(self._area, length)
        self._placed.append(place)
        free = allocator.free_runs()
        starts, lengths = self._replaced_extents(journal)
        runs = merge(
            Runs(np.concatenate((free.starts, starts)), np.concatenate((free.lengths, lengths)))
        )
        columns = [runs.starts, runs.starts + runs.lengths]
        self._write_at(place, table.pack(table.FREE_MAGIC, place.offset, uuid, 0, columns))
        return place

    def _replaced_extents(self, journal: Journal) -> tuple[Int64s, Int64s]:
        extents = [(place.offset, block_ceil(place.length)) for place in self._replaced]
        extents += journal.log.metadata
        starts = np.fromiter((start for start, _ in extents), np.int64, len(extents))
        return starts, np.fromiter((length for _, length in extents), np.int64, len(extents))

    def _write_at(self, place: Place, raw: bytes) -> None:
        write_all(self._area.device, raw, place.offset)


def load_layers(state: VolumeState, area: AdditionalArea) -> None:
    """Fill catalog and layers from the tables that the superblock names.

    Raises:
        CorruptAreaError: One of them is damaged.
    """
    place = area.fields.catalog
    record = catalog_format.unpack(area.read_place(place), place.offset, area.uuid)
    if record.size_bytes not in {0, state.size_bytes}:
        raise CorruptAreaError(
            f"The catalog at byte {place.offset} is of a volume of {record.size_bytes} bytes, the "
            f"superblock of one of {state.size_bytes}; {WAY_OUT}"
        )
    state.catalog = Catalog.from_record(record, state.size_bytes)
    restoring = state.catalog.restoring
    if restoring is not None and restoring.place is not None:
        place = restoring.place
        raw = area.read_place(place)
        columns = table.unpack(table.RANGES_MAGIC, raw, place.offset, area.uuid)
        restoring.left.add_bytes(columns[0], columns[1])
    _read_ahead(area, [place for layer in record.layers for place in layer.tables])
    for layer_record in record.layers:
        _load_layer(state.catalog, layer_record, area)


def _read_ahead(area: AdditionalArea, places: list[Place]) -> None:
    """Have tables read in as few pieces as they lie in: a thousand small ones lie side by side."""
    start = stop = count = 0
    for offset, length in sorted((place.offset, place.length) for place in places):
        if offset > stop:
            _advise(area, start, stop, count)
            start, count = offset, 0
        stop, count = max(stop, block_ceil(offset + length)), count + 1
    _advise(area, start, stop, count)


def _advise(area: AdditionalArea, start: int, stop: int, count: int) -> None:
    length = min(stop, area.device.size) - start
    if count > 1 and length > 0:
        area.device.advise_willneed(start, length)


def _load_layer(catalog: Catalog, record: LayerRecord, area: AdditionalArea) -> None:
    layer, runs = catalog.layers[record.id], list[PointerRun]()
    for place in record.tables:
        raw = area.read_place(place)
        columns = table.unpack(table.POINTERS_MAGIC, raw, place.offset, area.uuid)
        starts, lengths, offsets, checksums, heads, wholes, kinds = columns
        run = PointerRun(starts, lengths, offsets, kinds, checksums, heads, wholes)
        runs.append(run)
        layer.map.append(run, newer=False)
    kept = {id(run) for run in layer.map.runs}
    for run, place in zip(runs, record.tables, strict=True):
        if id(run) in kept:
            layer.places[id(run)] = (run, place)
        else:
            catalog.dropped_places.append(place)
