# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Giving the volume another size: what that means, in words and bytes, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from typing_extensions import override

from core.attach import filesystem, superblock
from core.errors import CopyInUseError
from core.units import SECTOR_BYTES, format_bytes
from gui.commands.catalog import CatalogStep

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import Int64s, VolumeInfo
    from core.session import VolumeSession
    from gui.commands.catalog import ActDoer

    Read = Callable[[int, int], bytes]

_GROWN_BY: Final = {"ext4": "resize2fs", "xfs": "xfs_growfs", "btrfs": "btrfs filesystem resize"}
_SHRUNK_BY: Final = {"ext4": "resize2fs", "btrfs": "btrfs filesystem resize"}


class Consequence(NamedTuple):
    """One thing that a new size means; ``tone`` is a tone of the theme."""

    words: str
    tone: str = "sub"


@dataclass(frozen=True, slots=True, eq=False)
class ResizeOutlook:
    """A volume as it is, to tell what a new size would mean.

    Attributes:
        starts, stops: Outside of these bytes the original reads as zeroes.
        copies: Names of the copies, deleted ones included, and the bytes that each has.
        filesystem: The kind that begins at its first byte; empty if none is known there.
        filesystem_bytes: How long that says it is; 0 if it does not.
        room_bytes: What the additional area can still take.
    """

    image: str
    size_bytes: int
    starts: Int64s
    stops: Int64s
    copies: tuple[tuple[str, int], ...]
    filesystem: str
    filesystem_bytes: int
    room_bytes: int

    def lost_bytes(self, size: int) -> int:
        """Return how many bytes of data, at most, lie behind a new end."""
        return int(np.maximum(self.stops - np.maximum(self.starts, size), 0).sum())

    def consequences(self, size: int) -> list[Consequence]:
        """Return what this size would mean, the gravest first."""
        if size >= self.size_bytes:
            return self._of_growing(size)
        return [*self._of_cutting(size), *self._of_file_system(size), *self._of_copies(size)]

    def _of_growing(self, size: int) -> list[Consequence]:
        if size == self.size_bytes:
            return [Consequence("It has this size already.")]
        more = format_bytes(size - self.size_bytes)
        told = [Consequence(f"{more} are added at its end; they read as zeroes.")]
        if tool := _GROWN_BY.get(self.filesystem):
            told.append(
                Consequence(
                    f"The {self.filesystem} in it keeps its length; make it longer afterwards, with"
                    f" {tool}."
                )
            )
        if self.copies:
            told.append(Consequence("Copies keep the size that they have."))
        return told

    def _of_cutting(self, size: int) -> list[Consequence]:
        cut, lost = format_bytes(self.size_bytes - size), self.lost_bytes(size)
        if not lost:
            return [Consequence(f"The last {cut} are cut off; they hold nothing but zeroes.")]
        return [
            Consequence(
                f"The original loses its last {cut}; up to {format_bytes(lost)} of that is data.",
                "danger",
            )
        ]

    def _of_file_system(self, size: int) -> list[Consequence]:
        kind, length = self.filesystem, self.filesystem_bytes
        if not length:
            words = "What is inside is not known: make file systems and partitions smaller first."
            return [Consequence(words, "warn")] if self.lost_bytes(size) else []
        if length <= size:
            return [
                Consequence(f"The {kind} in it is {format_bytes(length)} long and stays whole.")
            ]
        tool = _SHRUNK_BY.get(kind)
        first = f"make it smaller first, with {tool}" if tool else "it cannot be made smaller"
        words = f"The {kind} in it is {format_bytes(length)} long and would be mounted no more;"
        return [Consequence(f"{words} {first}.", "danger")]

    def _of_copies(self, size: int) -> list[Consequence]:
        longer = [name for name, has in self.copies if has > size]
        if not longer:
            return []
        who = f"'{longer[0]}' keeps" if len(longer) == 1 else f"{len(longer)} copies keep"
        lost = self.lost_bytes(size)
        need = ""
        if lost:
            need = (
                f"; what they need of it is preserved first, up to {format_bytes(lost)} where there"
                f" is room for {format_bytes(self.room_bytes)}"
            )
        return [Consequence(f"{who} what is cut off{need}.")]


def outlook(session: VolumeSession) -> ResizeOutlook:
    """Ask how a volume is; may take long."""
    info = session.info()
    data = session.allocation()
    kind, length = _file_system(session, info)
    return ResizeOutlook(
        image=info.image,
        size_bytes=info.size,
        starts=data.starts,
        stops=data.stops,
        copies=tuple((copy.name, copy.size or info.size) for copy in info.copies),
        filesystem=kind,
        filesystem_bytes=length,
        room_bytes=session.usage().room_bytes,
    )


def _file_system(session: VolumeSession, info: VolumeInfo) -> tuple[str, int]:
    if info.portions:
        return "", 0
    read = _reader(session, info.size)
    kind = filesystem.kind_of(read)
    return kind, superblock.length_bytes(kind, read) or 0


def _reader(session: VolumeSession, size: int) -> Read:
    """Return how to read any bytes of the original; fewer come back at its end."""

    def read(offset: int, length: int) -> bytes:
        start = offset // SECTOR_BYTES * SECTOR_BYTES
        stop = min(-(-(offset + length) // SECTOR_BYTES) * SECTOR_BYTES, size)
        if stop <= start:
            return b""
        return session.read(start, stop - start)[offset - start :][:length]

    return read


class GrowStep(CatalogStep):
    """The volume became longer. The way back cuts that off, if nothing was written there."""

    def __init__(self, text: str, sizes: tuple[int, int], doer: ActDoer) -> None:
        super().__init__(text, (), doer)
        self._before, self._after = sizes

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.resize(self._after)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        data = session.allocation()
        if np.any(data.stops > self._before):
            raise CopyInUseError(
                "What was added to the volume has been written to, so it is not just cut off;"
                " choose another size if that is meant."
            )
        session.resize(self._before, shrinks=True)


class ShrinkStep(CatalogStep):
    """The volume became shorter. The way back restores the snapshot that was taken before."""

    def __init__(self, text: str, size_bytes: int, safety_id: int, doer: ActDoer) -> None:
        super().__init__(text, (safety_id,), doer)
        self._after = size_bytes

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.resize(self._after, shrinks=True)

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.restore(names[0])
