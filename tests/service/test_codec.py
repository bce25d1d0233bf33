# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
import struct
import typing

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answers import PointerColumns, TableAnswer
from core.errors import ERRORS_BY_CODE, InvalidRangeError, RangepairError
from core.service import messages as ask
from core.service.codec import pack, pack_answer, pack_error, unpack_answer, unpack_request
from core.service.frames import FrameBounds, FrameError, receive_frame, send_frame
from core.service.request import Bulk, Request
from core.session import VolumeSession

BOUNDS = FrameBounds(1 << 16, 1 << 20)


def columns(count: int) -> PointerColumns:
    starts = np.arange(count, dtype=np.int64) * 4096
    return PointerColumns(
        starts, starts + 1, starts + 2, (starts % 3).astype(np.uint8), starts.astype(np.uint64)
    )


def over_the_wire(message: bytes, bulks: list[memoryview]) -> tuple[bytearray, list[bytearray]]:
    here, there = socket.socketpair()
    with here, there:
        send_frame(here, message, bulks)
        frame = receive_frame(there, BOUNDS)
    assert frame is not None
    return frame


@pytest.mark.parametrize("error", ERRORS_BY_CODE.values(), ids=lambda kind: kind.__name__)
def test_an_error_is_raised_again_as_the_same_class(error: type[RangepairError]) -> None:
    frame = over_the_wire(*pack_error(error("What happened.")))
    with pytest.raises(RangepairError, match=r"What happened\.") as caught:
        unpack_answer(*frame, None)
    assert type(caught.value) is error


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_a_table_keeps_every_column(count: int) -> None:
    table = TableAnswer(copy_id=1, start=0, stop=512, event_seq=9, columns=columns(count))
    frame = over_the_wire(*pack_answer(table))
    got = unpack_answer(*frame, TableAnswer)
    assert got.event_seq == 9
    for name in PointerColumns.__slots__:
        sent, received = getattr(table.columns, name), getattr(got.columns, name)
        assert received.dtype == sent.dtype
        assert received.tolist() == sent.tolist()


@given(payload=st.binary(max_size=4096), offset=st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_write_keeps_its_bytes_and_place(payload: bytes, offset: int) -> None:
    request = unpack_request(*over_the_wire(*pack(ask.Write(offset, Bulk(payload), "c"))))
    assert isinstance(request, ask.Write)
    assert (request.offset, bytes(request.payload.content)) == (offset, payload)


def test_strided_columns_travel_as_what_they_show() -> None:
    shown = np.arange(20, dtype=np.int64)[::-2]
    answer = unpack_answer(*over_the_wire(*pack_answer([shown])), list[np.ndarray])
    assert answer[0].tolist() == shown.tolist()


def test_a_number_beyond_the_wire_is_a_range_error() -> None:
    with pytest.raises(InvalidRangeError, match="larger than any volume"):
        pack(ask.Trim(1 << 70, 512, "original"))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"ask": "read", "offset": "0", "length": 1, "copy": "c"},
        {"ask": "read", "offset": 0, "length": 1 << 40, "copy": "c"},
        {"ask": "info", "surplus": 1},
        {"ask": "nothing"},
        {"ask": "write", "offset": 0, "payload": 7, "copy": "c"},
        {"ask": "write", "offset": 0, "payload": "x", "copy": "c"},
    ],
)
def test_what_is_no_request_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(FrameError):
        unpack_request(bytearray(msgspec.msgpack.encode(wrong)), [])


@given(junk=st.binary(max_size=200))
def test_junk_is_never_taken_for_a_request_by_accident(junk: bytes) -> None:
    try:
        request = unpack_request(bytearray(junk), [])
    except FrameError:
        return
    assert isinstance(request, Request)


def test_an_array_of_objects_is_refused() -> None:
    message, bulks = pack_answer(np.zeros(2, np.float64))
    with pytest.raises(FrameError, match="array of <f8"):
        unpack_answer(bytearray(message), [bytearray(bulk) for bulk in bulks], np.ndarray)


@pytest.mark.parametrize(
    "head",
    [
        struct.pack("<II", 1 << 31, 0),
        struct.pack("<II", 10, 17),
        struct.pack("<IIQ", 10, 1, 1 << 60),
        struct.pack("<IIQQ", 10, 2, 1 << 63, 1 << 63),
    ],
)
def test_a_frame_beyond_its_bounds_ends_the_connection(head: bytes) -> None:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(head)
        with pytest.raises(FrameError, match=r"too long|more than"):
            receive_frame(there, BOUNDS)


def test_an_end_between_frames_is_an_end_and_within_one_an_error() -> None:
    here, there = socket.socketpair()
    with there:
        here.sendall(b"\x05\x00\x00")
        here.close()
        with pytest.raises(FrameError, match="within"):
            receive_frame(there, BOUNDS)
    here, there = socket.socketpair()
    with there:
        here.close()
        assert receive_frame(there, BOUNDS) is None


def test_every_question_and_act_of_a_session_has_its_request() -> None:
    local = {"close", "__enter__", "__exit__"}
    promised = {
        name
        for name, member in vars(VolumeSession).items()
        if callable(member) and (not name.startswith("_") or name in local)
    } - local
    carried = {kind.method for kind in typing.get_args(ask.AnyRequest) if kind.method}
    assert carried == promised
