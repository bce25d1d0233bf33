# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Make the original equal to a copy: usable at once, moved bit by bit, never half done.

A restore begins with one change of the catalog. It takes a safety snapshot of the original and says
which grains differ from the source: those that a layer between the two points to. From then on the
original reads them from the source; they are *left*. They are moved into the image by ordinary
original writes, so what they overwrite is preserved for the safety snapshot and every older copy.

A grain stops being left as soon as something else was accepted for it: what is moved in the
background, and what a client writes or discards, which for this comes in whole grains, the rest
read from the source.

Why no power cut breaks it. What is left on disk shrinks by changes of the catalog (``moved``) that
are written in ``Journal.checkpoint``: after the image is synced, before the ring dies and before
any flush that went this way returns. After a cut such a grain is still left although the image may
have it, in part or whole, or newer data of a client:
  * that data was flushed to the ring: the ring lives, for it dies only after the change. Replaying
    it puts whole grains in place and takes them from what is left;
  * or flushed by a sync: then the change was written before the flush returned;
  * or not flushed: then it may be lost, and the grain reads as the source, which is older.
No copy reads such a grain from the image: its original was preserved before anything was put there,
and that is found first. The layer which preserves is the safety snapshot's all the time, because no
copy is taken of the original and the safety snapshot is not removed while the restore runs. What
the source reads stays as it was: the source is not removed either, and a clone's layer is frozen.
A ring group from before the restore would be taken for a client's write, so ``begin`` empties it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from core.events import EventKind
from core.format.catalog import Moved, Restored, pack_change
from core.mapping.grainset import GrainSet
from core.session import ORIGINAL
from core.units import KIB, MIB
from core.volume import takecopy
from core.volume.read import Views
from core.volume.restoring import extents_of
from core.volume.trim import trim
from core.volume.write import CHUNK_BYTES, write

if TYPE_CHECKING:
    from core.answers import Int64s
    from core.format.catalog import CopyRecord
    from core.volume.restoring import Restoring
    from core.volume.state import VolumeState

PROGRESS_BYTES: Final = 64 * MIB
"""After so much is moved, that is made durable, so that a cut costs little work twice."""
RANGES_A_CHANGE_MAX: Final = 1 << 16
_PUNCHED_BYTES_MIN: Final = 256 * KIB
"""Zeroes from here on are given back to the disk; a discard costs some syncs."""


class Restore:
    """What an open volume knows of the restore under way.

    Attributes:
        left: Grains of the original that read from the source.
        restoring: The same, as far as it is durable.
    """

    def __init__(self, state: VolumeState, restoring: Restoring) -> None:
        """Go on from what is durable."""
        self._state = state
        self._views = Views(state)
        self.restoring = restoring
        self.left = restoring.left.copy()
        self._moved = GrainSet(state.grain_bytes)
        self._last_grain = state.size_bytes - 1 >> state.grain_shift

    @property
    def source_name(self) -> str:
        """Name of the copy that is restored, as it is now."""
        return self._state.catalog.copies[self.restoring.source_id].name

    @property
    def undurable_grains(self) -> int:
        """Grains moved since the last change that says so."""
        return len(self._moved)

    @property
    def left_bytes(self) -> int:
        """Bytes of the original that read from the source."""
        state, left = self._state, self.left
        beyond = -state.size_bytes % state.grain_bytes if left.has(self._last_grain) else 0
        return len(left) * state.grain_bytes - beyond

    def left_extents(self) -> tuple[Int64s, Int64s]:
        """Return starts and stops of what reads from the source; sorted, not empty ones."""
        starts, stops = extents_of(self.left)
        return starts, np.minimum(stops, self._state.size_bytes)

    def touches(self, offset: int, length: int) -> bool:
        """Return whether any byte of a range, not empty, reads from the source."""
        shift = self._state.grain_shift
        return self.left.has_any(offset >> shift, (offset + length - 1 >> shift) + 1)

    def patch(self, offset: int, target: memoryview) -> None:
        """Overwrite ``target``, just read from the image at ``offset``, with what is restored."""
        if not len(target) or not self.touches(offset, len(target)):
            return
        shift, stop = self._state.grain_shift, offset + len(target)
        for first, until in self.left.ranges(offset >> shift, (stop - 1 >> shift) + 1):
            low, high = max(first << shift, offset), min(until << shift, stop)
            target[low - offset : high - offset] = self.read(low, high - low)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes of the source as it was when the restore began."""
        return self._views.read(self.restoring.view, offset, length)

    def note_moved(self, first: int, stop: int) -> None:
        """Say that something was accepted for whole grains; they read from the image now."""
        if self.left.has_any(first, stop):
            self.left.discard(first, stop)
            self._moved.add(first, stop)

    def next_grains(self, grains_max: int) -> tuple[int, int] | None:
        """Return the first range that is left, or None."""
        first = self.left.first_from(0)
        if first is None:
            return None
        return self.left.ranges(first, first + grains_max)[0]

    def keep_progress(self) -> None:
        """Say durably what was moved; the image is synced, the ring not yet dead."""
        state, journal = self._state, self._state.journal
        assert journal is not None
        ranges = self._moved_ranges()
        for at in range(0, len(ranges), RANGES_A_CHANGE_MAX):
            change = Moved(ranges=ranges[at : at + RANGES_A_CHANGE_MAX])
            journal.log.write_change(pack_change(change), journal.covered_ring_seq)
            journal.opened.begin(journal.log.offset, journal.log.capacity_bytes)
            state.catalog.apply(change)
        self._moved = GrainSet(state.grain_bytes)
        if state.catalog.restoring is None:
            state.restore = None
            journal.before_ring_dies = lambda: None
            state.publish(EventKind.CATALOG_CHANGED, moved=state.catalog.generation)

    def _moved_ranges(self) -> list[int]:
        """Return start, stop, ... of what was moved; between joined ones nothing is left."""
        grain, merged = self._state.grain_bytes, list[int]()
        for first, stop in self._moved.ranges(0, self._moved.last + 1):
            if merged and not self.left.has_any(merged[-1] // grain, first):
                merged[-1] = stop * grain
            else:
                merged += [first * grain, stop * grain]
        return merged


def resume(state: VolumeState) -> None:
    """Let the original read what the catalog says is being restored."""
    restoring, journal = state.catalog.restoring, state.journal
    if restoring is not None and journal is not None:
        state.restore = Restore(state, restoring)
        journal.before_ring_dies = state.restore.keep_progress


def begin(state: VolumeState, source: CopyRecord, safety: str) -> None:
    """Begin a restore; the original reads as ``source`` on return, durably.

    Args:
        state: No restore may be under way.
        source: A copy that is not deleted.
        safety: Name of the snapshot to be taken of the original first.

    Raises:
        RangepairError: It was not begun; nothing has changed.
    """
    takecopy.check_room(state, safety)
    assert state.journal is not None
    state.journal.checkpoint()
    change = Restored(
        source_id=source.id, name=safety, created=time.time(), grain_bytes=state.grain_bytes
    )
    takecopy.commit(state, change)
    state.preserved = GrainSet(state.grain_bytes)
    resume(state)
    takecopy.tell_taken(state)


def step(state: VolumeState, bytes_max: int = CHUNK_BYTES) -> bool:
    """Move the next range that is left; return whether there is more to do.

    Raises:
        RangepairError: It cannot be moved now; what was moved stays moved.
    """
    restore, journal = state.restore, state.journal
    if restore is None or journal is None:
        return False
    grains = restore.next_grains(max(bytes_max >> state.grain_shift, 1))
    if grains is None:
        journal.checkpoint()
        return False
    start = grains[0] << state.grain_shift
    length = min(grains[1] << state.grain_shift, state.size_bytes) - start
    content = restore.read(start, length)
    if length >= _PUNCHED_BYTES_MIN and content.count(0) == length:
        trim(state, start, length, ORIGINAL)
    else:
        write(state, start, content, ORIGINAL)
    state.publish(EventKind.MOVED, start=start, length=length, moved=restore.left_bytes)
    if restore.undurable_grains << state.grain_shift >= PROGRESS_BYTES:
        journal.checkpoint()
    return True
