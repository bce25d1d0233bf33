# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The event ring: the last 2^17 events of an engine, in a file mapped by engine and clients alike.

Layout: one page of head, then ``capacity`` records of ``core.events``. The event with sequence
number *s* (the first is 1) lies in slot ``(s - 1) % capacity``. The head's ``published`` is the
number of the last event; it is stored after the record, as one aligned 8-byte store, so a reader
that sees the number sees the record (x86 keeps the order of stores; elsewhere a record that is not
there yet shows a foreign number in its first field, and is left for the next drain).

The writer never waits and never asks whether anybody reads. A reader that was overrun is told how
many events it missed; it then asks the engine once for the whole state and follows on from there.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import time
from typing import TYPE_CHECKING, Final, Protocol, Self

import numpy as np
import numpy.typing as npt

from core.errors import EngineGoneError
from core.events import EVENT_BYTES, EVENT_DTYPE, EVENT_STRUCT

if TYPE_CHECKING:
    from pathlib import Path

RING_RECORDS: Final = 1 << 17
RING_HEAD_BYTES: Final = 4096
_MAGIC: Final = b"RPRING\x00\x01"
_HEAD: Final = struct.Struct("<8sQQ")  # magic, record bytes, capacity
_NUMBER_MASK: Final = (1 << 64) - 1
_PUBLISHED_INDEX: Final = 8  # in 8-byte words: a cache line of its own, at byte 64

EventRecords = npt.NDArray[np.void]
"""Structured array of ``core.events.EVENT_DTYPE``."""


class _Publish(Protocol):
    def __call__(  # noqa: PLR0913, PLR0917 - the signature of EventSink
        self,
        kind: int,
        flags: int,
        copy_id: int,
        start: int,
        length: int,
        moved: int,
        area_offset: int,
    ) -> None:
        """Append one event."""


class RingWriter:
    """The engine's end: an ``EventSink``. One producer at a time; the engine's lock sees to it.

    Attributes:
        publish: Append one event. A closure and no method, because it runs once or more a write:
            0.43 us against 0.58 us.
    """

    publish: _Publish

    def __init__(self, path: Path, capacity: int = RING_RECORDS) -> None:
        """Make the ring's file at ``path`` (mode 0600; whatever was there is replaced).

        Args:
            path: In a folder that is private to the user.
            capacity: Number of records, a power of two.

        Raises:
            EngineGoneError: No room for the file.
        """
        assert capacity & (capacity - 1) == 0
        self.path = path
        size = RING_HEAD_BYTES + capacity * EVENT_BYTES
        try:
            path.unlink(missing_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)  # a hole met by a store would be a SIGBUS
                self._memory = mmap.mmap(descriptor, size)
            finally:
                os.close(descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()
            raise EngineGoneError(
                f"The engine's event ring {path} cannot be made ({error.strerror});"
                " make room in the runtime folder."
            ) from error
        _HEAD.pack_into(self._memory, 0, _MAGIC, EVENT_BYTES, capacity)
        self._words = memoryview(self._memory).cast("Q")
        self.publish = _publisher(self._memory, self._words, capacity - 1)

    @property
    def last_seq(self) -> int:
        """Sequence number of the last event; 0 before the first."""
        return self._words[_PUBLISHED_INDEX]

    def move(self, path: Path) -> None:
        """Take over the name ``path``; whoever has the file there mapped keeps its old one."""
        self.path.replace(path)
        self.path = path

    def remove(self) -> None:
        """Take the name away. The memory stays as long as somebody has it mapped."""
        self.path.unlink(missing_ok=True)


def _publisher(memory: mmap.mmap, words: memoryview[int], mask: int) -> _Publish:
    """Return the function that appends one event."""
    pack_into = EVENT_STRUCT.pack_into
    time_ns = time.time_ns
    seq = 0

    def publish(  # noqa: PLR0913, PLR0917 - the signature of EventSink
        kind: int, flags: int, copy_id: int, start: int, length: int, moved: int, area_offset: int
    ) -> None:
        nonlocal seq
        at = RING_HEAD_BYTES + ((seq & mask) << 6)
        seq += 1
        pack_into(
            memory, at, seq, kind, flags, copy_id, start, length, moved, area_offset, time_ns(), 0
        )
        words[_PUBLISHED_INDEX] = seq

    return publish


class RingReader:
    """A client's end. Starts behind the last event published."""

    def __init__(self, path: Path) -> None:
        """Map the ring's file, read-only.

        Raises:
            EngineGoneError: There is no ring, or it is not one of this version.
        """
        try:
            with path.open("rb") as file:
                memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise EngineGoneError(
                "The engine process took its event ring away; open the volume again."
            ) from error
        magic, record_bytes, capacity = _HEAD.unpack_from(memory, 0)
        if magic != _MAGIC or record_bytes != EVENT_BYTES:
            raise EngineGoneError(
                "The engine process is of another version of Rangepair; end it and open again."
            )
        self._capacity = int(capacity)
        self._words = memoryview(memory).cast("Q")
        self._records = np.frombuffer(memory, EVENT_DTYPE, self._capacity, RING_HEAD_BYTES)
        self.seq = self._words[_PUBLISHED_INDEX]
        """Sequence number of the last event drained or skipped."""

    def drain(self) -> tuple[EventRecords, int]:
        """Return the events since the last drain, in order, and how many were lost before them."""
        published = self._words[_PUBLISHED_INDEX]
        if published < self.seq:  # what was seen before was no number of the engine's
            self.seq = published
            return self._records[:0], 1
        seen = self.seq
        first = max(seen, published - self._capacity + 1)
        if published <= first:
            return self._records[:0], 0
        copied = self._copy(first, published)
        # What the writer reached while we copied may be torn: it writes the slot of the next number
        # before it tells, hence the one more.
        safe = self._words[_PUBLISHED_INDEX] - self._capacity + 1
        if safe > first:
            copied = copied[safe - first :]
            first = min(safe, published)
        copied = _leading(copied, first + 1)
        self.seq = first + len(copied)
        return copied, first - seen

    def _copy(self, first: int, stop: int) -> EventRecords:
        """Return the records of the numbers ``first + 1`` to ``stop``, copied."""
        start, end = first % self._capacity, stop % self._capacity
        if start < end:
            return self._records[start:end].copy()
        return np.concatenate((self._records[start:], self._records[:end]))

    def close(self) -> None:
        """Let the memory go. Arrays drained before are copies and stay."""
        self._words.release()
        self._records = np.empty(0, EVENT_DTYPE)

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def _leading(records: EventRecords, seq: int) -> EventRecords:
    """Return the leading records that carry the numbers they should: ``seq``, ``seq + 1``, ..."""
    # By their distances, which a number too long for an array does not break.
    numbers = records["seq"] - np.uint64(seq & _NUMBER_MASK)
    wrong = np.flatnonzero(numbers != np.arange(len(records), dtype=np.uint64))
    return records[: wrong[0]] if len(wrong) else records
