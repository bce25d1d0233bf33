# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The methods of an open volume that show and change the map of its initial area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.arrangement import InitialAnswer, InitialExtent, Rearranged
from core.engine.guarding import beside, guarded
from core.engine.lane import Gate, lane_for
from core.errors import InvalidRangeError
from core.events import EventKind
from core.mapping.initialmap import InitialMap, MapExtent, Scheme
from core.volume import initialmap
from core.volume import rearrange as steps

if TYPE_CHECKING:
    from core.arrangement import Arrangement, MapScheme
    from core.engine.volume import Volume
    from core.volume.state import VolumeState

_SCHEMES: Final[dict[Scheme, MapScheme]] = {
    Scheme.LOAD_POINT: "load-point",
    Scheme.FULL_POINTER: "full-pointer",
}


@beside
def initial(self: Volume) -> InitialAnswer:
    """Return where in the image each range of the volume lies."""
    answer, _ = self._look(_initial_answer)
    return answer


@guarded
def rearrange(
    self: Volume,
    arrangement: Arrangement,
    start: int = 0,
    length: int | None = None,
    place: int = 0,
) -> Rearranged:
    """Move one batch of the initial area; call it again until nothing is left."""
    state = self._state
    length = state.size_bytes - start if length is None else length
    state.check_range(start, length)
    if place % 512:
        raise InvalidRangeError(f"The place {place} must be a multiple of 512 bytes; round it.")
    self._begin_writing()
    was_plain = state.initial is None
    if was_plain and arrangement in {"identity", "compact"}:
        return Rearranged(moved=0, left=0)
    if state.area is None:
        self.add_area()
    assert state.journal is not None
    state.journal.barrier()
    try:
        return _step(state, arrangement, start, start + length, place)
    finally:
        if state.journal.failed is None:
            initialmap.end_if_identity(state)
        if was_plain is not (state.initial is None):
            self._gate = Gate(state)
            self.write = lane_for(state, self._lock, self._gate, self._write)
            state.publish(EventKind.CATALOG_CHANGED, moved=state.catalog.generation)


def _step(
    state: VolumeState, arrangement: Arrangement, start: int, stop: int, place: int
) -> Rearranged:
    match arrangement:
        case "full-pointer":
            return steps.to_full_pointer(state, start, stop)
        case "load-point":
            return steps.to_load_point(state, start, stop)
        case "relocate":
            return steps.relocate(state, start, stop, place)
        case "compact":
            return steps.compact(state)
        case "identity":
            return steps.to_identity(state)


def _initial_answer(state: VolumeState) -> InitialAnswer:
    area, size = state.initial, state.size_bytes
    mapped = InitialMap.identity(size) if area is None else area.map
    return InitialAnswer(
        size=size,
        image_bytes=state.image_file.size,
        mapped_bytes=mapped.mapped_bytes,
        identity=area is None,
        extents=_told(mapped.own_extents),
        kept=_told(mapped.kept_extents),
    )


def _told(extents: list[MapExtent]) -> list[InitialExtent]:
    return [
        InitialExtent(
            start=extent.start,
            length=extent.length,
            place=extent.place,
            scheme=_SCHEMES[extent.scheme],
        )
        for extent in extents
    ]
