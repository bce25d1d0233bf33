# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The addresses at which an engine process serves its volume over NBD."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.errors import UsageError, VolumeBusyError
from core.service.meetingplace import meeting_place
from core.serving import ServedClient, Serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.nbd.listening import Listener
    from core.nbd.server import Server
    from core.service.servingmessages import StartServing
    from core.session import VolumeSession


class _Served(NamedTuple):
    server: Server
    request: StartServing


class Servings:
    """Starts, lists and stops the NBD servers of one engine process. From any thread."""

    def __init__(self, image: str, volume: VolumeSession, left: Callable[[], object]) -> None:
        """Serve nowhere yet.

        Args:
            image: Path of the image.
            volume: What is served.
            left: Called whenever an NBD client has left.
        """
        self._image = image
        self._volume = volume
        self._left = left
        self._lock = threading.Lock()
        self._served: dict[str, _Served] = {}
        self._is_over = False

    @property
    def is_wanted(self) -> bool:
        """Whether there is an NBD client, or serving was asked for that stays."""
        with self._lock:
            return any(
                each.request.stays or each.server.connected() for each in self._served.values()
            )

    def start(self, request: StartServing) -> Serving:
        """Serve at one more address.

        Raises:
            RangepairError: It cannot be served there.
        """
        from core.engine import Volume
        from core.nbd.exports import VolumeExports
        from core.nbd.listening import server_context
        from core.nbd.server import Server

        if not isinstance(self._volume, Volume):
            raise UsageError("This engine process serves no block clients.")
        context = server_context(Path(request.tls)) if request.tls else None
        with self._lock:
            if self._is_over:
                raise VolumeBusyError("The engine process is ending; try again.")
            listener = self._listen(request)
            exports = VolumeExports(self._volume, read_only=request.read_only)
            server = Server(exports, listener, context=context, left=self._left)
            self._served[server.uri] = _Served(server, request)
            return _told(self._served[server.uri])

    def _listen(self, request: StartServing) -> Listener:
        from core.nbd.listening import listen_at_path, listen_at_port

        if request.host:
            return listen_at_port(request.host, request.port, is_secure=bool(request.tls))
        if request.tls:
            raise UsageError("TLS is for TCP; give --tcp with --tls.")
        own = meeting_place(self._image).nbd
        return listen_at_path(Path(request.socket) if request.socket else own)

    def told(self) -> list[Serving]:
        """Return all, oldest first."""
        with self._lock:
            return [_told(each) for each in self._served.values()]

    def stop(self, uri: str = "") -> list[str]:
        """Stop serving at ``uri``, or everywhere; return when all clients are gone.

        Raises:
            UsageError: The volume is not served there.
        """
        with self._lock:
            if uri and uri not in self._served:
                raise UsageError(f"The volume is not served at {uri}.")
            stopped = [self._served.pop(each) for each in ([uri] if uri else list(self._served))]
        for each in stopped:
            each.server.stop()
        return [each.server.uri for each in stopped]

    def end(self) -> None:
        """Stop serving for good."""
        with self._lock:
            self._is_over = True
        self.stop()


def _told(served: _Served) -> Serving:
    server, request = served
    return Serving(
        uri=server.uri,
        read_only=request.read_only,
        tls=bool(request.tls),
        stays=request.stays,
        clients=[ServedClient(each.peer, each.export) for each in server.connected()],
    )
