# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What has happened in an engine, as facts of 64 bytes each.

One record layout serves the shared-memory ring, the window's models and the tests, so nothing is
translated on the way: bytes written -> engine -> event -> model -> picture.

An original write that first touches a range publishes one ``PRESERVED`` per extent copied and then
its ``WRITTEN``; a write to a clone publishes ``REDIRECTED`` per extent placed and then its
``WRITTEN``. The steps of the claims (receive, classify, copy, point, write) can be told from these
records alone.
"""

from __future__ import annotations

import enum
import struct
from typing import Final, Protocol

import numpy as np

ORIGINAL_ID: Final = 0
"""The id that stands for the original wherever an id of a copy is expected."""


class EventKind(enum.IntEnum):
    """What happened. Past tense; the fields not named are 0."""

    WRITTEN = 1
    """A write was accepted: copy_id, start, length; ``moved`` = bytes preserved or redirected."""
    PRESERVED = 2
    """start, length of an original copied I -> A at ``area_offset``; copy_id = newest copy.

    If IN_PLACE, it was not copied, and ``area_offset`` is its kept address."""
    REDIRECTED = 3
    """New data of ``copy_id`` at start, length placed in A at ``area_offset``; 0 = the original."""
    TRIMMED = 4
    """start, length of ``copy_id`` discarded: reads as zeroes from now on."""
    FLUSHED = 5
    """Everything written so far is durable."""
    CATALOG_CHANGED = 6
    """Copies were taken, deleted, renamed: ask for the list. ``moved`` = new generation."""
    AREA_CHANGED = 7
    """The state of ``area_offset``, ``length`` in A changed; flags = AreaState."""
    READ_ONLY = 8
    """A device failed: the volume takes no more writes."""
    COPY_DROPPED = 9
    """Expendable ``copy_id`` was removed for want of room; ``moved`` = bytes that this freed."""
    MOVED = 10
    """start, length of the original are in I as they are restored; ``moved`` = bytes still left."""


class EventFlag(enum.IntFlag):
    """Details of an event."""

    ZERO = 1
    """The original was all zeroes: pointed to as ZERO, no bytes copied."""
    REWRITE = 2
    """A write to ranges already preserved: nothing copied, no pointer made."""
    FIRST_COPY = 4
    """CATALOG_CHANGED because a copy was taken: range pairs of the newest copy cover everything."""
    RESIZED = 8
    """CATALOG_CHANGED because the volume has ``length`` bytes now: ask for everything."""
    ELSEWHERE = 16
    """WRITTEN or TRIMMED of the original, but nothing changed in I: its new data goes to A."""
    IN_PLACE = 32
    """The original stays where it lay in I, and its range went elsewhere: nothing was copied."""


EVENT_DTYPE: Final = np.dtype(
    [
        ("seq", "<u8"),
        ("kind", "<u2"),
        ("flags", "<u2"),
        ("copy_id", "<u4"),
        ("start", "<u8"),
        ("length", "<u8"),
        ("moved", "<u8"),
        ("area_offset", "<u8"),
        ("time_ns", "<u8"),
        ("spare", "<u8"),
    ]
)
EVENT_STRUCT: Final = struct.Struct("<QHHIQQQQQQ")
EVENT_BYTES: Final = 64
assert EVENT_DTYPE.itemsize == EVENT_BYTES == EVENT_STRUCT.size


class EventSink(Protocol):
    """Where an engine publishes. Must never block and never raise."""

    def publish(  # noqa: PLR0913, PLR0917 - an object a record would cost too much
        self,
        kind: int,
        flags: int,
        copy_id: int,
        start: int,
        length: int,
        moved: int,
        area_offset: int,
    ) -> None:
        """Append one event; the sink adds sequence number and time (``time.time_ns``)."""
