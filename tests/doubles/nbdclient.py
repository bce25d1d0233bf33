# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A small NBD client over a real socket, with as many requests under way as wished."""

from __future__ import annotations

import socket
import urllib.parse

from tests.doubles import nbdpeer as peer


class Client:
    """One connection to a server; hears every byte of it through ``nbdpeer``.

    Attributes:
        contexts: Metadata contexts by name.
        size: Of the export.
    """

    def __init__(self, uri, name="", *, queries=(), timeout=30.0, wrap=None):
        self.peer = connected(uri, timeout)
        self.contexts = {}
        self.replies = peer.Replies()
        self._cookie = 0
        try:
            self._haggle(name, queries, wrap)
        except BaseException:
            self.peer.close()
            raise

    def _haggle(self, name, queries, wrap):
        assert self._exactly(18) == peer.GREETING
        self.peer.sendall(peer.client_flags())
        if wrap is not None:
            assert self.ask(peer.option(peer.STARTTLS))[-1][1] == peer.ACK
            self.peer = wrap(self.peer)
        assert self.ask(peer.option(peer.STRUCTURED))[-1][1] == peer.ACK
        if queries:
            *chosen, _ = self.ask(peer.meta(peer.SET_META, name, queries))
            self.contexts = {each[2][4:].decode(): int.from_bytes(each[2][:4]) for each in chosen}
        *told, last = self.ask(peer.go(name))
        if last[1] != peer.ACK:
            raise LookupError(last[2].decode())
        self.size = int.from_bytes(told[0][2][2:10])

    def ask(self, said):
        """Say one option; return its replies to the last."""
        self.peer.sendall(said)
        replies = []
        while True:
            head = self._exactly(20)
            replies += peer.option_replies(head + self._exactly(int.from_bytes(head[16:])))
            if replies[-1][1] == peer.ACK or replies[-1][1] >> 31:
                return replies

    def send(self, command, offset=0, length=0, *, flags=0, payload=b""):
        """Make a request; return its cookie."""
        self._cookie += 1
        self.replies.expect(self._cookie, length if command == peer.READ else 0)
        self.peer.sendall(
            peer.request(command, self._cookie, offset, length, flags=flags, payload=payload)
        )
        return self._cookie

    def wait(self, cookie):
        """Return the reply to a request."""
        while cookie not in self.replies.done:
            received = self.peer.recv(1 << 18)
            if not received:
                raise ConnectionError
            self.replies.feed(received)
        return self.replies.done.pop(cookie)

    def request(self, command, offset=0, length=0, *, flags=0, payload=b""):
        return self.wait(self.send(command, offset, length, flags=flags, payload=payload))

    def read(self, offset, length):
        reply = self.request(peer.READ, offset, length)
        assert not reply.error, reply.message
        return reply.content

    def write(self, offset, payload, flags=0):
        reply = self.request(peer.WRITE, offset, flags=flags, payload=payload)
        assert not reply.error, reply.message

    def flush(self):
        assert not self.request(peer.FLUSH).error

    def close(self):
        self.peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _exactly(self, count):
        whole = b""
        while len(whole) < count:
            piece = self.peer.recv(count - len(whole))
            if not piece:
                raise ConnectionError
            whole += piece
        return whole


def connected(uri, timeout=30.0):
    """Return a socket that is connected to the server of a URI."""
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme == "nbd+unix":
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(timeout)
        try:
            link.connect(urllib.parse.parse_qs(parts.query)["socket"][0])
        except OSError:
            link.close()
            raise
        return link
    return socket.create_connection((parts.hostname, parts.port), timeout)
