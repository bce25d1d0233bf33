# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Make the original equal to a copy: usable at once, moved bit by bit, never half done.

A restore begins with one change of the catalog. It takes a safety snapshot of the original and says
which grains differ from the source: those that a layer between the two points to. From then on the
original reads them from the source; they are *left*. They are moved into the image by ordinary
original writes, so what they overwrite is preserved for the safety snapshot and every older copy.

A grain stops being left as soon as something else was accepted for it: what is moved in the
background, and what a client writes or discards, which for this comes in whole grains, the rest
read from the source. What the image holds already need not be moved: it is as durable there as what
is, once the image is synced.

Why no power cut breaks it. What is left on disk shrinks by changes of the catalog (``moved``) that
are written in ``Journal.checkpoint``: after the image is synced, before the ring dies and before
any flush that went this way returns. After a cut such a grain is still left although the image may
have it, in part or whole, or newer data of a client:
  * that data was flushed to the ring: the ring lives, for it dies only after the change. Replaying
    it puts whole grains in place and takes them from what is left;
  * or flushed by a sync: then the change was written before the flush returned;
  * or not flushed: then it may be lost, and the grain reads as the source, which is older.
No older copy reads such a grain from the image: its original was preserved before anything was put
there, and that is found first. What the source reads stays as it was: neither it nor the safety
snapshot is removed while the restore runs, and a clone's layer is frozen. A ring group from before
the restore would be taken for a client's write, so ``begin`` empties it.

Copies taken of the original meanwhile are *newer*: what they have no pointer for they read as the
original does, from the source where that is left. What moves a grain is then preserved in the
safety snapshot's layer, which is not the active one any more, as long as newer copies are there:
for them a moved grain is as it was. Only what a client puts over a grain that is left is preserved
twice, as the image has it and as it is restored (``keep``). What is moved is put in place at once,
because the next write to it preserves it for the newer copies out of the image. Taking such a copy
begins with a checkpoint: what was accepted before it is left no more, durably.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from core.errors import AreaFullError, CopyInUseError
from core.events import EventKind
from core.format.catalog import Moved, Restored, pack_change
from core.format.layout import EXTENT_BYTES_MAX
from core.mapping.grainset import GrainSet
from core.session import ORIGINAL
from core.volume import takecopy
from core.volume.read import Views, read_initial, read_original
from core.volume.recover import active_grains_of, grains_of, stage_original
from core.volume.restoring import extents_of
from core.volume.verified import DamagedExtentError, DamagedSourceError

if TYPE_CHECKING:
    from core.answers import Int64s
    from core.format.catalog import CopyRecord
    from core.journal.writer import Journal
    from core.volume.restoring import Restoring
    from core.volume.state import VolumeState

Reader = Callable[["VolumeState", int, int], bytes]

RANGES_A_CHANGE_MAX: Final = 1 << 16


class Restore:
    """What an open volume knows of the restore under way.

    Attributes:
        left: Grains of the original that read from the source.
        restoring: The same, as far as it is durable.
        layer_id: The safety snapshot's layer; in a separation, the one that was active before.
        is_urgent: Without progress being written down the volume could not be opened, or closed.
    """

    def __init__(self, state: VolumeState, restoring: Restoring) -> None:
        """Go on from what is durable."""
        self._state = state
        self._views = Views(state)
        self.restoring = restoring
        self.left = restoring.left.copy()
        self._moved = GrainSet(state.grain_bytes)
        self.is_urgent = False
        self.layer_id = restoring.layer or state.catalog.copies[restoring.safety_id].base
        self._kept = GrainSet(state.grain_bytes)
        self._structure = -1
        self._last_grain = state.size_bytes - 1 >> state.grain_shift

    def twin(self, moment: VolumeState) -> Restore:
        """Return the same of a moment of the volume; for questions only."""
        twin = Restore(moment, self.restoring)
        twin.left = self.left.copy()
        return twin

    @property
    def source_name(self) -> str:
        """Name of the copy that is restored, as it is now; the original's in its separation."""
        source_id = self.restoring.source_id
        copy = self._state.catalog.copies.get(source_id)  # a repair may have lost it
        return ORIGINAL if not source_id else f"copy {source_id}" if copy is None else copy.name

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
        """Return bytes of the source as it was when the restore began.

        Raises:
            DamagedSourceError: They are not what was kept.
        """
        try:
            return self._views.read(self.restoring.view, offset, length)
        except DamagedExtentError as error:
            safety = self._state.catalog.copies.get(self.restoring.safety_id)
            name = "" if safety is None else safety.name
            raise DamagedSourceError(error, self.source_name, name) from None

    def is_newer(self, copy: CopyRecord | None) -> bool:
        """Return whether a view, None the original's, reads from the source what is left."""
        return copy is None or copy.base > self.layer_id

    @property
    def has_newer(self) -> bool:
        """Whether another layer than the safety snapshot's is active."""
        active = self._state.catalog.active
        return active is not None and active.id != self.layer_id

    def keep(self, first: int, stop: int, *, is_move: bool = False) -> None:
        """Stage what grains that are left hold in the image, and for newer copies in the source.

        Without newer copies there is nothing to do: every write preserves what is in the image.

        Args:
            first: First grain.
            stop: First grain after.
            is_move: What is put there is what newer copies read anyway.

        Raises:
            RangepairError: There is no room; what was staged is durable.
        """
        state, journal = self._state, self._state.journal
        active, preserved = state.catalog.active, state.preserved
        if journal is None or active is None or preserved is None or not self.has_newer:
            return
        try:
            for low, high in self.left.ranges(first, stop):
                for gap in self._kept_now().gaps(low, high):
                    self._stage(journal, self.layer_id, gap, read_initial, self._kept)
                for gap in [] if is_move else preserved.gaps(low, high):
                    self._stage(journal, active.id, gap, read_original, preserved)
        except (AreaFullError, OSError):
            journal.barrier()
            raise

    def _kept_now(self) -> GrainSet:
        """Return the grains that the safety snapshot's layer holds."""
        state = self._state
        if self._structure != state.structure:
            self._structure = state.structure
            self._kept = grains_of(state, state.catalog.layers[self.layer_id])
        return self._kept

    def _stage(
        self,
        journal: Journal,
        layer_id: int,
        gap: tuple[int, int],
        read: Reader,
        staged: GrainSet,
    ) -> None:
        """Stage a range piece by piece; ``staged`` says of which that is done, should it end."""
        state, step = self._state, max(EXTENT_BYTES_MAX >> self._state.grain_shift, 1)
        for grain in range(gap[0], gap[1], step):
            start = grain << state.grain_shift
            until = min(grain + step, gap[1])
            stop = min(until << state.grain_shift, state.size_bytes)
            content = read(state, start, stop - start)
            journal.make_room(len(content))
            stage_original(journal, layer_id, start, content)
            if layer_id == self.layer_id:
                state.count_preserved(len(content), is_zero=content.count(0) == len(content))
            staged.add(grain, until)

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
            journal.log.write_change(
                pack_change(change), journal.covered_ring_seq, makes_room=self.is_urgent
            )
            journal.opened.begin(journal.log.offset, journal.log.capacity_bytes)
            if freed := state.catalog.apply(change):
                takecopy.release(state, freed)
        self._moved = GrainSet(state.grain_bytes)
        if state.catalog.restoring is None:
            state.restore = None
            state.structure += 1  # the safety snapshot's layer grows no more
            state.chain_edition += 1  # a separation drops layers
            if not self.restoring.safety_id:
                active_grains_of(state)
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


def resume(state: VolumeState, *, is_urgent: bool = False) -> None:
    """Let the original read what the catalog says is being restored."""
    restoring, journal = state.catalog.restoring, state.journal
    if restoring is not None and journal is not None:
        state.restore = Restore(state, restoring)
        state.restore.is_urgent = is_urgent
        journal.before_ring_dies = state.restore.keep_progress


def refuse_another(state: VolumeState) -> None:
    """See to it that no restore or separation is under way, where an act must wait for its end.

    Raises:
        CopyInUseError: One is.
    """
    if state.restore is not None:
        is_restored = state.restore.restoring.safety_id
        what = "restored from" if is_restored else "separated: new data goes home of"
        raise CopyInUseError(
            f"The original is just being {what} {state.restore.source_name!r}; try again when that "
            "is done."
        )


def begin(state: VolumeState, source: CopyRecord, safety: str) -> None:
    """Begin a restore; the original reads as ``source`` on return, durably.

    Args:
        state: No restore may be under way.
        source: A copy that is not deleted.
        safety: Name of the snapshot to be taken of the original first.

    Raises:
        RangepairError: It was not begun; nothing has changed.
    """
    refuse_another(state)
    takecopy.check_room(state, safety)
    assert state.journal is not None
    state.journal.checkpoint()
    change = Restored(
        source_id=source.id, name=safety, created=time.time(), grain_bytes=state.grain_bytes
    )
    takecopy.commit(state, change)
    active_grains_of(state)
    resume(state)
    takecopy.tell_taken(state, of_original=state.catalog.head is None)
