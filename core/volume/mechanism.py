# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Choose where new data of the original goes, and give each side an area of its own again.

What that means for layers is said in ``core.volume.heads``, and in ``core.volume.redirecting`` for
originals that are kept where they lie. Redirecting and separating begin with a checkpoint: what
was accepted before belongs into the initial area, and no group of the ring may put it there later,
when that is not the original's any more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from core.area.freeruns import Runs, complement
from core.errors import AreaFullError
from core.events import EventKind
from core.format.catalog import Redirected, Separated
from core.longwork import SeparationPlan
from core.mapping.grainset import GrainSet
from core.mapping.resolve import changed
from core.volume import restore, takecopy
from core.volume.fold import fold
from core.volume.needs import needed_gaps
from core.volume.read import Views
from core.volume.recover import active_grains_of
from core.volume.restoring import extents_of

if TYPE_CHECKING:
    from core.format.catalog import Change, CopyRecord
    from core.volume.state import VolumeState


def redirect(state: VolumeState) -> None:
    """Let new data of the original go to the additional area from now on; durable on return.

    Raises:
        RangepairError: There is no room to say so; nothing has changed.
    """
    _carry_out(state, Redirected(created=time.time()))


def set_redirects(state: VolumeState, *, redirects: bool) -> None:
    """Let originals that have a full pointer be kept where they lie, or not; durable on return.

    What is kept so already stays there. A superblock says so before the log does, for its feature
    bit keeps away who does not know what the log says then.

    Raises:
        AreaFullError: The additional area has no room to say so; nothing has changed.
    """
    catalog, journal = state.catalog, state.journal
    if catalog.redirects == redirects:
        return
    assert journal is not None
    journal.checkpoint()
    catalog.redirects = redirects
    catalog.generation += 1
    if not fold(state):
        catalog.redirects = not redirects
        raise AreaFullError(
            "The additional area has no room to write down another mechanism; purge copies or free "
            "space on its disk."
        )
    state.publish(EventKind.CATALOG_CHANGED, moved=catalog.generation)


def separate(state: VolumeState, view: CopyRecord) -> None:
    """Let a view's new data go home; it reads as before, durably, and is moved bit by bit.

    Args:
        state: Its original has a head; no restore may be under way.
        view: The head, or a copy that is not deleted.

    Raises:
        RangepairError: It was not begun; nothing has changed.
    """
    _carry_out(state, Separated(copy_id=view.id, grain_bytes=state.grain_bytes))
    restore.resume(state)


def _carry_out(state: VolumeState, change: Change) -> None:
    restore.refuse_another(state)
    assert state.journal is not None
    state.journal.checkpoint()
    takecopy.release(state, takecopy.commit(state, change))
    active_grains_of(state)
    state.publish(EventKind.CATALOG_CHANGED, moved=state.catalog.generation)


def plan(moment: VolumeState, view: CopyRecord) -> SeparationPlan:
    """Return what letting a view's new data go home would move, from pointers alone.

    Args:
        moment: Of a volume whose original has a head; is used up.
        view: The head, or a copy.
    """
    catalog, home = moment.catalog, GrainSet(moment.grain_bytes)
    layers = catalog.private_stack(view) + catalog.chain_stack(view)
    home.add_bytes(*changed(layer.map for layer in layers))
    starts, stops = extents_of(home)
    moved, views, rest_bytes = Runs(starts, stops - starts), Views(moment), 0
    for other in catalog.views.values():
        if other is not view:
            table = views.flatten(other)
            own = Runs(
                np.concatenate((table.starts, moved.starts)),
                np.concatenate((table.lengths, moved.lengths)),
            )
            rest_bytes += int(complement(own, 0, moment.size_bytes).lengths.sum())
    return SeparationPlan(
        view=view.name,
        home_bytes=_bytes(moment, home.ranges(0, home.last + 1)),
        kept_bytes=_bytes(moment, _kept(moment, view, home)),
        rest_bytes=rest_bytes,
    )


def _kept(moment: VolumeState, view: CopyRecord, home: GrainSet) -> list[tuple[int, int]]:
    """Return the grains of the initial area that are kept before the view's are put there."""
    preserved = moment.preserved
    assert preserved is not None
    gaps = [
        gap for first, stop in home.ranges(0, home.last + 1) for gap in preserved.gaps(first, stop)
    ]
    if view is not moment.catalog.head:
        return gaps
    moment.catalog.head, moment.layer_tree = None, (-1, None)  # it needs nothing that goes home
    return needed_gaps(moment, gaps)


def _bytes(state: VolumeState, ranges: list[tuple[int, int]]) -> int:
    """Return how long ranges of grains are together; the volume's last one may be shorter."""
    shift, size = state.grain_shift, state.size_bytes
    return sum(min(stop << shift, size) - (first << shift) for first, stop in ranges)
