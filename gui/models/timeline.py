# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""When copies were taken and how much was written, for one line of time with lanes below it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from core.events import EventKind
from core.session import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from core.answers import CopyInfo, CopyKind

    Events = npt.NDArray[np.void]
    Floats = npt.NDArray[np.float64]

BINS: Final = 512
_STEPS_S: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
    172800, 604800, 2592000, 7776000, 31536000,
)  # fmt: skip


class Intensity:
    """Bytes written over all the time since it began, in at most ``BINS`` bins.

    When time runs past the last bin, neighbours are added together and a bin lasts twice as long:
    memory and cost stay the same from a second to a year.
    """

    def __init__(self, begin_s: float, bin_s: float = 0.25) -> None:
        """Begin at ``begin_s`` (seconds since 1970) with bins of ``bin_s`` seconds."""
        self.begin_s = begin_s
        self.bin_s = bin_s
        self.bytes: Floats = np.zeros(BINS)

    def feed(self, events: Events) -> None:
        """Add the writes among ``events``, each at the time it bears."""
        writes = events[events["kind"] == EventKind.WRITTEN]
        if not len(writes):
            return
        times = writes["time_ns"] / 1e9 - self.begin_s
        while times.max() >= self.bin_s * BINS:
            self.bytes[: BINS // 2] = self.bytes[::2] + self.bytes[1::2]
            self.bytes[BINS // 2 :] = 0
            self.bin_s *= 2
        at = np.clip(times / self.bin_s, 0, BINS - 1).astype(np.int64)
        self.bytes += np.bincount(at, writes["length"].astype(np.float64), BINS)

    def between(self, start_s: float, stop_s: float, count: int) -> Floats:
        """Return bytes a second in ``count`` equal parts of ``[start_s, stop_s)``."""
        edges = np.linspace(start_s, stop_s, count + 1) - self.begin_s
        sums = np.concatenate([[0.0], np.cumsum(self.bytes)])
        upto = np.interp(edges, np.arange(BINS + 1) * self.bin_s, sums)
        rates: Floats = np.diff(upto) / max((stop_s - start_s) / count, 1e-9)
        return rates


@dataclass(frozen=True)
class Lane:
    """One copy's line.

    Attributes:
        created_s: Seconds since 1970.
        row: 1 is the lane next to the volume's line.
        parent_row: Lane it branches from; 0 is the volume's line.
    """

    name: str
    kind: CopyKind
    created_s: float
    row: int
    parent_row: int


def lay_out(copies: Sequence[CopyInfo], selected: str, room: int) -> tuple[list[Lane], int]:
    """Give copies their lanes: by age, children after their parents.

    With too many for ``room`` lanes the selected copy and the newest stay, each with those it
    descends from.

    Returns:
        The lanes, and how many copies have none.
    """
    shown = {copy.name: copy for copy in copies if not copy.deleted}
    kept = _most_wanted(shown, selected, room)
    lanes: dict[str, Lane] = {}
    for copy in _by_family(shown):
        if copy.name not in kept:
            continue
        parent = copy.parent
        while parent in shown and parent not in lanes:
            parent = shown[parent].parent
        parent_row = lanes[parent].row if parent in lanes else 0
        row = len(lanes) + 1
        lanes[copy.name] = Lane(copy.name, copy.kind, copy.created, row, parent_row)
    return list(lanes.values()), len(shown) - len(lanes)


def _by_family(shown: dict[str, CopyInfo]) -> list[CopyInfo]:
    """Return every copy after its parent, families together, the elder first."""
    children: dict[str, list[CopyInfo]] = {}
    for copy in sorted(shown.values(), key=lambda copy: (copy.created, copy.id)):
        parent = copy.parent if copy.parent in shown else ORIGINAL
        children.setdefault(parent, []).append(copy)
    family: list[CopyInfo] = []
    waiting = children.get(ORIGINAL, [])[::-1]
    while waiting:
        copy = waiting.pop()
        family.append(copy)
        waiting.extend(children.get(copy.name, [])[::-1])
    return family


def _most_wanted(shown: dict[str, CopyInfo], selected: str, room: int) -> set[str]:
    """Return the copies that get a lane: a copy only together with those it descends from."""
    newest = sorted(shown.values(), key=lambda copy: (-copy.created, -copy.id))
    kept = set(_descent(shown, selected, set())[: max(0, room)])
    for copy in newest:
        family = _descent(shown, copy.name, kept)
        if len(kept) + len(family) <= room:
            kept.update(family)
    return kept


def _descent(shown: dict[str, CopyInfo], name: str, kept: set[str]) -> list[str]:
    """Return a copy and those it descends from, up to the first that is kept already."""
    found: list[str] = []
    while name in shown and name not in kept:
        found.append(name)
        name = shown[name].parent
    return found


def tick_seconds(span_s: float, most: int) -> int:
    """Return the even step of time that gives at most ``most`` ticks over ``span_s`` seconds."""
    least = span_s / max(1, most)
    for step in _STEPS_S:
        if step >= least:
            return step
    return math.ceil(least / _STEPS_S[-1]) * _STEPS_S[-1]
