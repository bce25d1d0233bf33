# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an engine answers to a question: plain values that travel over the control socket unchanged.

Lengths and offsets are bytes. Columns of pointers are numpy arrays of equal length, because a table
may hold millions of rows.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from core.longwork import RestoreProgress  # noqa: TC001 (msgspec resolves it)

if TYPE_CHECKING:
    from collections.abc import Iterator

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
UInt8s = npt.NDArray[np.uint8]

CopyKind = Literal["snapshot", "clone", "original"]


class PointerKind(enum.IntEnum):
    """What an individual pointer points to."""

    ORIGINAL = 0
    """Preserved original data in the additional area."""
    NEW = 1
    """New data written to a clone, in the additional area."""
    ZERO = 2
    """Zeroes; no data is kept."""


class AreaState(enum.IntEnum):
    """What a stretch of either area is to the copies. Also the map's palette index."""

    FREE = 0
    """A: not allocated. I: a hole, never written."""
    ORIGINAL_ONLY = 1
    """I: read by the original only."""
    SHARED = 2
    """I: some copy still reads it through a range pair."""
    PRESERVED = 3
    """A: an original kept for copies. I: the place it was kept from."""
    NEW = 4
    """A: new data of a clone."""
    METADATA = 5
    """A: superblocks, journal, tables."""
    RECLAIMABLE = 6
    """A: no longer pointed to; free as soon as the commit that says so is durable."""


class ByteRange(msgspec.Struct, frozen=True):
    """Bytes ``[start, start + length)`` of a view."""

    start: int
    length: int


Integrity = Literal["intact", "damaged", "suspect", "unchecked"]
"""What the last scrub found; ``suspect``: another program changed what the copy reads."""


class CopyInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One instant copy, as ``list --json`` shows it.

    Attributes:
        id: Never reused within a volume; 1 or greater; 0 for ``VolumeInfo.original``.
        parent: Name of the copy it was taken of, ``"original"`` included.
        created: Seconds since 1970.
        own_bytes: Bytes in the additional area that only this copy's layers hold.
        shared_bytes: Bytes of its view that it shares with the original or other copies.
        deleted: Soft-deleted: hidden, kept until purged.
        integrity: What is known of the bytes kept for it; ``damaged`` before ``suspect``.
        damaged_ranges: Where reads fail, at most 64; those nearest to each other are told as one.
        suspect_ranges: Where it reads the image, and another program changed that.
        scrubbed: Seconds since 1970 of the last scrub; 0 if there was none.
        expendable: Its place among those to be dropped when the area is full, from 1; 0 = never.
        size: Bytes of its view; 0 = as many as the volume has.
    """

    name: str
    id: int
    kind: CopyKind
    parent: str
    created: float
    locked: bool
    own_bytes: int
    shared_bytes: int
    pointers: int
    range_pairs: int
    deleted: bool = False
    integrity: Integrity = "unchecked"
    damaged_ranges: list[ByteRange] = []
    suspect_ranges: list[ByteRange] = []
    scrubbed: float = 0.0
    expendable: int = 0
    size: int = 0


Mechanism = Literal["copy-on-write", "always-additional", "redirect-on-write"]
"""Where new data of the original goes: to the initial area, or, as a clone's, to the additional.
In the initial area it overwrites what was copied, or goes beside what has a full pointer."""


class VolumeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The volume and its copies, oldest first.

    Attributes:
        generation: Rises with every change of the catalog.
        event_seq: Sequence number of the last event published before this answer was made.
        notice: A sentence the user must know, or empty: the image was changed from outside, or a
            device failed.
        changed_ranges: The places looked at in which another program changed the image.
        restoring: How far the restore under way is; None without one.
        portions: How many portions the volume consists of; 0 if it is a volume of bytes.
        plain: The image is a plain raw image; else only through its map can it be read, or what
            it holds is not the original.
        mechanism: Where new data of the original goes.
        original: The original's own pointers, if its new data is in the additional area; else None.
    """

    image: str
    size: int
    grain: int
    thin: bool
    area: str
    uuid: str
    read_only: bool
    generation: int
    event_seq: int
    copies: list[CopyInfo]
    notice: str = ""
    changed_ranges: list[ByteRange] = []
    restoring: RestoreProgress | None = None
    plain: bool = True
    portions: int = 0
    mechanism: Mechanism = "copy-on-write"
    original: CopyInfo | None = None

    def size_of(self, name: str) -> int:
        """Return the bytes of a view: those of the volume, if no copy of this name has others."""
        named = (copy.size for copy in self.copies if copy.name == name)
        return next(named, 0) or self.size


class PointerColumns:
    """Individual pointers of one view, sorted by start, not overlapping. Arrays of shape (n,).

    Attributes:
        starts: Logical first byte.
        lengths: Bytes.
        offsets: Byte address in the additional area; 0 for ZERO.
        kinds: ``PointerKind``.
        checksums: xxh3-64 of the whole preserved extent the pointer was cut from; 0 for ZERO.
    """

    __slots__ = ("checksums", "kinds", "lengths", "offsets", "starts")

    def __init__(
        self, starts: Int64s, lengths: Int64s, offsets: Int64s, kinds: UInt8s, checksums: UInt64s
    ) -> None:
        """Keep the five columns."""
        self.starts = starts
        self.lengths = lengths
        self.offsets = offsets
        self.kinds = kinds
        self.checksums = checksums

    def __len__(self) -> int:
        """Return the number of pointers."""
        return len(self.starts)


class TableAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The resolved pointer table of one copy within ``[start, stop)``.

    Range pairs are not carried: they are the gaps between the pointers (maximal, by definition).

    Attributes:
        copy_id: ``0`` is the original, whose table is empty unless it has new data in the
            additional area.
        event_seq: Sequence number of the last event this table includes.
        is_original_elsewhere: It is the original's, and new data of that goes to the additional
            area.
    """

    copy_id: int
    start: int
    stop: int
    event_seq: int
    columns: PointerColumns
    is_original_elsewhere: bool = False


class AreaExtents(msgspec.Struct, frozen=True, kw_only=True):
    """What lies where in one area, as sorted, not overlapping extents; the rest has ``rest``.

    Attributes:
        size: Bytes of the area (I: the volume; A: the sidecar file).
        used: Bytes not FREE.
        starts, stops: Shape (n,), bytes.
        states: ``AreaState``, shape (n,).
        rest: State of everything not covered by an extent.
    """

    size: int
    used: int
    starts: Int64s
    stops: Int64s
    states: UInt8s
    rest: AreaState


class MapAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Both areas at one moment, for a picture that then follows the events after ``event_seq``."""

    event_seq: int
    generation: int
    initial: AreaExtents
    additional: AreaExtents


class Stats(msgspec.Struct, kw_only=True):
    """Counters since the volume was opened (bytes unless a plural noun).

    Attributes:
        preserved_by_cloning_bytes: Of ``preserved_bytes``, what took over the blocks that the image
            had, so that it was not written again (XFS and btrfs).
        copy_write_bytes_from_initial: Bytes moved I -> A by writes to clones. Stays 0 (claim 5).
        overlay_bytes: New data waiting in memory for its original to be durable.
        kept_portions, kept_bytes: Originals that were not copied: they are kept where they lay.
        flushed_seq: Sequence number of the last journal group that is durable.
        dropped_copies, room_waits: For want of room: copies dropped, writes that waited.
        area_bytes, area_used_bytes: Of the additional area, as of now; ``Usage`` says more and
            costs more.
        restoring_bytes: Of the original, that are still to be moved by the restore under way.
    """

    writes: int = 0
    written_bytes: int = 0
    preserved_bytes: int = 0
    preserved_portions: int = 0
    preserved_by_cloning_bytes: int = 0
    kept_portions: int = 0
    kept_bytes: int = 0
    zero_bytes: int = 0
    copy_writes: int = 0
    copy_written_bytes: int = 0
    copy_write_bytes_from_initial: int = 0
    reads: int = 0
    read_bytes: int = 0
    commits: int = 0
    syncs: int = 0
    checkpoints: int = 0
    overlay_bytes: int = 0
    staged_bytes: int = 0
    flushed_seq: int = 0
    dropped_copies: int = 0
    room_waits: int = 0
    area_bytes: int = 0
    area_used_bytes: int = 0
    restoring_bytes: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Space in the additional area, and what copies take in the image.

    Attributes:
        area_bytes: Length of its file: ``used_bytes`` and ``free_bytes``.
        free_bytes: Not in use. They may be holes of the file, and hold the reserve.
        metadata_bytes: In use for no data; the next fold frees ``reclaimable_bytes`` of them.
        freed_bytes: Answers ``--if-deleted``.
        host_bytes: What the file takes on its disk; 0 if that cannot be told. Blocks that it shares
            with the image until new data is in place count as its own.
        room_bytes: What can be kept beside what is, before the area is full.
        full_in_seconds: When that is, at the rate of the last minute; None if that is not known.
        kept_bytes: What is kept for copies in the image, where it lay, and not in this area.
    """

    area_bytes: int
    used_bytes: int
    free_bytes: int
    metadata_bytes: int
    reclaimable_bytes: int
    copies: list[CopyInfo]
    freed_bytes: int
    host_bytes: int = 0
    room_bytes: int = 0
    full_in_seconds: float | None = None
    kept_bytes: int = 0


class DiffRange(msgspec.Struct, frozen=True):
    """One range that differs, or may."""

    start: int
    length: int


class Ranges(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Sorted, disjoint ranges as columns of shape (n,), because there may be millions.

    Attributes:
        starts: First byte of each.
        lengths: Bytes of each, at least 1.
    """

    starts: Int64s
    lengths: Int64s

    def __len__(self) -> int:
        """Return the number of ranges."""
        return len(self.starts)

    def __iter__(self) -> Iterator[DiffRange]:
        """Yield the ranges one by one, which costs a hundred times what the columns do."""
        for start, length in zip(self.starts.tolist(), self.lengths.tolist(), strict=True):
            yield DiffRange(start, length)

    @property
    def stops(self) -> Int64s:
        """First byte after each range."""
        return self.starts + self.lengths

    @property
    def total_bytes(self) -> int:
        """Bytes in all ranges together."""
        return int(self.lengths.sum())


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One violated invariant.

    Attributes:
        severity: ``"corruption"`` loses data of a copy, ``"leak"`` loses only space.
        where: Byte offset, range or name, in words.
    """

    code: str
    severity: Literal["corruption", "leak"]
    what: str
    where: str
