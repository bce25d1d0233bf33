# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One client's conversation from the greeting to the end: the haggling, then the requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.nbd.handshake import Handshake
from core.nbd.transmission import Transmission

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.nbd.exports import Export, ExportTable
    from core.nbd.transmission import AnswerLater

    Send = Callable[[bytes | memoryview], object]

HANDSHAKE_READ_BYTES: Final = 4096


class Session:
    """Bytes in, bytes out; see the head of the package for what is kept.

    Attributes:
        handshake: The haggling, with what it led to.
    """

    def __init__(
        self,
        exports: ExportTable,
        send: Send,
        *,
        offers_tls: bool = False,
        answer_later: AnswerLater | None = None,
    ) -> None:
        """Greet the client; ``send`` takes every byte for it, and has used it on return.

        ``answer_later`` is for ``Transmission``.
        """
        self._send = send
        self._answer_later = answer_later
        self.handshake = Handshake(exports, send, offers_tls=offers_tls)
        self._transmission: Transmission | None = None
        self._first = bytearray(HANDSHAKE_READ_BYTES)

    @property
    def export(self) -> Export | None:
        """The chosen export; None while the haggling goes on."""
        return self.handshake.export

    @property
    def is_over(self) -> bool:
        """Whether the client has said that it leaves."""
        if self._transmission is not None:
            return self._transmission.is_over
        return self.handshake.is_over

    def space(self) -> memoryview:
        """Return where the next bytes go; never empty."""
        if self._transmission is not None:
            return self._transmission.space()
        return memoryview(self._first)

    def received(self, count: int) -> None:
        """Act on ``count`` more bytes, which lie in ``space``.

        Raises:
            BrokenProtocolError: The connection must end.
        """
        if self._transmission is not None:
            self._transmission.received(count)
            return
        rest = self.handshake.receive(memoryview(self._first)[:count])
        if self.handshake.export is not None:
            self._transmission = Transmission(
                self.handshake.export,
                self.handshake.contexts,
                self._send,
                is_structured=self.handshake.is_structured,
                answer_later=self._answer_later,
            )
            self.feed(rest)

    def feed(self, content: bytes) -> None:
        """Put bytes into ``space``, however many, and act on them. Raises as ``received`` does."""
        rest = memoryview(content)
        while rest and not self.is_over:
            space = self.space()
            count = min(len(space), len(rest))
            space[:count] = rest[:count]
            rest = rest[count:]
            self.received(count)
