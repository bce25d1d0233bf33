# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct

import pytest

from core.nbd.handshake import OPTIONS_MAX
from core.nbd.protocol import BrokenProtocolError
from tests.doubles import nbdpeer as peer
from tests.nbd.conversation import Conversation

MIB = 1 << 20
KINDS = {
    "unknown option": (peer.option(99), peer.ERR_UNSUP),
    "extended headers": (peer.option(11), peer.ERR_UNSUP),
    "list with content": (peer.option(peer.LIST, b"x"), peer.ERR_INVALID),
    "structured with content": (peer.option(peer.STRUCTURED, b"x"), peer.ERR_INVALID),
    "no TLS here": (peer.option(peer.STARTTLS), peer.ERR_POLICY),
    "go without anything": (peer.option(peer.GO), peer.ERR_INVALID),
    "go with a cut name": (peer.option(peer.GO, struct.pack(">I", 9) + b"abc"), peer.ERR_INVALID),
    "go with a cut list": (
        peer.option(peer.GO, peer.text("") + struct.pack(">HH", 2, 3)),
        peer.ERR_INVALID,
    ),
    "go with more": (peer.option(peer.GO, peer.text("") + b"\0\0x"), peer.ERR_INVALID),
    "go to nowhere": (peer.go("friday"), peer.ERR_UNKNOWN),
    "info of nothing": (peer.go("friday", number=peer.INFO), peer.ERR_UNKNOWN),
    "a name that is no text": (peer.go(b"\xff\xfe"), peer.ERR_INVALID),
    "a name too long": (peer.go("n" * 4097), peer.ERR_INVALID),
    "contexts without structure": (
        peer.meta(peer.SET_META, "", ["base:allocation"]),
        peer.ERR_INVALID,
    ),
    "contexts of nothing": (peer.meta(peer.LIST_META, "friday"), peer.ERR_UNKNOWN),
    "queries that are not there": (
        peer.option(peer.LIST_META, peer.text("") + struct.pack(">I", 1 << 31)),
        peer.ERR_INVALID,
    ),
    "an option too long": (peer.option(peer.LIST, bytes(MIB)), peer.ERR_TOO_BIG),
}


@pytest.mark.parametrize("piece", [1 << 30, 1, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_what_makes_no_sense_is_answered_and_the_haggling_goes_on(kind: str, piece: int) -> None:
    said, error = KINDS[kind]
    talk = Conversation()
    replies = talk.ask(said, piece if len(said) < MIB else 1 << 16)
    assert [reply[1] for reply in replies] == [error]
    assert replies[0][0] == int.from_bytes(said[8:12])
    assert talk.ask(peer.go())[-1] == (peer.GO, peer.ACK, b"")


@pytest.mark.parametrize(
    "said",
    [
        peer.option(peer.LIST, magic=b"IHAVEOPX"),
        peer.option(peer.EXPORT_NAME, b"friday"),
        peer.option(peer.EXPORT_NAME, b"\xff"),
        peer.option(peer.EXPORT_NAME, bytes(70_000)),
        peer.option(peer.LIST, bytes(MIB + 1)),
        peer.option(99) * (OPTIONS_MAX + 1),
    ],
    ids=["magic", "no such export", "no text", "endless name", "endless option", "endless talk"],
)
def test_what_cannot_be_answered_ends_the_connection(said: bytes) -> None:
    with pytest.raises(BrokenProtocolError):
        Conversation().say(said)


def test_unknown_client_flags_end_the_connection() -> None:
    with pytest.raises(BrokenProtocolError, match="0x5"):
        Conversation(flags=5)


def test_abort_is_acknowledged_and_ends() -> None:
    talk = Conversation()
    assert talk.ask(peer.option(peer.ABORT)) == [(peer.ABORT, peer.ACK, b"")]
    assert talk.session.is_over


def test_the_list_names_every_export_once() -> None:
    *exports, last = Conversation().ask(peer.option(peer.LIST))
    assert [content[4:] for _, _, content in exports] == [
        b"originaloriginal in memory",
        b"mondaymonday in memory",
        b"portionsportions in memory",
    ]
    assert [content[:4] for _, _, content in exports] == [
        b"\0\0\0\x08",
        b"\0\0\0\x06",
        b"\0\0\0\x08",
    ]
    assert last == (peer.LIST, peer.ACK, b"")


@pytest.mark.parametrize(
    ("name", "structured", "flags"),
    [
        ("", True, 0b1101_1110_1101),
        ("original", False, 0b1101_0110_1101),
        ("monday", True, 0b0101_1000_1111),
        ("portions", False, 0b0101_0000_1101),
    ],
)
def test_an_export_says_what_can_be_done_with_it(name: str, structured: bool, flags: int) -> None:
    talk = Conversation()
    if structured:
        talk.ask(peer.option(peer.STRUCTURED))
    for number in (peer.INFO, peer.GO):
        replies = talk.ask(peer.go(name, [1, 2, 99], number))
        assert [kind for _, kind, _ in replies] == [peer.INFO_REPLY] * 4 + [peer.ACK]
        export, shown, description, sizes = [content for _, _, content in replies[:-1]]
        assert struct.unpack(">HQH", export) == (0, MIB, flags)
        assert shown == b"\0\1" + (name or "original").encode()
        assert description == b"\0\2" + (name or "original").encode() + b" in memory"
        assert struct.unpack(">HIII", sizes) == (3, 512, 4096, 32 << 20)
        assert (talk.session.export is None) == (number == peer.INFO)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_the_old_way_to_choose_an_export(flags: int) -> None:
    talk = Conversation(flags=flags)
    talk.say(peer.option(peer.EXPORT_NAME, b"monday"))
    said = talk.hear()
    assert struct.unpack_from(">QH", said) == (MIB, 0b0101_0000_1111)
    assert said[10:] == (b"" if flags & 2 else bytes(124))
    assert talk.request(peer.READ, 0, 512).content == bytes(512)


def test_what_is_claimed_is_refused_until_it_is_not() -> None:
    talk = Conversation()
    talk.exports.claimed = {"monday"}
    assert talk.ask(peer.go("monday", number=peer.INFO))[-1][1] == peer.ACK  # asking is no use
    _, kind, told = talk.ask(peer.go("monday"))[-1]
    assert kind == peer.ERR_POLICY
    assert b"connect again" in told
    assert talk.session.export is None
    old = Conversation()
    old.exports.claimed = {"monday"}
    with pytest.raises(BrokenProtocolError, match="being changed"):
        old.say(peer.option(peer.EXPORT_NAME, b"monday"))
    talk.exports.claimed.clear()
    talk.choose("monday")
    assert talk.request(peer.READ, 0, 512).content == bytes(512)


def test_requests_right_behind_the_choice_are_served() -> None:
    talk = Conversation()
    payload = bytes(range(256)) * 800  # longer than what is received at once
    said = peer.go() + peer.request(peer.WRITE, 7, 4096, payload=payload)
    talk.say(said + peer.request(peer.READ, 8, 4096, 512), 5000)
    said = talk.hear()
    replies = peer.Replies()
    replies.expect(7)
    replies.expect(8, 512)
    replies.feed(said[said.index(b"\x67\x44\x66\x98") :])
    assert replies.done[7].error == 0
    assert replies.done[8].content == payload[:512]


# -- metadata contexts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queries", "found"),
    [
        ([], ["base:allocation", "rangepair:changed/monday", "rangepair:owner"]),
        (["base:"], ["base:allocation"]),
        (["rangepair:"], ["rangepair:changed/monday", "rangepair:owner"]),
        (["rangepair:changed/"], ["rangepair:changed/monday"]),
        (["rangepair:owner", "base:allocation"], ["base:allocation", "rangepair:owner"]),
        (["rangepair:own", "nothing:", ""], []),
    ],
)
def test_contexts_are_listed_by_queries(queries: list[str], found: list[str]) -> None:
    *replies, last = Conversation().ask(peer.meta(peer.LIST_META, "", queries))
    assert [content for _, _, content in replies] == [bytes(4) + name.encode() for name in found]
    assert last == (peer.LIST_META, peer.ACK, b"")


def test_only_contexts_named_in_full_are_set() -> None:
    talk = Conversation()
    queries = ["base:", "rangepair:owner", "rangepair:owner", "base:allocation", "base:dirty"]
    contexts = talk.choose("monday", queries=queries)
    assert contexts == {"rangepair:owner": 1, "base:allocation": 2}
    assert set(talk.request(peer.BLOCK_STATUS, 0, 512).statuses) == {1, 2}


def test_contexts_set_for_another_export_do_not_count() -> None:
    talk = Conversation()
    talk.ask(peer.option(peer.STRUCTURED))
    talk.ask(peer.meta(peer.SET_META, "monday", ["base:allocation"]))
    talk.choose("")
    assert talk.request(peer.BLOCK_STATUS, 0, 512).error == 22


def test_setting_anew_forgets_what_was_set() -> None:
    talk = Conversation()
    talk.ask(peer.option(peer.STRUCTURED))
    talk.ask(peer.meta(peer.SET_META, "", ["base:allocation", "rangepair:owner"]))
    assert list(talk.choose(queries=["rangepair:owner"]).values()) == [1]
    assert list(talk.request(peer.BLOCK_STATUS, 0, 512).statuses) == [1]


# -- TLS ---------------------------------------------------------------------------------------


def test_nothing_is_told_before_tls() -> None:
    talk = Conversation(offers_tls=True)
    for said in (peer.option(peer.LIST), peer.go(), peer.option(peer.STRUCTURED), peer.option(77)):
        assert [kind for _, kind, _ in talk.ask(said)] == [peer.ERR_TLS_REQD]
    with pytest.raises(BrokenProtocolError):
        talk.say(peer.option(peer.EXPORT_NAME))


def test_tls_forgets_what_was_said_before() -> None:
    talk = Conversation(offers_tls=True)
    assert talk.ask(peer.option(peer.STARTTLS, b"x"))[0][1] == peer.ERR_INVALID
    assert talk.ask(peer.option(peer.STARTTLS)) == [(peer.STARTTLS, peer.ACK, b"")]
    assert talk.session.handshake.wants_tls
    talk.session.handshake.secured()
    assert talk.ask(peer.option(peer.STARTTLS))[0][1] == peer.ERR_INVALID
    assert talk.ask(peer.meta(peer.SET_META, "", ["base:allocation"]))[0][1] == peer.ERR_INVALID
    talk.choose()


def test_bytes_that_come_before_tls_are_not_taken_for_what_came_through_it() -> None:
    talk = Conversation(offers_tls=True)
    with pytest.raises(BrokenProtocolError, match="before TLS"):
        talk.say(peer.option(peer.STARTTLS) + peer.go())
