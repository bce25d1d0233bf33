# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""First group: receive a write to a data location in the initial or the additional area.

The original's locations lie in the initial area, a clone's in the additional area, and so do the
original's while all new data goes there (``core.volume.heads``); this is the one place that decides
which of the two a write is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import ReadOnlyError
from core.session import ORIGINAL
from core.volume import portions

if TYPE_CHECKING:
    from core.format.catalog import CopyRecord
    from core.volume.state import VolumeState


def receive(state: VolumeState, offset: int, length: int, name: str) -> CopyRecord | None:
    """Check a write; return the view whose locations lie in the additional area, or None.

    Raises:
        RangepairError: It cannot be accepted; nothing was changed.
    """
    if state.read_only or (state.journal is not None and state.journal.failed is not None):
        state.check_writable()
    copy = state.catalog.head if name == ORIGINAL else state.copy_named(name)
    size = state.size_bytes if copy is None else state.catalog.size_of(copy)
    if (offset | length) & 511 or offset < 0 or offset + length > size:
        state.check_range(offset, length, copy)
    if copy is not None and not copy.writable:
        raise ReadOnlyError(
            f"{name!r} is a snapshot and takes no writes; make a clone of it and write to that."
        )
    if state.portion_count:
        portions.check_write(state, copy, offset, length)
    return copy
