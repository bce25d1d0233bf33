# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The bytes of the protocol, against sizes and samples of the kernel's header."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fuse import protocol
from core.fuse.protocol import (
    Ability,
    FallocateCall,
    FallocateMode,
    FileAttributes,
    Greeting,
    ProtocolError,
)

U64 = st.integers(0, (1 << 64) - 1)
GREETING = Greeting(7, 45, 131072, (1 << 32) - 1)


@pytest.mark.parametrize(
    ("packed", "size"),
    [  # sizeof in include/uapi/linux/fuse.h
        (protocol.pack_init(GREETING), 64),
        (protocol.pack_attributes(FileAttributes(512, 0o100600, 0, 0, 0), 1), 16 + 88),
        (protocol.pack_opened(1, 0), 16),
        (protocol.pack_sought(0), 8),
        (protocol.pack_statfs(512), 80),
        (protocol.pack_io(0, 0), 40),
        (protocol.pack_fallocate(FallocateCall(0, 0, 0)), 32),
        (protocol.pack_seek(0, 0), 24),
    ],
)
def test_structures_have_the_kernels_sizes(packed: bytes, size: int):
    assert len(packed) == size


def test_heads_have_the_kernels_sizes():
    assert protocol.REQUEST_HEAD.size == 40
    assert protocol.REPLY_HEAD.size == 16
    assert protocol.WRITE_AT == 80


@given(U64, U64, st.integers(0, 0x7FFFFFFF))
def test_a_request_comes_out_as_it_went_in(unique: int, offset: int, mode: int):
    call = FallocateCall(offset, 4096, mode)
    packed = protocol.pack_request(43, unique, protocol.pack_fallocate(call))
    request = protocol.unpack_request(memoryview(packed))
    assert (request.opcode, request.unique, request.node) == (43, unique, protocol.ROOT_NODE)
    assert protocol.unpack_fallocate(request.body) == call


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 62), st.integers(0, 65535))
def test_attributes_come_out_as_they_went_in(size: int, time_ns: int, owner: int):
    told = FileAttributes(size, 0o100600, owner, owner + 1, time_ns)
    assert protocol.unpack_attributes(protocol.pack_attributes(told, 1)) == told


def test_seek_comes_out_as_it_went_in():
    assert protocol.unpack_seek(memoryview(protocol.pack_seek(1 << 40, 4))) == (1 << 40, 4)


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_request_that_does_not_say_its_length(received: bytes):
    if len(received) >= 4 and int.from_bytes(received[:4], "little") == len(received):
        return
    with pytest.raises(ProtocolError):
        protocol.unpack_request(memoryview(received))


def test_extensions_behind_a_request_are_left_out():
    body = protocol.pack_seek(4096, 3)
    plain = protocol.pack_request(46, 1, body)
    extended = bytearray(plain + bytes(16))
    extended[0:4] = len(extended).to_bytes(4, "little")
    extended[36:38] = (2).to_bytes(2, "little")  # in units of eight bytes
    assert bytes(protocol.unpack_request(memoryview(extended)).body) == body


def test_extensions_longer_than_the_request_are_refused():
    packed = bytearray(protocol.pack_request(46, 1))
    packed[36:38] = (9).to_bytes(2, "little")
    with pytest.raises(ProtocolError):
        protocol.unpack_request(memoryview(packed))


@pytest.mark.parametrize("cut", range(32))
def test_a_structure_that_is_cut_off_is_refused(cut: int):
    whole = protocol.pack_fallocate(FallocateCall(1, 2, FallocateMode.PUNCH_HOLE))
    with pytest.raises(ProtocolError):
        protocol.unpack_fallocate(memoryview(whole)[:cut])


def test_what_is_agreed_on_is_what_both_can_do():
    offered = int(Ability.ASYNC_READ | Ability.MAX_PAGES) | 1 << 16  # and WRITEBACK_CACHE
    agreed = protocol.unpack_init_reply(protocol.pack_init(Greeting(7, 40, 65536, offered)))
    assert agreed["abilities"] == Ability.ASYNC_READ | Ability.MAX_PAGES
    assert agreed["readahead"] == 65536
    assert agreed["write_bytes"] == agreed["pages"] * 4096 == 1 << 20
    assert (agreed["major"], agreed["minor"]) == (7, 31)


def test_write_back_by_the_kernel_is_never_asked_for():
    agreed = protocol.unpack_init_reply(protocol.pack_init(GREETING))
    assert not agreed["abilities"] & 1 << 16


@pytest.mark.parametrize(("major", "minor"), [(6, 99), (7, 27)])
def test_a_kernel_too_old_is_refused(major: int, minor: int):
    greeting = b"".join(number.to_bytes(4, "little") for number in (major, minor, 0, 0))
    with pytest.raises(ProtocolError, match=rf"{major}\.{minor}"):
        protocol.unpack_init(memoryview(greeting))


def test_a_kernel_too_new_is_told_what_is_spoken_here():
    reply = protocol.unpack_init_reply(protocol.pack_init(Greeting(8, 0, 0, 0)))
    assert (reply["major"], reply["minor"], reply["write_bytes"]) == (7, 31, 0)


def test_a_refusal_carries_the_errno_and_no_body():
    assert protocol.unpack_reply(protocol.pack_refusal(9, 28)) == (28, 9, b"")


def test_a_reply_that_lies_about_its_length_is_seen():
    with pytest.raises(ProtocolError):
        protocol.unpack_reply(protocol.pack_reply(9, b"12") + b"3")
