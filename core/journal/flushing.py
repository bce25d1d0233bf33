# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A flush: to the ring in one durable write, or by a checkpoint.

The write to the ring may be carried out without the volume's lock. From its beginning until it has
landed only memory changes: what it carries stays where it is, for new data of a grain that it
carries gets another place, and everything else that goes to either file waits for it first. So a
loss of power finds no other states of the files than if nobody had gone on writing meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from core.format.group import RECORD_BYTES

if TYPE_CHECKING:
    from core.journal.opengroup import OpenGroup
    from core.journal.overlay import Overlay
    from core.journal.ring import RingWrite
    from core.journal.writer import Journal

WRITES_BY_RING_AFTER_FLUSH: Final = 128
"""After a flush, this many rewrites wait for the next one, which then costs one write instead of a
sync of scattered pages; without another flush they go straight to the image again."""
PUT_IN_PLACE_SHARE: Final = 4
"""When what waits for no original fills this part of the room for it, it is put in place."""
LAST_SHARE: Final = 4
SMALL_GROUP_SHARE: Final = 8
"""While the last of ``LAST_SHARE`` parts of the ring fills, originals leave once they are this part
of a full group: for what is left to the checkpoint everybody waits."""


class Unflushed(NamedTuple):
    """What waits, or is staged for clones, and is not in the ring yet.

    Attributes:
        records: As they lie on disk.
        base: Address in the additional area of the first byte of ``originals``.
        originals: New data of clones and what lies between, in whole blocks.
        writes: New data of the original, in whole blocks.
    """

    records: bytes
    base: int
    originals: memoryview
    writes: memoryview

    @property
    def record_count(self) -> int:
        """How many records there are."""
        return len(self.records) // RECORD_BYTES

    @property
    def length_bytes(self) -> int:
        """Bytes of both payloads."""
        return len(self.originals) + len(self.writes)


def unflushed(opened: OpenGroup, overlay: Overlay, *, has_redirected: bool) -> Unflushed:
    """Return what the ring lacks; of the open group only if it has new data of clones."""
    originals, base, records = memoryview(b""), 0, b""
    if has_redirected:
        originals, base = opened.unflushed(), opened.base + opened.ring_bytes
        records = opened.record_bytes(opened.ring_records)
    records += overlay.unflushed_records()
    return Unflushed(records, base, originals, overlay.unflushed())


def flush(self: Journal) -> None:
    """Make everything accepted so far durable (I3)."""
    self.begin_flush(is_urgent=True)


def begin_flush(self: Journal, *, is_urgent: bool = False) -> RingWrite | None:
    """Begin to make everything accepted so far durable.

    Returns:
        What remains to be carried out for that, without the volume's lock; None if nothing, as
        always if ``is_urgent``.
    """
    self._raise_if_failed()
    self._ring_credit = WRITES_BY_RING_AFTER_FLUSH
    self.is_direct = False
    return carry_out(self, is_urgent=is_urgent)


def carry_out(self: Journal, *, is_urgent: bool = True) -> RingWrite | None:
    """Flush, without the expectation that another flush follows soon; see ``begin_flush``."""
    self.land()
    waiting_bytes = len(self.overlay.unflushed())
    if self._has_uncovered or waiting_bytes > self._geometry.small_flush_bytes_max:
        self.checkpoint()
    elif waiting_bytes or self._has_redirected:
        return _flush_to_ring(self, is_urgent=is_urgent)
    return None


def land(self: Journal) -> None:
    """Return when no flush is under way any more.

    Raises:
        DeviceFailedError: It failed.
    """
    ring_write, self._ring_write = self._ring_write, None
    if ring_write is None:
        return
    ring_write.carry_out()
    if ring_write.error is not None:
        raise self.fail(ring_write.error)
    ring_write.landed()


def _flush_to_ring(self: Journal, *, is_urgent: bool) -> RingWrite | None:
    try:
        if self._has_redirected:
            self.flights.wait()  # the ring names only places right behind a durable log
        new = unflushed(self.opened, self.overlay, has_redirected=self._has_redirected)
        if not self.ring.has_room(new.record_count, new.length_bytes):
            self.checkpoint()
            return None
    except OSError as error:
        raise self.fail(error) from error
    ring_write = self._ring_write = self.ring.begin(*new)
    self._note_flushed()
    is_leaving = _shall_leave(self, new.length_bytes, is_urgent=is_urgent)
    if not (is_urgent or is_leaving):
        return ring_write
    self.land()
    if is_leaving:
        self.advance()  # now, when the ring has everything that leaves
    return None


def _shall_leave(self: Journal, length: int, *, is_urgent: bool) -> bool:
    """Return whether what waits makes room before the next flush, which may be as long."""
    opened, overlay = self.opened, self.overlay
    if opened.count:
        if not (opened.has_room(length) and overlay.has_room(length)):
            return True
        geometry = self._geometry
        is_soon_full = self.ring.used_bytes * LAST_SHARE > geometry.ring_bytes * (LAST_SHARE - 1)
        return (
            is_soon_full
            and opened.used_bytes * SMALL_GROUP_SHARE >= geometry.group_payload_bytes_max
        )
    if self.flights.are_under_way:
        return False
    # Nothing need be waited for. Who writes on meanwhile is not held up for it each time.
    return is_urgent or overlay.used_bytes >= overlay.bytes_max // PUT_IN_PLACE_SHARE
