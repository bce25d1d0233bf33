# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the engine process answers itself: who it is, its events, its workload, its end."""

from __future__ import annotations

from typing import Any

import msgspec

from core.service.request import Request


class Welcome(msgspec.Struct, frozen=True):
    """The engine process introduces itself.

    Attributes:
        pid: Process id.
        clients: Connections open now, this one included.
    """

    protocol: int
    program: str
    pid: int
    image: str
    clients: int


class Hello(Request, tag="hello"):
    """First request on a connection."""

    answer = Welcome
    protocol: int


class Subscription(msgspec.Struct, frozen=True):
    """Where the event ring lies, and the number of the last event in it."""

    ring: str
    seq: int


class Subscribe(Request, tag="subscribe"):
    """Follow the events."""

    answer = Subscription


class KeepServing(Request, tag="keep-serving"):
    """Whether the engine stays when its last client has left."""

    keep: bool


class StartWorkload(Request, tag="start-workload"):
    """Let a built-in workload write to the volume, in place of the one that runs.

    Attributes:
        kind: Name of the workload.
        rate_per_s: Writes per second; 0 is as fast as it goes.
        params: Further parameters of that workload.
    """

    kind: str
    rate_per_s: float
    params: dict[str, str | int | float | bool | None]


class StopWorkload(Request, tag="stop-workload"):
    """Stop the built-in workload; harmless when none runs."""


class WorkloadStatus(Request, tag="workload-status"):
    """How the built-in workload does; None when there was none."""

    answer = dict[str, Any] | None


class Shutdown(Request, tag="shutdown"):
    """End the engine process, whoever else is connected. The connection closes when it is done."""
