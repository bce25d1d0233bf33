# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An open volume, and everything that can be done with it, from any thread.

One lock a volume: an operation sees no other half done. Only this package turns a failure of the
operating system into the sentence a user reads.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from core import check as check_module
from core import dump as dump_module
from core.engine import (
    compaction,
    copying,
    firstarea,
    flushes,
    infos,
    mechanisms,
    packing,
    portioned,
    promotions,
    queries,
    reading,
    rearranging,
    resizing,
    restores,
    scrubbing,
    views,
    whenfull,
)
from core.engine.clock import Clock
from core.engine.guarding import beside, guarded
from core.engine.lane import Gate, lane_for
from core.engine.readlane import read_for, read_into_for
from core.engine.spacekeeper import CLOSE_S_MAX, SpaceKeeper
from core.engine.told import told
from core.errors import AdditionalAreaFullError, DeviceFailedError, NoSuchCopyError, ReadOnlyError
from core.session import ORIGINAL
from core.volume import compact, initialmap, opening
from core.volume.fold import fold_twice
from core.volume.glimpse import Glimpse
from core.volume.moment import moment_of
from core.volume.picture import frame_of
from core.volume.read import Views
from core.volume.trim import trim
from core.volume.write import write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from core.answers import (
        Finding,
        MapAnswer,
        Stats,
        TableAnswer,
        Usage,
        VolumeInfo,
    )
    from core.device.imagefile import FileDevice
    from core.events import EventSink
    from core.format.block import Readable
    from core.volume.state import VolumeState

Seen = TypeVar("Seen")


class Volume:
    """An open volume; keeps the promises of ``core.session.VolumeSession``."""

    def __init__(
        self,
        state: VolumeState,
        image: FileDevice,
        area_path: Path,
        *,
        sink: EventSink | None,
        ticking: bool = True,
    ) -> None:
        """Take over an opened state; see ``open_volume``."""
        self._state = state
        self._image = image
        self._area_path = area_path
        self._views = Views(state)
        self._scrubs = scrubbing.Scrubs()
        self._lock = threading.RLock()
        self._asking = threading.RLock()
        self._is_marked_dirty = state.area is None or not state.area.fields.clean
        state.sink = sink
        self._gate = Gate(state)
        self.write = lane_for(state, self._lock, self._gate, self._write)
        self._lane_is_open = False
        glimpse = Glimpse(state, self._views)
        self.read = read_for(state, glimpse, self._lock, partial(reading.read, self))
        self.read_into = read_into_for(state, glimpse, self._lock, partial(reading.read_into, self))
        self._keeper = SpaceKeeper(state, self._lock)
        self._full_area = whenfull.FullArea(state, self._lock, self._keeper, self._begin_writing)
        self._compactor = compaction.Compactor(state, self._lock, self._keeper)
        is_ticking = ticking and not state.read_only
        self._clock = Clock(state, self._lock, self._keeper) if is_ticking else None
        self._mover = restores.mover_for(self, is_idle=self._clock is None)

    # -- bytes -------------------------------------------------------------------------------

    def _write(self, offset: int, payload: Readable, copy: str) -> None:
        """Write to the original or to a clone, if the lane does not; under the lock."""
        if not self._lane_is_open:
            self._begin_writing()
        try:
            write(self._state, offset, payload, copy)
        except AdditionalAreaFullError:
            self._full_area.carry_out(partial(write, self._state, offset, payload, copy), copy)
        except OSError as error:
            raise told(error) from error
        except DeviceFailedError:
            self._state.tell_failure()
            raise
        if not self._lane_is_open:
            self._lane_is_open = True
            self._gate.open()

    @guarded
    def write_batch(self, batch: Sequence[tuple[int, Readable]]) -> None:
        """Write several pieces to the original under one lock."""
        self._begin_writing()
        for piece in batch:
            self._full_area.carry_out(partial(write, self._state, *piece, ORIGINAL), ORIGINAL)

    @guarded
    def trim(self, offset: int, length: int, copy: str = ORIGINAL) -> None:
        """Make a range read as zeroes; snapshots keep what it held."""
        self._begin_writing()
        self._full_area.carry_out(partial(trim, self._state, offset, length, copy), copy)

    flush, begin_flush = flushes.flush, flushes.begin_flush
    snapshot = copying.snapshot
    clone = copying.clone
    rename = copying.rename
    delete = copying.delete
    undelete = copying.undelete
    purge = copying.purge
    lock = copying.lock
    compact_step = compaction.compact_step
    policy = whenfull.policy
    set_policy = whenfull.set_policy
    plan_restore = restores.plan_restore
    restore = restores.restore
    promote = promotions.promote
    resize = resizing.resize
    choose_mechanism = mechanisms.choose_mechanism
    plan_separation = mechanisms.plan_separation
    separate = mechanisms.separate

    def spare(self, is_in_use: Callable[[str], object]) -> None:
        """Drop no copy for room, expendable or not, of which ``is_in_use`` says so by its name.

        It is asked under the volume's lock, beside all others given here before.
        """
        self._full_area.are_in_use.append(is_in_use)

    # -- questions ---------------------------------------------------------------------------

    @guarded
    def _look(self, look: Callable[[VolumeState], Seen]) -> tuple[Seen, VolumeState]:
        """Return what ``look`` sees, and the moment in which it saw it."""
        return look(self._state), moment_of(self._state)

    @beside
    def info(self) -> VolumeInfo:
        """Return the volume and its copies, soft-deleted ones included."""
        path, problem = self._area_path, self._mover.problem
        head, moment = self._look(lambda state: infos.volume_head(state, path, problem))
        views = infos.view_infos(moment)
        original = views.pop() if views and not views[-1].id else None
        return msgspec.structs.replace(head, copies=views, original=original)

    @beside
    def table(self, copy: str, start: int = 0, stop: int | None = None) -> TableAnswer:
        """Return the resolved pointer table of ``copy`` in ``[start, stop)``."""
        seq, moment = self._look(infos.event_seq)
        record = None if copy == ORIGINAL else moment.catalog.find(copy)
        stop = moment.catalog.size_of(record) if stop is None else stop
        moment.check_range(start, stop - start, record)
        return infos.table(moment, copy, start, stop, seq)

    @beside
    def map(self) -> MapAnswer:
        """Return what lies where in both areas."""
        (seq, frame), moment = self._look(lambda state: (infos.event_seq(state), frame_of(state)))
        return infos.map_answer(moment, frame, seq)

    diff = queries.diff
    allocation = queries.allocation
    holdings = queries.holdings
    shown_views, view_ids, view = views.shown_views, views.view_ids, views.view

    @beside
    def usage(self, if_deleted: Sequence[str] = ()) -> Usage:
        """Return the space used, and what deleting copies would free, exactly."""
        head, moment = self._look(self._settled_usage)
        for name in if_deleted:
            if moment.catalog.find(name) is None:
                raise NoSuchCopyError.named(name)
        return infos.usage(moment, head, if_deleted)

    def _settled_usage(self, state: VolumeState) -> Usage:
        self._close_group()
        return infos.usage_head(state, self._keeper.meter.bytes_per_s)

    @guarded
    def stats(self) -> Stats:
        """Return the live counters."""
        return infos.stats(self._state)

    @guarded
    def check(self, *, structures: bool = False) -> list[Finding]:
        """Verify every invariant and checksum, or all but data; empty if the volume is clean."""
        self._close_group()
        return check_module.check(self._state, structures=structures)

    scrub_step = scrubbing.scrub_step
    pack = packing.pack

    @guarded
    def dump(self) -> dict[str, object]:
        """Return superblock, catalog, layers and journal as plain values."""
        self._close_group()
        return dump_module.dump(self._state)

    # -- the initial area's map --------------------------------------------------------------

    initial, rearrange = rearranging.initial, rearranging.rearrange
    portions, write_portion = portioned.portions, portioned.write_portion
    add_area = firstarea.add_area

    # -- life --------------------------------------------------------------------------------

    def close(self) -> None:
        """Settle everything, mark the sidecar clean, release the locks. May be called twice."""
        if self._clock is not None:
            self._clock.stop()
        self._mover.stop()
        with self._asking, self._compactor.busy, self._lock:
            if self._state.is_closed:
                return
            self._state.is_closed = True
            self._close_lane()
            try:
                self._settle_for_close()
            except OSError as error:
                raise told(error) from error
            finally:
                if self._state.journal is not None:
                    self._state.journal.close()
                if self._state.area is not None:
                    self._state.area.device.close()
                self._image.close()

    def _settle_for_close(self) -> None:
        state = self._state
        if state.read_only:
            return
        if state.journal is None:
            with state.writing():
                state.image.sync()
        elif state.journal.failed is None and self._is_marked_dirty:
            if state.restore is not None:
                state.restore.is_urgent = True
            initialmap.settle(state)
            if compact.lower_log(state):
                fold_twice(state)
            # Else a loss of power could bring another time back, as if someone had written.
            opening.close_cleanly(state, self._image.durable_mtime_ns())
            self._keeper.give_back(seconds_max=CLOSE_S_MAX)

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _check_open(self) -> None:
        if self._state.is_closed:
            raise ReadOnlyError("The volume is closed; open it again.")

    def _begin_writing(self) -> None:
        """Say on disk, before anything changes, that the sidecar is not clean any more."""
        self._close_lane()
        self._check_open()
        state = self._state
        state.check_writable()
        if not self._is_marked_dirty and state.area is not None:
            with state.writing():
                state.area.mark(clean=False)
            self._is_marked_dirty = True

    def _close_lane(self) -> None:
        self._lane_is_open = False
        self._gate.shut()

    def _close_group(self) -> None:
        """Give everything staged its durable place, so that a question sees one truth."""
        state = self._state
        if state.journal is not None and not state.read_only and state.journal.failed is None:
            state.journal.barrier()
