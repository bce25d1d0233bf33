# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Memory for staged data: page-aligned for direct writes, and on huge pages where there are any.

The first touch of a 4 KiB page costs as much as half a write of it; a huge page costs that once in
512.
"""

from __future__ import annotations

import contextlib
import mmap


def arena(length_bytes: int) -> mmap.mmap:
    """Return ``length_bytes`` of zeroed, private memory; it counts once it is touched."""
    buffer = mmap.mmap(-1, length_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them
            buffer.madvise(mmap.MADV_HUGEPAGE)
    return buffer
