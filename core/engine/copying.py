# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Taking, naming, locking and deleting copies; methods of ``core.engine.volume.Volume``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.engine import infos
from core.engine.guarding import guarded
from core.errors import ImageError
from core.session import ORIGINAL
from core.volume import takecopy
from core.volume.outside import removal_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.answers import CopyInfo
    from core.engine.volume import Volume


@guarded
def snapshot(self: Volume, name: str, of: str = ORIGINAL) -> CopyInfo:
    """Take a read-only instant copy of the original or of a clone; durable."""
    return _take(self, name, of, writable=False)


@guarded
def clone(self: Volume, name: str, of: str = ORIGINAL) -> CopyInfo:
    """Take a writable instant copy of the original, a snapshot or a clone; durable."""
    return _take(self, name, of, writable=True)


def _take(self: Volume, name: str, of: str, *, writable: bool) -> CopyInfo:
    self._begin_writing()
    takecopy.check_name(self._state, name)
    if gone := removal_of(self._state):  # a copy taken now would not be there tomorrow
        raise ImageError(gone)
    self._state.copy_named(of)
    if self._state.area is None:
        self.add_area()
    self._full_area.carry_out(partial(takecopy.take, self._state, name, of, writable=writable), of)
    record = self._state.copy_named(name)
    assert record is not None
    return infos.copy_info(self._state, self._views, record)


@guarded
def rename(self: Volume, name: str, new_name: str) -> None:
    """Give a copy another name."""
    self._begin_writing()
    takecopy.rename(self._state, name, new_name)


@guarded
def delete(self: Volume, names: Sequence[str], *, now: bool = False) -> None:
    """Hide copies, to be purged later; ``now`` removes them for good instead."""
    self._begin_writing()
    if now:
        takecopy.purge(self._state, names, hidden_only=False)
    else:
        takecopy.mark(self._state, names, deleted=True)


@guarded
def undelete(self: Volume, names: Sequence[str]) -> None:
    """Show soft-deleted copies again."""
    self._begin_writing()
    takecopy.mark(self._state, names, deleted=False)


@guarded
def purge(self: Volume, names: Sequence[str]) -> None:
    """Remove soft-deleted copies for good; their pointers are handed down or freed."""
    self._begin_writing()
    takecopy.purge(self._state, names)


@guarded
def lock(self: Volume, names: Sequence[str], *, locked: bool = True) -> None:
    """Forbid (or allow again) deletion."""
    self._begin_writing()
    takecopy.mark(self._state, names, locked=locked)
