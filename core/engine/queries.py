# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Methods of an open volume that only ask, beside its lock; ``Volume`` names them as its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core import allocation as allocation_module
from core import diff as diff_module
from core import holdings as holdings_module
from core.engine.guarding import beside
from core.mapping.pointerrun import EMPTY
from core.session import ORIGINAL
from core.volume.picture import frame_of
from core.volume.read import Views

if TYPE_CHECKING:
    from core.answers import (
        Ranges,
    )
    from core.engine.volume import Volume
    from core.spaceanswers import Holding


@beside
def diff(self: Volume, source: str, target: str = ORIGINAL) -> Ranges:
    """Return the ranges in which two views may differ, from pointers alone."""
    _, moment = self._look(lambda _: None)
    return diff_module.changed_ranges(moment, moment.copy_named(source), moment.copy_named(target))


@beside
def allocation(self: Volume, copy: str = ORIGINAL) -> Ranges:
    """Return ranges outside of which ``copy`` reads as zeroes, from pointers and holes."""
    initial = self._look(lambda state: state)[0]
    holes_before = allocation_module.image_data(initial)
    waiting, moment = self._look(allocation_module.waiting_data)
    record = moment.copy_named(copy)
    waiting = allocation_module.joined(waiting, allocation_module.restored_data(moment, record))
    table = EMPTY if record is None else Views(moment).flatten(record)
    if record is None:
        holes_before = allocation_module.image_data(moment)
    size_bytes = moment.catalog.size_of(record)
    return allocation_module.allocated(size_bytes, holes_before, waiting, table)


@beside
def holdings(self: Volume, offset: int, length: int) -> list[Holding]:
    """Return what lies in a range of the additional area, and which copies read it."""
    frame, moment = self._look(frame_of)
    return holdings_module.holdings(moment, frame, offset, length)
