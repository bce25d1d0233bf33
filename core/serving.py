# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where a volume is served to block clients, and who they are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable


class ServedClient(msgspec.Struct, frozen=True):
    """A client of an NBD server.

    Attributes:
        peer: Program or address of the client.
        export: What it uses; None while it chooses.
    """

    peer: str
    export: str | None


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """One address at which the volume is served.

    Attributes:
        uri: How NBD clients name it; the name of a copy goes between its slashes.
        tls: Every client has a certificate, and everything is encrypted.
        stays: It goes on when whoever asked for it has left.
    """

    uri: str
    read_only: bool
    tls: bool
    stays: bool
    clients: list[ServedClient]


def peers_told(clients: Iterable[ServedClient]) -> str:
    """Return who the clients are, those of one program once: ``"qemu (7), nbdfuse (9)"``."""
    return ", ".join(Counter(client.peer for client in clients))
