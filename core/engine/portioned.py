# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The methods of an open volume that are about its portions, if it is a volume of portions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.engine.guarding import guarded
from core.errors import InvalidRangeError
from core.events import EventKind
from core.mapping.pointerrun import EMPTY
from core.session import ORIGINAL
from core.volume import portions as portion_module
from core.volume.portions import SLOT_BYTES
from core.volume.receive import receive
from core.volume.write import write

if TYPE_CHECKING:
    from core.arrangement import PortionInfo
    from core.engine.volume import Volume
    from core.format.block import Readable
    from core.volume.state import VolumeState


@guarded
def portions(self: Volume, copy: str = ORIGINAL) -> list[PortionInfo]:
    """Return all portions as the original or a copy has them; none of a volume of bytes."""
    record = self._state.copy_named(copy)
    table = EMPTY if record is None else self._views.flatten(record)
    return portion_module.portion_infos(self._state, record, table)


@guarded
def write_portion(self: Volume, number: int, payload: Readable, copy: str = ORIGINAL) -> None:
    """Write a portion as a whole; the original's may get another size, durably then."""
    state = self._state
    _check_number(state, number)
    self._begin_writing()
    start, length = number * SLOT_BYTES, memoryview(payload).nbytes
    record = receive(state, start, 0, copy)
    size = portion_module.size_of(state, record, number)
    if length == size:
        write(state, start, payload, copy)
        return
    if record is not None:
        raise InvalidRangeError(
            f"Portion {number} of {copy!r} has {size} bytes and keeps that size; write as many."
        )
    assert state.journal is not None
    before = state.stats.preserved_bytes
    portion_module.resize(state, state.journal, number, payload)
    moved = state.stats.preserved_bytes - before
    state.publish(EventKind.WRITTEN, start=start, length=length, moved=moved)


def _check_number(state: VolumeState, number: int) -> None:
    if not state.portion_count:
        raise InvalidRangeError(
            "This is no volume of portions; write to it by offset, or make one with"
            " 'rangepair create --portions'."
        )
    if not 0 <= number < state.portion_count:
        raise InvalidRangeError(
            f"There is no portion {number}; the volume has {state.portion_count}, from 0 on."
        )
