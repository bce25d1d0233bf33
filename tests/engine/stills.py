# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Volumes without a clock, on any device, and the pairs of files they leave behind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.device.memory import MemoryDevice
from core.engine import Volume
from core.volume import opening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.device.base import Device
    from core.volume.state import VolumeState


class StillImage:
    """A device with what the engine asks of an image's file beside its bytes."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.mtime_ns = 0
        self.mode = 0o600

    def durable_mtime_ns(self) -> int:
        """Return the time of change, which nothing changes here."""
        return self.mtime_ns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._device, name)


def still_volume(
    image: Device,
    area: Device,
    *,
    grain_bytes: int = 4096,
    thin: bool = False,
    thin_bytes: int = 0,
    portions: Sequence[int] = (),
) -> Volume:
    """Return an open volume in which nothing happens without being asked for.

    ``area`` is formatted if it is empty, its ring prepared; else it is opened and recovered. With
    ``thin_bytes`` a new volume has this size and a map; ``thin`` alone says that it is sparse.
    """
    if area.size:
        state = opening.state_with_area(image, area, writable=True)
    else:
        if portions:
            state = opening.portion_state(image, portions)
        elif thin_bytes:
            state = opening.thin_state(image, thin_bytes, grain_bytes)
        else:
            state = opening.state_without_area(image, grain_bytes, thin=thin)
        opening.add_area(state, area, "disk.img", prepare_ring=True)
    return _still(state, image)


def read_only_volume(image: Device, area: Device) -> Volume:
    """Return a volume opened without leave to write; recovery stays in memory."""
    state = opening.state_with_area(image, area, writable=False)
    state.read_only = state.read_only or "opened read-only"
    return _still(state, image)


def _still(state: VolumeState, image: Device) -> Volume:
    return Volume(state, StillImage(image), Path("disk.img.rangepair"), sink=None, ticking=False)


def memory_of(path: Path) -> MemoryDevice:
    """Return the content of a file as a device."""
    return MemoryDevice.from_bytes(path.read_bytes())


def bytes_of(device: Device) -> bytes:
    """Return all bytes of a device."""
    return device.pread(device.size, 0)


def views_of(volume: Volume) -> dict[str, bytes]:
    """Return what the original and every copy that is not deleted read as, whole."""
    info = volume.info()
    names = ["original", *(copy.name for copy in info.copies if not copy.deleted)]
    return {name: volume.read(0, info.size_of(name), name) for name in names}
