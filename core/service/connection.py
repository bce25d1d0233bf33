# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One client's connection inside an engine process: requests in, answers out, one at a time."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

import core
from core.errors import RangepairError, VolumeBusyError
from core.service import attaching, hosting, serving, servingmessages
from core.service import messages as ask
from core.service.codec import pack_answer, pack_error, unpack_request
from core.service.frames import REQUEST_BOUNDS, FrameError, receive_frame, send_frame
from core.service.mapmessages import WritePortion
from core.service.request import Bulk

if TYPE_CHECKING:
    from core.service.host import Host

GREETING_S_MAX: Final = 10.0
"""Who has said nothing for so long takes the place of another."""
_CREDENTIALS: Final = struct.Struct("3i")
_log = logging.getLogger(__name__)


class Connection:
    """Serves one peer in a thread of its own until it leaves or breaks the protocol."""

    def __init__(self, host: Host, peer: socket.socket) -> None:
        """Serve ``peer`` on behalf of ``host``."""
        self._host = host
        self._peer = peer
        self._awaits_end = False

    def run(self) -> None:
        """Serve until the peer leaves or breaks; a broken peer is no affair of the others."""
        try:
            if _is_own_user(self._peer):
                self._serve()
            else:
                _log.warning("a process of another user was turned away")
        except (OSError, FrameError) as error:
            _log.info("a client was lost: %s", error)
        except Exception:  # noqa: BLE001 - who breaks us leaves as any other
            _log.exception("serving a client failed")
        if not self._awaits_end:
            self.close()
            self._host.left(self)

    def turn_away(self) -> None:
        """Refuse the peer before it has asked for anything, waiting for nobody."""
        refusal = VolumeBusyError(
            f"The engine process {os.getpid()} has as many clients as it takes; end some of them"
            " and try again."
        )
        with contextlib.suppress(OSError):
            send_frame(self._peer, *pack_error(refusal))
        self.close()

    def stop_listening(self) -> None:
        """Take no further request; the one under way is answered."""
        _shut(self._peer, socket.SHUT_RD)

    def close(self) -> None:
        """Close the connection, waiting for nobody."""
        self._peer.close()

    def _serve(self) -> None:
        """Answer request after request."""
        self._peer.settimeout(GREETING_S_MAX)
        while (frame := receive_frame(self._peer, REQUEST_BOUNDS)) is not None:
            try:
                request = unpack_request(*frame)
            except FrameError as error:
                send_frame(self._peer, *pack_error(error))
                raise
            self._peer.settimeout(None)
            send_frame(self._peer, *self._reply(request))
            if self._awaits_end:
                # The connection stays open until the volume is closed: its end is the answer.
                self._host.end()
                return

    def _reply(self, request: ask.AnyRequest) -> tuple[bytes, list[memoryview]]:
        """Return the packed answer or refusal."""
        try:
            return pack_answer(self._carry_out(request))
        except RangepairError as error:
            return pack_error(error)
        except Exception as error:  # noqa: BLE001 - one bad request must not end the others
            _log.exception("%s failed", type(request).__name__)
            return pack_error(
                RangepairError(
                    f"The engine met an error of its own ({type(error).__name__}: {error});"
                    " nothing more is known to be wrong, its log tells where."
                )
            )

    def _carry_out(self, request: ask.AnyRequest) -> object:
        """Return the value that answers the request."""
        if not request.method:
            return self._answer_as_host(request)
        fields: dict[str, Any] = {
            name: getattr(request, name) for name in request.__struct_fields__
        }
        if isinstance(request, ask.Write | WritePortion):
            fields["payload"] = bytes(request.payload.content)
        host = self._host
        with (
            attaching.claim_for(host.attachments, request),
            serving.claim_for(host.servings, request),
        ):
            value = getattr(host.volume, request.method)(**fields)
        return Bulk(value) if isinstance(request, ask.Read) else value

    def _answer_as_host(self, request: ask.AnyRequest) -> object:
        """Return the value that answers a request to the process rather than to the volume."""
        host = self._host
        match request:
            case hosting.Hello():
                return self._welcome(request)
            case hosting.Subscribe():
                return hosting.Subscription(str(host.ring.path), host.ring.last_seq)
            case hosting.KeepServing():
                host.keep_serving = request.keep
            case hosting.StartWorkload():
                host.workload.start(request.kind, request.rate_per_s, request.params)
            case hosting.StopWorkload():
                host.workload.stop()
            case hosting.WorkloadStatus():
                return host.workload.status()
            case attaching.AttachingRequest():
                return request.carry_out(host.attachments)
            case _:
                return self._answer_of_serving(request)
        return None

    def _answer_of_serving(self, request: ask.AnyRequest) -> object:
        """Return the value that answers a request about NBD, or to end."""
        servings = self._host.servings
        match request:
            case servingmessages.StartServing():
                return servings.start(request)
            case servingmessages.StayServing():
                servings.stay()
            case servingmessages.StopServing():
                return servings.stop(request.uri)
            case servingmessages.ServingStatus():
                return servings.told()
            case _:
                assert isinstance(request, hosting.Shutdown)
                attachments = self._host.attachments
                if attachments.is_any:  # what is in use refuses, and the process goes on
                    attachments.detach()
                self._awaits_end = True
        return None

    def _welcome(self, hello: hosting.Hello) -> hosting.Welcome:
        """Return who serves here.

        Raises:
            VolumeBusyError: The client speaks another protocol.
        """
        if hello.protocol != ask.PROTOCOL_VERSION:
            raise VolumeBusyError(
                f"The engine process {os.getpid()} is of another version of Rangepair;"
                " close the window that started it and try again."
            )
        return hosting.Welcome(
            protocol=ask.PROTOCOL_VERSION,
            program=core.__version__,
            pid=os.getpid(),
            image=os.fsencode(self._host.image).decode("utf-8", "backslashreplace"),
            clients=self._host.client_count,
        )


def _is_own_user(peer: socket.socket) -> bool:
    """Return whether the peer is this user or root; the folder's mode already says so, mostly."""
    packed = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(packed)
    return uid in {0, os.getuid()}


def _shut(peer: socket.socket, how: int) -> None:
    """Shut one or both ways of a connection that the peer may have closed already."""
    try:
        peer.shutdown(how)
    except OSError:
        return
