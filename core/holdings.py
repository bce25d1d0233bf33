# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map in reverse: which copies read a stretch of the additional area, exact, from pointers.

A pointer of the chain is seen by the copies that enter at its own layer, and by those that enter
at an older one, down to the first that covers the same range itself. A pointer of a private layer
is seen by the copies whose private layers above it do not cover it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from core.answers import (
    PointerKind,
)
from core.errors import InvalidRangeError
from core.mapping.pointerrun import EMPTY, PointerRun, without
from core.spaceanswers import Holding
from core.volume.handdown import displaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from core.answers import Int64s
    from core.format.catalog import CopyRecord
    from core.volume.catalog import Catalog
    from core.volume.layer import Layer
    from core.volume.picture import Frame
    from core.volume.state import VolumeState

    Content = Literal["original", "new", "metadata", "unused"]

NOWHERE = -1
"""What ``Holding.start`` is where no content of the volume lies."""


class Seen(NamedTuple):
    """Pointers, and the ids of copies that all see all of them."""

    run: PointerRun
    copies: tuple[int, ...]


class Cell(NamedTuple):
    """What one stretch between two edges of the area holds; ``copies``: ids, ascending."""

    content: Content
    start: int
    copies: tuple[int, ...]


UNUSED = Cell("unused", NOWHERE, ())
METADATA = Cell("metadata", NOWHERE, ())


def holdings(moment: VolumeState, frame: Frame, offset: int, length: int) -> list[Holding]:
    """Return what lies in ``[offset, offset + length)`` of the additional area, without gaps.

    Raises:
        InvalidRangeError: The range is empty or not within the area.
    """
    _check_range(frame.size, offset, length)
    catalog, stop = moment.catalog, offset + length
    seen = [
        part
        for part in (
            *_seen_in_chain(catalog, offset, stop),
            *_seen_in_private(catalog, offset, stop),
        )
        if len(part.run)
    ]
    starts, stops = _metadata(frame, offset, stop)
    edges = np.unique(
        np.concatenate(
            [
                np.array([offset, stop], np.int64),
                starts,
                stops,
                *(part.run.offsets for part in seen),
                *(part.run.offsets + part.run.lengths for part in seen),
            ]
        )
    )
    cells = [UNUSED] * (len(edges) - 1)
    for first, last in zip(
        edges.searchsorted(starts).tolist(), edges.searchsorted(stops).tolist(), strict=True
    ):
        cells[first:last] = [METADATA] * (last - first)
    for part in seen:
        _enter(part, edges.tolist(), edges, cells)
    names = {view.id: view.name for view in catalog.views.values()}
    return list(_told(edges.tolist(), cells, names))


def _check_range(area_bytes: int, offset: int, length: int) -> None:
    """Refuse a range that does not lie within the area."""
    if not area_bytes:
        raise InvalidRangeError("There is no additional area before the first copy; take one.")
    if offset < 0 or length < 1 or offset + length > area_bytes:
        raise InvalidRangeError(
            f"The range of {length} bytes at {offset} is empty or passes the end of the additional"
            f" area's {area_bytes} bytes; choose one within them."
        )


def _metadata(frame: Frame, offset: int, stop: int) -> tuple[Int64s, Int64s]:
    starts, stops, _ = frame.metadata
    touches = (starts < stop) & (stops > offset)
    return np.maximum(starts[touches], offset), np.minimum(stops[touches], stop)


# -- who sees what ---------------------------------------------------------------------------------


def _found(layer: Layer, offset: int, stop: int) -> PointerRun:
    """Return the pieces of a layer's pointers that lie within a range of the area."""
    run = layer.map.flatten()
    ends = run.offsets + run.lengths
    rows = ((run.kinds != PointerKind.ZERO) & (run.offsets < stop) & (ends > offset)).nonzero()[0]
    if not len(rows):
        return EMPTY
    low = run.starts[rows] + np.maximum(offset - run.offsets[rows], 0)
    high = run.stops[rows] - np.maximum(ends[rows] - stop, 0)
    return run.cut(rows, low, high)


def _seen_in_chain(catalog: Catalog, offset: int, stop: int) -> Iterator[Seen]:
    plain: dict[int, list[int]] = defaultdict(list)
    layered: dict[int, list[CopyRecord]] = defaultdict(list)
    are_alike = not catalog.has_other_sizes
    for copy in catalog.views.values():
        if copy.top is None and are_alike:
            plain[copy.base].append(copy.id)
        else:
            layered[copy.base].append(copy)
    chain = [catalog.layers[layer_id] for layer_id in catalog.chain]
    for position, layer in enumerate(chain):
        remaining = _found(layer, offset, stop)
        copies: tuple[int, ...] = ()
        for older in reversed(chain[: position + 1]):
            if older is not layer:
                for hit in displaced(older.map, remaining.starts, remaining.stops):
                    left = without(remaining, hit.starts, hit.stops)
                    yield Seen(without(remaining, left.starts, left.stops), copies)
                    remaining = left
            if not len(remaining):
                break
            copies += tuple(plain[older.id])
            for copy in layered[older.id]:
                seen = _uncovered(remaining, catalog.private_stack(copy))
                yield Seen(seen.clip(0, catalog.size_of(copy)), (copy.id,))
        yield Seen(remaining, copies)


def _seen_in_private(catalog: Catalog, offset: int, stop: int) -> Iterator[Seen]:
    found = {
        layer.id: _found(layer, offset, stop) for layer in catalog.layers.values() if layer.private
    }
    for copy in catalog.views.values():
        stack = catalog.private_stack(copy)
        for depth, layer in enumerate(stack):
            yield Seen(_uncovered(found[layer.id], stack[:depth]), (copy.id,))


def _uncovered(run: PointerRun, above: Iterable[Layer]) -> PointerRun:
    """Return the pieces of ``run`` that no layer above covers."""
    for layer in above:
        for hit in displaced(layer.map, run.starts, run.stops):
            run = without(run, hit.starts, hit.stops)
    return run


# -- put together ----------------------------------------------------------------------------------


def _enter(part: Seen, corners: Sequence[int], edges: Int64s, cells: list[Cell]) -> None:
    """Add ``part`` to the cells that its pointers cover."""
    run = part.run
    rows = zip(
        edges.searchsorted(run.offsets).tolist(),
        edges.searchsorted(run.offsets + run.lengths).tolist(),
        (run.starts - run.offsets).tolist(),
        (run.kinds == PointerKind.NEW).tolist(),
        strict=True,
    )
    for first, last, shift, is_new in rows:
        content: Content = "new" if is_new else "original"
        for index in range(first, last):
            copies = tuple(sorted({*cells[index].copies, *part.copies}))
            cells[index] = Cell(content, corners[index] + shift, copies)


def _told(
    corners: Sequence[int], cells: Sequence[Cell], names: dict[int, str]
) -> Iterator[Holding]:
    """Yield the cells, those that continue each other as one."""
    first = 0
    for index, cell in enumerate(cells):
        following = cells[index + 1] if index + 1 < len(cells) else None
        length = corners[index + 1] - corners[index]
        if following == _continued(cell, length):
            continue
        yield Holding(
            offset=corners[first],
            length=corners[index + 1] - corners[first],
            content=cell.content,
            start=cells[first].start,
            copies=[names[copy_id] for copy_id in cell.copies],
        )
        first = index + 1


def _continued(cell: Cell, length: int) -> Cell:
    """Return what the next cell must be to be more of the same."""
    return cell if cell.start == NOWHERE else cell._replace(start=cell.start + length)
