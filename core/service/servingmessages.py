# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Requests about serving the volume over NBD."""

from __future__ import annotations

from core.service.request import Request
from core.serving import Serving


class StartServing(Request, tag="start-serving"):
    """Serve the volume at one more address.

    Attributes:
        socket: Absolute path of a socket file; if it and ``host`` are empty, one in the user's
            runtime folder.
        host, port: TCP; port 0 is any that is free.
        tls: Folder of the certificates, or empty.
    """

    answer = Serving
    socket: str
    host: str
    port: int
    tls: str
    read_only: bool
    stays: bool


class StopServing(Request, tag="stop-serving"):
    """Stop serving at one address, or at all if it is empty; answers what it was, with clients."""

    answer = list[Serving]
    uri: str


class StayServing(Request, tag="stay-serving"):
    """Every serving there is now goes on when whoever asked for it has left."""


class ServingStatus(Request, tag="serving-status"):
    """Where the volume is served now, and to whom."""

    answer = list[Serving]
