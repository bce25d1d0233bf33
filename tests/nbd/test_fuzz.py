# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Clients that send anything at all: cut, too long, out of order, or noise.

Whatever comes, the server says nothing that the protocol does not allow, keeps what memory it has,
never writes where it may not, and either goes on or ends the connection by a BrokenProtocolError.
"""

from __future__ import annotations

import contextlib
import os
import random
import struct
from typing import TYPE_CHECKING

import pytest

from core.nbd.handshake import OPTION_BYTES_MAX
from core.nbd.protocol import BrokenProtocolError
from core.nbd.session import Session
from tests.doubles import nbdpeer as peer
from tests.doubles.memoryexports import MemoryExports
from tests.doubles.nbdclient import Client, connected

if TYPE_CHECKING:
    from core.engine import Volume
    from core.nbd.server import Server

IS_SOAK = os.environ.get("RANGEPAIR_TEST_PROFILE") == "soak"
MESSAGES = 1_000_000 if IS_SOAK else 20_000
OVER_SOCKETS = 20_000 if IS_SOAK else 400
SIZE = 1 << 20
SAID_BYTES_MAX = 40 << 20
NAMES = ["", "original", "monday", "portions", "friday", "x" * 300, "é"]
QUERIES = ["base:", "base:allocation", "rangepair:", "rangepair:owner", "", "a:b", "x" * 5000]
OFFSETS = [0, 512, 4096, 1, SIZE - 512, SIZE, SIZE + 512, (1 << 63), (1 << 64) - 512, (1 << 64) - 1]
LENGTHS = [0, 512, 4096, 513, 65536, 66048, SIZE, 2 * SIZE, (1 << 25) + 512, (1 << 32) - 1]


class Fuzz:
    """One generator of messages, by seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def option(self) -> bytes:
        chosen = self.random
        number = chosen.choice([*range(1, 13), 99, 1 << 31, chosen.getrandbits(32)])
        name = peer.text(chosen.choice(NAMES))
        match chosen.randrange(6):
            case 0:
                content = b""
            case 1:
                content = name
            case 2:
                infos = [chosen.getrandbits(3) for _ in range(chosen.randrange(5))]
                content = name + struct.pack(f">H{len(infos)}H", len(infos), *infos)
            case 3:
                queries = [chosen.choice(QUERIES) for _ in range(chosen.randrange(4))]
                content = name + struct.pack(">I", len(queries)) + b"".join(map(peer.text, queries))
            case 4:
                content = chosen.randbytes(chosen.choice([1, 4, 7, 300, OPTION_BYTES_MAX + 1]))
            case _:
                content = name + chosen.randbytes(chosen.randrange(9))
        return self.spoiled(peer.option(number, content))

    def request(self, cookie: int) -> tuple[bytes, int]:
        """Return a message, and how much a simple reply to it may carry."""
        chosen = self.random
        command = chosen.choice([0, 1, 1, 3, 4, 5, 6, 7, 8, chosen.getrandbits(16)])
        offset = chosen.choice([*OFFSETS, chosen.getrandbits(20), chosen.getrandbits(64)])
        length = chosen.choice(LENGTHS[:6] * 4 + LENGTHS)
        flags = chosen.choice([0, 0, 0, 0, 1, 2, 4, 8, 16, 3, 18, 1 << chosen.randrange(16)])
        payload = b""
        if command == peer.WRITE:
            length = min(length, 2 * SIZE)
            payload = chosen.randbytes(64) * (length // 64 + 1)
            payload = payload[:length]
        message = peer.request(command, cookie, offset, length, flags=flags, payload=payload)
        return message, length if command == peer.READ else 0

    def spoiled(self, message: bytes) -> bytes:
        """Now and then cut a message, or change some of it."""
        chosen = self.random
        match chosen.randrange(40):
            case 0:
                return message[: chosen.randrange(len(message))]
            case 1:
                at = chosen.randrange(len(message))
                return message[:at] + chosen.randbytes(1) + message[at + 1 :]
            case 2:
                return chosen.randbytes(chosen.randrange(1, 100)) + message
        return message

    def pieces(self, message: bytes) -> list[bytes]:
        """Cut what is sent, anywhere."""
        if self.random.randrange(4):
            return [message]
        at = self.random.randrange(len(message) + 1)
        return [message[:at], message[at:]]


class Talk:
    """A session that is spoken to, and how many messages it took until its end."""

    def __init__(self, fuzz: Fuzz) -> None:
        self.fuzz = fuzz
        self.exports = MemoryExports(SIZE)
        self.said = bytearray()
        is_secure = not fuzz.random.randrange(8)
        self.session = Session(self.exports, self.hear, offers_tls=is_secure)
        assert bytes(self.said) == peer.GREETING
        self.said.clear()
        self.messages = 0

    def hear(self, content: bytes | memoryview) -> None:
        self.said += content
        assert len(self.said) < SAID_BYTES_MAX

    def say(self, message: bytes) -> None:
        self.messages += 1
        for piece in self.fuzz.pieces(message):
            self.session.feed(piece)

    def run(self) -> None:
        """Speak until the session ends, or has lost the thread."""
        with contextlib.suppress(BrokenProtocolError):
            self.haggle()
            if self.session.export is not None:
                self.transmit()
        monday = self.exports.all["monday"]
        assert not [each for each in monday.asked if each[0] in {"write", "trim"}]

    def haggle(self) -> None:
        chosen = self.fuzz.random
        self.say(self.fuzz.spoiled(peer.client_flags(chosen.choice([0, 1, 2, 3, 3, 3, 3, 4]))))
        for _ in range(chosen.randrange(12)):
            self.say(self.fuzz.option())
            if self.session.export is not None or self.session.is_over:
                break
            assert peer.option_replies(bytes(self.said)) is not None
            self.said.clear()
            if self.session.handshake.wants_tls:
                self.session.handshake.secured()
        if chosen.randrange(3):
            for option in (peer.STRUCTURED, peer.STARTTLS)[: chosen.randrange(3)]:
                self.say(peer.option(option))
                if self.session.handshake.wants_tls:
                    self.session.handshake.secured()
            self.say(peer.meta(peer.SET_META, "", QUERIES[1:4]))
            self.say(peer.go(chosen.choice(NAMES[:4])))

    def transmit(self) -> None:
        """Make requests; every one that is whole is answered once, in the protocol's words."""
        replies = peer.Replies()
        self.said.clear()
        for cookie in range(self.fuzz.random.randrange(1, 120)):
            message, read_length = self.fuzz.request(cookie)
            spoiled = self.fuzz.spoiled(message)
            if spoiled != message:
                self.say(spoiled)
                return  # from here on nobody knows where a request begins
            replies.expect(cookie, read_length)
            self.say(message)
            replies.feed(self.said)
            self.said.clear()
            replies.end()
            if self.session.is_over:
                return
            assert list(replies.done) == [cookie]
            replies.done.clear()


@pytest.mark.timeout(0 if IS_SOAK else 120)
def test_nothing_that_is_sent_does_harm() -> None:
    messages = conversations = 0
    while messages < MESSAGES:
        talk = Talk(Fuzz(conversations))
        talk.run()
        messages += talk.messages
        conversations += 1
    assert conversations > 100


@pytest.mark.timeout(0 if IS_SOAK else 120)
def test_nothing_that_is_sent_over_a_socket_harms_another_client(
    server: Server, volume: Volume
) -> None:
    volume.snapshot("monday")
    before = volume.read(0, volume.info().size)
    fuzz = Fuzz(4)
    chosen = fuzz.random
    with Client(server.uri, "monday") as bystander:
        for number in range(OVER_SOCKETS):
            with contextlib.suppress(OSError), connected(server.uri, 5) as link:
                link.sendall(fuzz.spoiled(peer.client_flags()))
                for _ in range(chosen.randrange(6)):
                    link.sendall(fuzz.option())
                link.sendall(peer.go(chosen.choice(NAMES[:3])))
                for cookie in range(chosen.randrange(20)):
                    link.sendall(fuzz.spoiled(fuzz.request(cookie)[0]))
                    link.setblocking(False)
                    with contextlib.suppress(BlockingIOError):
                        link.recv(1 << 16)
                    link.settimeout(5)
            if number % 20 == 0:
                assert bystander.read(0, 4096) == before[:4096]
        assert bystander.read(0, len(before)) == before
    assert volume.check() == []
