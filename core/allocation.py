# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where a view may hold something other than zeroes, from pointers and holes; no data is read.

A view reads as zeroes where its pointer says so, and where it has none and the image has a hole
over which nothing waits. The holes of a copy must be looked for before its pointers: what is
discarded in between has a pointer by then, so no range is ever taken for a hole that was not one
when the copy read it there. The holes of the original are looked for after what waits, for what
waits only ever fills them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.answers import PointerKind, Ranges
from core.area.freeruns import NO_RUNS, Runs, complement

if TYPE_CHECKING:
    from core.format.catalog import CopyRecord
    from core.mapping.pointerrun import PointerRun
    from core.volume.state import VolumeState


def image_data(state: VolumeState, start: int = 0, stop: int | None = None) -> Runs:
    """Return what of ``[start, stop)`` the image may hold data in: all but its holes.

    Needs no lock.
    """
    found = list(state.image.data_extents(start, state.size_bytes if stop is None else stop))
    return Runs(
        np.array([extent.start for extent in found], np.int64),
        np.array([extent.length for extent in found], np.int64),
    )


def waiting_data(state: VolumeState) -> Runs:
    """Return the grains of the original that wait in memory."""
    if state.journal is None:
        return NO_RUNS
    grains = sorted({grain for overlay in state.journal.overlays for grain in overlay.slots})
    starts = np.array(grains, np.int64) << state.grain_shift
    return Runs(starts, np.minimum(starts + state.grain_bytes, state.size_bytes) - starts)


def restored_data(state: VolumeState, copy: CopyRecord | None) -> Runs:
    """Return what a view, None the original's, reads from a copy that is being restored."""
    if state.restore is None or not state.restore.is_newer(copy):
        return NO_RUNS
    starts, stops = state.restore.left_extents()
    return Runs(starts, stops - starts)


def allocated(size_bytes: int, initial: Runs, waiting: Runs, table: PointerRun) -> Ranges:
    """Return where a view may hold something.

    Args:
        size_bytes: Of the view.
        initial: What the image may hold data in.
        waiting: What waits to be written there, or is still to be moved there.
        table: The view's pointers; none for the original.
    """
    empty = complement(joined(initial, waiting), 0, size_bytes)
    unpointed = complement(joined(empty, Runs(table.starts, table.lengths)), 0, size_bytes)
    is_kept = table.kinds != PointerKind.ZERO
    kept = Runs(table.starts[is_kept], table.lengths[is_kept])
    neither = complement(joined(unpointed, kept), 0, size_bytes)
    whole = complement(neither, 0, size_bytes)
    return Ranges(starts=whole.starts, lengths=whole.lengths)


def joined(one: Runs, other: Runs) -> Runs:
    """Return the ranges of both."""
    return Runs(
        np.concatenate((one.starts, other.starts)), np.concatenate((one.lengths, other.lengths))
    )
