# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The pointers in the open group, to be looked up singly while it grows.

Each look takes in what was staged since the last one, so that a reader who takes turns with a
writer pays for what was written, not for the whole group again and again. Within a layer the ranges
of one group are disjoint: originals are staged once, and what a clone had staged is cleared first.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import TYPE_CHECKING, Final, NamedTuple

from core.answers import PointerKind
from core.format.group import RECORD
from core.mapping.rows import NO_ROWS, Row, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.journal.opengroup import OpenGroup
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

_ZERO: Final = int(PointerKind.ZERO)
_INSERTED_MAX: Final = 16
"""More than these at once are sorted with all the others."""


class _Layer(NamedTuple):
    starts: list[int]
    rows: dict[int, Row]


class StagedRows:
    """What is staged for each layer, as far as somebody asked."""

    def __init__(self, state: VolumeState) -> None:
        """Know nothing yet."""
        self._state = state
        self._opened: OpenGroup | None = None
        self._seq = -1
        self._seen = 0
        self._layers: dict[int, _Layer] = {}

    def find(self, layer_id: int, start: int, stop: int) -> Sequence[Row]:
        """Return a layer's staged pointers within ``[start, stop)``, sorted, cut at its edges.

        They have no checksum: their bytes are in memory.
        """
        journal = self._state.journal
        if journal is None or not journal.opened.count:
            return NO_ROWS
        self._catch_up(journal)
        layer = self._layers.get(layer_id)
        if layer is None:
            return NO_ROWS
        starts, rows = layer
        at = bisect_right(starts, start)
        if at and starts[at - 1] + rows[starts[at - 1]][1] > start:
            at -= 1
        found = []
        while at < len(starts) and starts[at] < stop:
            found.append(cut(rows[starts[at]], start, stop))
            at += 1
        return found

    def _catch_up(self, journal: Journal) -> None:
        opened = journal.opened
        if opened is not self._opened or journal.log.seq != self._seq or opened.count < self._seen:
            self._opened, self._seq, self._seen = opened, journal.log.seq, 0
            self._layers.clear()
        if opened.count > self._seen:
            fresh = RECORD.iter_unpack(opened.record_bytes(self._seen))
            is_few = opened.count - self._seen <= _INSERTED_MAX
            self._seen = opened.count
            for start, length, offset, _checksum, layer_id, kind in fresh:
                layer = self._layers.get(layer_id)
                if layer is None:
                    layer = self._layers[layer_id] = _Layer([], {})
                whole = 0 if kind == _ZERO else length
                layer.rows[start] = (start, length, offset, kind, 0, 0, whole)
                if is_few:
                    insort(layer.starts, start)
                else:
                    layer.starts.append(start)
            if not is_few:
                for layer in self._layers.values():
                    layer.starts.sort()
