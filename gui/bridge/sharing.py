# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a user asks for when other programs are to be let in: plain values."""

from __future__ import annotations

from typing import NamedTuple


class ServingWish(NamedTuple):
    """Where to serve a volume, and how.

    Attributes:
        host: Listen on TCP there; empty: at a socket that only this user can open.
        port: For TCP.
        tls: Folder of certificates; empty without TLS.
        read_only: Take writes from nobody.
    """

    host: str = ""
    port: int = 0
    tls: str = ""
    read_only: bool = False


class AttachWish(NamedTuple):
    """Which view to attach, and how far.

    Attributes:
        mount: Folder to mount it in; empty: only a file and a device.
        partition: The one to mount; None to look for it.
        read_only: Let nothing write to it.
    """

    copy: str
    mount: str = ""
    partition: int | None = None
    read_only: bool = False
