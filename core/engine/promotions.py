# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Promoting a copy of an open volume; a method of ``core.engine.volume.Volume``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.engine.guarding import guarded
from core.errors import InvalidNameError
from core.longwork import Promotion
from core.session import ORIGINAL
from core.volume import portions
from core.volume.promote import BATCH_BYTES, promote_some

if TYPE_CHECKING:
    from core.engine.volume import Volume


@guarded
def promote(self: Volume, copy: str, bytes_max: int = BATCH_BYTES) -> Promotion:
    """Copy the next batch of what ``copy`` reads from the initial area; others write meanwhile."""
    self._begin_writing()
    record = self._state.copy_named(copy)
    if record is None:
        raise InvalidNameError(
            f"{ORIGINAL!r} is the initial area's own content; name a copy to promote."
        )
    portions.refuse_bytes(self._state, "promoted")
    copied, left = promote_some(self._state, self._views, record, bytes_max)
    return Promotion(copied_bytes=copied, left_bytes=left)
