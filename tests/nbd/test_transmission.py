# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from core.nbd.metacontexts import States, extents
from core.nbd.protocol import BrokenProtocolError
from core.nbd.transmission import AHEAD_MAX, CACHE_BYTES_MAX
from tests.doubles import nbdpeer as peer
from tests.doubles.memoryexports import MemoryExports
from tests.nbd.conversation import Conversation

MIB = 1 << 20
SIZE = 40 * MIB
PIECES = [1 << 30, 100_001, 333]


@pytest.fixture(params=[True, False], ids=["structured", "simple"])
def talk(request: pytest.FixtureRequest) -> Conversation:
    talk = Conversation(MemoryExports(SIZE))
    talk.choose(structured=request.param)
    return talk


@pytest.fixture
def export(talk: Conversation):
    return talk.exports.all["original"]


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("length", [512, 4096, 65536, 66048, 300 * 1024, MIB, MIB + 512, 3 * MIB])
@pytest.mark.parametrize("offset", [0, 512, MIB - 512])
def test_what_is_written_is_read(talk, export, piece, length, offset) -> None:
    if piece < 1000 and length > MIB:
        length = MIB + 512
    payload = random.Random(length).randbytes(length)
    assert talk.request(peer.WRITE, offset, payload=payload, piece=piece).error == 0
    assert export.content[offset : offset + length] == payload
    assert talk.request(peer.READ, offset, length, piece=piece).content == payload


def test_the_longest_requests(talk, export) -> None:
    payload = random.Random(1).randbytes(32 * MIB)
    assert talk.request(peer.WRITE, 8 * MIB, payload=payload).error == 0
    assert max(length for _, _, length in export.asked) == MIB
    assert talk.request(peer.READ, 8 * MIB, 32 * MIB).content == payload


def test_many_requests_at_once_are_answered_in_order(talk, export) -> None:
    replies, sent, chosen = peer.Replies(), b"", random.Random(3)
    twin = bytearray(export.content[:65536])
    expected = {}
    for cookie in range(2000):
        offset = chosen.randrange(64) * 512
        if chosen.random() < 0.5:
            payload = chosen.randbytes(512 * chosen.randrange(1, 9))
            sent += peer.request(peer.WRITE, cookie, offset, payload=payload)
            twin[offset : offset + len(payload)] = payload
            replies.expect(cookie)
        else:
            sent += peer.request(peer.READ, cookie, offset, 4096)
            expected[cookie] = bytes(twin[offset : offset + 4096])
            replies.expect(cookie, 4096)
    talk.say(sent, 70_000)
    replies.feed(talk.hear())
    replies.end()
    assert not replies.unanswered
    assert list(replies.done) == list(range(2000))
    assert {cookie: replies.done[cookie].content for cookie in expected} == expected


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ((peer.READ, SIZE, 512), 22),
        ((peer.READ, SIZE - 512, 1024), 22),
        ((peer.READ, (1 << 64) - 512, 512), 22),
        ((peer.READ, 1, 512), 22),
        ((peer.READ, 0, 511), 22),
        ((peer.READ, 0, 0), 22),
        ((peer.READ, 0, 32 * MIB + 512), 22),
        ((peer.TRIM, SIZE, 512), 22),
        ((peer.TRIM, 0, (1 << 32) - 1), 22),
        ((peer.WRITE_ZEROES, 7, 512), 22),
        ((peer.CACHE, SIZE, 512), 22),
        ((peer.BLOCK_STATUS, 0, 512), 22),
        ((8, 0, 0), 22),
        ((0xFFFF, 0, 512), 22),
    ],
)
def test_requests_that_make_no_sense(talk, export, asked, error) -> None:
    command, offset, length = asked
    assert talk.request(command, offset, length).error == error
    assert export.asked == []
    assert talk.request(peer.FLUSH).error == 0


@pytest.mark.parametrize(
    ("offset", "length", "error"),
    [
        (SIZE, 512, 28),
        (SIZE - 512, 1024, 28),
        (SIZE - 512, 100 * 1024, 28),
        (SIZE - MIB, 2 * MIB, 28),
        (3, 512, 22),
        (0, 513, 22),
        (5, 300 * 1024, 22),
        (0, 33 * MIB, 22),
    ],
)
@pytest.mark.parametrize("piece", [1 << 30, 200_000])
def test_writes_that_make_no_sense(talk, export, offset, length, error, piece) -> None:
    """Their payload is passed over, so that the next request is found behind it."""
    reply = talk.request(peer.WRITE, offset, length, payload=b"x" * length, piece=piece)
    assert reply.error == error
    assert export.asked == []
    assert export.content[-MIB:] == bytes(MIB)
    assert talk.request(peer.FLUSH).error == 0


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        (peer.READ, peer.NO_HOLE), (peer.WRITE, peer.DF), (peer.FLUSH, peer.REQ_ONE),
        (peer.TRIM, peer.NO_HOLE), (peer.WRITE_ZEROES, peer.DF), (peer.READ, 1 << 15),
        (peer.WRITE, 1 << 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("length", [512, 128 * 1024])
def test_flags_that_make_no_sense(talk, export, command, flags, length) -> None:
    payload = bytes(length) if command == peer.WRITE else b""
    assert talk.request(command, 0, length, flags=flags, payload=payload, piece=99_999).error == 22
    assert export.asked == []


def test_a_wrong_magic_ends_the_connection(talk) -> None:
    with pytest.raises(BrokenProtocolError, match="magic"):
        talk.say(peer.request(peer.READ, magic=0x25609514))


def test_leaving_ends_it_and_what_comes_behind_is_not_heard(talk, export) -> None:
    talk.say(peer.request(peer.DISC) + peer.request(peer.WRITE, 0, payload=bytes(512)))
    assert talk.session.is_over
    assert talk.hear() == b""
    assert export.asked == []


@pytest.mark.parametrize("length", [512, 128 * 1024])
def test_fua_is_durable_before_it_is_answered(talk, export, length) -> None:
    reply = talk.request(peer.WRITE, 0, flags=peer.FUA, payload=b"x" * length, piece=100_000)
    assert reply.error == 0
    assert export.asked == [("write", 0, length), ("flush",)]
    talk.request(peer.TRIM, 0, 512, flags=peer.FUA)
    talk.request(peer.WRITE_ZEROES, 0, 512, flags=peer.FUA | peer.NO_HOLE)
    assert export.asked[2:] == [("trim", 0, 512), ("flush",), ("write", 0, 512), ("flush",)]
    assert talk.request(peer.READ, 0, 512, flags=peer.FUA).error == 0


def test_zeroes_may_be_holes_or_not(talk, export) -> None:
    export.content[: 4 * MIB] = b"x" * (4 * MIB)
    assert talk.request(peer.WRITE_ZEROES, 0, MIB).error == 0
    assert talk.request(peer.WRITE_ZEROES, MIB, 2 * MIB, flags=peer.NO_HOLE).error == 0
    assert export.asked == [("trim", 0, MIB), ("write", MIB, MIB), ("write", 2 * MIB, MIB)]
    assert export.content[: 4 * MIB] == bytes(3 * MIB) + b"x" * MIB
    fast = talk.request(peer.WRITE_ZEROES, 0, MIB, flags=peer.FAST_ZERO | peer.NO_HOLE)
    assert fast.error == 95
    assert talk.request(peer.WRITE_ZEROES, 3 * MIB, MIB, flags=peer.FAST_ZERO).error == 0
    assert export.content[:] == bytes(SIZE)


def test_cache_is_advice(talk, export) -> None:
    assert talk.request(peer.CACHE, 512, SIZE - 512).error == 0
    assert export.asked == [("advise", 512, CACHE_BYTES_MAX)]


def test_a_read_only_export_takes_no_writes() -> None:
    talk = Conversation(MemoryExports(SIZE))
    talk.choose("monday")
    for length in (512, MIB):
        assert talk.request(peer.WRITE, 0, payload=bytes(length), piece=99_999).error == 1
    for command in (peer.TRIM, peer.WRITE_ZEROES):
        assert talk.request(command, 0, 512).error == 1
    assert talk.request(peer.FLUSH).error == 0
    assert talk.request(peer.READ, 0, 512).content == bytes(512)


def test_what_was_not_offered_is_refused() -> None:
    talk = Conversation(MemoryExports(SIZE))
    talk.choose("portions")
    assert talk.request(peer.TRIM, 0, 512).error == 22


@pytest.mark.parametrize("length", [512, MIB])
def test_a_failed_write_tells_why_once(talk, export, length) -> None:
    export.is_full = True
    reply = talk.request(peer.WRITE, 0, payload=bytes(length), piece=100_000)
    assert (reply.error, reply.message) in {(28, "Full."), (28, "")}
    export.is_full = False
    assert talk.request(peer.WRITE, 0, payload=bytes(length)).error == 0


def test_a_read_that_fails(talk, export) -> None:
    export.bad_at = 4096
    assert talk.request(peer.READ, 4096, 512).error == 5
    assert talk.request(peer.READ, 0, 2 * MIB).error == 5
    assert talk.request(peer.READ, 0, 4096).content == bytes(4096)


def test_a_read_that_fails_halfway() -> None:
    """A structured reply can still say so; behind a simple head only the end of all can."""
    talk = Conversation(MemoryExports(SIZE))
    talk.choose()
    export = talk.exports.all["original"]
    export.bad_at = 3 * MIB
    reply = talk.request(peer.READ, 0, 8 * MIB)
    assert (reply.error, reply.message) == (5, "Byte is bad.")
    assert reply.content == bytes(3 * MIB)
    simple = Conversation(MemoryExports(SIZE))
    simple.choose(structured=False)
    simple.exports.all["original"].bad_at = 3 * MIB
    with pytest.raises(BrokenProtocolError, match="halfway"):
        simple.say(peer.request(peer.READ, 1, 0, 8 * MIB))


def test_one_chunk_if_the_client_insists() -> None:
    talk = Conversation(MemoryExports(SIZE))
    talk.choose()
    assert talk.request(peer.READ, 0, 65536, flags=peer.DF).chunks == 1
    assert talk.request(peer.READ, 0, MIB, flags=peer.DF).chunks == 1
    assert talk.request(peer.READ, 0, MIB + 512, flags=peer.DF).error == 75
    assert talk.request(peer.READ, 0, 2 * MIB).chunks == 2


@pytest.mark.parametrize("is_refused", [False, True])
def test_replies_that_do_not_fit_leave_in_two(talk, is_refused) -> None:
    """One buffer holds all replies of a batch; wherever it ends, none is lost or cut."""
    replies = peer.Replies()
    lengths = [MIB, 127 * 512]
    sent = b"".join(
        peer.request(peer.READ, cookie, 0, length) for cookie, length in enumerate(lengths)
    )
    for cookie, length in enumerate(lengths):
        replies.expect(cookie, length)
    for cookie in range(2, 200):
        sent += peer.request(peer.TRIM, cookie, SIZE if is_refused else 0, 512)
        replies.expect(cookie)
    talk.say(sent)
    replies.feed(talk.hear())
    replies.end()
    assert [replies.done[cookie].error for cookie in range(2, 200)] == [22 * is_refused] * 198


def test_the_disk_is_told_of_no_more_than_that(talk, export) -> None:
    export.is_cold = True
    sent = b"".join(peer.request(peer.READ, cookie, 0, 512) for cookie in range(AHEAD_MAX + 9))
    talk.say(sent + peer.request(peer.FLUSH, 999) + peer.request(peer.READ, 1000, 512, 512))
    told = [each for each in export.asked if each[0] == "advise"]
    assert len(told) == AHEAD_MAX + 1 + 8 + 1
    assert export.asked[-2:] == [("flush",), ("advise", 512, 512)]


def test_the_disk_is_told_of_all_reads_that_wait(talk, export) -> None:
    export.is_cold = True
    replies, sent = peer.Replies(), b""
    for cookie in range(40):
        sent += peer.request(peer.READ, cookie, cookie * 8192, 4096)
        replies.expect(cookie, 4096)
    talk.say(sent)
    replies.feed(talk.hear())
    assert len(replies.done) == 40
    assert export.asked == [("advise", cookie * 8192, 4096) for cookie in range(40)]


# -- block status ------------------------------------------------------------------------------


def status(talk, offset, length, flags=0):
    return talk.request(peer.BLOCK_STATUS, offset, length, flags=flags).statuses


def test_block_status_tells_runs() -> None:
    talk = Conversation(MemoryExports(SIZE))
    talk.choose(queries=["base:allocation", "rangepair:owner"])
    export = talk.exports.all["original"]
    export.content[4096:8192] = b"x" * 4096
    export.content[8704] = 1
    expected = [(4096, 3), (4096, 0), (512, 3), (512, 0), (SIZE - 9216, 3)]
    assert status(talk, 0, SIZE) == {1: expected, 2: expected}
    assert status(talk, 0, SIZE, peer.REQ_ONE) == {1: [(4096, 3)], 2: [(4096, 3)]}
    assert status(talk, 4608, 512)[1] == [(512, 0)]
    assert status(talk, 7680, 1536)[2] == [(512, 0), (512, 3), (512, 0)]
    assert talk.request(peer.BLOCK_STATUS, 0, 0).error == 22


def test_block_status_has_a_longest_answer() -> None:
    talk = Conversation(MemoryExports(SIZE))
    talk.choose(queries=["base:allocation"])
    export = talk.exports.all["original"]
    export.content[::1024] = b"x" * (SIZE // 1024)
    whole, at = [], 0
    while at < SIZE:
        runs = status(talk, at, SIZE - at)[1]
        assert 0 < len(runs) <= 4096
        at += sum(length for length, _ in runs)
        whole += runs
    assert whole == [(512, 0), (512, 3)] * (SIZE // 1024)


@pytest.mark.parametrize("seed", range(300))
def test_extents_are_what_a_sector_map_says(seed: int) -> None:
    chosen = random.Random(seed)
    count, rest = 60, chosen.randrange(3)
    sectors = [rest] * count
    rows, at = [], 0
    while (at := at + chosen.randrange(4)) < count:
        stop = min(at + chosen.randrange(1, 6), count)
        state = chosen.randrange(3)
        rows.append((at, stop, state))
        sectors[at:stop] = [state] * (stop - at)
        at = stop
    columns = np.array(rows, np.int64).reshape(-1, 3)
    states = States(columns[:, 0], columns[:, 1], columns[:, 2], rest)
    first = chosen.randrange(count)
    length = chosen.randrange(1, count - first + 1)
    most = chosen.randrange(1, 9)
    found = extents(states, first, length, most)
    assert 0 < len(found) <= most
    assert all(one[1] != two[1] for one, two in itertools.pairwise(found))
    told = [state for size, state in found for _ in range(size)]
    assert told == sectors[first : first + len(told)]
    if len(found) < most and len(rows) <= most:
        assert len(told) == length


# -- durability --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "flags", "length"),
    [
        (peer.FLUSH, 0, 0),
        (peer.WRITE, peer.FUA, 512),
        (peer.WRITE, peer.FUA, 2 * MIB),
        (peer.TRIM, peer.FUA, 512),
        (peer.WRITE_ZEROES, peer.FUA, 512),
        (peer.WRITE_ZEROES, peer.FUA | peer.NO_HOLE, 512),
    ],
)
def test_no_answer_leaves_before_what_it_promises(talk, export, command, flags, length) -> None:
    """Not even in one send with others: when the disk is asked, nothing was said."""
    said_at_flush = []
    export.flush = lambda: said_at_flush.append(bytes(talk.said))
    payload = bytes(length) if command == peer.WRITE else b""
    before = peer.request(peer.WRITE, 1, 4096, payload=bytes(512))
    talk.say(before + peer.request(command, 2, 0, length, flags=flags, payload=payload))
    replies = peer.Replies()
    replies.expect(2)
    answer = talk.hear()[-16:]
    replies.feed(answer)
    assert replies.done[2].error == 0
    assert len(said_at_flush) == 1
    assert answer not in said_at_flush[0]
