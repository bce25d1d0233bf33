# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where the fixed structures of a sidecar lie, and how large its parts are for a given image.

::

    0        superblock, slot 0        (slots are written in turn)
    4096     superblock, slot 1
    8192     ring head, slot 0         ("groups <= seq are dead"; written in turn)
    12288    ring head, slot 1
    16384    ring                      (ring_bytes)
    ...      everything else, placed by the allocator: log segments, tables, catalog, free list
"""

from __future__ import annotations

from typing import Final, NamedTuple

from core.units import KIB, MIB

FORMAT_VERSION: Final = 1
BLOCK_BYTES: Final = 4096
"""Unit of metadata. O_DIRECT wants it; a 512-byte header inside it cannot be torn."""

SUPERBLOCK_OFFSETS: Final = (0, BLOCK_BYTES)
RING_HEAD_OFFSETS: Final = (2 * BLOCK_BYTES, 3 * BLOCK_BYTES)
RING_OFFSET: Final = 4 * BLOCK_BYTES

EXTENT_BYTES_MAX: Final = 64 * KIB
"""A pointer with data covers about this much at most, so that checking one read stays cheap."""

SEGMENT_BYTES_MIN: Final = 2 * MIB
"""Room for one group of the smallest geometry with the longest tail, and the log's reserve."""

OVERLAY_BYTES_MIN: Final = 2 * MIB
"""Room for one piece of a long write, rounded out to the largest grains."""


def block_ceil(count: int) -> int:
    """Return ``count`` bytes rounded up to whole blocks."""
    return (count + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1)


BUNDLE_MAGIC: Final = b"RPAIRPAK"
"""What a file begins with that holds the structures of an additional area and none of its data."""


class Geometry(NamedTuple):
    """Sizes in bytes of a sidecar's parts and of the buffers in front of it.

    Attributes:
        ring_bytes: Length of the ring.
        segment_bytes: The log grows by pieces of this length.
        group_payload_bytes_max: Payload of one permanent group.
        overlay_bytes_max: New data that may wait in memory.
        small_flush_bytes_max: A flush of more than this goes round the ring.
    """

    ring_bytes: int
    segment_bytes: int
    group_payload_bytes_max: int
    overlay_bytes_max: int
    small_flush_bytes_max: int


def geometry_for(size_bytes: int, grain_bytes: int) -> Geometry:
    """Return the sizes for an image, so that a floppy does not get a sidecar of 100 MiB."""
    payload = max(min(block_ceil(size_bytes // 32), 4 * MIB), 64 * KIB, grain_bytes)
    ring = max(min(block_ceil(size_bytes // 16), 32 * MIB), 512 * KIB)
    return Geometry(
        ring_bytes=ring,
        segment_bytes=max(4 * payload, SEGMENT_BYTES_MIN),
        group_payload_bytes_max=payload,
        overlay_bytes_max=max(2 * payload, OVERLAY_BYTES_MIN),
        small_flush_bytes_max=min(2 * MIB, ring // 8),
    )
