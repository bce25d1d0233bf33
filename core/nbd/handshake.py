# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The haggling before the first request: bytes in, bytes out, until an export is chosen.

Every option is answered in the order in which it came. What a client may say twice it may say
twice; what it says wrongly gets an error reply, and the haggling goes on. It ends the connection
where the protocol does (a wrong magic, an unknown client flag, an export name that is none) and
where memory or patience would have no bound.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from core.errors import RangepairError
from core.nbd import protocol as nbd
from core.nbd.exports import transmission_flags
from core.nbd.options import Fields, matches

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.nbd.exports import Export, ExportTable
    from core.nbd.metacontexts import MetaContext

OPTION_BYTES_MAX: Final = 64 << 10
"""Longest option that is looked at."""
SKIPPED_BYTES_MAX: Final = 1 << 20
"""Longest option that is passed over; who sends more has lost the thread."""
OPTIONS_MAX: Final = 10_000
CONTEXTS_MAX: Final = 16
"""Most metadata contexts of one connection: each is an answer kept in memory."""

_JUST_CHANGED: Final = (
    b"it is just being restored, resized or deleted; connect again when that is done"
)
_NUMBER: Final = struct.Struct(">I")
_INFO_EXPORT: Final = struct.Struct(">HQH")
_INFO_BLOCK_SIZE: Final = struct.Struct(">HIII")
_INFO: Final = struct.Struct(">H")


class Handshake:
    """One client's haggling.

    Attributes:
        export: The chosen export, once there is one; then the haggling is over.
        contexts: The metadata contexts for it, by the number that the client was given.
        is_structured: Whether replies may be structured.
        wants_tls: The client begins TLS with its next byte; cleared by ``secured``.
        is_over: The client has left.
    """

    def __init__(
        self,
        exports: ExportTable,
        send: Callable[[bytes], object],
        *,
        offers_tls: bool = False,
    ) -> None:
        """Greet.

        Args:
            exports: What can be chosen.
            send: Takes the bytes for the client.
            offers_tls: TLS is offered, and nothing else is until it is taken up.
        """
        self._exports = exports
        self._send = send
        self._offers_tls = offers_tls
        self._is_secure = False
        self._received = bytearray()
        self._client_flags: int | None = None
        self._skip = 0
        self._options = 0
        self._contexts_for = ""
        self._selected: dict[int, MetaContext] = {}
        self.export: Export | None = None
        self.contexts: dict[int, MetaContext] = {}
        self.is_structured = False
        self.wants_tls = False
        self.is_over = False
        send(nbd.GREETING)

    def receive(self, received: bytes | memoryview) -> bytes:
        """Take what came; return what came behind the last option, once an export is chosen.

        Raises:
            BrokenProtocolError: The connection must end.
        """
        self._received += received
        while not (self.is_over or self.export is not None) and self._step():
            if self.wants_tls:
                if self._received:
                    raise nbd.BrokenProtocolError("it spoke before TLS had begun")
                break
        if self.export is None:
            return b""
        rest = bytes(self._received)
        self._received.clear()
        return rest

    def secured(self) -> None:
        """TLS has begun: all that was agreed upon before it counts no more."""
        self.wants_tls, self._is_secure = False, True
        self.is_structured = False
        self._forget_contexts()

    # -- one message -------------------------------------------------------------------------

    def _step(self) -> bool:
        """Take one message, if it is there as a whole; return whether it was."""
        if self._client_flags is None:
            return self._take_flags()
        if self._skip:
            gone = min(self._skip, len(self._received))
            del self._received[:gone]
            self._skip -= gone
            return not self._skip
        return self._take_option()

    def _take_flags(self) -> bool:
        if len(self._received) < nbd.CLIENT_FLAGS.size:
            return False
        (flags,) = nbd.CLIENT_FLAGS.unpack_from(self._received)
        if flags & ~(nbd.FIXED_NEWSTYLE | nbd.NO_ZEROES):
            raise nbd.BrokenProtocolError(f"its flags are {flags:#x}")
        del self._received[: nbd.CLIENT_FLAGS.size]
        self._client_flags = flags
        return True

    def _take_option(self) -> bool:
        head = nbd.OPTION.size
        if len(self._received) < head:
            return False
        magic, option, length = nbd.OPTION.unpack_from(self._received)
        if magic != nbd.OPTION_MAGIC:
            raise nbd.BrokenProtocolError("an option has the wrong magic")
        if length > OPTION_BYTES_MAX:
            self._pass_over(option, length)
            del self._received[:head]
            return True
        if len(self._received) < head + length:
            return False
        content = bytes(self._received[head : head + length])
        del self._received[: head + length]
        self._options += 1
        if self._options > OPTIONS_MAX:
            raise nbd.BrokenProtocolError(f"it sent more than {OPTIONS_MAX} options")
        self._answer(option, content)
        return True

    def _pass_over(self, option: int, length: int) -> None:
        if length > SKIPPED_BYTES_MAX or option == nbd.OPT_EXPORT_NAME:
            raise nbd.BrokenProtocolError(f"option {option} has {length} bytes")
        self._skip = length
        self._reply(option, nbd.REP_ERR_TOO_BIG)

    def _answer(self, option: int, content: bytes) -> None:
        if option == nbd.OPT_ABORT:
            self._reply(option, nbd.REP_ACK)
            self.is_over = True
        elif self._offers_tls and not self._is_secure and option != nbd.OPT_STARTTLS:
            if option == nbd.OPT_EXPORT_NAME:
                raise nbd.BrokenProtocolError("it chose an export without TLS")
            self._reply(option, nbd.REP_ERR_TLS_REQD, b"this server asks for TLS")
        else:
            try:
                self._carry_out(option, Fields(content))
            except (ValueError, struct.error, RangepairError) as error:
                if option == nbd.OPT_EXPORT_NAME:
                    raise nbd.BrokenProtocolError(str(error)) from error
                self._reply(option, nbd.REP_ERR_INVALID, str(error).encode())

    def _carry_out(self, option: int, fields: Fields) -> None:
        match option:
            case nbd.OPT_EXPORT_NAME:
                self._export_name(fields)
            case nbd.OPT_LIST:
                self._list(option, fields)
            case nbd.OPT_STARTTLS:
                self._start_tls(option, fields)
            case nbd.OPT_INFO | nbd.OPT_GO:
                self._info_or_go(option, fields)
            case nbd.OPT_STRUCTURED_REPLY:
                self._structured_reply(option, fields)
            case nbd.OPT_LIST_META_CONTEXT | nbd.OPT_SET_META_CONTEXT:
                self._meta_context(option, fields)
            case _:
                self._reply(option, nbd.REP_ERR_UNSUP)

    def _reply(self, option: int, kind: int, content: bytes = b"") -> None:
        head = nbd.OPTION_REPLY.pack(nbd.OPTION_REPLY_MAGIC, option, kind, len(content))
        self._send(head + content)

    # -- the options -------------------------------------------------------------------------

    def _export_name(self, fields: Fields) -> None:
        export = self._exports.find(fields.rest())
        if export is None:
            raise nbd.BrokenProtocolError("it chose an export that is not there")
        if not self._take(export):
            raise nbd.BrokenProtocolError("it chose an export that is just being changed")
        flags = transmission_flags(export, is_structured=self.is_structured)
        has_zeroes = not (self._client_flags or 0) & nbd.NO_ZEROES
        reply = nbd.EXPORT_REPLY.pack(export.size_bytes, flags)
        self._send(reply + nbd.ZEROES_AFTER_EXPORT if has_zeroes else reply)

    def _list(self, option: int, fields: Fields) -> None:
        fields.end()
        for name, description in self._exports.listed():
            encoded = name.encode()
            self._reply(
                option, nbd.REP_SERVER, _NUMBER.pack(len(encoded)) + encoded + description.encode()
            )
        self._reply(option, nbd.REP_ACK)

    def _start_tls(self, option: int, fields: Fields) -> None:
        fields.end()
        if not self._offers_tls:
            self._reply(option, nbd.REP_ERR_POLICY, b"this server has no certificate")
        elif self._is_secure:
            self._reply(option, nbd.REP_ERR_INVALID, b"TLS has begun already")
        else:
            self._reply(option, nbd.REP_ACK)
            self.wants_tls = True

    def _info_or_go(self, option: int, fields: Fields) -> None:
        name = fields.text()
        wanted = {fields.short() for _ in range(fields.short())}
        fields.end()
        export = self._exports.find(name)
        if export is None:
            self._reply(option, nbd.REP_ERR_UNKNOWN, _no_such(name))
            return
        if option == nbd.OPT_GO and not self._take(export, name):
            self._reply(option, nbd.REP_ERR_POLICY, _JUST_CHANGED)
            return
        flags = transmission_flags(export, is_structured=self.is_structured)
        self._reply(
            option, nbd.REP_INFO, _INFO_EXPORT.pack(nbd.INFO_EXPORT, export.size_bytes, flags)
        )
        for kind, text in (
            (nbd.INFO_NAME, export.name),
            (nbd.INFO_DESCRIPTION, export.description),
        ):
            if kind in wanted:
                self._reply(option, nbd.REP_INFO, _INFO.pack(kind) + text.encode())
        sizes = nbd.BLOCK_BYTES_MIN, export.preferred_bytes, nbd.PAYLOAD_BYTES_MAX
        self._reply(option, nbd.REP_INFO, _INFO_BLOCK_SIZE.pack(nbd.INFO_BLOCK_SIZE, *sizes))
        self._reply(option, nbd.REP_ACK)

    def _structured_reply(self, option: int, fields: Fields) -> None:
        fields.end()
        self.is_structured = True
        self._reply(option, nbd.REP_ACK)

    def _meta_context(self, option: int, fields: Fields) -> None:
        name = fields.text()
        queries = [fields.text() for _ in range(fields.number())]
        fields.end()
        is_setting = option == nbd.OPT_SET_META_CONTEXT
        if is_setting:
            self._forget_contexts()
            if not self.is_structured:
                raise ValueError("structured replies come first")
        export = self._exports.find(name)
        if export is None:
            self._reply(option, nbd.REP_ERR_UNKNOWN, _no_such(name))
        elif is_setting:
            self._set_contexts(option, export, name, queries)
        else:
            for context in matches(export.context_names(), queries):
                self._reply(option, nbd.REP_META_CONTEXT, _NUMBER.pack(0) + context.encode())
            self._reply(option, nbd.REP_ACK)

    def _set_contexts(self, option: int, export: Export, name: str, queries: list[str]) -> None:
        self._contexts_for = name
        for query in dict.fromkeys(queries):
            context = export.context(query)
            if context is not None and len(self._selected) < CONTEXTS_MAX:
                number = len(self._selected) + 1
                self._selected[number] = context
                self._reply(
                    option, nbd.REP_META_CONTEXT, _NUMBER.pack(number) + context.name.encode()
                )
        self._reply(option, nbd.REP_ACK)

    # -- the choice --------------------------------------------------------------------------

    def _take(self, export: Export, name: str | None = None) -> bool:
        """Choose an export, unless it is claimed; return whether it was chosen."""
        # In this order: who claims it looks for its users after that, and one of both finds out.
        self.export = export
        if self._exports.is_claimed(export):
            self.export = None
            return False
        if name is not None and name == self._contexts_for:
            self.contexts = self._selected
        return True

    def _forget_contexts(self) -> None:
        self._selected = {}
        self._contexts_for = ""


def _no_such(name: str) -> bytes:
    return f"there is no copy named {name[:200]!r}".encode()
