# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Groups made durable: written, or, where both files can share blocks, their originals cloned.

The image holds the originals of a flight until the flight's group is durable, for what overwrites
them waits in the overlay. So long ones need not be written a second time: the group's place in the
additional area is made to share the image's blocks. They become the area's own when the new data is
put in place, for then the file system gives the image fresh ones. What lies on disk in the end is
the same, byte for byte, as if the group had been written.

What is cloned is a *stretch* that
  C1  was read from the image itself when it was staged (``OpenGroup.note_in_image``), and whose
      grains all wait in the overlay of the same flight. Nobody writes them in place before the
      flight is durable, so the image still holds the bytes that the records have checksums of;
  C2  is at least ``STRETCH_BYTES_MIN`` long, in whole blocks in both files, and stretches make up
      at least half of the group: on XFS, shorter ones gained nothing (``bench/reflink.py``).

Order (I1 and I2 of the package's head). Clones, then the rest of the group - block 0, short pieces,
tail - through the cache, then one sync of the area: it makes clones and rest durable, or the power
goes before it has returned, and the group is torn like any other. A torn group is the last of the
log, where each record's checksum is compared, so a head that arrived without its clones does not
count. The flight has landed, and new data goes in place, only after the sync.

Room. New data over shared blocks needs fresh ones, of which another program may take the last. What
was accepted must find room. Therefore as much as all flights together may have cloned is held
beside the image (``Device.hold_room``) before the first clone. When the image's disk answers
ENOSPC, the portion of one flight is let go and the write made again at once; what the others
cloned stays held for them, unless even that is too little, and nothing more is cloned. That is no
retry of a failed write: it was refused before the file system took any of it into its care. If room
cannot be held, nothing is cloned. The second half of C1 bounds the debt: a stretch is shared no
longer than its flight is under way. A loss of power may leave blocks shared; recovery gives the
image its own (``recover.unshare``). What is left is the instant between letting go and writing
again, in which another program may be quicker. On btrfs every write to an image needs fresh blocks,
shared or not, and what is let go may be free only some time later: a disk that another program
fills up ends all writing there as it does without cloning, and harms no view.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from core.device.base import write_all
from core.format.layout import BLOCK_BYTES
from core.units import KIB

if TYPE_CHECKING:
    from core.device.base import Device
    from core.journal.opengroup import OpenGroup
    from core.journal.overlay import Overlay

STRETCH_BYTES_MIN: Final = 512 * KIB
ROOM_BYTES_SPARE: Final = 256 * KIB
"""Held for each flight beyond its data, for what the file system rounds up and needs for tables."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

Stretch = tuple[int, int, int]  # start in the image, position in the payload, length


class Cloning:
    """Makes groups durable and puts new data in place; called by one thread at a time for groups.

    Attributes:
        is_possible: Nothing has spoken against cloning so far.
    """

    def __init__(self, area: Device, *, group_bytes_max: int, groups_max: int) -> None:
        """Look after ``area``; at most so many groups of that payload are on their way at once."""
        self._area = area
        self._room = (group_bytes_max + ROOM_BYTES_SPARE, groups_max)
        self.is_possible = group_bytes_max >= STRETCH_BYTES_MIN

    def put_down(
        self,
        image: Device,
        buffer: memoryview,
        offset: int,
        opened: OpenGroup,
        overlay: Overlay,
    ) -> int:
        """Make the group in ``buffer`` durable at ``offset`` and return how much was cloned.

        Raises:
            OSError: It may not be durable.
        """
        stretches = self._stretches(opened, overlay) if self.is_possible else []
        cloned = self._clone(image, opened.base, stretches)
        if not cloned:
            self._area.pwritev_durable([buffer], offset)
            return 0
        done = 0
        for at, length in cloned:
            start = BLOCK_BYTES + at
            write_all(self._area, buffer[done:start], offset + done)
            done = start + length
        write_all(self._area, buffer[done:], offset + done)
        self._area.sync()
        return sum(length for _, length in cloned)

    def put_in_place(self, image: Device, overlay: Overlay, cloned_bytes: int) -> None:
        """Write new data over what is durable elsewhere; use the room held for it if need be.

        Raises:
            OSError: The image did not take all of it.
        """
        while True:
            try:
                overlay.write_out(image)
            except OSError as error:
                if error.errno not in _FULL or not cloned_bytes:
                    raise
                self.is_possible = False
                if not image.release_room():
                    raise
            else:
                return

    def _stretches(self, opened: OpenGroup, overlay: Overlay) -> list[Stretch]:
        """Return what may be cloned, in the order of the payload; nothing if it is too little."""
        found = []
        for start, at, length in opened.in_image:
            skip = -start % BLOCK_BYTES
            rest = max(length - skip, 0) // BLOCK_BYTES * BLOCK_BYTES
            if rest < STRETCH_BYTES_MIN or (start - at) % BLOCK_BYTES:
                continue
            if overlay.holds_all(start, length):
                found.append((start + skip, at + skip, rest))
        total = sum(length for _, _, length in found)
        return found if 2 * total >= opened.used_bytes else []

    def _clone(self, image: Device, base: int, stretches: list[Stretch]) -> list[tuple[int, int]]:
        """Clone stretches until one cannot be; return position and length of those that are."""
        if not stretches:
            return []
        if not image.hold_room(*self._room):
            self.is_possible = False
            return []
        cloned = []
        for start, at, length in stretches:
            if not self._area.clone(image, start, length, base + at):
                self.is_possible = False
                break
            cloned.append((at, length))
        return cloned
