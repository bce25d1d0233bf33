# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume as a full copy of every view: slow, obvious, and therefore right.

Beside what each view reads as now, it knows what each sector may read as after a loss of power: the
content at the last flush, or any version accepted since.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.engine import Volume

SECTOR = 512
ORIGINAL = "original"


class ViewTwin:
    """The content of one view.

    Attributes:
        now: What it reads as.
    """

    def __init__(self, content: bytes | bytearray) -> None:
        self.now = bytearray(content)
        self._versions: dict[int, set[bytes]] = {}
        self._since: dict[int, set[bytes]] | None = None

    def copy(self) -> ViewTwin:
        """Return a twin that shares nothing with this one."""
        other = ViewTwin(self.now)
        other._versions = {sector: set(held) for sector, held in self._versions.items()}
        if self._since is not None:
            other._since = {sector: set(held) for sector, held in self._since.items()}
        return other

    def resized(self, size: int) -> ViewTwin:
        """Return a durable twin of another size."""
        return ViewTwin(bytes(self.now[:size]).ljust(size, b"\0"))

    def write(self, offset: int, payload: bytes) -> None:
        """Take new content, which may be lost until ``flush``."""
        for at in range(0, len(payload), SECTOR):
            start = offset + at
            before = bytes(self.now[start : start + SECTOR])
            for versions in (self._versions, self._since):
                if versions is not None:
                    versions.setdefault(start // SECTOR, {before}).add(payload[at : at + SECTOR])
        self.now[offset : offset + len(payload)] = payload

    def flush(self) -> None:
        """From now on nothing accepted so far may be lost."""
        self._versions.clear()
        self._since = None

    def begin_flush(self) -> None:
        """From ``end_flush`` on nothing accepted so far may be lost."""
        self._since = {}

    def end_flush(self) -> None:
        """End what was begun last, if nothing else did."""
        if self._since is not None:
            self._versions, self._since = self._since, None

    def adopt(self, content: bytes) -> None:
        """Take as content now what was found, all of it allowed."""
        self.now[:] = content

    def wrong_sectors(self, content: bytes) -> list[int]:
        """Return the sectors of ``content`` that hold what a loss of power cannot explain."""
        if content == self.now:
            return []
        wrong = []
        for sector in range(len(self.now) // SECTOR):
            piece = content[sector * SECTOR : (sector + 1) * SECTOR]
            now = bytes(self.now[sector * SECTOR : (sector + 1) * SECTOR])
            if piece != now and piece not in self._versions.get(sector, ()):
                wrong.append(sector)
        return wrong


@dataclass(frozen=True)
class CopyTwin:
    """One copy; a snapshot's view is never written."""

    view: ViewTwin
    is_writable: bool
    is_locked: bool = False
    is_deleted: bool = False

    @property
    def marks(self) -> tuple[bool, bool, bool]:
        """What the engine must say of it."""
        return self.is_writable, self.is_locked, self.is_deleted


Copies = dict[str, CopyTwin]


class Oracle:
    """The original and its copies.

    Attributes:
        copies: By name.
        coming: The copies as a change that is being made will leave them, else None; after a loss
            of power either may be found.
        coming_original: The original as that change will leave it, if it changes that.
    """

    def __init__(self, content: bytes | bytearray) -> None:
        self.original = ViewTwin(content)
        self.copies: Copies = {}
        self.coming: Copies | None = None
        self.coming_original: ViewTwin | None = None

    def copy(self) -> Oracle:
        """Return an oracle that shares nothing with this one."""
        other = Oracle(b"")
        views = {id(view): view.copy() for view in self._views()}
        other.original = views[id(self.original)]

        def own(copies: Copies) -> Copies:
            return {name: replace(twin, view=views[id(twin.view)]) for name, twin in copies.items()}

        other.copies = own(self.copies)
        other.coming = None if self.coming is None else own(self.coming)
        if self.coming_original is not None:
            other.coming_original = views[id(self.coming_original)]
        return other

    @property
    def size(self) -> int:
        """Bytes of the volume."""
        return len(self.original.now)

    def size_of(self, name: str) -> int:
        """Return the bytes of a view."""
        return len(self.view(name).now)

    def view(self, name: str) -> ViewTwin:
        """Return the view of a copy, or the original's."""
        return self.original if name == ORIGINAL else self.copies[name].view

    def names(self, *, writable: bool | None = None, deleted: bool = False) -> list[str]:
        """Return the names of copies that are soft-deleted, or not, and writable, or not."""
        return [
            name
            for name, twin in self.copies.items()
            if twin.is_deleted == deleted and writable in {None, twin.is_writable}
        ]

    # -- changes -----------------------------------------------------------------------------

    def take(self, name: str, source: str, *, writable: bool) -> None:
        """Begin to take a copy."""
        twin = CopyTwin(ViewTwin(self.view(source).now), writable)
        self.coming = {**self.copies, name: twin}

    def restore(self, source: str, safety: str) -> None:
        """Begin to make the original equal to a copy."""
        self.take(safety, ORIGINAL, writable=False)
        self.coming_original = ViewTwin(self.view(source).now)

    def resize(self, size: int) -> None:
        """Begin to give the original another size; what is new reads as zeroes."""
        self.coming = dict(self.copies)
        self.coming_original = self.original.resized(size)

    def mark(self, names: Iterable[str], **marks: bool) -> None:
        """Begin to lock, unlock, delete or undelete copies."""
        marked = {name: replace(self.copies[name], **marks) for name in names}
        self.coming = {**self.copies, **marked}

    def rename(self, name: str, new_name: str) -> None:
        """Begin to rename a copy."""
        self.coming = {
            new_name if known == name else known: twin for known, twin in self.copies.items()
        }

    def purge(self, names: Iterable[str]) -> None:
        """Begin to purge copies."""
        gone = set(names)
        self.coming = {name: twin for name, twin in self.copies.items() if name not in gone}

    def commit(self) -> None:
        """The change was made."""
        if self.coming is not None:
            self.copies, self.coming = self.coming, None
        if self.coming_original is not None:
            self.original, self.coming_original = self.coming_original, None

    def refuse(self) -> None:
        """The change was refused."""
        self.coming = self.coming_original = None

    def flush(self) -> None:
        """Everything accepted so far is durable."""
        for view in self._views():
            view.flush()

    def begin_flush(self) -> None:
        """Everything accepted so far is durable from ``end_flush`` on."""
        for view in self._views():
            view.begin_flush()

    def end_flush(self) -> None:
        """What was begun last is done."""
        for view in self._views():
            view.end_flush()

    # -- comparison --------------------------------------------------------------------------

    def settle_on(self, volume: Volume) -> list[str]:
        """Take what an engine found after a loss of power or its own death for the truth.

        Returns:
            What a loss cannot explain: nothing, if the engine is right.
        """
        found, size = marks_found(volume), volume.info().size
        now = (self.copies, self.original)
        coming = (self.coming, self.coming_original or self.original)
        # A restore to another size takes its safety snapshot first.
        between = (self.coming, self.original)
        possible = [pair for pair in (now, coming, between) if pair[0] is not None]
        matching = [
            (copies, original)
            for copies, original in possible
            if marks_of(copies) == found and len(original.now) == size
        ]
        if not matching:
            told = " or ".join(
                f"{len(each[1].now)} bytes, {marks_of(each[0])}" for each in possible
            )
            return [f"there are {size} bytes, {found}, not {told}"]
        self.copies, self.original = matching[0]
        self.coming = self.coming_original = None
        wrong = []
        for name in (ORIGINAL, *self.copies):
            content = content_of(volume, name, self.size_of(name))
            sectors = self.view(name).wrong_sectors(content)
            if sectors:
                wrong.append(f"{name}: sectors {sectors} hold what they never held since the flush")
            self.view(name).adopt(content)
        return wrong

    def differences(self, volume: Volume) -> list[str]:
        """Return where an engine that lost nothing reads differently."""
        found, size = marks_found(volume), volume.info().size
        if found != marks_of(self.copies):
            return [f"the copies are {found}, not {marks_of(self.copies)}"]
        if size != self.size:
            return [f"the volume has {size} bytes, not {self.size}"]
        return [
            f"{name} reads wrongly"
            for name in (ORIGINAL, *self.copies)
            if content_of(volume, name, self.size_of(name)) != self.view(name).now
        ]

    def _views(self) -> Iterator[ViewTwin]:
        yield self.original
        if self.coming_original is not None:
            yield self.coming_original
        twins = {
            id(twin.view): twin for twin in (*self.copies.values(), *(self.coming or {}).values())
        }
        yield from (twin.view for twin in twins.values())


def marks_of(copies: Copies) -> dict[str, tuple[bool, bool, bool, int]]:
    """Return what an engine must say of each copy."""
    return {name: (*twin.marks, len(twin.view.now)) for name, twin in copies.items()}


def marks_found(volume: Volume) -> dict[str, tuple[bool, bool, bool, int]]:
    """Return what an engine does say of each copy."""
    return {
        copy.name: (copy.kind == "clone", copy.locked, copy.deleted, copy.size)
        for copy in volume.info().copies
    }


def content_of(volume: Volume, name: str, size: int) -> bytes:
    """Read a whole view, a soft-deleted one too."""
    record = None if name == ORIGINAL else volume._state.catalog.find(name)
    if record is None:
        return volume.read(0, size, name)
    return volume._views.read(record, 0, size)
