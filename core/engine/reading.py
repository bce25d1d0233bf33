# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The methods of an open volume that read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.engine.guarding import guarded
from core.engine.scrubbing import damage_noted
from core.session import ORIGINAL
from core.volume.read import fill_original, read_original

if TYPE_CHECKING:
    from core.engine.volume import Volume


@guarded
def read(self: Volume, offset: int, length: int, copy: str = ORIGINAL) -> bytes:
    """Return ``length`` bytes of ``copy`` at ``offset``."""
    state = self._state
    record = state.copy_named(copy)
    state.check_range(offset, length, record)
    state.stats.reads += 1
    state.stats.read_bytes += length
    if record is None:
        return read_original(state, offset, length)
    with damage_noted(self, record):
        return self._views.read(record, offset, length)


@guarded
def read_into(
    self: Volume, offset: int, target: memoryview | bytearray, copy: str = ORIGINAL
) -> None:
    """Fill ``target`` with ``copy`` at ``offset``: ``read`` without a buffer of its own.

    Args:
        self: An open volume.
        offset: Bytes, a multiple of 512.
        target: Writable and in one piece; its length in bytes is read, a multiple of 512. What it
            holds after an error means nothing.
        copy: A copy's name, or ``"original"``.
    """
    whole, state = memoryview(target).cast("B"), self._state
    record = state.copy_named(copy)
    state.check_range(offset, len(whole), record)
    state.stats.reads += 1
    state.stats.read_bytes += len(whole)
    if record is None:
        fill_original(state, offset, whole)
        return
    with damage_noted(self, record):
        self._views.read_into(record, offset, whole)
