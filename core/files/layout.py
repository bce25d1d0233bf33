# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What a byte of a file system is, if it is no file's.

Of ext2, ext3 and ext4 all of it is told. NTFS keeps everything in files of its own, FAT has its
tables before everything else. Of other file systems, and where these are damaged, what is no file's
is ``other``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.files.extlayout import ALLOCATION, INODE_TABLES, SUPERBLOCKS, ExtLayout, read_shape
from core.files.runmap import Pieces, RunMap, without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.answers import Int64s
    from core.fileanswers import Role
    from core.files.library import Library

_ROLES: Final[tuple[Role, ...]] = ("superblocks", "allocation", "inode tables", "journal", "other")
_JOURNAL: Final = 3
_EXT_JOURNAL_INODE: Final = 8
_NTFS_FILES: Final = {0: INODE_TABLES, 1: INODE_TABLES, 2: _JOURNAL, 6: ALLOCATION, 7: SUPERBLOCKS}
"""$MFT, its mirror, $LogFile, $Bitmap, $Boot."""
_NTFS_BITMAP: Final = 6
_BITMAP_BYTES_MAX: Final = 1 << 30


class Layout:
    """The roles of what is no file's, of one file system."""

    def __init__(self, library: Library) -> None:
        """Read where it has what."""
        self._library = library
        self._ext: ExtLayout | None = None
        self._fixed: list[RunMap] = []
        self._free: RunMap | None = None
        {"ext4": self._read_ext, "ntfs": self._read_ntfs, "vfat": self._read_fat}.get(
            library.kind, lambda: None
        )()

    def roles(self, starts: Int64s, stops: Int64s) -> Iterator[tuple[Role, Int64s, Int64s]]:
        """Yield what sorted, disjoint ranges are: a role, first bytes, first bytes after."""
        place = self._library.place
        end = place.start + place.length
        if self._ext is not None:
            end = min(end, self._ext.stop)
        inside = np.array([place.start]), np.array([end])
        outside = without(starts, stops, *inside)
        if len(outside[0]):
            yield "outside", *outside
        starts, stops = without(starts, stops, *outside)
        for fixed in self._fixed:
            found = fixed.within(starts, stops)
            for number, role in enumerate(_ROLES):
                mine = found.owners == number
                if mine.any():
                    yield role, found.starts[mine], found.stops[mine]
            starts, stops = without(starts, stops, found.starts, found.stops)
        if len(starts) and (free := self._free_within(starts, stops)) is not None:
            if len(free.starts):
                yield "free", free.starts, free.stops
            starts, stops = without(starts, stops, free.starts, free.stops)
        if len(starts):
            yield "other", starts, stops

    def _free_within(self, starts: Int64s, stops: Int64s) -> Pieces | None:
        if self._ext is not None:
            return self._ext.free_within(starts, stops)
        return None if self._free is None else self._free.within(starts, stops)

    def _read_ext(self) -> None:
        library = self._library
        start = library.place.start
        shape = read_shape(lambda at, length: library.view.read(start + at, length))
        self._keep_files({_EXT_JOURNAL_INODE: _JOURNAL})
        if shape is not None:
            self._ext = ExtLayout(library.view.read, start, shape)
            self._fixed.insert(0, self._ext.fixed)

    def _read_ntfs(self) -> None:
        # Below 24 are its own; 5 is the root folder.
        self._keep_files(
            {inode: _NTFS_FILES.get(inode, len(_ROLES) - 1) for inode in range(24) if inode != 5}
        )
        library = self._library
        raw = bytearray()
        try:
            if library.entry(_NTFS_BITMAP).size > _BITMAP_BYTES_MAX:
                return
            for offset, piece in library.content(_NTFS_BITMAP):
                raw += bytes(offset - len(raw)) + piece
        except OSError:
            return
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")
        edges = np.flatnonzero(np.diff(np.concatenate(([1], bits, [1])).astype(np.int8)))
        edges = library.place.start + edges * library.block_bytes
        nobody = np.full(len(edges) // 2, -1, np.int64)
        self._free = RunMap(edges[::2], edges[1::2], nobody, nobody)

    def _read_fat(self) -> None:
        """Tell the boot sectors and the tables from the rest, by the boot sector."""
        start = self._library.place.start
        boot = self._library.view.read(start, 512)
        if len(boot) < 512:
            return

        def number(at: int, size: int) -> int:
            return int.from_bytes(boot[at : at + size], "little")

        sector = number(11, 2)
        reserved = number(14, 2) * sector
        tables = boot[16] * (number(22, 2) or number(36, 4)) * sector
        if not reserved or not tables:
            return
        low = np.array([start, start + reserved], np.int64)
        high = np.array([start + reserved, start + reserved + tables], np.int64)
        unknown = np.full(2, -1, np.int64)
        self._fixed.append(RunMap(low, high, np.array([SUPERBLOCKS, ALLOCATION]), unknown))

    def _keep_files(self, roles: dict[int, int]) -> None:
        """Keep the runs of files of the file system's own, by inode."""
        runs = []
        for inode, role in roles.items():
            try:
                node = self._library.node(inode)
            except OSError:
                continue
            runs += [(run.start, run.start + run.length, role) for run in node.runs]
        starts, stops, owners = np.array(runs, np.int64).reshape(-1, 3).T
        self._fixed.append(RunMap(starts, stops, owners, np.full(len(runs), -1, np.int64)))
