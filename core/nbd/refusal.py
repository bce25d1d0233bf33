# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Requests that are refused for what they are."""

from __future__ import annotations

from typing import Final

from core.nbd import protocol as nbd

_KNOWN_FLAGS: Final = {
    nbd.CMD_READ: nbd.FLAG_FUA | nbd.FLAG_DF,
    nbd.CMD_WRITE: nbd.FLAG_FUA,
    nbd.CMD_FLUSH: nbd.FLAG_FUA,
    nbd.CMD_TRIM: nbd.FLAG_FUA,
    nbd.CMD_CACHE: nbd.FLAG_FUA,
    nbd.CMD_WRITE_ZEROES: nbd.FLAG_FUA | nbd.FLAG_NO_HOLE | nbd.FLAG_FAST_ZERO,
    nbd.CMD_BLOCK_STATUS: nbd.FLAG_FUA | nbd.FLAG_REQ_ONE,
}


class RefusedError(Exception):
    """A request makes no sense, or cannot be granted.

    Attributes:
        number: What the protocol calls that.
    """

    def __init__(self, number: int, message: str) -> None:
        """Keep both."""
        self.number = number
        super().__init__(message)


def check_flags(command: int, flags: int) -> None:
    """See to it that a command is known, and takes these flags.

    Raises:
        RefusedError: Not so.
    """
    known = _KNOWN_FLAGS.get(command)
    if known is None:
        raise RefusedError(nbd.EINVAL, f"command {command} is not known")
    if flags & ~known:
        raise RefusedError(nbd.EINVAL, f"flags {flags:#x} make no sense here")
