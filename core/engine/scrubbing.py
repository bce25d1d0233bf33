# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Scrubs of an open volume: a batch a call, so that whoever asks shows progress, or stops asking.

A scrub that nobody goes on with holds a few lists until newer ones push it out; nothing else has
to be given up. The result goes into the catalog, with the copies, and is folded at once.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Final

from core.engine.guarding import beside, guarded
from core.errors import UsageError
from core.events import EventKind
from core.longwork import ScrubStep
from core.scrub import Scrub, damage_of
from core.volume import integrity
from core.volume.fold import fold
from core.volume.moment import moment_of
from core.volume.verified import DamagedExtentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.engine.volume import Volume
    from core.format.catalog import CopyRecord
    from core.volume.state import VolumeState

SCRUBS_MAX: Final = 4
NOTHING: Final = ScrubStep(
    run=0, done_bytes=0, total_bytes=0, damaged_bytes=0, unverified_bytes=0, is_done=True
)


class Scrubs:
    """The scrubs under way, by number."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers = itertools.count(1)
        self._under_way: dict[int, Scrub] = {}

    def add(self, scrub: Scrub) -> int:
        """Take one in, and return its number; the oldest makes room."""
        if len(self._under_way) >= SCRUBS_MAX:
            del self._under_way[next(iter(self._under_way))]
        run = next(self._numbers)
        self._under_way[run] = scrub
        return run

    def find(self, run: int) -> Scrub:
        """Return the scrub of this number.

        Raises:
            UsageError: It is not under way.
        """
        scrub = self._under_way.get(run)
        if scrub is None:
            raise UsageError(f"No scrub of number {run} is under way; begin a new one with 0.")
        return scrub

    def end(self, run: int) -> None:
        """Forget a scrub."""
        self._under_way.pop(run, None)


@beside
def scrub_step(self: Volume, run: int = 0) -> ScrubStep:
    """Verify the next few MiB of what is kept for copies; see ``core.session``."""
    if not run:
        run = _begin(self)
        if not run:
            return NOTHING
    scrub = self._scrubs.find(run)
    is_over = scrub.step()
    moment = _settle(self, scrub)
    is_remembered = False
    if is_over:
        self._scrubs.end(run)
        found = damage_of(moment, scrub.copy_ids, scrub.damaged)
        is_remembered = _remember(self, found)
    return ScrubStep(
        run=run,
        done_bytes=scrub.done_bytes,
        total_bytes=scrub.total_bytes,
        damaged_bytes=sum(whole.length for whole in scrub.damaged),
        unverified_bytes=scrub.unverified_bytes,
        is_done=is_over,
        is_remembered=is_remembered,
    )


@guarded
def _begin(self: Volume) -> int:
    """Return the number of a new scrub; 0 if there is nothing that could be verified."""
    self._close_group()
    return 0 if self._state.area is None else self._scrubs.add(Scrub(self._state))


@guarded
def _settle(self: Volume, scrub: Scrub) -> VolumeState:
    scrub.settle(self._state)
    return moment_of(self._state)


@guarded
def _remember(self: Volume, found: dict[int, list[tuple[int, int]]]) -> bool:
    """Keep what was found of each copy; return whether it is durable."""
    state, when = self._state, time.time()
    can_write = not state.read_only and state.journal is not None and state.journal.failed is None
    if can_write:
        self._begin_writing()
    for copy_id, ranges in found.items():
        if copy_id in state.catalog.views:
            not_accepted = bool(state.changed_outside)
            integrity.note_scrubbed(state, copy_id, when, ranges, keeps_suspect=not_accepted)
    is_durable = can_write and fold(state)
    state.publish(EventKind.CATALOG_CHANGED, moved=state.catalog.generation)
    return is_durable


@contextlib.contextmanager
def damage_noted(self: Volume, copy: CopyRecord) -> Iterator[None]:
    """Remember damage that reading a copy in the block meets. Under the lock."""
    try:
        yield
    except DamagedExtentError as error:
        state = self._state
        if integrity.note_damage(state, copy, error.start, error.length):
            state.publish(EventKind.CATALOG_CHANGED, moved=state.catalog.generation)
        raise
