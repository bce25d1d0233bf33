# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The addresses at which an engine process serves its volume over NBD."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from core.errors import CopyInUseError, UsageError, VolumeBusyError
from core.service.meetingplace import meeting_place
from core.serving import ServedClient, Serving, peers_told
from core.session import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from core.nbd.listening import Listener
    from core.nbd.server import Server
    from core.service.request import Request
    from core.service.servingmessages import StartServing
    from core.session import VolumeSession

LEAVING_S: Final = 0.3
"""Who has hung up may be counted for this long still."""
_LOOK_AGAIN_S: Final = 0.02


class _Served(NamedTuple):
    server: Server
    request: StartServing


class Servings:
    """Starts, lists and stops the NBD servers of one engine process. From any thread.

    An act that would pull a view from under its clients claims it for as long as the act takes, as
    it does in ``core.attach.attachments``.
    """

    def __init__(self, image: str, volume: VolumeSession, left: Callable[[], object]) -> None:
        """Serve nowhere yet.

        Args:
            image: Path of the image.
            volume: What is served.
            left: Called whenever an NBD client has left.
        """
        self._own_path = meeting_place(image).nbd  # now: the image may get another name
        self._volume = volume
        self._left = left
        self._lock = threading.Lock()
        self._served: dict[str, _Served] = {}
        self._stopping: list[Server] = []
        self._claims: Counter[int] = Counter()
        self._is_over = False
        self._spare_what_is_used()

    def _spare_what_is_used(self) -> None:
        from core.engine import Volume

        if isinstance(self._volume, Volume):
            # Who holds this lock never asks the volume anything, so the volume may ask.
            self._volume.spare(lambda name: any(map(self._users, self._views([name]))))

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
            self._refuse_served(request)
            listener = self._listen(request)
            exports = VolumeExports(
                self._volume, read_only=request.read_only, is_claimed=self._is_claimed
            )
            server = Server(exports, listener, context=context, left=self._left)
            self._served[server.uri] = _Served(server, request)
            return _told(self._served[server.uri])

    def _refuse_served(self, request: StartServing) -> None:
        """Refuse an address at which this volume is served already."""
        from core.nbd.listening import uris_at

        path = "" if request.host else request.socket or str(self._own_path)
        for uri in uris_at(path=path, host=request.host, port=request.port):
            if uri in self._served:
                raise VolumeBusyError(
                    f"The image is served there already, at {uri}; connect to that, or stop it"
                    " first."
                )

    def _listen(self, request: StartServing) -> Listener:
        from core.nbd.listening import listen_at_path, listen_at_port

        if request.host:
            return listen_at_port(request.host, request.port, is_secure=bool(request.tls))
        if request.tls:
            raise UsageError("TLS is for TCP; give --tcp with --tls.")
        return listen_at_path(Path(request.socket) if request.socket else self._own_path)

    def told(self) -> list[Serving]:
        """Return all, oldest first."""
        with self._lock:
            return [_told(each) for each in self._served.values()]

    def stay(self) -> None:
        """Let every serving there is go on when whoever asked for it has left."""
        with self._lock:
            for uri, served in self._served.items():
                request = msgspec.structs.replace(served.request, stays=True)
                self._served[uri] = served._replace(request=request)

    def stop(self, uri: str = "") -> list[Serving]:
        """Stop serving at ``uri``, or everywhere; return what it was, when all clients are gone.

        Raises:
            UsageError: The volume is not served there.
        """
        with self._lock:
            if uri and uri not in self._served:
                raise UsageError(f"The volume is not served at {uri}.")
            stopped = [self._served.pop(each) for each in ([uri] if uri else list(self._served))]
            self._stopping += [each.server for each in stopped]
            told = [_told(each) for each in stopped]
        for each in stopped:
            each.server.stop()
            with self._lock:
                self._stopping.remove(each.server)
        return told

    @contextlib.contextmanager
    def claimed(self, names: Sequence[str], what: str) -> Iterator[None]:
        """Let no client choose these views within the block.

        Args:
            names: Of views, deleted ones included.
            what: What cannot be done to them while clients use them, as in ``"be restored"``.

        Raises:
            CopyInUseError: A client uses one of them.
        """
        views = self._views(names)
        with self._lock:
            self._claims.update(list(views))
        try:
            self._check_unused(views, what)
            yield
        finally:
            with self._lock:
                self._claims.subtract(list(views))

    def _is_claimed(self, view_id: int) -> bool:
        with self._lock:
            return self._claims[view_id] > 0

    def _views(self, names: Sequence[str]) -> dict[int, str]:
        """Return the names by id; what there is not is refused by the act itself."""
        from core.engine import Volume

        return self._volume.view_ids(names) if isinstance(self._volume, Volume) else {}

    def _check_unused(self, views: dict[int, str], what: str) -> None:
        """Refuse if a client uses one of the views, and does not leave in this moment."""
        deadline = time.monotonic() + LEAVING_S
        for view_id, name in views.items():
            while users := self._users(view_id):
                if time.monotonic() < deadline:
                    time.sleep(_LOOK_AGAIN_S)
                    continue
                raise CopyInUseError(
                    f"{name!r} is used by {peers_told(users)} over NBD and cannot {what} meanwhile;"
                    f" disconnect {'it' if len({one.peer for one in users}) == 1 else 'them'}"
                    " first."
                )

    def _users(self, view_id: int) -> list[ServedClient]:
        """Return the clients that use a view, those of servers that are just stopping, too."""
        with self._lock:
            servers = [*self._stopping, *(each.server for each in self._served.values())]
            return [
                ServedClient(each.peer, each.export)
                for server in servers
                for each in server.connected()
                if each.view_id == view_id
            ]

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


def claim_for(servings: Servings, request: Request) -> contextlib.AbstractContextManager[None]:
    """Return a block in which no client uses what ``request`` would pull from under it.

    Growing the original is no such thing, and renaming is none: clients stay with their copy.

    Raises:
        CopyInUseError: On entering: a client uses it.
    """
    match request.method:
        case "restore":
            return servings.claimed([ORIGINAL], "be restored")
        case "resize" if getattr(request, "shrinks"):  # noqa: B009 - without it nothing shrinks
            return servings.claimed([ORIGINAL], "be made smaller")
        case "delete" | "purge":
            return servings.claimed(getattr(request, "names"), "be deleted")  # noqa: B009
    return contextlib.nullcontext()
