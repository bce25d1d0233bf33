# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Write a new additional area of what was saved of another one.

Every piece of data is verified on the way and gets a checksum of its own, with which it is whole
again. What fails its checksum is taken along as it is, with a checksum that it fails: so a read of
it is refused, instead of falling through to other data; and the catalog lists it as lost, so that
a check does not find it anew. New data of the original that only the ring has stays in a ring.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
import numpy as np
import xxhash

from core.area import additional
from core.area.initial import InitialArea
from core.device.base import aligned_buffer, read_available, write_all
from core.errors import AreaFullError
from core.format import ringhead
from core.format.catalog import LostExtent
from core.format.group import RECORD_WRITE
from core.format.layout import BLOCK_BYTES, RING_HEAD_OFFSETS, block_ceil
from core.format.superblock import NO_PLACE
from core.journal.log import Log
from core.mapping.pointerrun import PointerRun
from core.volume import opening
from core.volume.catalog import Catalog
from core.volume.fold import fold
from core.volume.keptruns import forget_unnamed, rows_in_area
from core.volume.state import VolumeState
from core.volume.verified import WholeExtent, wholes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.answers import UInt64s
    from core.area.additional import AdditionalArea
    from core.device.base import Device, Source
    from core.format.ringgroup import RingGroup
    from core.format.superblock import SuperblockFields
    from core.salvage.reading import Salvaged
    from core.volume.layer import Layer

    Tell = Callable[[int], None]  # bytes of data done, of ``data_bytes``

BATCH_BYTES: Final = 4 << 20


class Piece(NamedTuple):
    """Bytes of one pointer for the new area, and the checksum they will have."""

    raw: bytes
    checksum: int
    is_lost: bool


def data_bytes(found: Salvaged) -> int:
    """Return how much data there is to be copied."""
    runs = [layer.map.flatten() for layer in found.state.catalog.layers.values()]
    return sum(int(run.lengths[rows_in_area(run)].sum()) for run in runs)


def write_area(
    found: Salvaged, source: Device, image: Device, target: Device, image_name: str, tell: Tell
) -> tuple[VolumeState, list[WholeExtent]]:
    """Fill an empty device with what was found; durable on return.

    Args:
        found: What was saved.
        source: The damaged additional area.
        image: Of the volume; only looked at.
        target: Empty.
        image_name: Path of the image, relative to the new area's folder.
        tell: Called with the bytes that were just copied.

    Returns:
        The new state, and the extents in it whose data is lost.

    Raises:
        AreaFullError: There is no room for it.
    """
    state, area = _begin(found, image, target, image_name)
    copying = _Copying(found, source, area, tell)
    for layer_id, layer in found.state.catalog.layers.items():
        state.catalog.layers[layer_id].replace(copying.layer(layer))
    area.allocator.commit_releases()
    forget_unnamed(state)
    lost = copying.lost
    state.catalog.lost = [LostExtent(whole.base, whole.checksum) for whole in lost]
    return state, lost


def finish(state: VolumeState, found: Salvaged) -> None:
    """Write tables, catalog, ring and superblock, durably."""
    area, journal = state.area, state.journal
    assert area is not None
    assert journal is not None
    if not fold(state):
        raise AreaFullError("There is no room for the new additional area; choose another disk.")
    _write_ring_head(area, found.dead_seq)
    for group in found.groups:
        _write_ring_group(state, group)
    area.device.sync()
    newest = found.newest.fields
    is_clean = newest.clean and found.is_complete
    area.write_superblock(
        msgspec.structs.replace(
            area.fields,
            covered_ring_seq=found.covered_seq,
            clean=is_clean,
            fingerprint=newest.fingerprint if is_clean else b"",
        )
    )


def _begin(
    found: Salvaged, image: Device, target: Device, image_name: str
) -> tuple[VolumeState, AdditionalArea]:
    fields = fresh_fields(found.newest.fields, image_name)
    state = VolumeState(image, fields.size_bytes, fields.grain_bytes, thin=fields.thin)
    area = additional.format_area(target, found.newest.uuid, fields)
    state.area = area
    state.portion_count = fields.portions
    if found.state.initial is not None:
        state.look_through(InitialArea(image, found.state.initial.map, fields.size_bytes))
    state.journal = opening.journal_of(state, area, new_log(area, fields.log_seq), found.dead_seq)
    while state.journal.ring.prepare_step():
        pass
    catalog = found.state.catalog
    record = catalog.to_record({id_: [] for id_ in catalog.layers})
    state.catalog = Catalog.from_record(record, fields.size_bytes)
    state.catalog.restoring = catalog.restoring
    if catalog.restoring is not None:
        catalog.restoring.place = None  # it has none in the new area yet
    return state, area


def fresh_fields(fields: SuperblockFields, image_name: str) -> SuperblockFields:
    """Return the fields of a new superblock for a volume that had others."""
    return msgspec.structs.replace(
        fields,
        image_name=image_name,
        area_end=0,
        ring_ready_bytes=0,
        catalog=NO_PLACE,
        free_list=NO_PLACE,
        initial_map=NO_PLACE,
        clean=False,
        fingerprint=b"",
    )


def new_log(area: AdditionalArea, seq: int) -> Log:
    """Return an empty log in a segment of its own."""
    length = area.fields.segment_bytes
    start = area.allocator.allocate(length)
    return Log(
        area.device,
        area.allocator,
        area.uuid,
        segment_bytes=length,
        offset=start,
        seq=seq,
        segment_stop=start + length,
    )


class _Copying:
    """Carries data over, layer by layer.

    Attributes:
        lost: Extents of the new area whose data is not what was written.
    """

    def __init__(self, found: Salvaged, source: Device, area: AdditionalArea, tell: Tell) -> None:
        self.lost: list[WholeExtent] = []
        self._found = found
        self._source = source
        self._area = area
        self._tell = tell

    def layer(self, layer: Layer) -> PointerRun:
        """Copy the data of a layer; return its pointers as they are in the new area."""
        run = layer.map.flatten()
        rows = rows_in_area(run)
        offsets, checksums = run.offsets.copy(), run.checksums.copy()
        self._verify_kept(layer, run, checksums)
        kept = run.take(rows)
        starts, lengths, heads = kept.starts.tolist(), kept.lengths.tolist(), kept.heads.tolist()
        batch: list[Piece] = []
        first = 0
        for number, whole in enumerate(wholes_of(kept)):
            batch.append(self._piece(layer, whole, heads[number], lengths[number]))
            is_last = number == len(rows) - 1
            if is_last or sum(len(piece.raw) for piece in batch) >= BATCH_BYTES:
                some = rows[first : number + 1]
                offsets[some] = self._place(batch, starts[first : number + 1])
                checksums[some] = [piece.checksum for piece in batch]
                first, batch = number + 1, []
        return PointerRun.from_columns(
            run.starts, run.lengths, offsets, run.kinds, checksums, is_sorted=True
        )

    def _verify_kept(self, layer: Layer, run: PointerRun, checksums: UInt64s) -> None:
        """Give what is kept in the image checksums of its own; it stays where it is."""
        rows = np.flatnonzero(run.offsets < 0)
        kept = run.take(rows)
        columns = (kept.starts, kept.lengths, kept.offsets, kept.heads)
        cells = zip(*(column.tolist() for column in columns), strict=True)
        for row, whole, (start, length, address, head) in zip(
            rows.tolist(), wholes_of(kept), cells, strict=True
        ):
            piece = self._piece(layer, whole, head, length)
            checksums[row] = piece.checksum
            if piece.is_lost:
                self.lost.append(WholeExtent(address, length, piece.checksum, start))

    def _piece(self, layer: Layer, whole: WholeExtent, head: int, length: int) -> Piece:
        raw = self._found.staged.get(whole.base, b"")
        if not whole.is_intact(raw):
            raw = self._read(whole).ljust(whole.length, b"\0")
        part = raw[head : head + length]
        digest = xxhash.xxh3_64_intdigest(part)
        if whole.is_intact(raw) or not whole.is_kept_by(layer.map):
            return Piece(part, digest, is_lost=False)
        return Piece(part, digest ^ 1 if length != whole.length else whole.checksum, is_lost=True)

    def _read(self, whole: WholeExtent) -> bytes:
        """Return what there is of an extent; of one that a disk cannot read, what it can."""
        initial = self._found.state.initial
        source: Source = self._source
        if initial is not None and whole.base < 0:
            source = initial.kept
        try:
            return read_available(source, whole.length, whole.base)
        except OSError:
            return b"".join(
                self._read_block(source, at, min(BLOCK_BYTES, whole.base + whole.length - at))
                for at in range(whole.base, whole.base + whole.length, BLOCK_BYTES)
            )

    @staticmethod
    def _read_block(source: Source, offset: int, length: int) -> bytes:
        try:
            return read_available(source, length, offset).ljust(length, b"\0")
        except OSError:
            return bytes(length)

    def _place(self, batch: Sequence[Piece], starts: Sequence[int]) -> list[int]:
        """Write pieces one after the other; return the address of each."""
        payload = b"".join(piece.raw for piece in batch)
        allocator = self._area.allocator
        base = allocator.allocate(block_ceil(len(payload)))
        write_all(self._area.device, payload, base)
        if len(payload) % BLOCK_BYTES:
            allocator.release(base + len(payload), -len(payload) % BLOCK_BYTES)
        offsets, at = [], base
        for piece, start in zip(batch, starts, strict=True):
            if piece.is_lost:
                self.lost.append(WholeExtent(at, len(piece.raw), piece.checksum, start))
            offsets.append(at)
            at += len(piece.raw)
        self._tell(len(payload))
        return offsets


def _write_ring_head(area: AdditionalArea, dead_seq: int) -> None:
    if dead_seq:
        slot = RING_HEAD_OFFSETS[dead_seq % 2]
        write_all(area.device, ringhead.pack(area.uuid, slot, dead_seq), slot)


def _write_ring_group(state: VolumeState, group: RingGroup) -> None:
    """Write what a group of the old ring has for the original as a group of the new one."""
    assert state.journal is not None
    records = group.records[group.records["kind"] == RECORD_WRITE]
    writes = aligned_buffer(len(group.writes))[: len(group.writes)]
    writes[:] = group.writes
    ring_write = state.journal.ring.begin(records.tobytes(), 0, memoryview(b""), writes)
    ring_write.carry_out()
    if ring_write.error is not None:
        raise ring_write.error
