# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Restoring a copy to the original of an open volume: what it would do, beginning it, moving on.

The functions are methods of ``core.engine.volume.Volume``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from core.diff import changed_ranges
from core.engine import resizing
from core.engine.guarding import guarded
from core.engine.mover import Mover
from core.errors import InvalidNameError
from core.longwork import RestorePlan
from core.session import ORIGINAL
from core.volume import moving, portions, sizedrestore, takecopy
from core.volume import restore as restoring
from core.volume.write import CHUNK_BYTES

if TYPE_CHECKING:
    from core.engine.volume import Volume
    from core.format.catalog import CopyRecord
    from core.volume.state import VolumeState


@guarded
def plan_restore(self: Volume, copy: str, safety: str = "") -> RestorePlan:
    """Return what restoring ``copy`` to the original would do, from pointers alone."""
    return _plan(self._state, _source(self._state, copy), safety)


def restore(self: Volume, copy: str, safety: str = "") -> RestorePlan:
    """Make the original read as ``copy`` from now on, a safety snapshot taken first; durable.

    What differs is moved in the background. A restore that is still under way is finished before.
    """
    while True:
        while take_step(self):
            continue
        plan = _begin(self, copy, safety)
        if plan is not None:
            return plan


@guarded
def take_step(self: Volume, bytes_max: int = CHUNK_BYTES) -> bool:
    """Take one step of the restore under way; return whether there is more to do."""
    return move_on(self, bytes_max)


@guarded
def _begin(self: Volume, copy: str, safety: str) -> RestorePlan | None:
    """Begin, unless another restore began since the last was finished; then return None."""
    state, source = self._state, _source(self._state, copy)
    if state.restore is not None:
        return None
    plan = _plan(state, source, safety)
    if plan.size_bytes:
        resizing.check_image(self, plan.size_bytes)
    elif not plan.bytes:
        return plan
    self._begin_writing()
    if plan.size_bytes:
        sizedrestore.begin(state, source, plan.safety)
        resizing.follow_size(self)
    else:
        restoring.begin(state, source, plan.safety)
    self._mover.wake()
    return msgspec.structs.replace(plan, safety_id=state.catalog.newest_id)


def move_on(self: Volume, bytes_max: int = CHUNK_BYTES) -> bool:
    """Take one step of the restore under way; under the volume's lock."""
    if self._state.is_closed or self._state.restore is None:
        return False
    self._begin_writing()
    return moving.step(self._state, bytes_max)


def mover_for(self: Volume, *, is_idle: bool) -> Mover:
    """Return who takes the steps of a restore, at it already if one is under way."""
    mover = Mover(self._lock, lambda: move_on(self), is_idle=is_idle)
    if self._state.restore is not None:
        mover.wake()
    return mover


def _source(state: VolumeState, copy: str) -> CopyRecord:
    source = None if copy == ORIGINAL else state.copy_named(copy)
    if source is None:
        raise InvalidNameError(f"{ORIGINAL!r} cannot be restored to itself; name a copy.")
    return source


def _plan(state: VolumeState, source: CopyRecord, safety: str) -> RestorePlan:
    portions.refuse_bytes(state, "restored")
    size = state.catalog.size_of(source)
    changed = changed_ranges(state, source, state.copy_named(ORIGINAL))
    inside = changed.starts < size  # what is behind is not written, but cut off
    lengths = np.minimum(changed.stops, size)[inside] - changed.starts[inside]
    if safety:
        takecopy.check_name(state, safety)
    return RestorePlan(
        source=source.name,
        safety=safety or _free_name(state, "merge" if source.writable else "restore"),
        ranges=len(lengths),
        bytes=int(lengths.sum()),
        size_bytes=0 if size == state.size_bytes else size,
    )


def _free_name(state: VolumeState, act: str) -> str:
    """Return a name for the safety snapshot that no copy has."""
    number = 1
    while state.catalog.find(f"before-{act}-{number}") is not None:
        number += 1
    return f"before-{act}-{number}"
