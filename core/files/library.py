# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One file system as the library opens it. In the reader process alone.

What the library hands out is read once, here, into plain values; it answers with ``OSError`` where
a structure is damaged, and with None for fields that it does not have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytsk3

from core.errors import FilesError
from core.fileanswers import FileEntry, FileKind
from core.files import kinds
from core.files.viewimage import ViewImage
from core.files.wire import PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.files.partitions import Place
    from core.files.viewimage import ViewBytes

_KINDS: Final[dict[int, FileKind]] = {
    int(pytsk3.TSK_FS_META_TYPE_REG): "file",
    int(pytsk3.TSK_FS_META_TYPE_DIR): "folder",
    int(pytsk3.TSK_FS_META_TYPE_LNK): "link",
    int(pytsk3.TSK_FS_META_TYPE_CHR): "device",
    int(pytsk3.TSK_FS_META_TYPE_BLK): "device",
    int(pytsk3.TSK_FS_META_TYPE_FIFO): "pipe",
    int(pytsk3.TSK_FS_META_TYPE_SOCK): "socket",
}
_KINDS_NAMED: Final[dict[int, FileKind]] = {
    int(pytsk3.TSK_FS_NAME_TYPE_REG): "file",
    int(pytsk3.TSK_FS_NAME_TYPE_DIR): "folder",
    int(pytsk3.TSK_FS_NAME_TYPE_LNK): "link",
}
_VIRTUAL: Final = frozenset(
    {int(pytsk3.TSK_FS_META_TYPE_VIRT), int(pytsk3.TSK_FS_META_TYPE_VIRT_DIR)}
)
"""What the library makes up, like a folder of lost files."""
_HIDDEN_INODES: Final = {"ntfs": 24, "hfsplus": 16}
"""Below are the file system's own files, and its root."""
_DATA: Final = int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_DATA)
_CONTENT_TYPES: Final = frozenset(
    {
        _DATA,
        int(pytsk3.TSK_FS_ATTR_TYPE_DEFAULT),
        int(pytsk3.TSK_FS_ATTR_TYPE_HFS_DATA),
        int(pytsk3.TSK_FS_ATTR_TYPE_NTFS_IDXALLOC),
    }
)
_NO_DATA: Final = int(pytsk3.TSK_FS_ATTR_RUN_FLAG_SPARSE) | int(pytsk3.TSK_FS_ATTR_RUN_FLAG_FILLER)
_PACKED: Final = int(pytsk3.TSK_FS_ATTR_COMP) | int(pytsk3.TSK_FS_ATTR_ENC)
_RESIDENT: Final = int(pytsk3.TSK_FS_ATTR_RES)
_ALLOCATED: Final = int(pytsk3.TSK_FS_NAME_FLAG_ALLOC)
_NAME_BYTES_MAX: Final = 1024
_TARGET_BYTES_MAX: Final = 4096
_RESIDENT_BYTES_MAX: Final = 64 * 1024
_WHERE: Final = re.compile(r"^\w+: \(\w+\.\w+:\d+\) ")
"""Where in the source of the library an error was raised; nobody wants to know."""


class Run(NamedTuple):
    """A stretch of the view that a file has.

    Attributes:
        file_offset: Which bytes of the file lie there; -1 if it is what maps them.
    """

    start: int
    length: int
    file_offset: int


class Node(NamedTuple):
    """What is known of an inode beyond its entry.

    Attributes:
        ctime_ns: When the inode changed last.
        crtime_ns: When it was made; 0 where that is not kept.
        runs: All that it has of the view.
        shape: A hash of them, and of content that lies in the inode itself.
    """

    entry: FileEntry
    ctime_ns: int
    crtime_ns: int
    runs: Sequence[Run]
    shape: int


class Library:
    """A file system that is open.

    Attributes:
        kind: One of ``kinds.READABLE``.
        place: Where it is.
        view: The view it is in.
        root: Inode of the root folder.
        block_bytes: The unit of runs.
    """

    def __init__(self, view: ViewBytes, place: Place) -> None:
        """Open it.

        Raises:
            FilesError: It is of a kind that is not read, or damaged.
        """
        if place.kind not in kinds.READABLE:
            raise FilesError(
                f"The file system is {place.kind}, which cannot be read here; files can be read"
                f" from {kinds.READABLE_TOLD}; 'attach --mount' has the kernel read others."
            )
        self.view, self.place, self.kind = view, place, place.kind
        self._image = ViewImage(view)
        named = getattr(pytsk3, kinds.READABLE[place.kind])
        try:
            self._system = pytsk3.FS_Info(self._image, offset=place.start, type=named)
        except OSError as error:
            if "not supported" in str(error):
                raise FilesError(
                    f"The {place.kind} has a feature that cannot be read here, like clusters"
                    " (bigalloc); 'attach --mount' has the kernel read it."
                ) from error
            raise FilesError(
                f"The {place.kind} cannot be opened, its first structures are damaged"
                f" ({told_error(error)}); look into an older copy."
            ) from error
        self.root = int(self._system.info.root_inum)
        self.block_bytes = int(self._system.info.block_size)

    def entry(self, inode: int, name: bytes = b"") -> FileEntry:
        """Return the entry of an inode.

        Raises:
            OSError: It cannot be read.
        """
        found = self._system.open_meta(inode=inode)
        if found.info.meta is None:
            raise OSError(f"inode {inode} cannot be read")
        return _entry_of(name, inode, found)

    def folder(self, inode: int) -> Iterator[FileEntry]:
        """Yield what is in a folder, in its order, without itself and the one above.

        Raises:
            OSError: It cannot be read.
        """
        for entry, _ in self._named(inode):
            yield entry

    def nodes(self, inode: int) -> Iterator[tuple[FileEntry, Any]]:
        """Yield what is in a folder, each with what ``node_of`` takes; else as ``folder``."""
        yield from self._named(inode)

    def _named(self, inode: int) -> Iterator[tuple[FileEntry, Any]]:
        hidden = _HIDDEN_INODES.get(self.kind, 0)
        for found in self._system.open_dir(inode=inode):
            name = found.info.name
            if name is None or int(name.flags) != _ALLOCATED:
                continue
            text = bytes(name.name or b"")[:_NAME_BYTES_MAX]
            at = int(name.meta_addr)
            if not text or text in {b".", b".."}:
                continue
            meta = found.info.meta
            if meta is None:
                kind = _KINDS_NAMED.get(int(name.type), "other")
                yield FileEntry(name=text, inode=at, kind=kind, is_readable=False), found
                continue
            if int(meta.type) in _VIRTUAL or (at < hidden and inode == self.root):
                continue
            yield _entry_of(text, at, found), found

    def node(self, inode: int) -> Node:
        """Return all that is known of an inode.

        Raises:
            OSError: It cannot be read.
        """
        return self.node_of(self.entry(inode), self._system.open_meta(inode=inode))

    def node_of(self, entry: FileEntry, found: Any) -> Node:
        """Return all that is known of a file that ``nodes`` yielded."""
        meta = found.info.meta
        runs, is_resident = list[Run](), False
        for attribute in found:
            is_content = _is_content(attribute)
            if int(attribute.info.flags) & _RESIDENT:
                is_resident |= is_content
                continue
            runs += self._runs(attribute, is_content=is_content)
        ctime_ns, crtime_ns = _time_ns(meta, "ctime"), _time_ns(meta, "crtime")
        inner = _resident(found) if is_resident and entry.kind == "file" else b""
        return Node(entry, ctime_ns, crtime_ns, runs, hash((tuple(runs), inner)))

    def _runs(self, attribute: Any, *, is_content: bool) -> Iterator[Run]:
        unit, base = self.block_bytes, self.place.start
        end = base + self.place.length
        for run in attribute:
            if int(run.flags) & _NO_DATA or not run.len:
                continue
            start, length = base + int(run.addr) * unit, int(run.len) * unit
            if base <= start < end:
                length = min(length, end - start)
                yield Run(start, length, int(run.offset) * unit if is_content else -1)

    def content(self, inode: int) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, piece) of a file's content; what lies between pieces is zero.

        Raises:
            OSError: It cannot be read.
        """
        found = self._system.open_meta(inode=inode)
        size_bytes = int(found.info.meta.size)
        if size_bytes < 0:
            raise OSError(f"inode {inode} tells an impossible size")
        for start, stop in self._filled(found, size_bytes):
            for offset in range(start, stop, PIECE_BYTES):
                length = min(PIECE_BYTES, stop - offset)
                piece = bytes(found.read_random(offset, length))
                if len(piece) != length:
                    raise OSError(f"{length} bytes at {offset} of inode {inode} cannot be read")
                yield offset, piece

    def _filled(self, found: Any, size_bytes: int) -> list[tuple[int, int]]:
        """Return (start, stop) of where a file has data, as far as that can be told."""
        unit = self.block_bytes
        for attribute in found:
            flags = int(attribute.info.flags)
            if not _is_content(attribute):
                continue
            if flags & (_RESIDENT | _PACKED):
                break
            filled = [
                (int(run.offset) * unit, min((int(run.offset) + int(run.len)) * unit, size_bytes))
                for run in attribute
                if not int(run.flags) & _NO_DATA
            ]
            return sorted((start, stop) for start, stop in filled if start < stop)
        return [(0, size_bytes)] if size_bytes else []


def _is_content(attribute: Any) -> bool:
    """Return whether this is what a file holds; NTFS has further streams, which have names."""
    kind = int(attribute.info.type)
    return kind in _CONTENT_TYPES and not (kind == _DATA and attribute.info.name)


def _entry_of(name: bytes, inode: int, found: Any) -> FileEntry:
    meta = found.info.meta
    kind = _KINDS.get(int(meta.type), "other")
    return FileEntry(
        name=name,
        inode=inode,
        kind=kind,
        mode=int(meta.mode) & 0o7777,
        size=max(0, int(meta.size)),
        mtime_ns=_time_ns(meta, "mtime"),
        uid=int(meta.uid),
        gid=int(meta.gid),
        links=int(meta.nlink),
        target=_target(found) if kind == "link" else b"",
        is_readable=int(meta.size) >= 0,  # none is 2^63 bytes long
    )


def _resident(found: Any) -> bytes:
    """Return content that lies in an inode; empty if it cannot be read."""
    size_bytes = int(found.info.meta.size)
    if not 0 < size_bytes <= _RESIDENT_BYTES_MAX:
        return b""
    try:
        return bytes(found.read_random(0, size_bytes))
    except OSError:
        return b""


def _target(found: Any) -> bytes:
    """Return what a link leads to; empty if that cannot be read."""
    meta = found.info.meta
    if meta.link:
        return bytes(meta.link)
    size_bytes = int(meta.size)  # the library reads long ones of ext2 alone
    if not 0 < size_bytes <= _TARGET_BYTES_MAX:
        return b""
    try:
        return bytes(found.read_random(0, size_bytes))
    except OSError:
        return b""


def _time_ns(meta: Any, name: str) -> int:
    return int(getattr(meta, name)) * 10**9 + int(getattr(meta, f"{name}_nano"))


def told_error(error: BaseException) -> str:
    """Return what the library says of an error, short enough for a sentence."""
    words = _WHERE.sub(
        "", " ".join(str(error).encode("ascii", "backslashreplace").decode().split())
    )
    return f"{words[:100]}..." if len(words) > 103 else words or type(error).__name__
