# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which kept addresses pointers name, and which the map has: they must be the same.

What they are is said in ``core.volume.redirecting``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.answers import PointerKind
from core.area.freeruns import Runs, merge, subtract
from core.units import KEPT_BASE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from core.mapping.initialmap import InitialMap
    from core.mapping.pointerrun import PointerRun
    from core.volume.state import VolumeState


def rows_in_area(run: PointerRun) -> npt.NDArray[np.intp]:
    """Return the rows of a run whose data lies in the additional area."""
    return np.flatnonzero((run.kinds != PointerKind.ZERO) & (run.offsets >= 0))


def named_runs(runs: Iterable[PointerRun]) -> Runs:
    """Return the kept addresses that pointers name, sorted, neighbours joined.

    Raises:
        ValueError: Two name the same.
    """
    kept = [run.take(np.flatnonzero(run.offsets < 0)) for run in runs]
    starts = np.concatenate([np.empty(0, np.int64), *(run.offsets for run in kept)])
    return merge(Runs(starts, np.concatenate([starts[:0], *(run.lengths for run in kept)])))


def held_runs(mapped: InitialMap) -> Runs:
    """Return the kept addresses that a map has, sorted, neighbours joined."""
    extents = mapped.kept_extents
    starts = np.array([extent.start for extent in extents], np.int64)
    return merge(Runs(starts, np.array([extent.length for extent in extents], np.int64)))


def beyond(runs: Runs, others: Runs) -> Runs:
    """Return what of sorted ``runs`` is in none of ``others``."""
    one, other = (Runs(each.starts - KEPT_BASE, each.lengths) for each in (runs, others))
    rest = subtract(one, other, -KEPT_BASE)
    return Runs(rest.starts + KEPT_BASE, rest.lengths)


def forget_unnamed(state: VolumeState) -> None:
    """Take out of the map what is kept in the image for pointers that were lost."""
    if state.initial is None:
        return
    named = named_runs(layer.map.flatten() for layer in state.catalog.layers.values())
    rest = beyond(held_runs(state.initial.map), named)
    pairs = zip(rest.starts.tolist(), rest.lengths.tolist(), strict=True)
    state.initial.forget_kept(pairs, is_replay=True)
