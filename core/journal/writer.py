# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The writer: takes what is accepted to the two files, in the order that keeps I1 to I4.

The invariants, and why this keeps them, are argued at the head of the package.
"""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from core.device.base import write_all
from core.errors import AdditionalAreaFullError, AreaFullError, DeviceFailedError, RangepairError
from core.journal import flushing
from core.journal.failures import AREA_FULL, IMAGE_DISK_FULL, write_failure
from core.journal.flights import Flights

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import Stats
    from core.device.base import Device
    from core.format.block import Readable
    from core.format.group import Group
    from core.format.layout import Geometry
    from core.journal.log import Log
    from core.journal.overlay import Overlay
    from core.journal.ring import Ring, RingWrite


class Journal:
    """Everything between an accepted write and the two files.

    Attributes:
        opened: The open group.
        overlay: New data of the original that waits for it.
        failed: Why no more writes are taken, or None.
        before_ring_dies: Called in a checkpoint, when the image is synced.
        is_direct: A write to grains with durable or unneeded originals may go straight to I: the
            ring is empty, nothing waits, no flush came lately, and the next one syncs I anyway.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        image: Device,
        area: Device,
        ring: Ring,
        log: Log,
        geometry: Geometry,
        grain_bytes: int,
        size_bytes: int,
        stats: Stats,
        group_sealed: Callable[[Group], None],
        background: bool,
    ) -> None:
        """Bind the parts.

        ``group_sealed`` hears of each permanent group first; ``background``: flights have a thread.
        """
        self._image = image
        self._geometry = geometry
        self._stats = stats
        self._group_sealed = group_sealed
        self.ring = ring
        self.log = log
        self.flights = Flights(
            image, area, log.uuid, geometry, grain_bytes, size_bytes, background=background
        )
        self.opened, self.overlay = self.flights.take_buffers()
        self.failed: DeviceFailedError | None = None
        self.covered_ring_seq = ring.dead_seq
        self.staged_since_ns = 0
        self.is_direct = False
        self.before_ring_dies: Callable[[], None] = lambda: None
        self._ring_write: RingWrite | None = None
        self._has_uncovered = False
        self._has_redirected = False
        self._ring_credit = 0
        self.opened.begin(log.offset, log.capacity_bytes)

    def make_room(self, length: int) -> None:
        """See to it that ``length`` bytes can be staged; the open group may be sealed for it.

        Raises:
            AreaFullError: The additional area cannot hold them; nothing was changed.
        """
        if self.opened.has_room(length):
            return
        self.advance()
        if not self.opened.has_room(length):
            self.barrier()
            try:
                self.log.extend(length)
            except OSError as error:
                raise self.fail(error) from error
            self.begin_group()
        if not self.opened.has_room(length):
            raise AdditionalAreaFullError(AREA_FULL)

    def note_redirected(self) -> None:
        """Say that new data of a clone was staged; it must not stay in memory only for long."""
        self._has_redirected = True
        self._note_waiting()

    def may_write_in_place(self, first: int, stop: int) -> bool:
        """Return whether grains with durable or unneeded originals may be written directly."""
        if self.is_direct:
            return True
        if self._ring_credit:
            self._ring_credit -= 1
            return False
        if self.ring.is_live:
            self.checkpoint()  # whoever flushed has stopped: empty the ring once, then go direct
        elif self.overlay.used_bytes and not self.opened.count:
            self.advance()  # likewise, with what waited for a flush that has not come
        return not (self.overlay.holds_any(first, stop) or self.flights.hold_any(first, stop))

    def write_in_place(self, payload: Readable, offset: int) -> None:
        """Write to the image at once; only after ``may_write_in_place``."""
        self._has_uncovered = True
        self._update_direct()
        try:
            if self._image.pwrite(payload, offset) != len(payload):
                write_all(self._image, payload, offset)
        except OSError as error:
            raise self.refusal(error) from error

    def refusal(self, error: OSError) -> RangepairError:
        """Return what to tell for a direct write to the image that failed."""
        if error.errno == errno.ENOSPC:  # a hole of the image; nothing acknowledged is lost
            return AreaFullError(IMAGE_DISK_FULL)
        return self.fail(error)

    def put(self, first: int, stop: int, payload: Readable) -> None:
        """Let whole grains wait for their originals."""
        if not self.overlay.has_room(len(payload)):
            self.advance()
        self.overlay.put(first, stop, payload)
        self._note_waiting()

    def put_grain(self, grain: int, payload: Readable) -> None:
        """Let one whole grain wait for its original."""
        overlay = self.overlay
        if overlay.used_bytes + len(payload) > overlay.bytes_max:
            self.advance()
            overlay = self.overlay
        overlay.put_grain(grain, payload)
        if self.is_direct or not self.staged_since_ns:
            self._note_waiting()

    def _note_waiting(self) -> None:
        """Remember since when something waits in memory; no write goes past it."""
        self.is_direct = False
        if not self.staged_since_ns:
            self.staged_since_ns = time.monotonic_ns()

    @property
    def overlays(self) -> list[Overlay]:
        """What waits, oldest first."""
        return [*self.flights.overlays(), self.overlay]

    def staged_bytes_at(self, offset: int, length: int) -> memoryview | None:
        """Return bytes of the additional area that are not there yet, or None if they are."""
        if self.opened.holds(offset):
            return self.opened.at(offset, length)
        return self.flights.staged_bytes_at(offset, length)

    flush, begin_flush, land = flushing.flush, flushing.begin_flush, flushing.land

    def advance(self) -> None:
        """Send everything staged and waiting on its way; wait only for a free buffer."""
        self._raise_if_failed()
        self.land()
        try:
            if self.opened.count:
                group = self.log.seal(
                    self.opened, self._geometry.group_payload_bytes_max, self.ring.seq
                )
                self.covered_ring_seq = self.ring.seq
                self._stats.commits += 1
                self._group_sealed(group)
                is_flushed = self._note_leaving()
                self.flights.start(group, self.opened, self.overlay, is_flushed=is_flushed)
                self.opened, self.overlay = self.flights.take_buffers()
                self.begin_group()
            elif self.overlay.used_bytes:
                self.flights.wait()
                self._note_leaving()
                self.overlay.drain(self._image)
        except OSError as error:
            raise self.fail(error) from error
        self.staged_since_ns = 0

    def barrier(self) -> None:
        """Make all staged originals durable at their permanent place, and write in place."""
        self.advance()
        try:
            self.flights.wait()
        except OSError as error:
            raise self.fail(error) from error
        self.covered_ring_seq = self.ring.seq
        self.log.release_durable()
        self._update_direct()

    def checkpoint(self) -> None:
        """Put everything in place durably and empty the ring."""
        self.barrier()
        try:
            if self._has_uncovered or self.ring.is_live:
                self._image.sync()
                self._stats.syncs += 1
            self.before_ring_dies()
            self._has_uncovered = False
            self.ring.kill()
        except OSError as error:
            raise self.fail(error) from error
        self._stats.checkpoints += 1
        self._update_direct()

    def write_change(self, change: bytes, *, flush: bool = True, makes_room: bool = False) -> None:
        """Write a change of the catalog, after everything accepted before it (I4) if ``flush``."""
        self._raise_if_failed()
        if flush:
            flushing.carry_out(self)
        self.barrier()
        try:
            self.log.write_change(change, self.covered_ring_seq, makes_room=makes_room)
        except OSError as error:
            raise self.fail(error) from error
        self._stats.commits += 1
        self.begin_group()

    def use_image(self, image: Device) -> None:
        """Write to another device of the same content from now on; after a barrier."""
        self._image = image
        self.flights.use_image(image)

    def settle(self, older_than_ns: int) -> None:
        """Make durable what has waited in memory longer than ``older_than_ns``."""
        if self.failed or not self.staged_since_ns:
            return
        if time.monotonic_ns() - self.staged_since_ns >= older_than_ns:
            if self.ring.is_live:
                flushing.carry_out(self)
            else:
                self.advance()

    @property
    def flushed_seq(self) -> int:
        """Number of the last durable group of the ring."""
        return self.ring.seq - (self._ring_write is not None)

    @property
    def is_settled(self) -> bool:
        """Whether a checkpoint would have nothing to do."""
        return not (
            self.opened.count
            or self.overlay.used_bytes
            or self.flights.are_under_way
            or self._has_uncovered
            or self.ring.is_live
        )

    def note_uncovered(self) -> None:
        """Say that the image was changed past the journal (a discard), so a flush must sync it."""
        self._has_uncovered = True

    def close(self) -> None:
        """End the thread; what is staged stays in memory."""
        if self._ring_write is not None:
            self._ring_write.abandon()
        self.flights.close()

    def _note_flushed(self) -> None:
        if self._has_redirected:
            self.opened.mark_flushed()
            self._has_redirected = False
        self.overlay.mark_flushed()
        self.staged_since_ns = 0
        self._stats.commits += 1

    def _note_leaving(self) -> bool:
        """Return whether the ring has all that leaves memory now, so that no flush need sync it."""
        is_flushed = not (self.overlay.has_unflushed or self._has_redirected)
        self._has_uncovered |= not is_flushed
        self._has_redirected = False
        return is_flushed

    def begin_group(self) -> None:
        """Begin the next group where the log goes on; nothing may be staged."""
        self.opened.begin(self.log.offset, self.log.capacity_bytes)

    def _update_direct(self) -> None:
        self.is_direct = self._has_uncovered and not (
            self.failed
            or self.ring.is_live
            or self._ring_credit
            or self.overlay.used_bytes
            or self.flights.are_under_way
        )

    def _raise_if_failed(self) -> None:
        if self.failed is not None:
            raise self.failed

    def fail(self, error: OSError) -> DeviceFailedError:
        """Take no more writes from now on; return the error that says so."""
        return self.give_up(write_failure(error))

    def give_up(self, failure: DeviceFailedError) -> DeviceFailedError:
        """Take no more writes from now on, and tell who tries ``failure``; return it."""
        self.failed, self.is_direct = failure, False
        return failure
