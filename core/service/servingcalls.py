# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Methods of ``core.service.client.RemoteVolume`` about serving the volume over NBD."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.service.servingmessages import ServingStatus, StartServing, StayServing, StopServing

if TYPE_CHECKING:
    from core.service.client import RemoteVolume
    from core.serving import Serving


def serve(  # noqa: PLR0913 - where, how, to whom
    self: RemoteVolume,
    *,
    socket: str = "",
    host: str = "",
    port: int = 0,
    tls: str = "",
    read_only: bool = False,
    stays: bool = False,
) -> Serving:
    """Serve the volume over NBD, too, until it is stopped or the engine process ends.

    Args:
        self: The volume.
        socket: Absolute path of a socket file; without it and ``host``, one in the user's runtime
            folder.
        host: Listen on TCP instead; this machine's own unless there are certificates.
        port: 0 is any that is free.
        tls: Folder with ``ca-cert.pem``, ``server-cert.pem`` and ``server-key.pem``.
        read_only: Take writes from nobody.
        stays: Keep the engine process for it.

    Raises:
        RangepairError: It cannot be served there.
    """
    request = StartServing(socket, host, port, tls, read_only, stays)
    return cast("Serving", self._ask(request))


def serving(self: RemoteVolume) -> list[Serving]:
    """Return where the volume is served now, and to whom."""
    return cast("list[Serving]", self._ask(ServingStatus()))


def stay_serving(self: RemoteVolume) -> None:
    """Let the volume be served on, where it is now, when whoever asked for it has left."""
    self._ask(StayServing())


def stop_serving(self: RemoteVolume, uri: str = "") -> list[Serving]:
    """Stop serving at ``uri``, or everywhere; return what it was, once clients are disconnected.

    Requests under way are answered.
    """
    return cast("list[Serving]", self._ask(StopServing(uri)))
