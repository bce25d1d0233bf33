# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The common reads of a snapshot of the original, made short.

Such a read is of one whole extent that some layer keeps, or of what nobody has overwritten. What is
taken from the additional area is verified, so that nothing about the layers need be looked at but
where the extent lies: if it is not there yet, or not there any more, its checksum says so. What is
taken from the image is not preserved in the active layer, nor in an older one, so the image has it.
Where parts of extents or several of them are asked for, ``core.volume.read`` reads; what is no
snapshot of the original is left to the caller.
"""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from core.mapping.rows import PART
from core.volume.keptbytes import digest
from core.volume.read import has_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.device.base import Source
    from core.format.catalog import CopyRecord
    from core.mapping.layermap import LayerMap
    from core.mapping.rows import Rows
    from core.volume.read import Views
    from core.volume.state import VolumeState

KNOWN_MAX: Final = 16
_WAITS_ALWAYS: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL})


class ColdError(Exception):
    """What is to be read is not in the system's cache.

    Attributes:
        device, offset: Where it lies.
    """

    def __init__(self, device: Source, offset: int) -> None:
        """Say where."""
        super().__init__(f"byte {offset} of {device.path} is not in the cache")
        self.device = device
        self.offset = offset


def read_at_once(device: Source, target: memoryview, offset: int) -> None:
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
    """A snapshot: where its sealed layers have something, and the layer that still grows."""

    structure: int
    copy: CopyRecord
    glance: Callable[[int, int], tuple[int, int] | None]
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

        Raises:
            DamagedExtentError: Some of it is not what was kept; nobody remembers that here.
        """
        state, known = self._state, self._known.get(name)
        if known is None or known.structure != state.structure or state.restore is not None:
            known = self._recall(name)
            if known is None:
                return None
        hit = known.glance(offset, offset + length)
        if hit is None:
            hit = self._newer(known, offset, offset + length)
        if hit is None:
            whole = state.image.pread(length, offset)
            is_all = len(whole) == length and not has_waiting(state, offset, length)
            return whole if is_all else None
        if hit is PART:
            return self._views.read(known.copy, offset, length)
        whole = state.device_of(hit[0]).pread(length, hit[0])
        return whole if digest(whole) == hit[1] else None

    def read_into(self, name: str, offset: int, target: memoryview) -> bool:
        """Fill ``target`` with what ``read`` returns; return whether it did.

        Raises:
            ColdError: It would have to wait for the disk.
            DamagedExtentError: As ``read``.
        """
        state, known = self._state, self._known.get(name)
        if known is None or known.structure != state.structure or state.restore is not None:
            known = self._recall(name)
            if known is None:
                return False
        stop = offset + len(target)
        hit = known.glance(offset, stop)
        if hit is None:
            hit = self._newer(known, offset, stop)
        if hit is None:
            read_at_once(state.image, target, offset)
            return not has_waiting(state, offset, len(target))
        if hit is PART:
            self._views.read_into(known.copy, offset, target)
            return True
        read_at_once(state.device_of(hit[0]), target, hit[0])
        return digest(target) == hit[1]

    def _newer(self, known: _Known, start: int, stop: int) -> tuple[int, int] | None:
        """Look in the layer that grows, for what no sealed one has; None: the image has it."""
        preserved, shift = self._state.preserved, self._state.grain_shift
        if preserved is not None and not preserved.has_any(start >> shift, (stop - 1 >> shift) + 1):
            return None
        return _glance(known.active.rows, start, stop) or PART  # it may be staged

    def _recall(self, name: str) -> _Known | None:
        """Find out about a snapshot; return None if it is none, or not simple."""
        state = self._state
        copy, active = state.catalog.find(name), state.catalog.active
        self._known.pop(name, None)
        if copy is None or copy.deleted or copy.top is not None or state.restore is not None:
            return None
        if active is None or state.area is None or state.catalog.size_of(copy) != state.size_bytes:
            return None  # of another size: its end is not the one that was checked
        if len(self._known) >= KNOWN_MAX:
            del self._known[next(iter(self._known))]
        sealed = self._views.sealed.between(copy.base, active.id).rows
        glance = sealed[0].glance if len(sealed) == 1 else partial(_glance, sealed)
        known = _Known(state.structure, copy, glance, active.map)
        self._known[name] = known
        return known


def _glance(runs: Sequence[Rows], start: int, stop: int) -> tuple[int, int] | None:
    """Return what the first of ``runs`` that has anything in a range has there."""
    for rows in runs:
        hit = rows.glance(start, stop)
        if hit is not None:
            return hit
    return None
