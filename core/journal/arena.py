# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Memory for staged data: page-aligned for direct writes, and private.

Not on huge pages: where memory is full of cached files, the kernel moves pages about for 7 ms to
find one, in the middle of somebody's write.
"""

from __future__ import annotations

import mmap


def arena(length_bytes: int) -> mmap.mmap:
    """Return ``length_bytes`` of zeroed, private memory; it counts once it is touched."""
    return mmap.mmap(-1, length_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
