# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Opening a file a second time past the page cache, where its file system honours that."""

from __future__ import annotations

import os
from pathlib import Path

from core.device.base import DIRECT_ALIGNMENT_BYTES, aligned_buffer


def open_direct(descriptor: int) -> int | None:
    """Open the file behind ``descriptor`` again with O_DIRECT; None where that does not work."""
    if filesystem_of(os.fstat(descriptor).st_dev).startswith("fuse"):
        return None
    try:
        # By number, not by name: the path may name another file by now.
        direct = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_DIRECT)
    except OSError:
        return None
    try:
        os.preadv(direct, [aligned_buffer(DIRECT_ALIGNMENT_BYTES)], 0)
    except OSError:
        os.close(direct)
        return None
    return direct


def filesystem_of(device_number: int) -> str:
    """Return the type of the mounted file system with this ``st_dev``, or an empty string."""
    wanted = f"{os.major(device_number)}:{os.minor(device_number)}"
    try:
        with Path("/proc/self/mountinfo").open(encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                fields, _, source = line.partition(" - ")
                if fields.split()[2] == wanted:
                    return source.split()[0]
    except OSError:
        return ""
    return ""
