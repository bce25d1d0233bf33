# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Metadata contexts: what a client can learn of each range of an export, from pointers alone.

``base:allocation``: holes and zeroes. ``rangepair:changed/NAME``: bit 0 where the export may differ
from that copy. ``rangepair:owner``: where the bytes are: 0 initial area, 1 preserved original,
2 new data, 3 zeroes.

An answer that holds for the whole volume is kept until anything in the volume changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from core.answers import PointerKind
from core.events import ORIGINAL_ID
from core.nbd import protocol as nbd

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import Int64s, Ranges
    from core.engine.views import View

ALLOCATION: Final = "base:allocation"
OWNER: Final = "rangepair:owner"
CHANGED: Final = "rangepair:changed/"
EXTENTS_MAX: Final = 4096
"""Most extents in one answer; the client asks again for what comes behind."""

_OWNERS: Final = {PointerKind.ORIGINAL: 1, PointerKind.NEW: 2, PointerKind.ZERO: 3}


class States(NamedTuple):
    """Sorted, disjoint ranges with a state each, and the state of everything between them.

    Attributes:
        starts, stops, states: Columns of shape (n,), bytes.
    """

    starts: Int64s
    stops: Int64s
    states: Int64s
    rest: int


class MetaContext(Protocol):
    """One context of one export."""

    name: str

    def states(self, start: int, stop: int) -> States:
        """Return what is known of ``[start, stop)``, and perhaps of more."""
        ...


class AllocationContext:
    """``base:allocation`` of a view."""

    name = ALLOCATION

    def __init__(self, view: View, *, is_fixed: bool) -> None:
        """Tell of ``view``; what is known of one that ``is_fixed`` is true for ever."""
        self._view = view
        self._is_fixed = is_fixed
        self._kept = Kept(view)

    def states(self, start: int, stop: int) -> States:
        """Return what may hold data. Of the original, no more is looked at than is asked for."""
        if self._view.id == ORIGINAL_ID:
            return self._look(start, stop)
        return self._kept.get(self._look_at_all, is_fixed=self._is_fixed)

    def _look_at_all(self) -> States:
        return self._look(0, self._view.size_bytes)

    def _look(self, start: int, stop: int) -> States:
        found = self._view.allocation(start, stop)
        return _of_ranges(found, 0, rest=nbd.STATE_HOLE | nbd.STATE_ZERO)


class ChangedContext:
    """``rangepair:changed/NAME`` of a view."""

    def __init__(self, view: View, name: str, from_id: int) -> None:
        """Compare ``view`` with the copy of id ``from_id``."""
        self.name = name
        self._view = view
        self._from_id = from_id
        self._kept = Kept(view)

    def states(self, start: int, stop: int) -> States:
        """Return what may differ."""
        del start, stop
        return self._kept.get(self._look)

    def _look(self) -> States:
        return _of_ranges(self._view.differing(self._from_id), 1, rest=0)


class OwnerContext:
    """``rangepair:owner`` of a view."""

    name = OWNER

    def __init__(self, view: View) -> None:
        """Tell of ``view``."""
        self._kept = Kept(view)
        self._view = view

    def states(self, start: int, stop: int) -> States:
        """Return where the bytes are."""
        del start, stop
        return self._kept.get(self._look)

    def _look(self) -> States:
        run = self._view.pointers()
        owners = np.zeros(len(run), np.int64)
        for kind, owner in _OWNERS.items():
            owners[run.kinds == int(kind)] = owner
        return States(run.starts, run.stops, owners, 0)


class Kept:
    """An answer, and how many events had been told when it was made."""

    def __init__(self, view: View) -> None:
        """Keep nothing yet."""
        self._view = view
        self._states: States | None = None
        self._mark: int | None = None

    def get(self, look: Callable[[], States], *, is_fixed: bool = False) -> States:
        """Return what was kept, if it holds still; else what ``look`` returns.

        Raises:
            NoSuchCopyError: The view is gone.
        """
        mark = self._view.mark()
        if self._states is None or not (is_fixed or (mark is not None and mark == self._mark)):
            self._states, self._mark = look(), mark
        elif is_fixed:
            _ = self._view.name  # it must be there still
        return self._states


def extents(states: States, offset: int, length: int, count_max: int) -> list[tuple[int, int]]:
    """Return (length, state) of at most ``count_max`` extents in a row, the first at ``offset``.

    Neighbours of the same state are one. At least one extent is returned, and together they are no
    longer than ``length``, which is at least 1.
    """
    end = offset + length
    first = int(np.searchsorted(states.stops, offset, "right"))
    rows = slice(first, first + count_max + 1)
    is_last = first + count_max + 1 >= len(states.starts)
    found: list[tuple[int, int]] = []
    at = offset
    for start, stop, state in zip(
        states.starts[rows].tolist(),
        states.stops[rows].tolist(),
        states.states[rows].tolist(),
        strict=True,
    ):
        if start >= end:
            is_last = True
            break
        if start > at:
            _add(found, start - at, states.rest)
            at = start
        _add(found, min(stop, end) - at, state)
        at = min(stop, end)
    if at < end and is_last:
        _add(found, end - at, states.rest)
    return found[:count_max]


def _add(found: list[tuple[int, int]], length: int, state: int) -> None:
    if found and found[-1][1] == state:
        found[-1] = found[-1][0] + length, state
    else:
        found.append((length, state))


def _of_ranges(ranges: Ranges, state: int, *, rest: int) -> States:
    states = np.full(len(ranges.starts), state, np.int64)
    return States(ranges.starts, ranges.stops, states, rest)
