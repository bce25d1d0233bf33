# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is packed is unpacked again; what is not quite that structure is not taken for it."""

from __future__ import annotations

import functools

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CorruptAreaError, FormatError
from core.format import block, catalog, group, ringgroup, ringhead, superblock, table
from core.format.block import HEADER_BYTES, BlockHeader, pack_block, pack_header
from core.format.catalog import (
    CatalogRecord,
    CopyRecord,
    LayerRecord,
    Marked,
    Purged,
    Renamed,
    Took,
)
from core.format.layout import BLOCK_BYTES, block_ceil, geometry_for
from core.format.superblock import Place
from tests.format.test_format_document import some_fields

UUID, OTHER = b"u" * 16, b"v" * 16
AT = 5 * BLOCK_BYTES
u64 = st.integers(0, 2**64 - 1)
u63 = st.integers(0, 2**62)
names = st.text(min_size=1, max_size=128)


def reader(raw, base=AT):
    """Return a ``read(length, offset)`` of bytes that lie at ``base``."""

    def read(length, offset):
        assert offset >= 0
        at = offset - base
        return raw[at : at + length] if at >= 0 else b""

    return read


# -- blocks ------------------------------------------------------------------------------------


@given(seq=u64, body=st.binary(max_size=200), extra=u64, padding=st.binary(max_size=64))
def test_a_block_comes_back(seq, body, extra, padding):
    raw = pack_block(b"RPAIRXYZ", AT, UUID, seq, body, extra) + padding
    header, found = block.unpack_block(raw, b"RPAIRXYZ", AT, UUID, "thing")
    assert (header.seq, header.extra, bytes(found)) == (seq, extra, body)


@pytest.mark.parametrize(
    ("magic", "offset", "uuid", "cut", "word"),
    [
        (b"RPAIRABC", AT, UUID, 0, "missing"),
        (b"RPAIRXYZ", AT, UUID, HEADER_BYTES, "missing"),
        (b"RPAIRXYZ", AT + BLOCK_BYTES, UUID, 0, "checksum"),
        (b"RPAIRXYZ", AT, OTHER, 0, "checksum"),
        (b"RPAIRXYZ", AT, UUID, 1, "checksum"),
    ],
)
def test_a_block_that_is_another_is_told(magic, offset, uuid, cut, word):
    raw = pack_block(b"RPAIRXYZ", AT, UUID, 1, b"body")
    with pytest.raises(CorruptAreaError, match=word) as error:
        block.unpack_block(raw[: len(raw) - cut], magic, offset, uuid, "thing")
    assert str(offset) in error.value.message


def test_a_block_of_any_uuid_is_found_where_none_is_known_yet():
    raw = pack_block(b"RPAIRXYZ", AT, UUID, 1, b"body")
    assert block.unpack_block(raw, b"RPAIRXYZ", AT, None, "thing")[0].uuid == UUID


@given(position=st.integers(0, HEADER_BYTES + 3), mask=st.integers(1, 255))
def test_a_block_with_one_wrong_byte_is_told(position, mask):
    raw = bytearray(pack_block(b"RPAIRXYZ", AT, UUID, 1, b"body"))
    raw[position] ^= mask
    with pytest.raises(CorruptAreaError):
        block.unpack_block(raw, b"RPAIRXYZ", AT, UUID, "thing")


# -- superblocks -------------------------------------------------------------------------------


@given(seq=u64, name=names, fingerprint=st.binary(max_size=700), clean=st.booleans())
def test_a_superblock_comes_back(seq, name, fingerprint, clean):
    fields = msgspec.structs.replace(
        some_fields(), image_name=name, fingerprint=fingerprint, clean=clean
    )
    packed = superblock.pack(superblock.Superblock(UUID, seq, fields), 0)
    assert len(packed) == BLOCK_BYTES
    assert superblock.unpack(packed, 0) == superblock.Superblock(UUID, seq, fields)
    assert superblock.unpack(packed, BLOCK_BYTES) is None
    assert superblock.unpack(packed[:100], 0) is None


def test_a_path_too_long_for_the_superblock_is_refused():
    fields = msgspec.structs.replace(some_fields(), image_name="n" * BLOCK_BYTES)
    with pytest.raises(FormatError, match="too long"):
        superblock.pack(superblock.Superblock(UUID, 1, fields), 0)


def _superblock(front, body=b""):
    return pack_block(superblock.MAGIC, 0, UUID, 1, superblock.FRONT.pack(*front) + body)


def test_a_newer_version_is_told():
    with pytest.raises(FormatError, match="format 2"):
        superblock.unpack(_superblock((2, 32, 0, 0, 0)), 0)


def test_unknown_incompatible_features_are_told_by_number():
    with pytest.raises(FormatError, match=r"features \[62, 63\]"):
        superblock.unpack(_superblock((1, 32, 1 << 63 | 1 << 62, 0, 0)), 0)


def test_a_known_incompatible_feature_is_no_hindrance(monkeypatch):
    monkeypatch.setitem(superblock.INCOMPATIBLE_FEATURES, 62, "later")
    body = msgspec.msgpack.encode(some_fields())
    assert superblock.unpack(_superblock((1, 32, 1 << 62, 0, 0), body), 0).fields == some_fields()


def test_a_longer_front_of_a_later_writer_is_skipped():
    body = b"twelve bytes" + msgspec.msgpack.encode(some_fields())
    assert superblock.unpack(_superblock((1, 44, 0, 0, 0), body), 0).fields == some_fields()


@pytest.mark.parametrize("body", [b"", b"\xc1", msgspec.msgpack.encode({"size_bytes": 1})])
def test_a_superblock_without_its_fields_is_told(body):
    with pytest.raises(FormatError, match="cannot be read"):
        superblock.unpack(_superblock((1, 32, 0, 0, 0), body), 0)


def test_a_superblock_shorter_than_its_front_is_none():
    assert superblock.unpack(pack_block(superblock.MAGIC, 0, UUID, 1, b"short"), 0) is None


# -- ring heads --------------------------------------------------------------------------------


@given(seq=u64)
def test_a_ring_head_comes_back(seq):
    raw = ringhead.pack(UUID, AT, seq)
    assert len(raw) == BLOCK_BYTES
    assert ringhead.unpack(raw, UUID, AT) == seq
    assert ringhead.unpack(raw, OTHER, AT) is None
    assert ringhead.unpack(raw, UUID, 0) is None
    assert ringhead.unpack(raw[:10], UUID, AT) is None


def test_a_ring_head_has_no_body_and_no_wrong_byte():
    assert ringhead.unpack(pack_block(ringhead.MAGIC, AT, UUID, 1, b"x"), UUID, AT) is None
    raw = bytearray(ringhead.pack(UUID, AT, 7))
    raw[32] ^= 1
    assert ringhead.unpack(raw, UUID, AT) is None


# -- groups of the log -------------------------------------------------------------------------

TAIL_MAX = 1 << 20


def _records(count):
    return b"".join(group.RECORD.pack(n * 512, 512, 0, 0, 1, 2) for n in range(count))


def _laid_out(packed, payload_bytes):
    head, tail = packed
    return head + bytes(payload_bytes) + tail


@given(
    count=st.integers(0, 300),
    blocks=st.integers(0, 3),
    seq=u64,
    following=u63,
    stop=u63,
    covers=u64,
)
def test_a_group_comes_back(count, blocks, seq, following, stop, covers):
    payload = blocks * BLOCK_BYTES
    written = group.Group(
        AT, seq, group.KIND_RECORDS, count, payload, following, stop, covers, _records(count)
    )
    raw = _laid_out(group.pack(written, UUID), payload)
    assert len(raw) == written.total_bytes
    found = group.unpack(UUID, AT, seq, reader(raw), TAIL_MAX)
    assert found == written
    assert len(found.records) == count
    inline = count * group.RECORD_BYTES <= group.INLINE_BYTES
    assert found.tail_offset == (None if inline else AT + BLOCK_BYTES + payload)


@pytest.mark.parametrize("length", [0, 1, group.INLINE_BYTES, group.INLINE_BYTES + 1, 10_000])
def test_a_change_comes_back_whatever_its_length(length):
    written = group.Group(AT, 3, group.KIND_CHANGE, 0, 0, 1, 2, 0, b"c" * length)
    raw = _laid_out(group.pack(written, UUID), 0)
    assert group.unpack(UUID, AT, 3, reader(raw), TAIL_MAX) == written


SAMPLE = group.Group(
    AT, 3, group.KIND_RECORDS, 120, BLOCK_BYTES, 9 * BLOCK_BYTES, 0, 0, _records(120)
)
SAMPLE_RAW = _laid_out(group.pack(SAMPLE, UUID), BLOCK_BYTES)


@pytest.mark.parametrize(
    ("uuid", "offset", "seq"),
    [(OTHER, AT, 3), (UUID, AT, 4), (UUID, AT + BLOCK_BYTES, 3), (UUID, 0, 3)],
)
def test_a_group_that_is_another_is_none(uuid, offset, seq):
    assert group.unpack(uuid, offset, seq, reader(SAMPLE_RAW), TAIL_MAX) is None
    assert group.successor_offset(uuid, offset, seq, reader(SAMPLE_RAW)) is None


@pytest.mark.parametrize("length", [0, 63, 64, 4095, 4096, 2 * BLOCK_BYTES, len(SAMPLE_RAW) - 4000])
def test_a_group_at_the_end_of_the_file_is_none(length):
    assert group.unpack(UUID, AT, 3, reader(SAMPLE_RAW[:length]), TAIL_MAX) is None


def test_a_group_with_a_longer_tail_than_any_is_none():
    assert group.unpack(UUID, AT, 3, reader(SAMPLE_RAW), len(SAMPLE.tail) - 1) is None


def _front(kind=1, count=0, payload=0, tail=0, body=None, tail_raw=b""):
    """Return a group whose checksum is right and whose fields do not fit each other."""
    front = group.FRONT.pack(kind, count, payload, tail, 0, 0, 0)
    header = BlockHeader(
        group.MAGIC, AT, UUID, 3, len(front) + tail if body is None else body, 0, 0
    )
    return (pack_header(header, front, tail_raw) + front + tail_raw).ljust(BLOCK_BYTES, b"\0")


def test_a_group_whose_fields_contradict_each_other_is_none():
    intact = _front(tail=40, count=1, tail_raw=_records(1))
    assert group.unpack(UUID, AT, 3, reader(intact), TAIL_MAX) is not None
    for wrong in (
        _front(tail=40, count=2, tail_raw=_records(1)),
        _front(tail=40, count=1, body=200, tail_raw=_records(1)),
        _front(payload=1 << 63),
        _front(payload=(1 << 64) - BLOCK_BYTES),
    ):
        assert group.unpack(UUID, AT, 3, reader(wrong), TAIL_MAX) is None


@given(position=st.integers(0, 112 + 40), mask=st.integers(1, 255))
def test_a_group_with_one_wrong_byte_is_none_and_may_still_tell_its_successor(position, mask):
    raw = bytearray(SAMPLE_RAW)
    raw[position] ^= mask
    found = group.unpack(UUID, AT, 3, reader(bytes(raw)), TAIL_MAX)
    assert found is None or position >= 112
    following = group.successor_offset(UUID, AT, 3, reader(bytes(raw)))
    if position < 40:
        assert following is None
    elif not 88 <= position < 96:
        assert following == 9 * BLOCK_BYTES


# -- groups of the ring ------------------------------------------------------------------------


def _ring_raw(count=3, originals=BLOCK_BYTES, writes=2 * BLOCK_BYTES):
    head = ringgroup.pack_head(
        uuid=UUID,
        offset=AT,
        seq=8,
        records=_records(count),
        originals_base=1 << 30,
        originals=b"o" * originals,
        writes=b"w" * writes,
    )
    return head + b"o" * originals + b"w" * writes


@given(count=st.integers(0, 300), originals=st.integers(0, 2), writes=st.integers(0, 2))
def test_a_ring_group_comes_back(count, originals, writes):
    raw = _ring_raw(count, originals * BLOCK_BYTES, writes * BLOCK_BYTES)
    found = ringgroup.unpack(UUID, AT, 8, reader(raw), len(raw))
    assert found.records.tobytes() == _records(count)
    assert (bytes(found.originals), bytes(found.writes)) == (
        b"o" * originals * BLOCK_BYTES,
        b"w" * writes * BLOCK_BYTES,
    )
    assert (found.total_bytes, found.originals_base, found.seq) == (len(raw), 1 << 30, 8)
    assert ringgroup.successor_offset(UUID, AT, 8, reader(raw)) == AT + len(raw)


@pytest.mark.parametrize(
    ("uuid", "offset", "seq"), [(OTHER, AT, 8), (UUID, AT, 7), (UUID, AT + 64, 8), (UUID, 0, 8)]
)
def test_a_ring_group_that_is_another_is_none(uuid, offset, seq):
    raw = _ring_raw()
    assert ringgroup.unpack(uuid, offset, seq, reader(raw), len(raw)) is None
    assert ringgroup.successor_offset(uuid, offset, seq, reader(raw)) is None


def test_a_ring_group_beyond_the_ring_or_the_file_is_none():
    raw = _ring_raw()
    assert ringgroup.unpack(UUID, AT, 8, reader(raw), len(raw) - BLOCK_BYTES) is None
    assert ringgroup.unpack(UUID, AT, 8, reader(raw[:-1]), len(raw)) is None


def test_a_ring_group_whose_lengths_contradict_each_other_is_none():
    front = ringgroup.FRONT.pack(0, BLOCK_BYTES, 0, 0)
    inner = front.ljust(BLOCK_BYTES - HEADER_BYTES, b"\0")
    header = BlockHeader(ringgroup.MAGIC, AT, UUID, 8, len(inner), 0, 0)
    raw = pack_header(header, inner) + inner
    assert ringgroup.unpack(UUID, AT, 8, reader(raw), BLOCK_BYTES) is None
    odd = pack_block(ringgroup.MAGIC, AT, UUID, 8, b"odd")
    assert ringgroup.unpack(UUID, AT, 8, reader(odd), BLOCK_BYTES) is None


@given(position=st.integers(0, 4 * BLOCK_BYTES - 1), mask=st.integers(1, 255))
def test_a_ring_group_with_one_wrong_byte_anywhere_is_none(position, mask):
    raw = bytearray(_ring_raw())
    raw[position] ^= mask
    assert ringgroup.unpack(UUID, AT, 8, reader(bytes(raw)), len(raw)) is None


# -- tables ------------------------------------------------------------------------------------

COLUMNS = {table.POINTERS_MAGIC: table.POINTER_COLUMNS, table.FREE_MAGIC: table.FREE_COLUMNS}


@pytest.mark.parametrize("magic", COLUMNS)
@pytest.mark.parametrize("rows", [0, 1, 2, 1000])
def test_a_table_comes_back(magic, rows):
    columns = [np.arange(rows).astype(form) + 1 for form in COLUMNS[magic]]
    raw = table.pack(magic, AT, UUID, 4, columns)
    assert len(raw) == table.length_bytes(magic, rows)
    found = table.unpack(magic, raw, AT, UUID)
    assert [column.tolist() for column in found] == [column.tolist() for column in columns]
    assert [column.dtype for column in found] == [np.dtype(form) for form in COLUMNS[magic]]


def test_a_table_with_another_number_of_rows_is_told():
    raw = pack_block(table.FREE_MAGIC, AT, UUID, 0, bytes(16), extra=2)
    with pytest.raises(CorruptAreaError, match="wrong length"):
        table.unpack(table.FREE_MAGIC, raw, AT, UUID)


def test_columns_of_the_wrong_number_are_a_mistake():
    with pytest.raises(ValueError, match="zip"):
        table.pack(table.FREE_MAGIC, AT, UUID, 0, [np.zeros(1, np.int64)] * 3)


# -- catalog -----------------------------------------------------------------------------------

copies = st.builds(
    CopyRecord,
    id=st.integers(1, 2**40),
    name=names,
    writable=st.booleans(),
    parent_id=u63,
    created=st.floats(allow_nan=False),
    base=u63,
    top=st.none() | u63,
    locked=st.booleans(),
    deleted=st.booleans(),
    size_bytes=st.integers(0, 2**63 // 512 - 1).map(lambda sectors: sectors * 512),
)
layers = st.builds(
    LayerRecord,
    id=u63,
    private=st.booleans(),
    parent=st.none() | u63,
    tables=st.lists(st.builds(Place, u63, u63), max_size=4),
)
catalogs = st.builds(
    CatalogRecord,
    generation=u63,
    next_copy_id=u63,
    next_layer_id=u63,
    copies=st.lists(copies, max_size=5),
    layers=st.lists(layers, max_size=5),
    chain=st.lists(u63, max_size=5),
)


@given(record=catalogs)
def test_a_catalog_comes_back(record):
    raw = catalog.pack(record, AT, UUID)
    assert catalog.unpack(raw, AT, UUID) == record
    assert block.unpack_header(raw).seq == record.generation


@pytest.mark.parametrize("body", [b"", b"\xc1", msgspec.msgpack.encode({"generation": 1})])
def test_a_catalog_that_makes_no_sense_is_told(body):
    raw = pack_block(catalog.MAGIC, AT, UUID, 1, body)
    with pytest.raises(CorruptAreaError, match="cannot be read"):
        catalog.unpack(raw, AT, UUID)


@pytest.mark.parametrize("size", [-512, 1, 511, 2**63, 2**64 - 512])
@pytest.mark.parametrize("is_of_copy", [False, True])
def test_a_size_that_makes_no_sense_is_told(size, is_of_copy):
    copy = CopyRecord(
        id=1, name="a", writable=False, parent_id=0, created=0.0, base=1, top=None,
        size_bytes=size if is_of_copy else 0,
    )  # fmt: skip
    record = CatalogRecord(
        generation=1, next_copy_id=2, next_layer_id=2, copies=[copy], layers=[], chain=[],
        size_bytes=0 if is_of_copy else size,
    )  # fmt: skip
    with pytest.raises(CorruptAreaError, match=f"has {size} bytes"):
        catalog.unpack(catalog.pack(record, AT, UUID), AT, UUID)


changes = st.one_of(
    st.builds(
        Took,
        name=names,
        writable=st.booleans(),
        source_id=u63,
        created=st.floats(allow_nan=False),
    ),
    st.builds(Renamed, id=u63, name=names),
    st.builds(
        Marked,
        ids=st.lists(u63),
        locked=st.none() | st.booleans(),
        deleted=st.none() | st.booleans(),
    ),
    st.builds(Purged, ids=st.lists(u63)),
)


@given(change=changes)
def test_a_change_comes_back(change):
    assert catalog.unpack_change(catalog.pack_change(change)) == change


@pytest.mark.parametrize("raw", [b"", b"\xc1", msgspec.msgpack.encode({"type": "invented"})])
def test_a_change_that_makes_no_sense_is_told(raw):
    with pytest.raises(CorruptAreaError, match="cannot be read"):
        catalog.unpack_change(raw)


# -- geometry ----------------------------------------------------------------------------------


@given(size=st.integers(1, 2**54).map(lambda sectors: sectors * 512), shift=st.integers(9, 16))
def test_the_geometry_of_any_volume_has_room_for_its_writes(size, shift):
    geometry = geometry_for(size, 1 << shift)
    assert geometry.ring_bytes % BLOCK_BYTES == 0
    assert geometry.group_payload_bytes_max % BLOCK_BYTES == 0
    assert geometry.group_payload_bytes_max >= 1 << shift
    assert geometry.segment_bytes > geometry.group_payload_bytes_max
    assert geometry.overlay_bytes_max >= geometry.group_payload_bytes_max
    assert geometry.small_flush_bytes_max < geometry.ring_bytes // 2


@given(count=st.integers(0, 2**60))
def test_rounding_to_blocks(count):
    rounded = block_ceil(count)
    assert rounded % BLOCK_BYTES == 0
    assert 0 <= rounded - count < BLOCK_BYTES


def test_reading_is_left_to_the_caller():
    """Pure functions: the same bytes in, the same structure out, and nothing kept."""
    again = functools.partial(group.unpack, UUID, AT, 3, reader(SAMPLE_RAW), TAIL_MAX)
    assert again() == again() == SAMPLE


def test_records_that_were_sorted_out_hold_no_stray_memory():
    """Numpy does not copy bytes that no field names; what it leaves there went to disk."""
    records = np.frombuffer(_records(500), group.RECORD_DTYPE)
    for _ in range(20):
        noise = np.full(4096, 0xA5, np.uint8)
        del noise
        picked = records[np.arange(0, 500, 5)].copy().tobytes()
        spare = [picked[at + 37 : at + 40] for at in range(0, len(picked), group.RECORD_BYTES)]
        assert set(spare) == {b"\0\0\0"}
