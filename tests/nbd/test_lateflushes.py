# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A flush is answered when it is done, and what came behind it does not wait for that."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

import pytest

from core.journal.ring import Ring
from tests.doubles import nbdpeer as peer
from tests.doubles.nbdclient import Client
from tests.nbd.conversation import Conversation

if TYPE_CHECKING:
    from pathlib import Path

    from core.engine import Volume
    from core.nbd.server import Server

GRAIN = 4096


class Gate:
    """Holds up every write to the ring."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()
        self.failure: OSError | None = None

    def put_down(self, ring: Ring, buffers: list[memoryview], offset: int) -> None:
        self.reached.set()
        assert self.open.wait(60)
        if self.failure is not None:
            raise self.failure
        REAL_PUT_DOWN(ring, buffers, offset)


REAL_PUT_DOWN = Ring.put_down


@pytest.fixture
def gate(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> Gate:
    volume.snapshot("monday")
    gate = Gate()

    def put_down(ring: Ring, buffers: list[memoryview], offset: int) -> None:
        gate.put_down(ring, buffers, offset)

    monkeypatch.setattr(Ring, "put_down", put_down)
    return gate


@pytest.mark.parametrize(
    ("command", "flags", "payload"), [(peer.FLUSH, 0, b""), (peer.WRITE, peer.FUA, b"f" * GRAIN)]
)
def test_requests_behind_a_flush_are_answered_first(
    server: Server, gate: Gate, command: int, flags: int, payload: bytes
) -> None:
    with Client(server.uri) as client:
        client.write(0, b"a" * GRAIN)
        flush = client.send(command, 0, flags=flags, payload=payload)
        assert gate.reached.wait(60)
        client.write(0, b"b" * GRAIN)
        client.write(GRAIN, b"c" * GRAIN)
        assert client.read(0, 2 * GRAIN) == b"b" * GRAIN + b"c" * GRAIN
        assert flush not in client.replies.done
        gate.open.set()
        assert client.wait(flush).error == 0
        client.flush()


def test_another_client_does_not_wait_for_a_flush(server: Server, gate: Gate) -> None:
    with Client(server.uri) as one, Client(server.uri) as other:
        one.write(0, b"a" * GRAIN)
        flush = one.send(peer.FLUSH)
        assert gate.reached.wait(60)
        other.write(GRAIN, b"b" * GRAIN)
        assert other.read(0, 2 * GRAIN) == b"a" * GRAIN + b"b" * GRAIN
        gate.open.set()
        assert one.wait(flush).error == 0


def test_who_leaves_hears_of_its_flush_before(server: Server, gate: Gate, image: Path) -> None:
    with Client(server.uri) as client:
        client.write(0, b"a" * GRAIN)
        flush = client.send(peer.FLUSH)
        client.send(peer.DISC)
        assert gate.reached.wait(60)
        gate.open.set()
        assert client.wait(flush).error == 0
        assert client.peer.recv(1) == b""


def test_a_server_that_stops_answers_the_flush_that_is_under_way(
    server: Server, gate: Gate
) -> None:
    with Client(server.uri) as client:
        client.write(0, b"a" * GRAIN)
        flush = client.send(peer.FLUSH)
        assert gate.reached.wait(60)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        gate.open.set()
        assert client.wait(flush).error == 0
        stopping.join(60)
        assert not stopping.is_alive()


def test_a_flush_that_fails_is_told_to_its_client(server: Server, gate: Gate) -> None:
    gate.failure = OSError(errno.EIO, "the disk is broken")
    gate.open.set()
    with Client(server.uri) as client:
        client.write(0, b"a" * GRAIN)
        reply = client.request(peer.FLUSH)
        assert reply.error == errno.EIO
        assert "takes no more writes" in reply.message
        assert client.request(peer.WRITE, GRAIN, payload=b"b" * GRAIN).error
        assert client.read(0, GRAIN) == b"a" * GRAIN


@pytest.mark.parametrize("structured", [False, True])
def test_a_session_says_what_it_is_told_to_later(structured: bool) -> None:
    later = []
    talk = Conversation(answer_later=later.append)
    talk.choose(structured=structured)
    export = talk.session.export
    talk.say(peer.request(peer.FLUSH, 7) + peer.request(peer.WRITE, 8, 0, payload=bytes(512)))
    assert talk.hear() == peer.simple_reply(8)
    assert ("flush",) not in export.asked
    assert later.pop()() == peer.simple_reply(7)
    assert ("flush",) in export.asked
    export.cannot_flush = True
    talk.say(peer.request(peer.WRITE, 9, 0, payload=bytes(512), flags=peer.FUA))
    replies = peer.Replies()
    replies.expect(9)
    replies.feed(later.pop()())
    assert replies.done[9].error == errno.EIO
    assert not talk.hear()
