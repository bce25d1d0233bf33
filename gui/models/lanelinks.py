# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Individual pointers bundled into few links between two axes: where they are, where data lies.

Pointers that follow each other on both axes become one link. Where they are scattered, those of
the same square of a coarse grid do: a thousand hairs show nothing, a hundred ribbons a direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gui.models.pointerstore import RowKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.answers import Int64s
    from gui.models.lanecolumns import Shares
    from gui.models.pointerstore import Rows

LINKS_MAX: Final = 200
_GAPS: Final = (1 / 200, 1 / 80, 1 / 30)
"""Parts of an axis that neighbours may lie apart; the next is tried if there are too many."""
_SQUARES: Final = 14

Range = tuple[int, int]


class Links(NamedTuple):
    """Stretches of the upper axis and of the lower that belong together; an axis is 0 to 1.

    Attributes:
        froms, from_ends: Where the pointers are.
        tos, to_ends: Where the data lies.
        kinds: ``RowKind``.
    """

    froms: Shares
    from_ends: Shares
    tos: Shares
    to_ends: Shares
    kinds: npt.NDArray[np.uint8]

    def only(self, chosen: Int64s | npt.NDArray[np.bool_]) -> Links:
        """Return some of them, by index or by mask."""
        return Links(
            self.froms[chosen],
            self.from_ends[chosen],
            self.tos[chosen],
            self.to_ends[chosen],
            self.kinds[chosen],
        )


_NOWHERE: Final = np.empty(0)
NO_LINKS: Final = Links(_NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE, np.empty(0, np.uint8))


def links_between(
    rows: Rows, source: Range, target: Range, most: int = LINKS_MAX, within: Range | None = None
) -> Links:
    """Return where individual pointers of ``source`` point to within ``target``.

    Both are byte ranges, as is ``within``: the part of ``source`` to look at, all if left out.
    What lies in view only in part is cut.
    """
    low, high = within or source
    stored = (rows.kinds == RowKind.ORIGINAL) | (rows.kinds == RowKind.NEW)
    heads = np.maximum(low - rows.starts, 0)
    starts, stops = rows.starts + heads, np.minimum(rows.stops, high)
    offsets = rows.offsets + heads
    ends = offsets + stops - starts
    seen = stored & (stops > starts) & (ends > target[0]) & (offsets < target[1])
    picked: Int64s = np.flatnonzero(seen)
    return bundled(
        Links(
            _along(starts[picked], source),
            _along(stops[picked], source),
            _along(offsets[picked], target),
            _along(ends[picked], target),
            rows.kinds[picked],
        ),
        most,
    )


def joined(parts: list[Links]) -> Links:
    """Return the links of all ``parts``, in their order."""
    if not parts:
        return NO_LINKS
    return Links(
        np.concatenate([part.froms for part in parts]),
        np.concatenate([part.from_ends for part in parts]),
        np.concatenate([part.tos for part in parts]),
        np.concatenate([part.to_ends for part in parts]),
        np.concatenate([part.kinds for part in parts]),
    )


def bundled(links: Links, most: int) -> Links:
    """Return the same as at most ``most`` links, none if there are none."""
    for gap in _GAPS:
        links = _by_neighbours(links, gap)
        if len(links.froms) <= most:
            return links
    return _by_squares(links, most)


def _along(addresses: Int64s, axis: Range) -> Shares:
    places: Shares = (addresses - axis[0]) / max(1, axis[1] - axis[0])
    return np.clip(places, 0, 1)


def _by_neighbours(links: Links, gap: float) -> Links:
    if len(links.froms) < 2:
        return links
    apart = np.abs(links.froms[1:] - links.from_ends[:-1]) > gap
    apart |= np.abs(links.tos[1:] - links.to_ends[:-1]) > gap
    apart |= links.kinds[1:] != links.kinds[:-1]
    return _merged(links, np.concatenate([[0], np.flatnonzero(apart) + 1]))


def _by_squares(links: Links, most: int) -> Links:
    """Bundle what is alike in kind, place and direction; if that is too much, keep the widest."""
    row, column = (
        np.minimum((begins + ends) / 2 * _SQUARES, _SQUARES - 1).astype(np.int64)
        for begins, ends in ((links.froms, links.from_ends), (links.tos, links.to_ends))
    )
    keys = (links.kinds * _SQUARES + row) * _SQUARES + column
    order = np.argsort(keys, kind="stable")
    firsts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    merged = _merged(links.only(order), firsts)
    counts = np.diff(firsts, append=len(order))
    widest = np.sort(np.argsort(-counts, kind="stable")[:most])
    return merged.only(widest)


def _merged(links: Links, firsts: Int64s) -> Links:
    return Links(
        np.minimum.reduceat(links.froms, firsts),
        np.maximum.reduceat(links.from_ends, firsts),
        np.minimum.reduceat(links.tos, firsts),
        np.maximum.reduceat(links.to_ends, firsts),
        links.kinds[firsts],
    )
