# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""FORMAT.md says what the code does: every offset, type, key and number in its tables."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest

from core.answers import PointerKind
from core.device.fingerprint import SAMPLE_BYTES, SAMPLES, Fingerprint
from core.format import block, catalog, group, layout, ringgroup, ringhead, superblock, table
from core.format.block import HEADER_BYTES, BlockHeader, pack_header
from core.format.catalog import (
    CatalogRecord,
    CopyRecord,
    DroppedRecord,
    HeadRecord,
    IntegrityRecord,
    LayerRecord,
    LostExtent,
    PolicyRecord,
    Range,
    RestoringRecord,
)
from core.format.superblock import Place, SuperblockFields
from core.journal.log import SEGMENT_BYTES_SHORTEST
from core.volume.naming import NAME_CHARACTERS_MAX

TEXT = (Path(__file__).resolve().parents[2] / "FORMAT.md").read_text("utf-8")
UUID = bytes(range(16))


CODES = {"u32": "I", "u64": "Q", "u8": "B", "8s": "8s", "16s": "16s", "3x": "3x"}


def tables_of(heading):
    """Return the tables under a heading, each as rows of cells, head first."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    tables = [[]]
    for line in section.splitlines():
        if line.startswith("|"):
            tables[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif tables[-1]:
            tables.append([])
    return [[table[0], *table[2:]] for table in tables if table]


def rows_of(heading, first_cell, number=0):
    """Return the rows of the ``number``-th table whose head begins with this cell."""
    found = [table for table in tables_of(heading) if table[0][0] == first_cell]
    return found[number][1:]


def fields_of(heading, number=0):
    """Return (offset, struct code, name) of the rows that have a fixed place and type."""
    rows = rows_of(heading, "offset", number)
    return [(int(row[0]), CODES[row[1]], row[2]) for row in rows if row[1] in CODES]


def values_at(raw, fields):
    return {name: struct.unpack_from(f"<{code}", raw, at)[0] for at, code, name in fields if name}


def assert_covers(fields, start, packed):
    """The rows follow each other without a gap, and are as long as what the code packs."""
    at = start
    for offset, code, _ in fields:
        assert offset == at
        at += struct.calcsize(f"<{code}")
    assert at - start == packed.size


def test_the_fixed_places_are_where_the_document_says():
    starts = [row[0] for row in rows_of("Where things lie", "offset")]
    assert [int(start) for start in starts[:-1]] == [
        *layout.SUPERBLOCK_OFFSETS,
        *layout.RING_HEAD_OFFSETS,
        layout.RING_OFFSET,
    ]
    assert layout.BLOCK_BYTES == 4096


def test_the_common_header():
    fields = fields_of("The header of every structure")
    raw = pack_header(BlockHeader(b"RPAIRXYZ", 1 << 40, UUID, 7, 3, 9, 0), b"abc")
    assert len(raw) == HEADER_BYTES
    values = values_at(raw, fields)
    assert values.pop("checksum") == block.checksum(raw[:56], b"abc")
    assert values == {
        "magic": b"RPAIRXYZ", "offset": 1 << 40, "uuid": UUID, "seq": 7, "body_bytes": 3, "extra": 9
    }  # fmt: skip
    assert fields[-1][0] + 8 == HEADER_BYTES


def test_every_magic_is_listed():
    listed = [
        row[0].strip("`").encode() for row in rows_of("The header of every structure", "magic")
    ]
    assert listed == [
        superblock.MAGIC,
        ringhead.MAGIC,
        ringgroup.MAGIC,
        group.MAGIC,
        table.POINTERS_MAGIC,
        table.FREE_MAGIC,
        table.RANGES_MAGIC,
        table.MAP_MAGIC,
        catalog.MAGIC,
    ]


TYPES = {
    int: "int",
    bool: "bool",
    float: "float",
    str: "str",
    bytes: "bin",
    Place: "place",
    int | None: "int or nil",
    list[int]: "array of int",
    list[Place]: "array of places",
    list[CopyRecord]: "array of copies",
    list[LayerRecord]: "array of layers",
    list[IntegrityRecord]: "array of integrity",
    list[Range]: "array of ranges",
    list[LostExtent]: "array of extents",
    PolicyRecord: "policy",
    list[DroppedRecord]: "array of dropped",
    RestoringRecord | None: "restoring or nil",
    HeadRecord | None: "head or nil",
}


def keys_of(kind):
    return [(f"`{field.encode_name}`", TYPES[field.type]) for field in msgspec.structs.fields(kind)]


@pytest.mark.parametrize(
    ("heading", "first_cell", "kind"),
    [
        ("Superblock", "key", SuperblockFields),
        ("Catalog", "key", CatalogRecord),
        ("Catalog", "key of a copy", CopyRecord),
        ("Catalog", "key of a layer", LayerRecord),
        ("Catalog", "key of integrity", IntegrityRecord),
        ("Catalog", "key of a policy", PolicyRecord),
        ("Catalog", "key of restoring", RestoringRecord),
        ("Catalog", "key of head", HeadRecord),
    ],
)
def test_every_key_of_a_map_is_listed_with_its_type(heading, first_cell, kind):
    assert [(row[0], row[1]) for row in rows_of(heading, first_cell)] == keys_of(kind)


def test_the_changes_are_listed_with_their_keys():
    listed = {}
    for row in rows_of("The log", "type"):
        words = row[1].replace(" or nil", "").replace("array of ", "")
        pairs = [part.split() for part in words.split(",")]
        listed[row[0].strip("`")] = [name.strip("`") for name, _ in pairs]
    changes = get_args(catalog.Change)
    assert listed == {
        kind.__struct_config__.tag: [field.encode_name for field in msgspec.structs.fields(kind)]
        for kind in changes
    }
    packed = catalog.pack_change(catalog.Purged(ids=[3]))
    assert msgspec.msgpack.decode(packed) == {"type": "purged", "ids": [3]}
    packed = catalog.pack_change(catalog.Remapped(rows=[table.MapRow(1, 2, None, 0)]))
    assert msgspec.msgpack.decode(packed) == {"type": "remapped", "rows": [[1, 2, None, 0]]}


def some_fields():
    numbers = {
        field.name: index
        for index, field in enumerate(msgspec.structs.fields(SuperblockFields))
        if field.type is int
    } | {"portions": 0}
    places = {"catalog": Place(4096, 100), "free_list": Place(8192, 200)}
    rest = {"thin": True, "created": 1.5, "image_name": "disk.img", "clean": True}
    return SuperblockFields(**numbers, **places, **rest, fingerprint=b"f")


def test_the_superblock():
    fields = fields_of("Superblock")
    assert_covers(fields, HEADER_BYTES, superblock.FRONT)
    raw = superblock.pack(superblock.Superblock(UUID, 5, some_fields()), 4096)
    assert len(raw) == layout.BLOCK_BYTES
    assert values_at(raw, fields) == {
        "version": layout.FORMAT_VERSION,
        "front_bytes": 32,
        "incompatible": 0,
        "compatible": 0,
        "autoclear": 0,
    }
    length = block.unpack_header(raw).body_bytes
    keys = msgspec.msgpack.decode(raw[96 : HEADER_BYTES + length])
    assert keys["catalog"] == [4096, 100]
    assert keys["size_bytes"] == some_fields().size_bytes
    rows = rows_of("Superblock", "incompatible bit")
    restoring = superblock.Superblock(UUID, 5, some_fields(), 1 << superblock.RESTORING)
    assert values_at(superblock.pack(restoring, 4096), fields)["incompatible"] == 1
    assert {int(row[0]): row[1].strip("`") for row in rows} == superblock.INCOMPATIBLE_FEATURES
    mapped = msgspec.structs.replace(some_fields(), initial_map=Place(4096, 89))
    raw = superblock.pack(superblock.Superblock(UUID, 5, mapped), 4096)
    assert values_at(raw, fields)["incompatible"] == 1 << superblock.INITIAL_MAP
    portioned = msgspec.structs.replace(mapped, portions=3)
    raw = superblock.pack(superblock.Superblock(UUID, 5, portioned), 4096)
    assert values_at(raw, fields)["incompatible"] == 6


def test_the_fingerprint():
    names = [field.encode_name for field in msgspec.structs.fields(Fingerprint)]
    assert "{" + ", ".join(names) + "}" in TEXT
    assert f"up to {SAMPLES} stretches of {SAMPLE_BYTES} bytes" in TEXT.replace("\n", " ")


def test_the_table_columns():
    codes = {"i64": "<i8", "u64": "<u8", "i32": "<i4", "u8": "u1"}
    pointers = [codes[row[1]] for row in rows_of("Tables", "pointer column")]
    assert tuple(pointers) == table.POINTER_COLUMNS
    assert tuple(codes[row[1]] for row in rows_of("Tables", "free column")) == table.FREE_COLUMNS
    assert tuple(codes[row[1]] for row in rows_of("Tables", "map column")) == table.MAP_COLUMNS
    columns = [np.array([value, value + 1], form) for value, form in enumerate(pointers)]
    raw = table.pack(table.POINTERS_MAGIC, 4096, UUID, 3, columns)
    at = HEADER_BYTES
    for value, form in enumerate(pointers):
        assert np.frombuffer(raw, form, 2, at).tolist() == [value, value + 1]
        at += 2 * np.dtype(form).itemsize
    assert at == len(raw)


def test_a_group_of_the_log():
    front, record = fields_of("The log"), fields_of("The log", 1)
    assert_covers(front, HEADER_BYTES, group.FRONT)
    tail = group.RECORD.pack(1, 2, 3, 4, 5, 1)
    packed, _ = group.pack(group.Group(8192, 6, group.KIND_RECORDS, 1, 4096, 7, 8, 9, tail), UUID)
    assert values_at(packed, front) == {
        "kind": 1,
        "record_count": 1,
        "payload_bytes": 4096,
        "tail_bytes": 40,
        "next_offset": 7,
        "next_segment_stop": 8,
        "covers_ring_seq": 9,
    }
    assert packed[112 : 112 + 40] == tail
    assert_covers(record, 0, group.RECORD)
    assert values_at(tail, record) == {
        "start": 1, "length": 2, "offset": 3, "checksum": 4, "layer": 5, "kind": 1
    }  # fmt: skip
    for at, _, name in record:
        assert not name or group.RECORD_DTYPE.fields[name][1] == at
    assert f"if it fits ({group.INLINE_BYTES} bytes)" in TEXT


def test_the_kinds_of_records_and_groups():
    assert f"{group.KIND_RECORDS} data, {group.KIND_CHANGE} change" in TEXT
    kinds = [f"{kind.value} {kind.name}" for kind in PointerKind]
    assert f"{', '.join(kinds)}, {group.RECORD_WRITE} WRITE (in the ring only)" in TEXT


def test_a_group_of_the_ring():
    front = fields_of("The ring")
    assert_covers(front, HEADER_BYTES, ringgroup.FRONT)
    records = group.RECORD.pack(1, 2, 3, 0, 5, 0) * 2
    raw = ringgroup.pack_head(
        uuid=UUID,
        offset=16384,
        seq=3,
        records=records,
        originals_base=1 << 20,
        originals=bytes(4096),
        writes=bytes(8192),
    )
    assert values_at(raw, front) == {
        "record_count": 2,
        "originals_bytes": 4096,
        "writes_bytes": 8192,
        "originals_base": 1 << 20,
    }
    assert raw[96 : 96 + 80] == records
    assert len(raw) == layout.BLOCK_BYTES


def test_a_ring_head_is_a_header_alone():
    raw = ringhead.pack(UUID, 8192, 77)
    assert block.unpack_header(raw)[:6] == (ringhead.MAGIC, 8192, UUID, 77, 0, 0)
    assert not any(raw[HEADER_BYTES:])


def test_the_other_numbers():
    assert SEGMENT_BYTES_SHORTEST == 1 << 20
    assert "down to 1 MiB" in TEXT
    assert f"1 to {NAME_CHARACTERS_MAX} characters" in TEXT
