# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The log: permanent groups one after the other, through segments taken from the allocator.

Each group names the place of the next, so the log runs through segments that lie anywhere. Space
for the groups of a segment is allocated before anything is staged for it; therefore what was
accepted can always be written. The end of each segment is a reserve for changes of the catalog, and
the end of that for those that make room, so that deleting a copy needs no free space.
"""

from __future__ import annotations

import contextlib
import mmap
from typing import TYPE_CHECKING, Final

import numpy as np

from core.area.freeruns import Runs
from core.errors import AreaFullError
from core.format import group as group_format
from core.format.group import (
    FRONT_BYTES,
    INLINE_BYTES,
    KIND_CHANGE,
    KIND_RECORDS,
    RECORD_BYTES,
    Group,
)
from core.format.layout import BLOCK_BYTES, block_ceil
from core.journal.opengroup import RECORDS_MAX

if TYPE_CHECKING:
    from core.area.allocator import Allocator
    from core.device.base import Device
    from core.journal.opengroup import OpenGroup

RESERVE_BYTES: Final = 64 * BLOCK_BYTES
ROOM_MAKERS_BYTES: Final = 32 * BLOCK_BYTES
"""Of the reserve, what is left to changes that make room, like removing copies."""
REMOVERS_BYTES: Final = 8 * BLOCK_BYTES
"""Of that, what is left to those that remove copies for good: hiding one is only a promise."""
TAIL_BYTES_MAX: Final = block_ceil(RECORDS_MAX * RECORD_BYTES)
assert FRONT_BYTES + INLINE_BYTES < BLOCK_BYTES
SEGMENT_BYTES_SHORTEST: Final = TAIL_BYTES_MAX + RESERVE_BYTES + 32 * BLOCK_BYTES
"""In an area whose free space lies scattered; it still holds a group with one write of a grain."""


class Log:
    """Writer of the log.

    Attributes:
        uuid: Of the volume.
        offset, seq: Where the next group goes, and its number.
        segment_stop: End of the segment that it goes into.
        metadata: (offset, length) of blocks that only recovery needs, to be freed at the next fold.
        group_count: Groups written since the last fold.
    """

    def __init__(  # noqa: PLR0913 (all of it is state kept on disk)
        self,
        device: Device,
        allocator: Allocator,
        uuid: bytes,
        *,
        segment_bytes: int,
        offset: int,
        seq: int,
        segment_stop: int,
    ) -> None:
        """Continue a log whose state was read from disk."""
        self._device = device
        self._allocator = allocator
        self.uuid = uuid
        self._segment_bytes = segment_bytes
        self.offset = offset
        self.seq = seq
        self.segment_stop = segment_stop
        self.metadata: list[tuple[int, int]] = []
        self.group_count = 0
        self._block = mmap.mmap(-1, BLOCK_BYTES)

    @property
    def capacity_bytes(self) -> int:
        """Payload that the next group may have, in whole blocks, possibly 0."""
        room = self.segment_stop - self.offset - BLOCK_BYTES - TAIL_BYTES_MAX - RESERVE_BYTES
        return max(room, 0)

    @property
    def is_left_to_removers(self) -> bool:
        """Whether only what removes copies for good may still use the reserve."""
        return self.segment_stop - self.offset <= REMOVERS_BYTES

    def extend(self, payload_bytes: int) -> None:
        """See to it that the next group may have this payload, going to a new segment if need be.

        Raises:
            AreaFullError: There is no space for a new segment.
        """
        if self.capacity_bytes >= payload_bytes:
            return
        following = self._new_segment()
        self._write_block(Group(self.offset, self.seq, KIND_RECORDS, 0, 0, *following, 0, b""))

    def move_down(self) -> bool:
        """Go on in a segment nearer to the beginning; return False if none is free there.

        Nothing may be staged or on its way.
        """
        length = self._segment_bytes
        while True:
            start = self._allocator.lend_below(length, BLOCK_BYTES, self.offset)
            if start is not None:
                break
            if length == SEGMENT_BYTES_SHORTEST:
                return False
            length = max(block_ceil(length // 2), SEGMENT_BYTES_SHORTEST)
        self._allocator.keep_lent(Runs(np.array([start]), np.array([length])))
        self._write_block(
            Group(self.offset, self.seq, KIND_RECORDS, 0, 0, start, start + length, 0, b"")
        )
        return True

    def seal(self, opened: OpenGroup, payload_wanted: int, covers_ring_seq: int) -> Group:
        """Finish the open group and go on to the place after it; it is not written here.

        Args:
            opened: Not empty; it was begun at ``self.offset``.
            payload_wanted: What the group after it should be able to hold.
            covers_ring_seq: Last ring group whose originals are all in the log with this one.

        Returns:
            The group as it must be written before any later one.
        """
        records, payload = opened.seal()
        tail = records.tobytes()
        stop = self.offset + group_format.group_bytes(payload, len(tail))
        following = (stop, self.segment_stop)
        overhead = BLOCK_BYTES + TAIL_BYTES_MAX + RESERVE_BYTES
        if self.segment_stop - stop < payload_wanted + overhead:
            with contextlib.suppress(AreaFullError):  # then go on in what is left of this one
                following = self._new_segment()
        group = Group(
            self.offset,
            self.seq,
            KIND_RECORDS,
            len(records),
            payload,
            *following,
            covers_ring_seq,
            tail,
        )
        self._advance(group)
        return group

    def write_change(
        self, change: bytes, covers_ring_seq: int, *, makes_room: bool = False
    ) -> Group:
        """Write a change of the catalog, out of the reserve if need be; durable on return.

        Raises:
            AreaFullError: Not even the part of the reserve that it may use has room.
        """
        total = group_format.group_bytes(0, len(change))
        left = 0 if makes_room else ROOM_MAKERS_BYTES
        if self.segment_stop - self.offset < total + BLOCK_BYTES + left:
            self._write_block(
                Group(self.offset, self.seq, KIND_RECORDS, 0, 0, *self._new_segment(), 0, b"")
            )
        following = (self.offset + total, self.segment_stop)
        if self.capacity_bytes < total:
            with contextlib.suppress(AreaFullError):
                following = self._new_segment()
        group = Group(self.offset, self.seq, KIND_CHANGE, 0, 0, *following, covers_ring_seq, change)
        self._write_block(group)
        return group

    def follow(self, group: Group) -> None:
        """Take a group found at recovery as written."""
        if group.next_segment_stop != self.segment_stop:
            length = group.next_segment_stop - group.next_offset
            self._allocator.mark_used(group.next_offset, length)
        self._advance(group)

    def release_durable(self) -> None:
        """Let space be used again whose release is durable: no group may be on its way."""
        if self._allocator.releasing_bytes:
            self._allocator.commit_releases()

    def _advance(self, group: Group) -> None:
        self.metadata.append((group.offset, BLOCK_BYTES))
        if group.tail_offset is not None:
            self.metadata.append((group.tail_offset, block_ceil(len(group.tail))))
        stop = group.offset + group.total_bytes
        if group.next_segment_stop != self.segment_stop and stop < self.segment_stop:
            self._allocator.release(stop, self.segment_stop - stop)
        self.offset, self.segment_stop = group.next_offset, group.next_segment_stop
        self.seq += 1
        self.group_count += 1

    def _new_segment(self) -> tuple[int, int]:
        """Return start and stop of a new segment, a shorter one if the area has no such run free.

        Raises:
            AreaFullError: It has no run of ``SEGMENT_BYTES_SHORTEST``.
        """
        length = self._segment_bytes
        while True:
            try:
                start = self._allocator.allocate(length)
            except AreaFullError:
                if length == SEGMENT_BYTES_SHORTEST:
                    raise
                length = max(block_ceil(length // 2), SEGMENT_BYTES_SHORTEST)
            else:
                return start, start + length

    def _write_block(self, group: Group) -> None:
        head, tail = group_format.pack(group, self.uuid)
        buffer = self._block if not tail else mmap.mmap(-1, len(head) + len(tail))
        buffer[: len(head) + len(tail)] = head + tail
        self._device.pwritev_durable([memoryview(buffer)], group.offset)
        self._advance(group)
