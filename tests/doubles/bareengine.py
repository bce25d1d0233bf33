# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The engine over any two devices: no clock, no files, and parts as small as can be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.engine import Volume
from core.format.layout import SEGMENT_BYTES_MIN, Geometry
from core.units import KIB
from core.volume import opening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.device.base import Device

AREA_PATH = Path("area")

TINY = Geometry(
    ring_bytes=96 * KIB,
    segment_bytes=SEGMENT_BYTES_MIN,
    group_payload_bytes_max=64 * KIB,
    overlay_bytes_max=128 * KIB,
    small_flush_bytes_max=40 * KIB,
)
"""The ring is half full after a few flushes, a segment after a few groups."""


def new_volume(
    image: Device,
    area: Device,
    grain_bytes: int,
    *,
    geometry: Geometry = TINY,
    thin_bytes: int = 0,
    portions: Sequence[int] = (),
) -> Volume:
    """Give an image an additional area; return the open volume.

    It is thin if its size is given, and one of portions if theirs are.
    """
    if portions:
        state = opening.portion_state(image, portions)
    elif thin_bytes:
        state = opening.thin_state(image, thin_bytes, grain_bytes)
    else:
        state = opening.state_without_area(image, grain_bytes, thin=False)
    opening.add_area(state, area, "image", prepare_ring=True, geometry=geometry)
    return _volume(state, image)


def reopened(image: Device, area: Device, *, writable: bool = True) -> Volume:
    """Open a volume again, as a new process would."""
    state = opening.state_with_area(image, area, writable=writable)
    if not writable:
        state.read_only = "opened to look at it"
    return _volume(state, image)


def _volume(state, image: Device) -> Volume:
    image.durable_mtime_ns = lambda: 0  # a file's device knows it; 0 stands for unknown
    return Volume(state, image, AREA_PATH, sink=None, ticking=False)
