# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Who still needs an original: a grain that every view has overwritten wholly is nobody's.

That can only be if every view has private layers. They form a tree, each lying on the one that it
was taken from, and the tree is walked from its roots: a layer leaves to those above it only what it
does not cover itself, and below one that covers everything nobody needs to be asked. The walk ends
where the first view is found that needs all; mostly that is the first one. So a write costs the
same however many clones there are, unless nearly all of them have written over the grain.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from core.mapping.grainset import GrainSet
from core.mapping.rows import resolve_rows
from core.units import SECTOR_BYTES

if TYPE_CHECKING:
    from core.volume.state import VolumeState


def needed_gaps(state: VolumeState, gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out of ``gaps`` the grains whose original no copy depends on any more.

    What a clone has only in memory counts as its own, but if that decides, it is made durable
    first: in a power cut it would be lost, and the original with it.

    Args:
        state: A volume with copies.
        gaps: Half-open ranges of grain numbers, sorted.

    Raises:
        RangepairError: What decides cannot be made durable.
    """
    if state.catalog.needs_every_original or not gaps:
        return gaps
    needed = GrainSet(state.grain_bytes)
    if _is_all_needed(state, needed, gaps):
        return gaps
    if state.portion_count and len(needed):
        return gaps  # they are of one portion, which is kept as a whole
    journal = state.journal
    if journal is not None and (state.staged_sectors or journal.flights.are_under_way):
        journal.barrier()
    return [part for first, stop in gaps for part in needed.ranges(first, stop)]


def _is_all_needed(state: VolumeState, needed: GrainSet, gaps: list[tuple[int, int]]) -> bool:
    """Add the grains of ``gaps`` that some view needs to ``needed``; stop when that is all."""
    shift, size = state.grain_shift, state.size_bytes
    whole = [(first << shift, min(stop << shift, size)) for first, stop in gaps]
    tree = _layer_tree(state)
    waiting = deque((layer_id, whole) for layer_id in tree.roots)
    while waiting:
        layer_id, ranges = waiting.popleft()  # those near the roots first
        ranges = _uncovered(state, layer_id, ranges)
        if not ranges:
            continue
        if layer_id in tree.tops:
            for low, high in ranges:
                needed.add(low >> shift, (high - 1 >> shift) + 1)
            if all(needed.has_all(first, stop) for first, stop in gaps):
                return True
        waiting.extend((child, ranges) for child in tree.children.get(layer_id, ()))
    return False


class LayerTree(NamedTuple):
    """The private layers.

    Attributes:
        roots: Those that lie on none.
        children: By the layer that they lie on.
        tops: Those at which a view begins.
    """

    roots: list[int]
    children: dict[int, list[int]]
    tops: set[int | None]


def _layer_tree(state: VolumeState) -> LayerTree:
    structure, tree = state.layer_tree
    if tree is None or structure != state.structure:
        tree = LayerTree([], {}, {view.top for view in state.catalog.views.values()})
        for layer in state.catalog.layers.values():
            if layer.private and layer.parent is None:
                tree.roots.append(layer.id)
            elif layer.parent is not None:
                tree.children.setdefault(layer.parent, []).append(layer.id)
        state.layer_tree = (state.structure, tree)
    return tree


def _uncovered(
    state: VolumeState, layer_id: int, ranges: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return the parts of byte ranges that a layer has no pointer for, staged ones included."""
    finders = [rows.find for rows in state.catalog.layers[layer_id].map.rows]
    remaining: list[tuple[int, int]] = []
    for low, high in ranges:
        for gap in resolve_rows(finders, low, high)[1]:
            remaining += _unstaged(state, layer_id, *gap)
    return remaining


def _unstaged(state: VolumeState, layer_id: int, low: int, high: int) -> list[tuple[int, int]]:
    """Return the parts of ``[low, high)`` that nothing is staged for in a private layer."""
    sectors = state.staged_sectors.get(layer_id)
    if sectors is None:
        return [(low, high)]
    return [
        (first * SECTOR_BYTES, stop * SECTOR_BYTES)
        for first, stop in sectors.gaps(low // SECTOR_BYTES, high // SECTOR_BYTES)
    ]
