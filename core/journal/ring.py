# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The ring: where a small flush becomes durable in a single write.

That write needs nothing but buffers that stay as they are until it is over, so it is made without
the volume's lock: others go on writing to the volume meanwhile. At most one is under way.

Groups are laid one after the other from the start of the ring; when there is no room for the next
one, the journal checkpoints and the ring begins anew. Before that it is written once, as far as
``ready_bytes`` says: a durable write into fresh space would cost the file system a transaction of
its own. Preparing goes on in the background, and a flush that comes sooner prepares what it needs.
"""

from __future__ import annotations

import errno
import mmap
import threading
from typing import TYPE_CHECKING, Final

from core.format import ringgroup, ringhead
from core.format.layout import BLOCK_BYTES, RING_HEAD_OFFSETS, RING_OFFSET
from core.units import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.device.base import Device

_PREPARE_BYTES: Final = MIB


class Ring:
    """Writer of the ring.

    Attributes:
        seq: Number of the last group written, whole or not.
        dead_seq: Groups up to this number need no replay.
        ready_bytes: How much of the ring has been written once.
    """

    def __init__(
        self,
        device: Device,
        uuid: bytes,
        ring_bytes: int,
        *,
        dead_seq: int,
        seq: int,
        ready_bytes: int,
    ) -> None:
        """Continue a ring whose state was read from disk."""
        self._device = device
        self._uuid = uuid
        self._ring_bytes = ring_bytes
        self.dead_seq = dead_seq
        self.seq = seq
        self.ready_bytes = ready_bytes
        self._position = 0
        self._head = mmap.mmap(-1, MIB)
        self._zeroes = mmap.mmap(-1, _PREPARE_BYTES)
        self._preparing = threading.Lock()

    @property
    def is_live(self) -> bool:
        """Whether groups exist that recovery would replay."""
        return self.seq > self.dead_seq

    @property
    def used_bytes(self) -> int:
        """Length of the groups since the ring was emptied."""
        return self._position

    def has_room(self, record_count: int, payload_bytes: int) -> bool:
        """Return whether a group of this size can be written without a checkpoint."""
        head = ringgroup.head_bytes(record_count)
        total = head + payload_bytes
        return head <= len(self._head) and self._position + total <= self._ring_bytes

    def begin(
        self, records: bytes, originals_base: int, originals: memoryview, writes: memoryview
    ) -> RingWrite:
        """Append one group, which is durable when what is returned was carried out.

        Until then nothing else of the ring may be called, and the payloads, both in whole, aligned
        blocks, must stay as they are.
        """
        offset = RING_OFFSET + self._position
        self.seq += 1
        head = ringgroup.pack_head(
            uuid=self._uuid,
            offset=offset,
            seq=self.seq,
            records=records,
            originals_base=originals_base,
            originals=originals,
            writes=writes,
        )
        self._head[: len(head)] = head
        self._position += len(head) + len(originals) + len(writes)
        buffers = [memoryview(self._head)[: len(head)], originals, writes]
        return RingWrite(self, [buffer for buffer in buffers if len(buffer)], offset)

    def put_down(self, buffers: list[memoryview], offset: int) -> None:
        """Write a group that was begun, durably; without the volume's lock."""
        stop = offset - RING_OFFSET + sum(len(buffer) for buffer in buffers)
        while self.ready_bytes < stop:
            self.prepare_step()
        self._device.pwritev_durable(buffers, offset)

    def kill(self) -> None:
        """Declare all groups so far dead, durably, and begin at the start again."""
        if self.is_live:
            slot = RING_HEAD_OFFSETS[self.seq % 2]
            if slot == RING_HEAD_OFFSETS[self.dead_seq % 2]:
                # Never overwrite the head that is valid now: jump to a number of the other slot.
                self.seq += 1
                slot = RING_HEAD_OFFSETS[self.seq % 2]
            self._head[:BLOCK_BYTES] = ringhead.pack(self._uuid, slot, self.seq)
            self._device.pwritev_durable([memoryview(self._head)[:BLOCK_BYTES]], slot)
            self.dead_seq = self.seq
        self._position = 0

    def prepare_step(self) -> bool:
        """Write the next stretch of never-written ring; return whether there is more to do.

        Touches only what lies above ``ready_bytes``, so it needs no lock against ``write`` beyond
        its own.
        """
        with self._preparing:
            length = min(_PREPARE_BYTES, self._ring_bytes - self.ready_bytes)
            if length > 0:
                offset = RING_OFFSET + self.ready_bytes
                self._device.pwritev_durable([memoryview(self._zeroes)[:length]], offset)
                self.ready_bytes += length
            return self.ready_bytes < self._ring_bytes


class RingWrite:
    """One group on its way into the ring. Whoever first needs it there carries it out.

    Attributes:
        error: Why it is not durable: it is not carried out yet, or failed; None once it is.
        landed: Called, under the volume's lock, when it is found to be durable.
    """

    def __init__(self, ring: Ring, buffers: list[memoryview], offset: int) -> None:
        """Bind what is to be written."""
        self._ring = ring
        self._buffers = buffers
        self._offset = offset
        self._is_begun = False
        self._lock = threading.Lock()
        self.landed: Callable[[], None] = lambda: None
        self.error: OSError | None = OSError(errno.EINTR, "the write was interrupted")

    def carry_out(self) -> None:
        """Return when the group is durable, or is known not to become so; see ``error``.

        From any thread, with or without the volume's lock, any number of times.
        """
        with self._lock:
            if self._is_begun:
                return
            self._is_begun = True
            try:
                self._ring.put_down(self._buffers, self._offset)
                self.error = None
            except OSError as error:
                self.error = error

    def abandon(self) -> None:
        """Return when no write of this is under way; one that was not begun never will be."""
        with self._lock:
            self._is_begun = True
