# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Restore a copy of another size: the original gets its size and its content in one act.

First the safety snapshot is taken, as any copy is. Then the volume is resized, and the superblock
that says the new size names a catalog in which the restore has begun (``core.volume.resize``). A
loss of power finds the original as it was, perhaps with the safety snapshot beside it already, or
as the source is; from then on the restore goes on as any other (``core.volume.restore``).
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from core.errors import RangepairError
from core.session import ORIGINAL
from core.volume import resize, restore, restoring, takecopy

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.format.catalog import CopyRecord
    from core.volume.state import VolumeState


def begin(state: VolumeState, source: CopyRecord, safety: str) -> None:
    """Begin a restore; the original reads as ``source``, and is as long, on return, durably.

    Args:
        state: No restore may be under way.
        source: A copy of another size that is not deleted.
        safety: Name of the snapshot to be taken of the original first.

    Raises:
        RangepairError: It was not begun; the original is as it was.
    """
    restore.refuse_another(state)
    kept = takecopy.take(state, safety, ORIGINAL, writable=False)
    size_bytes = state.catalog.size_of(source)
    change = resize.grow if size_bytes > state.size_bytes else resize.shrink
    try:
        change(state, size_bytes, functools.partial(_enter, state, source, kept.id))
    except RangepairError:
        if state.journal is not None and state.journal.failed is None:
            with contextlib.suppress(RangepairError):
                takecopy.mark(state, [safety], deleted=True)
                takecopy.purge(state, [safety])
        raise
    restore.resume(state)


def _enter(state: VolumeState, source: CopyRecord, safety_id: int) -> Callable[[], None]:
    """Let the restore have begun in the catalog in memory; return how to take that back."""
    catalog = state.catalog
    top, next_layer_id = source.top, catalog.next_layer_id
    begun = restoring.begun(catalog, source, safety_id, state.grain_bytes)
    catalog.restoring = begun if len(begun.left) else None

    def take_back() -> None:
        catalog.restoring = None
        if source.top is not None and source.top != top:
            del catalog.layers[source.top]
            source.top, catalog.next_layer_id = top, next_layer_id

    return take_back
