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

from typing import TYPE_CHECKING, Final, NamedTuple

from core.mapping.rows import PART
from core.volume.keptbytes import digest
from core.volume.read import has_waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.mapping.layermap import LayerMap
    from core.mapping.rows import Rows
    from core.volume.read import Views
    from core.volume.state import VolumeState

KNOWN_MAX: Final = 16


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
                return self._read_image(offset, length)
            hit = _glance(known.active.rows, offset, stop)
        area = state.area
        if hit is None or hit is PART or area is None:
            return None  # it may be staged
        whole = area.device.pread(length, hit[0])
        return whole if digest(whole) == hit[1] else None

    def _read_image(self, offset: int, length: int) -> bytes | None:
        whole = self._state.image.pread(length, offset)
        is_all = len(whole) == length and not has_waiting(self._state, offset, length)
        return whole if is_all else None

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
