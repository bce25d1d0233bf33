# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The stream, byte by byte, judged by a reader of its own and by damage of every kind."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import StreamError
from core.transfer.rbddiff import END, Header, Record, StreamReader, pack_header, pack_record
from tests.doubles import cephdiff

SIZE = 1 << 20
# Spelled out by hand from the description.
BY_HAND = b"".join(
    (
        *(b"rbd diff v1\n",),
        *(b"f", b"\x06\x00\x00\x00", b"monday"),
        *(b"t", b"\x03\x00\x00\x00", b"t\xc3\xbc"),
        *(b"s", b"\x00\x00\x10\x00\x00\x00\x00\x00"),
        *(b"z", b"\x00\x02\x00\x00\x00\x00\x00\x00", b"\x00\x04\x00\x00\x00\x00\x00\x00"),
        *(b"w", b"\x00\x10\x00\x00\x00\x00\x00\x00", b"\x05\x00\x00\x00\x00\x00\x00\x00"),
        *(b"hello", b"e"),
    )
)

texts = st.none() | st.text(max_size=40)
record_lists = st.lists(
    st.tuples(st.booleans(), st.integers(0, SIZE - 64), st.binary(min_size=1, max_size=64))
)


def reader_of(stream: bytes) -> StreamReader:
    file = io.BytesIO(stream)

    def skip(length: int) -> int:
        return len(file.read(length))

    return StreamReader(file.read, skip)


def read_all(stream: bytes, *, taking: bool = True) -> tuple[Header, list[tuple[Record, bytes]]]:
    reader = reader_of(stream)
    found = [
        (record, reader.payload(record.length) if taking and not record.is_zero else b"")
        for record in reader.records(SIZE)
    ]
    return reader.header, found


def stream_of(header: Header, records: list[tuple[bool, int, bytes]]) -> bytes:
    parts = [pack_header(header)]
    for is_zero, offset, data in records:
        parts.append(pack_record(Record(is_zero, offset, len(data))))
        if not is_zero:
            parts.append(data)
    return b"".join([*parts, END])


def test_a_stream_by_hand_is_read_and_made_alike():
    header, records = read_all(BY_HAND)
    assert header == Header("monday", "tü", SIZE)
    assert records == [(Record(True, 512, 1024), b""), (Record(False, 4096, 5), b"hello")]
    made = stream_of(header, [(True, 512, bytes(1024)), (False, 4096, b"hello")])
    assert made == BY_HAND


@given(source=texts, target=texts, size=st.none() | st.just(SIZE), records=record_lists)
def test_what_is_packed_is_read_by_us_and_by_the_book(source, target, size, records):
    stream = stream_of(Header(source, target, size), records)
    header, found = read_all(stream)
    assert header == Header(source, target, size)
    assert [(r.is_zero, r.offset, r.length) for r, _ in found] == [
        (is_zero, offset, len(data)) for is_zero, offset, data in records
    ]
    other = cephdiff.parse(stream)
    assert (other.source, other.target, other.size) == (source, target, size)
    assert [(tag == "z", offset, data) for tag, offset, _, data in other.records] == [
        (is_zero, offset, b"" if is_zero else data) for is_zero, offset, data in records
    ]


def test_data_that_nobody_takes_is_passed_over():
    assert read_all(BY_HAND, taking=False)[1] == [
        (Record(True, 512, 1024), b""),
        (Record(False, 4096, 5), b""),
    ]


@pytest.mark.parametrize("taking", [True, False])
def test_a_stream_cut_anywhere_is_told(taking):
    for length in range(len(BY_HAND)):
        with pytest.raises(StreamError, match=rf"breaks off after {length} bytes"):
            read_all(BY_HAND[:length], taking=taking)


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        (BY_HAND + b"x", "something follows the end"),
        (b"rbd diff v2\n" + BY_HAND[12:], "an rbd diff of version 2"),
        (b"rbd image v2\n", "an rbd export"),
        (b"\x00" * 64, "does not begin"),
        (BY_HAND[:-1] + BY_HAND[12:], "its header goes on after data"),
        (BY_HAND[:-1] + b"q", "no record begins with b'q'"),
        (BY_HAND[:12] + b"f\x00\x00\x00\x00" + BY_HAND[12:], "says something twice"),
        (BY_HAND[:12] + b"s" + bytes(8) + BY_HAND[12:], "says something twice"),
        (b"rbd diff v1\nf\x01\x10\x00\x00" + bytes(5000), "a name has 4097 bytes"),
        (b"rbd diff v1\nt\x01\x00\x00\x00\xffe", "not UTF-8"),
        (b"rbd diff v1\ns" + b"\xff" * 8 + b"e", "larger than any volume"),
        (b"rbd diff v1\nz" + b"\xff" * 16 + b"e", "passes the end"),
        (
            b"rbd diff v1\nw" + (SIZE - 4).to_bytes(8, "little") + (5).to_bytes(8, "little"),
            "passes the end",
        ),
    ],
)
def test_every_kind_of_damage_is_told_in_one_sentence(stream, sentence):
    with pytest.raises(StreamError, match=sentence) as caught:
        read_all(stream)
    assert caught.value.message.count(". ") == 0


@given(data=st.data())
def test_a_stream_with_bytes_changed_is_read_or_told_and_never_worse(data):
    stream = bytearray(BY_HAND)
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    try:
        header, found = read_all(bytes(stream))
    except StreamError:
        return
    other = cephdiff.parse(bytes(stream))
    assert (other.source, other.target, other.size) == header
    assert [(tag == "z", offset, length) for tag, offset, length, _ in other.records if length] == [
        tuple(record) for record, _ in found
    ]


@given(junk=st.binary(max_size=300))
def test_junk_after_the_banner_is_read_or_told(junk):
    try:
        read_all(b"rbd diff v1\n" + junk)
    except StreamError:
        return
    cephdiff.parse(b"rbd diff v1\n" + junk)
