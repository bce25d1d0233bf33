# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The bytes that pointers name: from memory while they are staged, else from disk and verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import xxhash

from core.answers import PointerKind
from core.device.base import read_exactly, read_into
from core.units import KIB
from core.volume.verified import DamagedExtentError, VerifiedExtents, WholeExtent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.mapping.rows import Row
    from core.volume.state import VolumeState

_ZERO: Final = int(PointerKind.ZERO)
_SHORT_BYTES_MAX: Final = 16 * KIB
digest: Final = xxhash.xxh3_64_intdigest


class KeptBytes:
    """What copies keep in either area; no byte of it goes out that its checksum belies."""

    def __init__(self, state: VolumeState) -> None:
        """Read what pointers of ``state`` name."""
        self._state = state
        self._verified = VerifiedExtents()

    def read(self, row: Row) -> bytes:
        """Return what a pointer names.

        Raises:
            DamagedExtentError: It is not what was written.
        """
        start, length, offset, _kind, checksum, _head, whole = row
        state = self._state
        if length == whole and not self._is_in_memory(offset):
            device = state.device_of(offset)
            piece = device.pread(length, offset)
            if len(piece) != length:
                piece = read_exactly(device, length, offset)
            if digest(piece) != checksum:
                raise DamagedExtentError(start, length, offset)
            return piece
        target = bytearray(length)
        self._fill_one(row, memoryview(target))
        return bytes(target)

    def fill(self, rows: Sequence[Row], target: memoryview, base: int) -> None:
        """Fill what pointers name into ``target``, which begins at ``base``; errors as of ``read``.

        What is short is read and copied: that is quicker than to read into a part of a buffer.
        """
        area, journal = self._state.area, self._state.journal
        may_be_staged = journal is not None and (journal.opened.count or journal.flights.carry_any)
        if area is None or may_be_staged:
            for row in rows:
                self._fill_one(row, target[row[0] - base : row[0] - base + row[1]])
            return
        pread = area.device.pread
        for row in rows:
            start, length, offset, _kind, checksum, _head, whole = row
            at = start - base
            if length == whole and length <= _SHORT_BYTES_MAX and offset >= 0:
                piece = pread(length, offset)
                if digest(piece) == checksum:
                    target[at : at + length] = piece
                    continue
            self._fill_one(row, target[at : at + length])

    def _fill_one(self, row: Row, target: memoryview) -> None:
        start, length, offset, kind, checksum, head, whole = row
        if kind == _ZERO:
            target[:] = bytes(length)
            return
        state = self._state
        assert state.area is not None
        if self._is_in_memory(offset):
            assert state.journal is not None
            staged = state.journal.staged_bytes_at(offset, length)
            assert staged is not None
            target[:] = staged  # there nothing goes bad
        elif length != whole:
            extent = WholeExtent(offset - head, whole, checksum, start - head)
            self._fill_part(target, start, head, extent)
        else:
            device = state.device_of(offset)
            if device.preadv([target], offset) != length:
                read_into(device, target, offset)
            if digest(target) != checksum:
                raise DamagedExtentError(start, length, offset)

    def _is_in_memory(self, offset: int) -> bool:
        """Return whether an address of the additional area is not on disk yet."""
        journal = self._state.journal
        if journal is None:
            return False
        opened = journal.opened
        if opened.base <= offset < opened.base + opened.used_bytes:
            return True
        return journal.flights.carry_any and journal.staged_bytes_at(offset, 1) is not None

    def _fill_part(self, target: memoryview, start: int, head: int, whole: WholeExtent) -> None:
        state = self._state
        device = state.device_of(whole.base)
        if self._verified.read_part(device, target, head, whole) is not None:
            return
        if any(whole.is_kept_by(layer.map) for layer in state.catalog.layers.values()):
            raise DamagedExtentError(start, len(target), whole.base)
        self._verified.note_unknown(whole)
        read_into(device, target, whole.base + head)
