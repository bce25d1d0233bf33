# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The naive twin's tables: one entry a sector, nothing compressed, nothing shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from core.answers import AreaExtents, AreaState, PointerColumns, PointerKind
from core.units import SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

UNCHANGED = 255
"""In ``Entries.kinds``: the sector is under a range pair."""


@dataclass
class Entries:
    """The pointer table of one copy, spelled out: one entry a sector."""

    kinds: np.ndarray
    places: np.ndarray
    extents: np.ndarray
    """Number of the preserved or placed extent the sector belongs to; -1 under a range pair."""

    @classmethod
    def unchanged(cls, sectors: int) -> Self:
        return cls(
            np.full(sectors, UNCHANGED, np.uint8),
            np.zeros(sectors, np.int64),
            np.full(sectors, -1, np.int64),
        )

    def copy(self) -> Entries:
        return Entries(self.kinds.copy(), self.places.copy(), self.extents.copy())

    def identities(self) -> np.ndarray:
        """What tells two sectors of two views apart: -1 original, -2 zero, else the place."""
        identities = np.where(self.kinds == PointerKind.ZERO, -2, self.places)
        return np.where(self.kinds == UNCHANGED, -1, identities)


@dataclass
class Copy:
    id: int
    name: str
    kind: str
    parent: str
    created: float
    content: bytearray
    entries: Entries
    locked: bool = False
    deleted: bool = False


def no_pointers() -> PointerColumns:
    empty = np.zeros(0, np.int64)
    return PointerColumns(empty, empty, empty, empty.astype(np.uint8), empty.astype(np.uint64))


def runs(flags: np.ndarray) -> Iterable[tuple[int, int]]:
    """Yield (first, stop) of each run of true entries."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def extents(states: np.ndarray, size: int, rest: AreaState) -> AreaExtents:
    """Return the runs of equal states that differ from ``rest``."""
    edges = np.flatnonzero(np.diff(states.astype(np.int16), prepend=-1, append=-1))
    starts, stops = edges[:-1], edges[1:]
    told = states[starts] != rest
    starts, stops = starts[told], stops[told]
    return AreaExtents(
        size=size,
        used=int((states != AreaState.FREE).sum()) * SECTOR_BYTES,
        starts=starts * SECTOR_BYTES,
        stops=np.minimum(stops * SECTOR_BYTES, size),
        states=states[starts],
        rest=rest,
    )
