# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The common reads of a snapshot of the original, made short.

Such a read is of one whole extent that some layer keeps, or of what nobody has overwritten. What is
taken from the additional area is verified, so that nothing about the layers need be looked at but
where the extent lies: if it is not there yet, or not there any more, its checksum says so. What is
taken from the image is not preserved in the active layer, nor in an older one, so the image has it.
Everything else is left to ``core.volume.read``.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, NamedTuple

from core.mapping.rows import PART
from core.volume.keptbytes import digest
from core.volume.read import has_waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.device.base import Device
    from core.mapping.layermap import LayerMap
    from core.mapping.rows import Rows
    from core.volume.read import Views
    from core.volume.state import VolumeState

    _Place = tuple[Device, int, int | None]

KNOWN_MAX: Final = 16
_WAITS_ALWAYS: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL})


class ColdError(Exception):
    """What is to be read is not in the system's cache.

    Attributes:
        device, offset: Where it lies.
    """

    def __init__(self, device: Device, offset: int) -> None:
        """Say where."""
        super().__init__(f"byte {offset} of {device.path} is not in the cache")
        self.device = device
        self.offset = offset


def read_at_once(device: Device, target: memoryview, offset: int) -> None:
    """Fill ``target`` from ``offset`` if that needs no waiting for the disk.

    A file system that cannot tell is waited for.

    Raises:
        ColdError: It does; what the target holds means nothing.
    """
    try:
        count = device.preadv([target], offset, os.RWF_NOWAIT)
    except BlockingIOError:
        count = 0
    except OSError as error:
        if error.errno not in _WAITS_ALWAYS:
            raise
        count = device.preadv([target], offset)
    if count != len(target):
        raise ColdError(device, offset)


class _Known(NamedTuple):
    """A snapshot's sealed layers as one, and the layer that still grows."""

    structure: int
    sealed: LayerMap
    active: LayerMap


class Glimpse:
    """Reads snapshots by name where that is simple. Callers hold the volume's lock."""

    def __init__(self, state: VolumeState, views: Views) -> None:
        """Know nothing yet."""
        self._state = state
        self._views = views
        self._known: dict[str, _Known] = {}

    def read(self, name: str, offset: int, length: int) -> bytes | None:
        """Return bytes of a copy; None if it takes more to find them, or to say what is wrong.

        The range lies within the volume and is not empty.
        """
        place = self._place_of(name, offset, length)
        if place is None:
            return None
        device, address, checksum = place
        whole = device.pread(length, address)
        if checksum is not None:
            return whole if digest(whole) == checksum else None
        is_all = len(whole) == length and not has_waiting(self._state, offset, length)
        return whole if is_all else None

    def read_into(self, name: str, offset: int, target: memoryview) -> bool:
        """Fill ``target`` with what ``read`` returns; return whether it did.

        Raises:
            ColdError: It would have to wait for the disk.
        """
        length = len(target)
        place = self._place_of(name, offset, length)
        if place is None:
            return False
        device, address, checksum = place
        read_at_once(device, target, address)
        if checksum is not None:
            return digest(target) == checksum
        return not has_waiting(self._state, offset, length)

    def _place_of(self, name: str, offset: int, length: int) -> _Place | None:
        """Return where all of a range lies: device, address, and checksum unless in the image."""
        state, known = self._state, self._known.get(name)
        if known is None or known.structure != state.structure or state.restore is not None:
            known = self._recall(name)
            if known is None:
                return None
        stop = offset + length
        hit = _glance(known.sealed.rows, offset, stop)
        if hit is None:
            preserved, shift = state.preserved, state.grain_shift
            if preserved is None:
                return None
            if not preserved.has_any(offset >> shift, (stop - 1 >> shift) + 1):
                return state.image, offset, None
            hit = _glance(known.active.rows, offset, stop)
        area = state.area
        if hit is None or hit is PART or area is None:
            return None  # it may be staged
        return area.device, *hit

    def _recall(self, name: str) -> _Known | None:
        """Find out about a snapshot; return None if it is none, or not simple."""
        state = self._state
        copy = state.catalog.find(name)
        self._known.pop(name, None)
        if copy is None or copy.deleted or copy.top is not None or state.restore is not None:
            return None
        assert state.catalog.active is not None
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        active = state.catalog.active
        known = _Known(
            state.structure, self._views.sealed.between(copy.base, active.id), active.map
        )
        self._known[name] = known
        return known


def _glance(runs: Sequence[Rows], start: int, stop: int) -> tuple[int, int] | None:
    """Return what the first of ``runs`` that has anything in a range has there."""
    for rows in runs:
        hit = rows.glance(start, stop)
        if hit is not None:
            return hit
    return None
