# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Find what is left of a damaged additional area. Changes nothing.

From the best to the worst: the newest superblock and its catalog; the older superblock, its catalog
and the log since, which leads to the same; the whole log, if it is all there; any intact catalog
that lies about. Where it is not sure that nothing is missing after that, every copy is suspect. A
layer of which a table is damaged would let its readers fall through to other data, so whoever reads
it is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import xxhash

from core.answers import PointerKind
from core.device.base import read_available
from core.errors import CorruptAreaError
from core.format import table
from core.format.catalog import Moved, Purged, Remapped, unpack_change
from core.format.group import KIND_CHANGE, RECORD_WRITE
from core.format.layout import BLOCK_BYTES, EXTENT_BYTES_MAX
from core.format.superblock import Superblock
from core.mapping.layermap import LayerMap
from core.mapping.pointerrun import PointerRun
from core.salvage import moving
from core.salvage.catalogs import bare_area, find_beginning, groups_of
from core.salvage.maps import load_map, refuse_lost_map
from core.units import GRAIN_BYTES_DEFAULT, SECTOR_BYTES
from core.volume import initialmap, recover
from core.volume.catalog import Catalog
from core.volume.removal import kept_end
from core.volume.state import VolumeState, run_of

if TYPE_CHECKING:
    from core.area.additional import AdditionalArea
    from core.device.base import Device
    from core.format.catalog import CatalogRecord, LayerRecord
    from core.format.ringgroup import RingGroup

POINTER_BYTES_MAX: Final = 2 * EXTENT_BYTES_MAX
"""No extent is longer; a pointer that says so is damaged."""


@dataclass
class Salvaged:
    """What is left.

    Attributes:
        newest: The newest intact superblock; as not clean if it is not sure that it is.
        state: Catalog and layers; nothing else of it is of use.
        lost_layers: Ids of layers of which pointers are missing.
        lost_copies: By id, name and why it cannot be saved.
        is_complete: Nothing can be missing of catalog and layers, but for what is said to be.
        is_ring_whole: Nothing that was flushed last is missing of the original and of clones.
        losses: What else is lost, a sentence each.
        groups: Live groups of the ring, in order.
        dead_seq, covered_seq: Of the ring; see ``core.volume.recover.Coverage``.
        staged: Data of pointers that only the ring has, by the address it was to have.
        lost_after: Copies that enter the chain after this layer read what nobody knows any more.
    """

    newest: Superblock
    state: VolumeState
    lost_layers: set[int] = field(default_factory=set)
    lost_copies: dict[int, tuple[str, str]] = field(default_factory=dict)
    is_complete: bool = True
    is_ring_whole: bool = True
    losses: list[str] = field(default_factory=list)
    groups: list[RingGroup] = field(default_factory=list)
    dead_seq: int = 0
    covered_seq: int = 0
    staged: dict[int, bytes] = field(default_factory=dict)
    lost_after: int | None = None


def salvage(image: Device, device: Device) -> Salvaged:
    """Return what is left of the additional area on ``device``.

    Raises:
        FormatError: It is none, or of a newer program.
        CorruptAreaError: Nothing is left that could be made something of.
    """
    newest, base, record, losses = find_beginning(image, device)
    found = Salvaged(newest, _empty_state(image, newest), losses=list(losses))
    found.is_complete = base is not None
    _load(found, record, device)
    load_map(found.state, newest, base, device)
    if not newest.fields.catalog.length:
        _guess_grain(found)
    area = bare_area(device, found.newest)
    if base is not None and not (newest.fields.clean and base.seq == newest.seq):
        log_end, staged_seq = _replay_log(found, area, base)
    else:
        log_end, staged_seq = newest.fields.log_offset, newest.fields.covered_ring_seq
        found.covered_seq = staged_seq
    found.state.catalog.resize(found.state.size_bytes)  # an older catalog may be of another size
    refuse_lost_map(found.state, is_complete=found.is_complete)
    _read_ring(found, area, log_end, staged_seq)
    _drop_lost_copies(found)
    return found


def _empty_state(image: Device, newest: Superblock) -> VolumeState:
    fields = newest.fields
    return VolumeState(image, fields.size_bytes, fields.grain_bytes, thin=fields.thin)


def _guess_grain(found: Salvaged) -> None:
    """Take the largest grain that no pointer of the original's layers cuts; any such will do."""
    catalog, size = found.state.catalog, found.state.size_bytes
    edges = 0
    for layer_id in catalog.chain:
        run = catalog.layers[layer_id].map.flatten()
        inner = run.stops[run.stops < size]
        edges |= int(np.bitwise_or.reduce(np.concatenate((run.starts, inner, [0]))))
    grain = min(edges & -edges or GRAIN_BYTES_DEFAULT, GRAIN_BYTES_DEFAULT)
    fields = msgspec.structs.replace(found.newest.fields, grain_bytes=grain)
    found.newest = Superblock(found.newest.uuid, found.newest.seq, fields)


# -- catalog and tables ---------------------------------------------------------------------------


def _load(found: Salvaged, record: CatalogRecord, device: Device) -> None:
    """Fill catalog and layers; leave out copies whose record makes no sense."""
    layers = {layer.id: layer for layer in record.layers}
    record.chain = [layer_id for layer_id in record.chain if layer_id in layers]
    for copy in list(record.copies):
        if copy.base not in record.chain or not _is_rooted(copy.top, layers):
            found.lost_copies[copy.id] = (copy.name, "the catalog names layers that are not there")
            record.copies.remove(copy)
    head = record.head
    if head is not None and (head.base not in record.chain or not _is_rooted(head.top, layers)):
        record.head = None
        found.losses.append(moving.NEW_DATA_LOST)
    record.layers = [layer for layer in record.layers if _is_rooted(layer.id, layers)]
    found.state.catalog = Catalog.from_record(record, found.state.size_bytes)
    found.state.catalog.lost.clear()
    for layer_record in record.layers:
        _load_layer(found, layer_record, device)
    moving.load(found, device)


def _is_rooted(layer_id: int | None, layers: dict[int, LayerRecord]) -> bool:
    """Return whether the way down from a private layer ends, and through layers that exist."""
    seen: set[int] = set()
    while layer_id is not None:
        if layer_id in seen or layer_id not in layers:
            return False
        seen.add(layer_id)
        layer_id = layers[layer_id].parent
    return True


def _load_layer(found: Salvaged, record: LayerRecord, device: Device) -> None:
    runs = []
    for place in record.tables:
        raw = read_available(device, min(place.length, device.size), place.offset)
        try:
            columns = table.unpack(table.POINTERS_MAGIC, raw, place.offset, found.newest.uuid)
        except CorruptAreaError:
            found.lost_layers.add(record.id)
            continue
        starts, lengths, offsets, checksums, heads, wholes, kinds = columns
        run = PointerRun(starts, lengths, offsets, kinds, checksums, heads, wholes)
        if makes_sense(run, longest_of(found.state)):
            runs.append(run)
        else:
            found.lost_layers.add(record.id)
    found.state.catalog.layers[record.id].map = LayerMap(runs)


def longest_of(state: VolumeState) -> int:
    """Return where the pointers end at the latest: those of the longest copy, in whole grains."""
    sizes = [state.catalog.size_of(copy) for copy in state.catalog.copies.values()]
    return kept_end(max(sizes, default=state.size_bytes))


def makes_sense(run: PointerRun, size_bytes: int) -> bool:
    """Return whether a table could have been written by a program, whatever its checksum says."""
    if not len(run):
        return True
    has_bytes = run.kinds != PointerKind.ZERO
    wrong = (run.starts < 0) | (run.lengths < 1) | (run.starts + run.lengths > size_bytes)
    wrong |= (run.starts | run.lengths) % SECTOR_BYTES != 0
    wrong |= run.kinds > max(PointerKind)
    wrong |= has_bytes & ((run.wholes > POINTER_BYTES_MAX) | (run.heads < 0))
    wrong |= has_bytes & (run.heads.astype(np.int64) + run.lengths > run.wholes)
    return not wrong.any() and not run.has_overlap()


# -- log and ring ---------------------------------------------------------------------------------


def _replay_log(found: Salvaged, area: AdditionalArea, base: Superblock) -> tuple[int, int]:
    """Bring catalog and layers up to the end of the log, or to where it is damaged.

    Returns:
        Where the log ends, and up to which ring group it has what is staged.
    """
    offset, seq = base.fields.log_offset, base.fields.log_seq
    staged_seq = original_seq = base.fields.covered_ring_seq
    try:
        for group in groups_of(area, offset, seq):
            if group.kind == KIND_CHANGE:
                original_seq = max(original_seq, group.covers_ring_seq)
                _apply(found, group.tail)
            elif group.record_count:
                found.state.note_group(group)
            staged_seq = max(staged_seq, group.covers_ring_seq)
            offset, seq = group.next_offset, group.seq + 1
        is_whole = seq >= found.newest.fields.log_seq
    except (CorruptAreaError, KeyError, ValueError):
        is_whole = False
    if not is_whole:
        found.is_complete = False
        found.losses.append(f"The log is damaged at byte {offset}; what came after it is lost.")
    if found.newest.fields.clean or found.newest.seq != base.seq:
        newest_seq = found.newest.fields.covered_ring_seq
        staged_seq, original_seq = max(staged_seq, newest_seq), max(original_seq, newest_seq)
    found.covered_seq = original_seq
    return offset, staged_seq


def _apply(found: Salvaged, tail: bytes) -> None:
    """Apply one change; a layer that inherits from a lost one is lost as well."""
    catalog, change = found.state.catalog, unpack_change(tail)
    if isinstance(change, Remapped):
        initialmap.replay(found.state, change)
        return
    if isinstance(change, Moved) and catalog.restoring is None:
        return  # of a restore that is lost
    maps = {layer_id: layer.map for layer_id, layer in catalog.layers.items()}
    if isinstance(change, Purged):
        change = Purged(ids=[copy_id for copy_id in change.ids if copy_id in catalog.copies])
    catalog.apply(change)
    if found.lost_layers - catalog.layers.keys():
        found.lost_layers |= {
            layer_id
            for layer_id, layer in catalog.layers.items()
            if layer_id in maps and layer.map is not maps[layer_id]
        }
        found.lost_layers &= catalog.layers.keys()


def _read_ring(found: Salvaged, area: AdditionalArea, log_end: int, staged_seq: int) -> None:
    """Take the live groups, and the pointers that only they have."""
    covered = area.fields.covered_ring_seq
    try:
        found.dead_seq = area.read_ring_dead_seq()
    except CorruptAreaError:
        found.dead_seq = covered
        _lose_ring(found)
        return
    if found.newest.fields.clean:
        found.dead_seq = max(found.dead_seq, covered)
        return
    place = log_end + BLOCK_BYTES
    try:
        for group in recover.intact_ring_groups(area, found.dead_seq):
            if group.seq > staged_seq:
                place = _take_staged(found, group, place)
            found.groups.append(group)
    except CorruptAreaError:
        _lose_ring(found)


def _lose_ring(found: Salvaged) -> None:
    found.is_ring_whole = False
    found.losses.append(
        "The ring is damaged; writes to the original and to clones that were flushed last may be "
        "lost."
    )


def _take_staged(found: Salvaged, group: RingGroup, place: int) -> int:
    """Add the pointers of a ring group to their layers; return where the next group's data goes."""
    records = group.records[group.records["kind"] != RECORD_WRITE].copy()
    layers = found.state.catalog.layers
    if not len(records):
        return place + len(group.originals)
    if group.originals_base not in {0, place} or not set(records["layer"].tolist()) <= set(layers):
        raise CorruptAreaError("the ring and the log do not fit together")
    for row, offset in enumerate(records["offset"].tolist()):
        if offset:
            at = offset - group.originals_base
            piece = bytes(group.originals[at : at + int(records["length"][row])])
            records["checksum"][row] = xxhash.xxh3_64_intdigest(piece)
            found.staged[offset] = piece
    for layer_id in set(records["layer"].tolist()):
        layers[layer_id].map.append(run_of(records[records["layer"] == layer_id]))
    return place + len(group.originals)


def _drop_lost_copies(found: Salvaged) -> None:
    """Take out the copies that read a layer of which pointers are missing."""
    catalog = found.state.catalog
    head = catalog.head
    if head is not None and found.lost_layers & {
        layer.id for layer in (*catalog.private_stack(head), *catalog.chain_stack(head))
    }:
        found.losses.append(moving.NEW_DATA_LOST)
    lost = [
        copy
        for copy in catalog.copies.values()
        if found.lost_layers
        & {layer.id for layer in (*catalog.private_stack(copy), *catalog.chain_stack(copy))}
    ]
    moving.drop_unreadable(found, {copy.id for copy in lost})
    why = dict.fromkeys((copy.id for copy in lost), "its pointer table is damaged")
    for copy in catalog.copies.values():
        if found.lost_after is not None and copy.base > found.lost_after:
            why.setdefault(copy.id, "it reads what was being moved, and that is lost")
    found.lost_copies |= {copy_id: (catalog.copies[copy_id].name, why[copy_id]) for copy_id in why}
    if why:
        catalog.apply(Purged(ids=list(why)))
