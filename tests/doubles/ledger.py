# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a volume owes its user after a crash, sector by sector.

Every write stamps its sectors with a number of its own. A live view may show, in each sector, what
was flushed last or anything accepted since; a copy that was taken shows exactly what its source
showed then.
"""

from __future__ import annotations

import numpy as np

SECTOR_BYTES = 512
_WORDS = SECTOR_BYTES // 8


def stamped(stamps):
    """Return the bytes of sectors with these stamps."""
    return np.repeat(np.asarray(stamps, np.uint64), _WORDS).tobytes()


def stamps_of(raw):
    """Return the stamp of each sector.

    Raises:
        AssertionError: A sector is torn.
    """
    sectors = np.frombuffer(raw, np.uint64).reshape(-1, _WORDS)
    torn = np.flatnonzero((sectors != sectors[:, :1]).any(axis=1))
    assert not len(torn), f"torn sectors: {torn[:8].tolist()}"
    return sectors[:, 0].copy()


class View:
    """The original or a clone.

    Attributes:
        latest: Stamp of each sector as of now.
        since_flush: (first, stop, stamp) of writes that no flush has covered.
    """

    def __init__(self, stamps):
        self.latest = stamps.copy()
        self._flushed = stamps.copy()
        self.since_flush = []

    def write(self, first, count, stamp):
        """Note a write that is about to be sent: it may be there even if it is never answered."""
        self.since_flush.append((first, first + count, stamp))
        self.latest[first : first + count] = stamp

    def flushed(self):
        """Note that everything written so far is durable."""
        self._flushed = self.latest.copy()
        self.since_flush = []

    def settle_on(self, found):
        """Compare with what is there after a crash, and go on from it.

        Raises:
            AssertionError: A sector holds neither what was flushed nor anything newer.
        """
        may_be = found == self._flushed
        for first, stop, stamp in self.since_flush:
            may_be[first:stop] |= found[first:stop] == stamp
        wrong = np.flatnonzero(~may_be)
        assert not len(wrong), f"sectors lost: {wrong[:8].tolist()}"
        self.latest, self._flushed, self.since_flush = found.copy(), found.copy(), []
