# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A client and a session in one thread, with bytes and nothing else between them."""

from __future__ import annotations

from core.nbd.session import Session
from tests.doubles import nbdpeer as peer
from tests.doubles.memoryexports import MemoryExports


class Conversation:
    """A session, and what it has said so far.

    Attributes:
        said: Bytes of the server since ``hear`` was called last.
    """

    def __init__(self, exports=None, *, flags=3, offers_tls=False, answer_later=None):
        self.exports = MemoryExports() if exports is None else exports
        self.said = bytearray()
        self.session = Session(
            self.exports, self.said.extend, offers_tls=offers_tls, answer_later=answer_later
        )
        assert self.hear() == peer.GREETING
        self.say(peer.client_flags(flags))

    def say(self, content, piece=1 << 30):
        """Let the session receive bytes, at most ``piece`` at a time."""
        for start in range(0, len(content), piece):
            self.session.feed(content[start : start + piece])

    def hear(self):
        """Return what was said, and forget it."""
        said = bytes(self.said)
        self.said.clear()
        return said

    def ask(self, content, piece=1 << 30):
        """Say an option; return the replies as (option, kind, content)."""
        self.say(content, piece)
        return peer.option_replies(self.hear())

    def choose(self, name="", *, structured=True, queries=None):
        """Get to an export; return the metadata contexts by name."""
        if structured:
            assert self.ask(peer.option(peer.STRUCTURED)) == [(peer.STRUCTURED, peer.ACK, b"")]
        contexts = {}
        if queries is not None:
            *chosen, last = self.ask(peer.meta(peer.SET_META, name, queries))
            assert last[1] == peer.ACK
            contexts = {each[2][4:].decode(): int.from_bytes(each[2][:4]) for each in chosen}
        assert self.ask(peer.go(name))[-1][1] == peer.ACK
        return contexts

    def request(self, command, offset=0, length=0, *, flags=0, payload=b"", piece=1 << 30):
        """Make one request; return its reply, the only thing that is said."""
        replies = peer.Replies()
        replies.expect(1, length if command == peer.READ else 0)
        sent = peer.request(command, 1, offset, length, flags=flags, payload=payload)
        self.say(sent, piece)
        replies.feed(self.hear())
        replies.end()
        return replies.done[1]
