# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Everything a volume's additional area says, as plain values fit for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from core.answers import PointerKind
from core.device.refusals import readable_path
from core.volume import heads

if TYPE_CHECKING:
    from core.mapping.initialmap import InitialMap
    from core.mapping.pointerrun import PointerRun
    from core.volume.state import VolumeState


def dump(state: VolumeState) -> dict[str, object]:
    """Return superblock, catalog, layers with all their pointers, log and ring."""
    area, journal = state.area, state.journal
    if area is None or journal is None:
        return {"image": readable_path(state.image.path), "size": state.size_bytes, "area": None}
    catalog = state.catalog
    return {
        "image": readable_path(state.image.path),
        "size": state.size_bytes,
        "area": readable_path(area.device.path),
        "superblock": {
            "uuid": area.uuid.hex(),
            "seq": area.newest.seq,
            **_plain(msgspec.structs.asdict(area.fields)),
        },
        "log": {
            "offset": journal.log.offset,
            "seq": journal.log.seq,
            "segment_stop": journal.log.segment_stop,
            "groups_since_fold": journal.log.group_count,
        },
        "ring": {
            "seq": journal.ring.seq,
            "dead_seq": journal.ring.dead_seq,
            "ready_bytes": journal.ring.ready_bytes,
        },
        "settled": not (
            journal.opened.count
            or journal.overlay.used_bytes
            or journal.flights.are_under_way
            or catalog.restoring is not None  # what is left to move is not in a dump
        ),
        "generation": catalog.generation,
        "next_copy_id": catalog.next_copy_id,
        "next_layer_id": catalog.next_layer_id,
        "integrity": [msgspec.structs.asdict(each) for each in catalog.integrity.values()],
        "lost": [
            {"address": extent.address, "checksum": f"{extent.checksum:016x}"}
            for extent in catalog.lost
        ],
        "policy": {
            **msgspec.structs.asdict(catalog.policy),
            "dropped": [msgspec.structs.asdict(each) for each in catalog.policy.dropped],
        },
        "initial_map": None if state.initial is None else map_rows(state.initial.map),
        "chain": list(catalog.chain),
        "redirects": catalog.redirects,
        "head": _head_of(state),
        "copies": [msgspec.structs.asdict(copy) for copy in catalog.copies.values()],
        "layers": [
            {
                "id": layer.id,
                "private": layer.private,
                "parent": layer.parent,
                "pointers": pointer_rows(layer.map.flatten()),
            }
            for layer in catalog.layers.values()
        ],
    }


def _head_of(state: VolumeState) -> dict[str, object] | None:
    """Return through which layers the original reads; None if it has no head."""
    head = state.catalog.head
    return None if head is None else msgspec.structs.asdict(heads.to_record(head))


def map_rows(mapped: InitialMap) -> list[dict[str, object]]:
    """Return the extents of a map of the initial area, one dict each."""
    return [{**extent._asdict(), "scheme": extent.scheme.name.lower()} for extent in mapped]


def pointer_rows(run: PointerRun) -> list[dict[str, object]]:
    """Return the pointers of a run, one dict each; checksums in hex, as 16 digits."""
    columns = (
        run.starts, run.lengths, run.offsets, run.kinds, run.checksums, run.heads, run.wholes
    )  # fmt: skip
    return [
        {
            "start": start,
            "length": length,
            "kind": PointerKind(kind).name.lower(),
            "offset": offset,
            "checksum": f"{checksum:016x}",
            "head": head,
            "whole": whole,
        }
        for start, length, offset, kind, checksum, head, whole in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _plain(fields: dict[str, object]) -> dict[str, object]:
    """Return field values with bytes in hex and places as lists."""
    return {
        key: value.hex() if isinstance(value, bytes) else msgspec.to_builtins(value)
        for key, value in fields.items()
    }
