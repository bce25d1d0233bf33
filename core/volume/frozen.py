# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The frozen layers of clones as flat runs, so that a copy of a copy costs the same at any depth.

A layer on which another lies takes no more pointers; only a deletion, which hands pointers down to
it, and compaction give it other runs. So a flat run holds as long as its layers have the very runs
that it was made of, which is looked at only when copies or layers have changed. It is made of the
layers above the nearest one that is known: copying a copy again and again costs one layer each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.stack import stack

if TYPE_CHECKING:
    from core.volume.state import VolumeState

RUNS_MAX: Final = 16


class _Frozen(NamedTuple):
    """A flat run, the runs of the layers that it was made of, top first, and when that was seen."""

    run: PointerRun
    parts: list[tuple[PointerRun, ...]]
    structure: int


class FrozenRuns:
    """The flat runs used last."""

    def __init__(self, state: VolumeState) -> None:
        """Keep none yet."""
        self._state = state
        self._kept: dict[int, _Frozen] = {}

    def run_of(self, layer_id: int | None) -> PointerRun:
        """Return the pointers of a frozen layer and all that it lies on; None has none."""
        if layer_id is None:
            return EMPTY
        known = self._kept.get(layer_id)
        if known is None or known.structure != self._state.structure:
            known = self._flattened(layer_id)
            self._keep(layer_id, known)
        return known.run

    def _flattened(self, layer_id: int) -> _Frozen:
        """Flatten, from the nearest layer on of which the flat run still holds."""
        layers, structure = self._state.catalog.stack_from(layer_id), self._state.structure
        parts = [layer.map.runs for layer in layers]
        for depth, layer in enumerate(layers):
            known = self._kept.get(layer.id)
            if known is None:
                continue
            if known.structure == structure or _are_same(known.parts, parts[depth:]):
                above = stack([above.map.flatten() for above in layers[:depth]])
                return _Frozen(stack([above, known.run]), parts, structure)
        return _Frozen(stack([layer.map.flatten() for layer in layers]), parts, structure)

    def _keep(self, layer_id: int, frozen: _Frozen) -> None:
        self._kept.pop(layer_id, None)
        if len(self._kept) >= RUNS_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[layer_id] = frozen


def _are_same(known: list[tuple[PointerRun, ...]], now: list[tuple[PointerRun, ...]]) -> bool:
    """Return whether all runs are the very same; equal content would cost too much to compare."""
    return len(known) == len(now) and all(
        len(a) == len(b) and all(one is other for one, other in zip(a, b, strict=True))
        for a, b in zip(known, now, strict=True)
    )
