# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Make an additional area of a dump: all that it says, at the same addresses.

A dump holds everything but bulk data. That may be taken from another additional area, at the
addresses that the dump names; without it the copies are there, and reads of what was kept for them
fail their checksum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from core.answers import PointerKind
from core.area.additional import RESERVE_BYTES, AdditionalArea
from core.area.allocator import Allocator
from core.area.freeruns import Runs, complement
from core.area.initial import InitialArea
from core.device.base import read_available, write_all
from core.errors import AreaFullError, FormatError
from core.format.catalog import (
    CatalogRecord,
    CopyRecord,
    HeadRecord,
    IntegrityRecord,
    LayerRecord,
    LostExtent,
    PolicyRecord,
)
from core.format.layout import RING_OFFSET, block_ceil
from core.format.superblock import Superblock, SuperblockFields
from core.mapping.initialmap import InitialMap, MapExtent, Scheme
from core.mapping.pointerrun import PointerRun
from core.salvage.reading import makes_sense
from core.salvage.writing import fresh_fields, new_log
from core.units import SECTOR_BYTES
from core.volume import initialmap, opening
from core.volume.catalog import Catalog
from core.volume.fold import fold
from core.volume.keptruns import beyond, forget_unnamed, held_runs, named_runs, rows_in_area
from core.volume.outside import check_size
from core.volume.removal import kept_end
from core.volume.state import VolumeState

if TYPE_CHECKING:
    from core.device.base import Device
    from core.salvage.writing import Tell


class _Pointer(msgspec.Struct):
    start: int
    length: int
    kind: str
    offset: int
    checksum: str
    head: int
    whole: int


class _Layer(msgspec.Struct):
    id: int
    private: bool
    parent: int | None
    pointers: list[_Pointer]


class _MapRow(msgspec.Struct):
    start: int
    length: int
    place: int
    scheme: str


class _Lost(msgspec.Struct):
    address: int
    checksum: str


class Dumped(msgspec.Struct):
    """A dump, as ``core.dump`` makes it."""

    superblock: dict[str, Any]
    settled: bool
    generation: int
    next_copy_id: int
    next_layer_id: int
    integrity: list[IntegrityRecord]
    lost: list[_Lost]
    chain: list[int]
    copies: list[CopyRecord]
    layers: list[_Layer]
    policy: PolicyRecord = msgspec.field(default_factory=PolicyRecord)
    head: HeadRecord | None = None
    redirects: bool = False
    initial_map: list[_MapRow] | None = None

    @property
    def mapped(self) -> InitialMap | None:
        """The map of the initial area; None if that is the identity."""
        if self.initial_map is None:
            return None
        return InitialMap(
            MapExtent(row.start, row.length, row.place, Scheme[row.scheme.upper()])
            for row in self.initial_map
        )

    @property
    def fields(self) -> SuperblockFields:
        """The fields of the superblock."""
        raw = {**self.superblock, "fingerprint": bytes.fromhex(self.superblock["fingerprint"])}
        return msgspec.convert(raw, SuperblockFields)

    @property
    def data_bytes(self) -> int:
        """Bytes of data that the pointers name."""
        return sum(
            pointer.length
            for layer in self.layers
            for pointer in layer.pointers
            if pointer.offset > 0
        )


def check_image(dumped: Dumped, image: Device, area_path: str) -> None:
    """See to it that the image is one that a dump may be of.

    Raises:
        ImageChangedError: It has another size, or is shorter than its map.
    """
    mapped = dumped.mapped
    if mapped is None:
        check_size(image, dumped.fields, area_path)
    else:
        initialmap.check_length(image, mapped)


def read_dump(raw: bytes) -> Dumped:
    """Return a dump that makes sense.

    Raises:
        FormatError: It is none, or of a volume that was not settled.
    """
    try:
        dumped = msgspec.json.decode(raw, type=Dumped)
        fields = dumped.fields
        bytes.fromhex(dumped.superblock["uuid"])
        runs = [_run(layer) for layer in dumped.layers]
        _record(dumped)
        mapped = dumped.mapped
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise _no_dump(str(error)) from None
    if not dumped.settled:
        raise FormatError(
            "The dump was made of a volume that was not closed cleanly, and what its log and ring "
            "hold is not in it; open the volume once for writing and make another dump."
        )
    if fields.initial_map.length and mapped is None:
        raise FormatError(
            "The image of this volume lies as a map says that this dump does not hold, so nothing "
            "can be made of it; make another dump, or restore image and additional area from a "
            "backup."
        )
    if mapped is not None and not mapped.makes_sense(fields.size_bytes):
        raise _no_dump("two ranges of its map lie in one place, or one beyond the volume")
    start = block_ceil(RING_OFFSET + fields.ring_bytes)
    sizes = [fields.size_bytes, *(copy.size_bytes for copy in dumped.copies)]
    longest = kept_end(max(sizes))
    if not all(makes_sense(run, longest) for run in runs) or _is_misplaced(runs, start):
        raise _no_dump("its pointers contradict each other")
    try:
        unheld = beyond(named_runs(runs), held_runs(mapped or InitialMap()))
    except ValueError:
        raise _no_dump("two pointers name the same in the image") from None
    if len(unheld.starts):
        raise _no_dump("its map lacks what a pointer names")
    _check_catalog(dumped)
    return dumped


def _no_dump(why: str) -> FormatError:
    return FormatError(
        f"This is no dump of an additional area ({why}); make one with 'rangepair dump IMAGE'."
    )


def _check_catalog(dumped: Dumped) -> None:
    layers = {layer.id for layer in dumped.layers}
    parents = {layer.parent for layer in dumped.layers} - {None}
    views: list[CopyRecord | HeadRecord] = [*dumped.copies]
    if dumped.head is not None:
        views.append(dumped.head)
    named = {*dumped.chain, *parents, *(view.top for view in views)} - {None}
    if not named <= layers or not {view.base for view in views} <= set(dumped.chain):
        raise _no_dump("it names layers that are not in it")


def _is_misplaced(runs: list[PointerRun], start: int) -> bool:
    """Return whether two pointers name the same byte of the area, or one that has another use."""
    offsets = np.concatenate([np.empty(0, np.int64), *(run.offsets for run in runs)])
    lengths = np.concatenate([np.empty(0, np.int64), *(run.lengths for run in runs)])
    kinds = np.concatenate([np.empty(0, np.uint8), *(run.kinds for run in runs)])
    has_bytes = (kinds != PointerKind.ZERO) & (offsets >= 0)
    order = offsets[has_bytes].argsort(kind="stable")
    offsets, lengths = offsets[has_bytes][order], lengths[has_bytes][order]
    if not len(offsets):
        return False
    overlaps = (offsets[:-1] + lengths[:-1] > offsets[1:]).any()
    return bool(overlaps or offsets[0] < start or (offsets % SECTOR_BYTES).any())


def _run(layer: _Layer) -> PointerRun:
    rows = layer.pointers
    return PointerRun.from_columns(
        [row.start for row in rows],
        [row.length for row in rows],
        [row.offset for row in rows],
        [PointerKind[row.kind.upper()] for row in rows],
        np.array([int(row.checksum, 16) for row in rows], np.uint64),
        [row.head for row in rows],
        [row.whole for row in rows],
    )


def _record(dumped: Dumped) -> CatalogRecord:
    return CatalogRecord(
        generation=dumped.generation,
        next_copy_id=dumped.next_copy_id,
        next_layer_id=dumped.next_layer_id,
        copies=dumped.copies,
        layers=[
            LayerRecord(id=layer.id, private=layer.private, parent=layer.parent, tables=[])
            for layer in dumped.layers
        ],
        chain=dumped.chain,
        integrity=dumped.integrity,
        lost=[LostExtent(each.address, int(each.checksum, 16)) for each in dumped.lost],
        policy=dumped.policy,
        head=dumped.head,
        redirects=dumped.redirects,
    )


def write_loaded(
    dumped: Dumped, image: Device, target: Device, image_name: str, data: Device | None, tell: Tell
) -> None:
    """Fill an empty device with what a dump says; durable on return.

    Args:
        dumped: What is loaded.
        image: Of the volume, and fit for it; only looked at.
        target: Empty.
        image_name: Path of the image, relative to the new area's folder.
        data: Has the data of all pointers at their addresses; None leaves holes.
        tell: Called with the bytes of data that were just copied.

    Raises:
        AreaFullError: There is no room for it.
    """
    runs = {layer.id: _run(layer) for layer in dumped.layers}
    state = _begin(dumped, image, target, image_name, list(runs.values()))
    state.catalog = Catalog.from_record(_record(dumped), state.size_bytes)
    for layer_id, run in runs.items():
        state.catalog.layers[layer_id].replace(run)
        if data is not None:
            _copy(run, data, target, tell)
    forget_unnamed(state)
    if not fold(state):
        raise AreaFullError("There is no room for the new additional area; choose another disk.")
    area, fields = state.area, dumped.fields
    assert area is not None
    if fields.clean:
        area.mark(clean=True, fingerprint=fields.fingerprint)


def _begin(
    dumped: Dumped, image: Device, target: Device, image_name: str, runs: list[PointerRun]
) -> VolumeState:
    """Return the state of a volume whose area has room where the pointers say, and an empty log."""
    fields = fresh_fields(dumped.fields, image_name)
    start = block_ceil(RING_OFFSET + fields.ring_bytes)
    used = [run.take(rows_in_area(run)) for run in runs]
    starts = np.concatenate([np.empty(0, np.int64), *(run.offsets for run in used)])
    lengths = np.concatenate([np.empty(0, np.int64), *(run.lengths for run in used)])
    used_end = max(start, int((starts + lengths).max(initial=0)))
    end = block_ceil(used_end)
    target.resize(end)
    allocator = Allocator(
        start,
        end=used_end,
        capacity=end,
        free_runs=complement(Runs(starts, lengths), start, used_end),
        reserve=RESERVE_BYTES,
        grow=target.allocate,
    )
    allocator.forget_storage()
    uuid = bytes.fromhex(dumped.superblock["uuid"])
    area = AdditionalArea(target, Superblock(uuid, 0, fields), allocator)
    state = VolumeState(image, fields.size_bytes, fields.grain_bytes, thin=fields.thin)
    state.area = area
    state.portion_count = fields.portions
    mapped = dumped.mapped
    if mapped is not None:
        state.look_through(InitialArea(image, mapped, fields.size_bytes))
    state.journal = opening.journal_of(state, area, new_log(area, fields.log_seq), 0)
    while state.journal.ring.prepare_step():
        pass
    return state


def _copy(run: PointerRun, data: Device, target: Device, tell: Tell) -> None:
    for offset, length in zip(run.offsets.tolist(), run.lengths.tolist(), strict=True):
        if offset > 0:
            write_all(target, read_available(data, length, offset), offset)
            tell(length)
