# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Exports that lie in memory, for an NBD session without an engine."""

from __future__ import annotations

import mmap

import numpy as np

from core.errors import (
    AreaFullError,
    CorruptAreaError,
    DeviceFailedError,
    InvalidRangeError,
)
from core.nbd.exports import Listed
from core.nbd.metacontexts import States


class MemoryContext:
    """Data wherever a sector is not zero."""

    def __init__(self, name, export):
        self.name = name
        self._export = export

    def states(self, start, stop):
        del start, stop
        sectors = np.frombuffer(self._export.content, np.uint8).reshape(-1, 512).any(axis=1)
        starts = np.flatnonzero(sectors).astype(np.int64) * 512
        return States(starts, starts + 512, np.zeros(len(starts), np.int64), 3)


class MemoryExport:
    """One export; remembers what it was asked for.

    Attributes:
        is_cold: The first try to read anything fails.
        bad_at: Reads that touch this byte fail.
        is_full: Writes fail.
        cannot_flush: No flush that was begun succeeds.
    """

    def __init__(self, name, size=1 << 20, *, is_read_only=False, can_discard=True):
        self.id = hash(name)
        self.name = name
        self.description = f"{name} in memory"
        self.size_bytes = size
        self.preferred_bytes = 4096
        self.is_read_only = is_read_only
        self.can_discard = can_discard and not is_read_only
        self.content = mmap.mmap(-1, size)
        self.asked = []
        self.is_cold = False
        self.is_full = False
        self.cannot_flush = False
        self.bad_at = None

    def try_read(self, offset, target):
        if self.is_cold:
            return False
        self.read_into(offset, target)
        return True

    def read_into(self, offset, target):
        if self.bad_at is not None and offset <= self.bad_at < offset + len(target):
            raise CorruptAreaError("Byte is bad.")
        target[:] = self.content[offset : offset + len(target)]

    def advise(self, offset, length):
        self.asked.append(("advise", offset, length))

    def write(self, offset, payload):
        length = len(payload)
        if (offset | length) % 512 or offset + length > self.size_bytes:
            raise InvalidRangeError("Out of range.")
        if self.is_full:
            raise AreaFullError("Full.")
        assert not self.is_read_only
        self.asked.append(("write", offset, length))
        self.content[offset : offset + length] = payload

    def trim(self, offset, length):
        assert self.can_discard
        assert offset + length <= self.size_bytes
        self.asked.append(("trim", offset, length))
        self.content[offset : offset + length] = bytes(length)

    def begin_flush(self):
        return self.flush

    def flush(self):
        """Finish what was begun."""
        self.asked.append(("flush",))
        if self.cannot_flush:
            raise DeviceFailedError("The disk is broken.")

    def context_names(self):
        return ["base:allocation", "rangepair:changed/monday", "rangepair:owner"]

    def context(self, name):
        return MemoryContext(name, self) if name in self.context_names() else None


class MemoryExports:
    """The default export, one that is read-only, and one that cannot discard.

    Attributes:
        claimed: Names of exports that nobody may choose.
    """

    def __init__(self, size=1 << 20):
        self.claimed = set()
        self.all = {
            "original": MemoryExport("original", size),
            "monday": MemoryExport("monday", size, is_read_only=True),
            "portions": MemoryExport("portions", size, can_discard=False),
        }

    def listed(self):
        return [Listed(export.name, export.description) for export in self.all.values()]

    def find(self, name):
        return self.all.get(name or "original")

    def is_claimed(self, export):
        return export.name in self.claimed
