# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an image looked like when it was closed: enough to notice that somebody else wrote to it.

Size and time of change catch every ordinary tool. The samples say where, as far as 64 places of
4 KiB can, and catch a tool that puts the time back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import xxhash

from core.device.base import read_exactly
from core.extent import Extent

if TYPE_CHECKING:
    from core.device.base import Device

SAMPLE_BYTES: Final = 4096
SAMPLES: Final = 64


class Fingerprint(msgspec.Struct, frozen=True):
    """An image at one moment.

    Attributes:
        size: Bytes.
        mtime_ns: Time of the last change in nanoseconds; 0 when there is none, as on block devices.
        checksums: xxh3-64 of each place that ``sample_extents(size)`` names, in that order.
    """

    size: int
    mtime_ns: int
    checksums: tuple[int, ...]


class Difference(msgspec.Struct, frozen=True):
    """How an image differs from its fingerprint.

    Attributes:
        size: Bytes now, if that is another number than before.
        is_touched: The time of change is another one.
        extents: The sampled places whose bytes changed, sorted.
    """

    size: int | None
    is_touched: bool
    extents: tuple[Extent, ...]

    def __bool__(self) -> bool:
        """Return whether there is any difference."""
        return self.size is not None or self.is_touched or bool(self.extents)


def take_fingerprint(device: Device, mtime_ns: int) -> Fingerprint:
    """Return the fingerprint of ``device``, whose time of change the caller knows."""
    return Fingerprint(device.size, mtime_ns, _checksums(device, sample_extents(device.size)))


def compare_fingerprint(device: Device, mtime_ns: int, kept: Fingerprint) -> Difference:
    """Return how ``device`` differs from what was ``kept``.

    The places are those of the size it had then; those that are cut off count as changed.
    """
    extents = sample_extents(kept.size)
    within = [extent for extent in extents if extent.stop <= device.size]
    now = _checksums(device, within) + (None,) * (len(extents) - len(within))
    return Difference(
        size=None if device.size == kept.size else device.size,
        is_touched=mtime_ns != kept.mtime_ns,
        extents=tuple(
            extent
            for extent, before, after in zip(extents, kept.checksums, now, strict=True)
            if before != after
        ),
    )


def sample_extents(size: int) -> list[Extent]:
    """Return the places to look at in an image of ``size`` bytes, sorted, none twice.

    The first and the last 4 KiB, where partition tables live, and one place, chosen by a hash of
    the size, in each of 62 equal parts between them. A small image is looked at as a whole.
    """
    pages = -(-size // SAMPLE_BYTES)
    chosen = set(range(pages)) if pages <= SAMPLES else {0, pages - 1}
    parts = SAMPLES - 2
    for part in range(parts if pages > SAMPLES else 0):
        first = 1 + part * (pages - 2) // parts
        after = 1 + (part + 1) * (pages - 2) // parts
        chosen.add(first + xxhash.xxh3_64_intdigest(b"%d:%d" % (size, part)) % (after - first))
    return [
        Extent(page * SAMPLE_BYTES, min(SAMPLE_BYTES, size - page * SAMPLE_BYTES))
        for page in sorted(chosen)
    ]


def _checksums(device: Device, extents: list[Extent]) -> tuple[int, ...]:
    for extent in extents:
        device.advise_willneed(extent.start, extent.length)
    return tuple(
        xxhash.xxh3_64_intdigest(read_exactly(device, extent.length, extent.start))
        for extent in extents
    )
