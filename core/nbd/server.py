# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The server: accepts clients, and drives a session for each in a thread of its own.

A thread that blocks in one system call, takes all that has come, and answers it with another is
what serves one client fastest here; several share the volume's lock. A client that is silent costs
a thread that sleeps, one that breaks the protocol costs a line in the log, and one that does not
read its replies holds up nobody but itself.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from core.nbd.latereplies import LateReplies
from core.nbd.listening import Listener, make_ready
from core.nbd.protocol import BrokenProtocolError
from core.nbd.session import Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from core.nbd.exports import ExportTable

CLIENTS_MAX: Final = 128
HANDSHAKE_S_MAX: Final = 30.0
"""Who has not chosen an export by then is taken for lost."""
STOP_S_MAX: Final = 10.0
"""How long requests under way may take at the end."""
FAREWELL_S_MAX: Final = 1.0
ACCEPT_AGAIN_S: Final = 0.2

_CREDENTIALS: Final = struct.Struct("3i")
_log = logging.getLogger(__name__)


class Connected(NamedTuple):
    """A client that has chosen an export, or is about to.

    Attributes:
        peer: Process or address of the client.
        export: Name of its export; None while it chooses.
        view_id: Of the view behind that export.
    """

    peer: str
    export: str | None
    view_id: int | None


class Server:
    """Serves the exports of one table at one address.

    Attributes:
        uri: How clients name it.
    """

    def __init__(
        self,
        exports: ExportTable,
        listener: Listener,
        *,
        context: ssl.SSLContext | None = None,
        left: Callable[[], object] = lambda: None,
    ) -> None:
        """Begin to accept.

        Args:
            exports: What is served.
            listener: Closed, and its socket file removed, by ``stop``.
            context: Every client must begin TLS with it.
            left: Called whenever a client has left, in the thread that served it.
        """
        self.uri = listener.uri
        self._exports = exports
        self._listener = listener
        self._context = context
        self._left = left
        self._lock = threading.Lock()
        self._clients: dict[_Client, threading.Thread] = {}
        self._is_stopping = False
        self._acceptor = threading.Thread(target=self._accept_all, name="nbd-accept", daemon=True)
        self._acceptor.start()

    def connected(self) -> list[Connected]:
        """Return the clients there are now."""
        with self._lock:
            return [client.told() for client in self._clients]

    def stop(self) -> None:
        """Accept nobody any more, answer what is under way, hang up. May be called twice."""
        self._is_stopping = True
        with contextlib.suppress(OSError):
            self._listener.socket.shutdown(socket.SHUT_RDWR)  # which ends ``accept``
        self._acceptor.join()
        self._listener.socket.close()
        if self._listener.path is not None:
            self._listener.path.unlink(missing_ok=True)
        with self._lock:
            under_way = dict(self._clients)
        for client in under_way:
            client.stop()
        deadline = time.monotonic() + STOP_S_MAX
        for client, thread in under_way.items():
            thread.join(max(0.0, deadline - time.monotonic()))
            client.hang_up()
        for thread in under_way.values():
            thread.join(FAREWELL_S_MAX)

    def _accept_all(self) -> None:
        while not self._is_stopping:
            try:
                peer, _ = self._listener.socket.accept()
            except OSError as error:
                if not self._is_stopping:
                    _log.warning("a client could not be accepted: %s", error)
                    time.sleep(ACCEPT_AGAIN_S)
                continue
            self._take_in(peer)

    def _take_in(self, peer: socket.socket) -> None:
        client = _Client(self._exports, peer, self._context)
        thread = threading.Thread(target=self._serve, args=(client,), name="nbd", daemon=True)
        with self._lock:
            is_full = len(self._clients) >= CLIENTS_MAX or self._is_stopping
            if not is_full:
                self._clients[client] = thread
        if is_full:
            _log.warning("a client was turned away: there are %d already", CLIENTS_MAX)
            peer.close()
            return
        try:
            thread.start()
        except RuntimeError as error:  # no more threads
            _log.warning("a client was turned away: %s", error)
            self._forget(client)

    def _serve(self, client: _Client) -> None:
        try:
            client.run()
        finally:
            self._forget(client)

    def _forget(self, client: _Client) -> None:
        client.close()
        with self._lock:
            self._clients.pop(client, None)
        self._left()


class _Client:
    """One connection."""

    def __init__(
        self, exports: ExportTable, peer: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        self._exports = exports
        self._peer = peer
        self._context = context
        self._name = _name_of(peer)
        self._session: Session | None = None
        self._is_stopping = False
        self._sending = threading.Lock()
        self._late = LateReplies(self._send, self.hang_up, self._name)

    def told(self) -> Connected:
        """Return who it is."""
        export = None if self._session is None else self._session.export
        if export is None:
            return Connected(self._name, None, None)
        return Connected(self._name, export.name, export.id)

    def run(self) -> None:
        """Serve until the client leaves, or breaks the protocol."""
        try:
            make_ready(self._peer)
            session = self._haggle()
            if session is not None:
                self._serve(session)
        except BrokenProtocolError as error:
            _log.info("%s was disconnected: %s", self._name, error)
        except OSError as error:
            _log.info("%s was lost: %s", self._name, error)
        except Exception:  # noqa: BLE001 - a fault of ours must not end the others
            _log.exception("serving %s failed", self._name)
        finally:
            self._late.close()

    def _send(self, content: bytes | memoryview) -> None:
        with self._sending:
            self._peer.sendall(content)

    def _haggle(self) -> Session | None:
        """Return the session once an export is chosen; None if the client leaves before."""
        deadline = time.monotonic() + HANDSHAKE_S_MAX
        self._peer.settimeout(HANDSHAKE_S_MAX)
        session = Session(
            self._exports,
            self._send,
            offers_tls=self._context is not None,
            # TLS cannot send while another thread receives.
            answer_later=None if self._context is not None else self._late.put,
        )
        self._session = session
        while session.export is None and not session.is_over:
            self._peer.settimeout(max(0.001, deadline - time.monotonic()))
            count = self._peer.recv_into(session.space())
            if not count or self._is_stopping:
                return None
            session.received(count)
            if session.handshake.wants_tls:
                assert self._context is not None
                self._peer = self._context.wrap_socket(self._peer, server_side=True)
                session.handshake.secured()
        self._peer.settimeout(None)
        return session

    def _serve(self, session: Session) -> None:
        receive, space, received = self._peer.recv_into, session.space, session.received
        while not (session.is_over or self._is_stopping):
            count = receive(space())
            if not count:
                return
            received(count)
        self._say_farewell()

    def _say_farewell(self) -> None:
        """End TLS as it should be ended, if the client waits for it."""
        if self._context is not None:
            import ssl

            assert isinstance(self._peer, ssl.SSLSocket)
            self._peer.settimeout(FAREWELL_S_MAX)
            with contextlib.suppress(OSError, ValueError):
                self._peer.unwrap()

    def stop(self) -> None:
        """Take no further request; those under way are answered. From another thread."""
        self._is_stopping = True
        self._shut(socket.SHUT_RD)

    def hang_up(self) -> None:
        """Let a send or receive under way fail. From another thread."""
        self._shut(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._peer.close()

    def _shut(self, how: int) -> None:
        with contextlib.suppress(OSError):
            # Past TLS, whose own way is for the thread that reads.
            socket.socket.shutdown(self._peer, how)


def _name_of(peer: socket.socket) -> str:
    """Return what a client is called in lists and logs."""
    try:
        if peer.family == socket.AF_UNIX:
            packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid, _, _ = _CREDENTIALS.unpack(packed)
            return f"{Path(f'/proc/{pid}/exe').readlink().name} ({pid})"
        host, port, *_ = peer.getpeername()
    except OSError:
        return "a client"
    return f"{host} port {port}"
