# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One layer of pointers, of the original's chain or private to copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.format.layout import EXTENT_BYTES_MAX
from core.mapping.layermap import LayerMap

if TYPE_CHECKING:
    from core.answers import Int64s
    from core.format.superblock import Place
    from core.mapping.pointerrun import PointerRun


class Layer:
    """One layer.

    Attributes:
        map: Its pointers, those that are durable at their permanent place.
        parent: Id of the private layer it lies on, or None.
        places: Where a run of ``map`` lies as a table, by the run's identity.
        cuts: (starts, lengths) of extents of which a part was freed since the last fold.
    """

    __slots__ = ("cuts", "id", "map", "parent", "places", "private")

    def __init__(self, layer_id: int, *, private: bool, parent: int | None = None) -> None:
        """Make an empty layer."""
        self.id = layer_id
        self.private = private
        self.parent = parent
        self.map = LayerMap()
        self.places: dict[int, tuple[PointerRun, Place]] = {}
        self.cuts: list[tuple[Int64s, Int64s]] = []

    def twin(self) -> Layer:
        """Return a layer of its own that shares the pointers, and has no tables."""
        twin = Layer(self.id, private=self.private, parent=self.parent)
        twin.map = self.map.twin()
        return twin

    def note_cuts(self, run: PointerRun) -> None:
        """Note the extents of which ``run`` has a piece; see ``core.volume.reseal``."""
        is_piece = run.lengths != run.wholes
        is_piece &= (run.wholes != 0) & (run.wholes <= 2 * EXTENT_BYTES_MAX)
        if is_piece.any():
            starts = (run.starts - run.heads)[is_piece]
            self.cuts.append((starts, run.wholes[is_piece].astype(starts.dtype)))

    def replace(self, run: PointerRun) -> None:
        """Take ``run`` as the whole content."""
        self.map = LayerMap()
        if len(run):
            self.map.append(run)
