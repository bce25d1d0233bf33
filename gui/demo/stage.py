# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the demonstration shows: the state of the eight portions, asked of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.answers import AreaState, PointerKind
from core.session import ORIGINAL
from gui.demo.script import COPY, LETTERS, PORTION_BYTES, PORTIONS, label_of

if TYPE_CHECKING:
    from core.answers import AreaExtents, PointerColumns
    from core.session import VolumeSession
    from gui.demo.script import Expected


@dataclass(frozen=True)
class Pointer:
    """An individual pointer of the copy.

    Attributes:
        place: Number of its place in the additional area: a0, a1 ...
        label: What lies there.
    """

    portion: int
    place: int
    label: str
    is_new: bool


@dataclass(frozen=True)
class Stage:
    """The state after a step.

    Attributes:
        initial: What the original reads, by portion.
        copy: What the copy reads; empty before it is taken.
        pairs: Range pairs, both ends inclusive.
        places: Places of the additional area that were ever pointed to, and what each is now.
        copied: Portions copied from the initial to the additional area.
        copied_by_copy_writes: Bytes that writes to the copy took from the initial area.
    """

    initial: tuple[str, ...]
    copy: tuple[str, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()
    pointers: tuple[Pointer, ...] = ()
    places: tuple[AreaState, ...] = ()
    copied: int = 0
    copied_by_copy_writes: int = 0

    @property
    def has_copy(self) -> bool:
        """Whether the copy is taken."""
        return bool(self.copy)

    def pointer_of(self, portion: int) -> Pointer | None:
        """Return the individual pointer of a portion, if it has one."""
        return next((one for one in self.pointers if one.portion == portion), None)

    def differences(self, expected: Expected) -> list[str]:
        """Return in words where this is not as ``expected``; empty if it is."""
        pointers = {one.portion: (one.label, one.is_new) for one in self.pointers}
        found = {
            "the initial area": (self.initial, expected.initial),
            "what the copy reads": (self.copy, expected.copy),
            "the range pairs": (self.pairs, expected.pairs),
            "the pointers": (pointers, expected.pointers),
            "the portions copied": (self.copied, expected.copied),
            "what copy writes moved": (self.copied_by_copy_writes, 0),
        }
        return [
            f"{what}: expected {wanted}, found {got}"
            for what, (got, wanted) in found.items()
            if got != wanted
        ]


FRESH = Stage(tuple(LETTERS))
"""Before anything is done."""


class Observer:
    """Looks at a volume; numbers the places of the additional area as they come up."""

    def __init__(self, session: VolumeSession) -> None:
        """Look at ``session``."""
        self._session = session
        self._offsets: list[int] = []

    def look(self) -> Stage:
        """Return the state now."""
        session = self._session
        initial = self._labels(ORIGINAL)
        if COPY not in {copy.name for copy in session.info().copies}:
            return Stage(initial)
        copy = self._labels(COPY)
        columns = session.table(COPY).columns
        pointers = tuple(self._pointers(columns, copy))
        stats = session.stats()
        return Stage(
            initial,
            copy,
            _pairs(columns),
            pointers,
            self._places(session.map().additional),
            stats.preserved_bytes // PORTION_BYTES,
            stats.copy_write_bytes_from_initial,
        )

    def place_of(self, offset: int) -> int:
        """Return the number of the place at a byte of the additional area."""
        if offset not in self._offsets:
            self._offsets.append(offset)
        return self._offsets.index(offset)

    def _labels(self, copy: str) -> tuple[str, ...]:
        held = self._session.read(0, PORTIONS * PORTION_BYTES, copy)
        return tuple(
            label_of(held[at * PORTION_BYTES : (at + 1) * PORTION_BYTES]) for at in range(PORTIONS)
        )

    def _pointers(self, columns: PointerColumns, copy: tuple[str, ...]) -> list[Pointer]:
        found = []
        for start, length, offset, kind in zip(
            columns.starts, columns.lengths, columns.offsets, columns.kinds, strict=True
        ):
            for part in range(0, int(length), PORTION_BYTES):
                portion = (int(start) + part) // PORTION_BYTES
                place = self.place_of(int(offset) + part)
                found.append(Pointer(portion, place, copy[portion], kind == PointerKind.NEW))
        return sorted(found, key=lambda one: one.place)

    def _places(self, area: AreaExtents) -> tuple[AreaState, ...]:
        states = []
        for offset in self._offsets:
            at = int(np.searchsorted(area.starts, offset, "right")) - 1
            is_inside = at >= 0 and offset < area.stops[at]
            states.append(AreaState(int(area.states[at])) if is_inside else AreaState(area.rest))
        return tuple(states)


def _pairs(columns: PointerColumns) -> tuple[tuple[int, int], ...]:
    """Return the gaps between the pointers as range pairs of whole portions."""
    stops = np.concatenate([[0], columns.starts + columns.lengths])
    starts = np.concatenate([columns.starts, [PORTIONS * PORTION_BYTES]])
    return tuple(
        (int(first) // PORTION_BYTES, int(stop) // PORTION_BYTES - 1)
        for first, stop in zip(stops, starts, strict=True)
        if stop > first
    )
