# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The stupid twin of the engine: every copy is a full copy, every sector has its own entry.

It keeps the promises of ``core.session.VolumeSession`` in memory, by means so plain that they can
be checked by eye, and so serves as an oracle and as an engine that needs no disk. What it does not
do: keep anything, save anything durably, or be quick.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec
import numpy as np
import xxhash

from core.answers import (
    AreaState,
    CopyInfo,
    Finding,
    MapAnswer,
    PointerColumns,
    PointerKind,
    Ranges,
    Stats,
    TableAnswer,
    Usage,
    VolumeInfo,
)
from core.errors import (
    CopyInUseError,
    ImageError,
    InvalidNameError,
    InvalidRangeError,
    NameTakenError,
    NoSuchCopyError,
    ReadOnlyError,
)
from core.events import ORIGINAL_ID, EventFlag, EventKind
from core.longwork import ScrubStep
from core.session import ORIGINAL
from core.spaceanswers import Holding
from core.units import GRAIN_BYTES_DEFAULT, SECTOR_BYTES
from tests.doubles.naiveentries import UNCHANGED, Copy, Entries, extents, no_pointers, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from core.events import EventSink

AREA_START = 4096
NAME_BYTES_MAX = 255


@dataclass
class NaiveSession:
    """An open volume in memory."""

    image: str
    content: bytearray
    grain: int = GRAIN_BYTES_DEFAULT
    sink: EventSink | None = None
    read_only: bool = False
    copies: dict[str, Copy] = field(default_factory=dict)
    checksums: dict[int, int] = field(default_factory=dict)
    counters: Stats = field(default_factory=Stats)
    area_end: int = AREA_START
    generation: int = 0
    event_seq: int = 0
    next_id: int = 1
    closed: bool = False
    guard: Any = field(default_factory=threading.RLock)

    @property
    def size(self) -> int:
        return len(self.content)

    # -- writing ------------------------------------------------------------------------------

    def read(self, offset: int, length: int, copy: str = ORIGINAL) -> bytes:
        with self.guard:
            self._check_range(offset, length)
            self.counters.reads += 1
            self.counters.read_bytes += length
            return bytes(self._content(copy)[offset : offset + length])

    def write(self, offset: int, payload: bytes, copy: str = ORIGINAL) -> None:
        with self.guard:
            self._check_range(offset, len(payload))
            self._check_writable(copy)
            if copy == ORIGINAL:
                self._write_original(offset, payload, EventKind.WRITTEN)
            else:
                self._write_copy(self._find(copy), offset, payload, EventKind.WRITTEN)

    def trim(self, offset: int, length: int, copy: str = ORIGINAL) -> None:
        with self.guard:
            self._check_range(offset, length)
            self._check_writable(copy)
            if copy == ORIGINAL:
                self._write_original(offset, bytes(length), EventKind.TRIMMED)
            else:
                self._write_copy(self._find(copy), offset, bytes(length), EventKind.TRIMMED)

    def flush(self) -> None:
        with self.guard:
            self.counters.syncs += 1
            self.counters.commits += 1
            self._publish(EventKind.FLUSHED)

    def _write_original(self, offset: int, payload: bytes, kind: EventKind) -> None:
        """Preserve what any copy still reads here, rounded out to grains; then overwrite."""
        moved = 0
        start = offset // self.grain * self.grain
        stop = min(-(-(offset + len(payload)) // self.grain) * self.grain, self.size)
        for first, last in self._unpreserved(start, stop):
            moved += self._preserve(first, last)
        self.content[offset : offset + len(payload)] = payload
        self.counters.writes += 1
        self.counters.written_bytes += len(payload)
        flags = 0 if moved else EventFlag.REWRITE
        self._publish(kind, flags, ORIGINAL_ID, offset, len(payload), moved)

    def _unpreserved(self, start: int, stop: int) -> Iterable[tuple[int, int]]:
        """Yield runs of bytes that the same copies read through range pairs."""
        sectors = slice(start // SECTOR_BYTES, -(-stop // SECTOR_BYTES))
        tables = [copy.entries.kinds[sectors] == UNCHANGED for copy in self.copies.values()]
        if not tables:
            return
        needed = np.array(tables)
        changes = np.flatnonzero((np.diff(needed, axis=1) != 0).any(axis=0)) + 1
        edges = [0, *changes.tolist(), needed.shape[1]]
        for first, last in itertools.pairwise(edges):
            if needed[:, first].any():
                yield start + first * SECTOR_BYTES, min(start + last * SECTOR_BYTES, stop)

    def _preserve(self, start: int, stop: int) -> int:
        """Keep one extent of the original for every copy that reads it; return bytes copied."""
        original = bytes(self.content[start:stop])
        is_zero = not any(original)
        kind = PointerKind.ZERO if is_zero else PointerKind.ORIGINAL
        users = [c for c in self.copies.values() if c.entries.kinds[start // 512] == UNCHANGED]
        place = self._point(users, start, original, kind)
        moved = 0 if is_zero else len(original)
        self.counters.preserved_portions += 1
        self.counters.preserved_bytes += moved
        self.counters.zero_bytes += len(original) - moved
        newest = max(copy.id for copy in users)
        flags = EventFlag.ZERO if is_zero else 0
        self._publish(EventKind.PRESERVED, flags, newest, start, stop - start, moved, place)
        return moved

    def _write_copy(self, copy: Copy, offset: int, payload: bytes, event: EventKind) -> None:
        """Place new data in the additional area; nothing is read from the initial one."""
        kind = PointerKind.ZERO if event == EventKind.TRIMMED else PointerKind.NEW
        place = self._point([copy], offset, payload, kind)
        copy.content[offset : offset + len(payload)] = payload
        self.counters.copy_writes += 1
        self.counters.copy_written_bytes += len(payload)
        moved = 0 if kind == PointerKind.ZERO else len(payload)
        if moved:
            self._publish(EventKind.REDIRECTED, 0, copy.id, offset, moved, moved, place)
        self._publish(event, 0, copy.id, offset, len(payload), moved)

    def _point(self, users: list[Copy], start: int, payload: bytes, kind: PointerKind) -> int:
        """Give every user pointers to one fresh extent; return its place."""
        place = 0 if kind == PointerKind.ZERO else self.area_end
        extent = len(self.checksums)
        self.checksums[extent] = (
            0 if kind == PointerKind.ZERO else xxhash.xxh3_64_intdigest(payload)
        )
        if kind != PointerKind.ZERO:
            self.area_end += -(-len(payload) // 4096) * 4096
        first, stop = start // SECTOR_BYTES, -(-(start + len(payload)) // SECTOR_BYTES)
        for copy in users:
            copy.entries.kinds[first:stop] = kind
            copy.entries.extents[first:stop] = extent
            step = 0 if kind == PointerKind.ZERO else SECTOR_BYTES
            copy.entries.places[first:stop] = place + np.arange(stop - first) * step
        return place

    # -- the catalog --------------------------------------------------------------------------

    def snapshot(self, name: str, of: str = ORIGINAL) -> CopyInfo:
        return self._take(name, of, "snapshot")

    def clone(self, name: str, of: str = ORIGINAL) -> CopyInfo:
        return self._take(name, of, "clone")

    def _take(self, name: str, of: str, kind: str) -> CopyInfo:
        with self.guard:
            self._check_open_for_writes()
            self._check_name(name)
            entries = Entries.unchanged(-(-self.size // SECTOR_BYTES))
            if of != ORIGINAL:
                entries = self._find(of).entries.copy()
            content = bytearray(self._content(of))
            copy = Copy(self.next_id, name, kind, of, time.time(), content, entries)
            self.next_id += 1
            self.copies[name] = copy
            self._catalog_changed(EventFlag.FIRST_COPY)
            return self._describe(copy)

    def rename(self, name: str, new_name: str) -> None:
        with self.guard:
            self._check_open_for_writes()
            copy = self._find(name)
            self._check_name(new_name)
            copy.name = new_name
            self.copies = {other.name: other for other in self.copies.values()}
            for other in self.copies.values():
                if other.parent == name:
                    other.parent = new_name
            self._catalog_changed()

    def delete(self, names: Sequence[str], *, now: bool = False) -> None:
        with self.guard:
            self._check_open_for_writes()
            found = [self._find(name) for name in names]
            for copy in found:
                if copy.locked:
                    raise CopyInUseError(
                        f"The copy {copy.name!r} is locked; unlock it before deleting it."
                    )
            for copy in found:
                copy.deleted = True
            if now:
                self._remove(found)
            self._catalog_changed()

    def undelete(self, names: Sequence[str]) -> None:
        with self.guard:
            self._check_open_for_writes()
            for copy in [self._find(name, deleted=True) for name in names]:
                copy.deleted = False
            self._catalog_changed()

    def purge(self, names: Sequence[str]) -> None:
        with self.guard:
            self._check_open_for_writes()
            self._remove([self._find(name, deleted=True) for name in names])
            self._catalog_changed()

    def lock(self, names: Sequence[str], *, locked: bool = True) -> None:
        with self.guard:
            self._check_open_for_writes()
            for copy in [self._find(name) for name in names]:
                copy.locked = locked
            self._catalog_changed()

    def _remove(self, copies: list[Copy]) -> None:
        for gone in copies:
            del self.copies[gone.name]
            for other in self.copies.values():
                if other.parent == gone.name:
                    other.parent = gone.parent

    # -- questions ----------------------------------------------------------------------------

    def info(self) -> VolumeInfo:
        with self.guard:
            return VolumeInfo(
                image=self.image,
                size=self.size,
                grain=self.grain,
                thin=False,
                area=f"{self.image}.rangepair",
                uuid="00000000-0000-0000-0000-000000000000",
                read_only=self.read_only,
                generation=self.generation,
                event_seq=self.event_seq,
                copies=[self._describe(copy) for copy in self.copies.values()],
            )

    def table(self, copy: str, start: int = 0, stop: int | None = None) -> TableAnswer:
        with self.guard:
            stop = self.size if stop is None else stop
            if not 0 <= start <= stop <= self.size:
                raise InvalidRangeError(
                    f"The range {start} to {stop} is not within the volume of {self.size} bytes."
                )
            identity = ORIGINAL_ID if copy == ORIGINAL else self._find(copy).id
            columns = [self._columns(self._find(copy).entries, start, stop)] if identity else []
            return TableAnswer(
                copy_id=identity,
                start=start,
                stop=stop,
                event_seq=self.event_seq,
                columns=columns[0] if columns else no_pointers(),
            )

    def map(self) -> MapAnswer:
        with self.guard:
            shown = list(self.copies.values())
            tables = np.array([copy.entries.kinds == UNCHANGED for copy in shown])
            sectors = -(-self.size // SECTOR_BYTES)
            states = np.full(sectors, AreaState.ORIGINAL_ONLY, np.uint8)
            if shown:
                states[tables.any(axis=0)] = AreaState.SHARED
                states[shown[-1].entries.kinds == PointerKind.ORIGINAL] = AreaState.PRESERVED
                states[shown[-1].entries.kinds == PointerKind.ZERO] = AreaState.PRESERVED
            return MapAnswer(
                event_seq=self.event_seq,
                generation=self.generation,
                initial=extents(states, self.size, AreaState.ORIGINAL_ONLY),
                additional=extents(self._area_states(), self.area_end, AreaState.FREE),
            )

    def diff(self, source: str, target: str = ORIGINAL) -> Ranges:
        with self.guard:
            return self._ranges(self._identities(source) != self._identities(target))

    def _ranges(self, chosen: np.ndarray) -> Ranges:
        found = np.array(list(runs(chosen)), np.int64).reshape(-1, 2) * SECTOR_BYTES
        starts, stops = found[:, 0], np.minimum(found[:, 1], self.size)
        return Ranges(starts=starts, lengths=stops - starts)

    def allocation(self, copy: str = ORIGINAL) -> Ranges:
        with self.guard:
            sectors = np.frombuffer(bytes(self._content(copy)), np.uint8).reshape(-1, SECTOR_BYTES)
            return self._ranges(sectors.any(axis=1))

    def holdings(self, offset: int, length: int) -> list[Holding]:
        """Tell of whole sectors, none of them joined."""
        with self.guard:
            if offset < 0 or length < 1 or offset + length > self.area_end:
                raise InvalidRangeError("There is no such range of the area; choose another.")
            return [
                self._holding(at)
                for at in range(offset // SECTOR_BYTES * SECTOR_BYTES, offset + length, 512)
            ]

    def _holding(self, place: int) -> Holding:
        start, content, copies = -1, "metadata" if place < AREA_START else "unused", []
        for copy in self.copies.values():
            kinds, places = copy.entries.kinds, copy.entries.places
            is_there = (kinds != UNCHANGED) & (kinds != PointerKind.ZERO) & (places == place)
            for sector in np.flatnonzero(is_there).tolist():
                start, copies = sector * SECTOR_BYTES, [*copies, copy.name]
                content = "new" if kinds[sector] == PointerKind.NEW else "original"
        return Holding(offset=place, length=512, content=content, start=start, copies=copies)  # type: ignore[arg-type]

    def usage(self, if_deleted: Sequence[str] = ()) -> Usage:
        with self.guard:
            used = int((self._area_states() != AreaState.FREE).sum()) * SECTOR_BYTES
            goners = {self._find(name).id for name in if_deleted}
            kept = self._used_places(c for c in self.copies.values() if c.id not in goners)
            freed = self._used_places(self.copies.values()) - kept
            return Usage(
                area_bytes=self.area_end,
                used_bytes=used,
                free_bytes=self.area_end - used,
                metadata_bytes=AREA_START,
                reclaimable_bytes=0,
                copies=self.info().copies,
                freed_bytes=len(freed) * SECTOR_BYTES,
            )

    def stats(self) -> Stats:
        with self.guard:
            return msgspec.structs.replace(self.counters)

    def check(self, *, structures: bool = False) -> list[Finding]:
        with self.guard:
            return []

    def scrub_step(self, run: int = 0) -> ScrubStep:
        return ScrubStep(
            run=1, done_bytes=0, total_bytes=0, damaged_bytes=0, unverified_bytes=0, is_done=True
        )

    def dump(self) -> dict[str, object]:
        with self.guard:
            return {"copies": msgspec.to_builtins(self.info().copies), "area_end": self.area_end}

    def pack(self, *, hides_names: bool = False) -> bytes:
        return b"RPAIRPAK"

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside -------------------------------------------------------------------------------

    def _content(self, copy: str) -> bytearray:
        return self.content if copy == ORIGINAL else self._find(copy).content

    def _find(self, name: str, *, deleted: bool = False) -> Copy:
        copy = self.copies.get(name)
        if copy is None or copy.deleted != deleted:
            which = "deleted copy" if deleted else "copy"
            raise NoSuchCopyError(f"There is no {which} named {name!r}; look at the list.")
        return copy

    def _check_range(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise InvalidRangeError(
                f"The range at {offset} of {length} bytes passes the end of the volume"
                f" at {self.size}; choose one within it."
            )
        if offset % SECTOR_BYTES or length % SECTOR_BYTES:
            raise InvalidRangeError(
                f"Offset {offset} and length {length} must be multiples of {SECTOR_BYTES} bytes."
            )

    def _check_writable(self, copy: str) -> None:
        self._check_open_for_writes()
        if copy != ORIGINAL and self._find(copy).kind == "snapshot":
            raise ReadOnlyError(f"{copy!r} is a snapshot and read-only; write to a clone of it.")

    def _check_open_for_writes(self) -> None:
        if self.read_only:
            raise ReadOnlyError("The volume is open read-only and takes no writes.")

    def _check_name(self, name: str) -> None:
        if not name or name == ORIGINAL or "/" in name or len(name.encode()) > NAME_BYTES_MAX:
            raise InvalidNameError(
                f"A copy cannot be named {name[:40]!r}; use 1 to {NAME_BYTES_MAX} bytes without"
                f" slashes, and not {ORIGINAL!r}."
            )
        if name in self.copies:
            raise NameTakenError(f"There is a copy named {name!r} already; choose another name.")

    def _describe(self, copy: Copy) -> CopyInfo:
        others = self._used_places(other for other in self.copies.values() if other is not copy)
        own = len(self._used_places([copy]) - others) * SECTOR_BYTES
        return CopyInfo(
            name=copy.name,
            id=copy.id,
            kind="snapshot" if copy.kind == "snapshot" else "clone",
            parent=copy.parent,
            created=copy.created,
            locked=copy.locked,
            own_bytes=own,
            shared_bytes=self.size - own,
            pointers=len(self._columns(copy.entries, 0, self.size)),
            range_pairs=sum(1 for _ in runs(copy.entries.kinds == UNCHANGED)),
            deleted=copy.deleted,
        )

    def _columns(self, entries: Entries, start: int, stop: int) -> PointerColumns:
        first, last = start // SECTOR_BYTES, -(-stop // SECTOR_BYTES)
        extents = entries.extents[first:last]
        edges = np.flatnonzero(np.diff(extents, prepend=-2, append=-2))
        starts, stops = edges[:-1], edges[1:]
        pointed = extents[starts] >= 0 if len(starts) else np.zeros(0, bool)
        starts, stops = starts[pointed], stops[pointed]
        begin = (starts + first) * SECTOR_BYTES
        return PointerColumns(
            begin,
            np.minimum((stops + first) * SECTOR_BYTES, self.size) - begin,
            entries.places[starts + first],
            entries.kinds[starts + first],
            np.array([self.checksums[n] for n in extents[starts].tolist()], np.uint64),
        )

    def _identities(self, copy: str) -> np.ndarray:
        if copy == ORIGINAL:
            return np.full(-(-self.size // SECTOR_BYTES), -1, np.int64)
        return self._find(copy).entries.identities()

    def _used_places(self, copies: Iterable[Copy]) -> set[int]:
        used: set[int] = set()
        for copy in copies:
            stored = (copy.entries.kinds != UNCHANGED) & (copy.entries.kinds != PointerKind.ZERO)
            used.update(copy.entries.places[stored].tolist())
        return used

    def _area_states(self) -> np.ndarray:
        states = np.full(self.area_end // SECTOR_BYTES, AreaState.FREE, np.uint8)
        states[: AREA_START // SECTOR_BYTES] = AreaState.METADATA
        for copy in self.copies.values():
            for kind, state in (
                (PointerKind.ORIGINAL, AreaState.PRESERVED),
                (PointerKind.NEW, AreaState.NEW),
            ):
                states[copy.entries.places[copy.entries.kinds == kind] // SECTOR_BYTES] = state
        return states

    def _catalog_changed(self, flags: int = 0) -> None:
        self.generation += 1
        self._publish(EventKind.CATALOG_CHANGED, flags, moved=self.generation)

    def _publish(
        self, kind: int, flags: int = 0, copy_id: int = 0, start: int = 0, length: int = 0,
        moved: int = 0, area_offset: int = 0,
    ) -> None:  # fmt: skip
        self.event_seq += 1
        if self.sink is not None:
            self.sink.publish(kind, flags, copy_id, start, length, moved, area_offset)


def open_volume(
    path: str | Path,
    *,
    area: Path | None = None,
    read_only: bool = False,
    accept_changes: bool = False,
    sink: EventSink | None = None,
) -> NaiveSession:
    """Open the image at ``path`` in memory; its file is read once and never written."""
    try:
        content = bytearray(Path(path).read_bytes())
    except OSError as error:
        raise ImageError(f"The image {path} cannot be read ({error.strerror}).") from error
    return NaiveSession(str(path), content, sink=sink, read_only=read_only)
