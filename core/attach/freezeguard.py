# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The program that thaws a file system if the one that froze it does not get to it.

``python freezeguard.py DESCRIPTOR PIPE SECONDS``: waits for a byte in the pipe, its end, or the end
of patience, and thaws unless it was a byte. A program of its own, not a fork: the one that freezes
may have threads, which a fork would tear out of whatever they hold. It loads nothing of this
house, and so needs nothing but the interpreter.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import sys

THAW = 0xC0045878


def stand_guard(descriptor: int, pipe: int, patience_s: float) -> None:
    """Wait, and thaw the file system in which ``descriptor`` is open if need be."""
    ready, _, _ = select.select([pipe], [], [], patience_s)
    if not ready or not os.read(pipe, 1):
        with contextlib.suppress(OSError):  # it is thawed already
            fcntl.ioctl(descriptor, THAW, 0)


if __name__ == "__main__":
    stand_guard(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
