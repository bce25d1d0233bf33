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
    from core.mapping.layermap import LayerMap
    from core.mapping.rows import Rows
    from core.volume.read import Views
    from core.volume.state import VolumeState

KNOWN_MAX: Final = 16


class _Known(NamedTuple):
    """A snapshot's sealed layers as one run, and the layer that still grows."""

    structure: int
    sealed: Rows | None
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
        _, sealed, active = known
        stop = offset + length
        hit = None if sealed is None else sealed.glance(offset, stop)
        if hit is None:
            preserved, shift = state.preserved, state.grain_shift
            if preserved is None:
                return None
            if not preserved.has_any(offset >> shift, (stop - 1 >> shift) + 1):
                whole = state.image.pread(length, offset)
                is_all = len(whole) == length and not has_waiting(state, offset, length)
                return whole if is_all else None
            for rows in active.rows:
                hit = rows.glance(offset, stop)
                if hit is not None:
                    break
            else:
                return None  # perhaps it is staged
        area = state.area
        if hit is PART or area is None:
            return None
        whole = area.device.pread(length, hit[0])
        return whole if digest(whole) == hit[1] else None

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
        sealed = self._views.sealed_of(copy)
        known = _Known(
            state.structure, sealed.rows if len(sealed) else None, state.catalog.active.map
        )
        self._known[name] = known
        return known
