# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is answered about the files of a view's file system: plain values.

Names and paths are bytes, as file systems hold them; ``/`` parts a path and begins it. Lengths and
offsets are bytes, of the view where nothing else is said.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

FileKind = Literal["file", "folder", "link", "device", "pipe", "socket", "other"]

Role = Literal[
    "file",
    "folder",
    "journal",
    "inode tables",
    "allocation",
    "superblocks",
    "other",
    "free",
    "outside",
]
"""What a byte is to its file system. ``allocation``: bitmaps, or the FAT. ``other``: in use, or not
known to be free, and no file's: what extended attributes take, for one. ``outside``: of the
partition, or past the end of the file system."""

OWN_ROLES: Final[tuple[Role, ...]] = (
    "folder",
    "journal",
    "inode tables",
    "allocation",
    "superblocks",
    "other",
    "free",
    "outside",
)
"""All that is no file's."""

Change = Literal["added", "removed", "changed", "metadata", "moved"]
Aspect = Literal["content", "size", "mode", "owner", "links", "times", "target", "kind", "replaced"]


class FileSystemInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The file system of a view.

    Attributes:
        kind: As ``mount -t`` calls it, where that has a name for it.
        partition: Its number as the kernel counts; 0 = there is no partition around it.
        start: First byte in the view.
        length: Bytes of the partition, or of the view.
        block: Bytes of its smallest unit of allocation that files are mapped by.
        replayed: Blocks that were read from its journal in place of what lies in theirs.
        notice: What a user must know of it, as a sentence; or empty.
    """

    kind: str
    partition: int
    start: int
    length: int
    block: int
    replayed: int = 0
    notice: str = ""


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One name in a folder, and the file that it names.

    Attributes:
        name: The last part of its path; empty for the root.
        mode: Permission bits, ``0o7777``.
        mtime_ns: Nanoseconds since 1970 of the last change of its content.
        links: How many names it has.
        target: Of a link, what it leads to; else empty.
        is_readable: Its inode could be read; else all but the name is unknown.
    """

    name: bytes
    inode: int
    kind: FileKind
    mode: int = 0
    size: int = 0
    mtime_ns: int = 0
    uid: int = 0
    gid: int = 0
    links: int = 0
    target: bytes = b""
    is_readable: bool = True


class OwnedRange(msgspec.Struct, frozen=True, kw_only=True):
    """A range of the view, and what it belongs to.

    Attributes:
        paths: All names of the file or folder; empty of anything else.
        inode: Of the file or folder; 0 of anything else.
        file_offset: Where in the file the range begins; -1 for what maps its blocks, and for
            anything else.
    """

    start: int
    length: int
    role: Role
    paths: list[bytes] = []
    inode: int = 0
    file_offset: int = -1


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file between two views.

    Attributes:
        path: In the later view; of a file that was removed in the earlier.
        was: Its earlier path, if it was moved; else empty.
        size: In the same view as ``path``.
        size_before: In the earlier view; 0 of a file that was added.
        differing_bytes: Of the ranges that differ, those that are its own; the rest of it is equal.
        aspects: What is different; empty if it was added or removed.
    """

    change: Change
    path: bytes
    kind: FileKind
    inode: int
    size: int
    size_before: int
    differing_bytes: int
    was: bytes = b""
    aspects: list[Aspect] = []


class FileChanges(msgspec.Struct, frozen=True, kw_only=True):
    """All that differs between two views, by files.

    Attributes:
        files: Sorted by path.
        own: Bytes of differing ranges that are no file's, by ``OWN_ROLES``; without those of 0.
        total_bytes: Of all ranges that differ: those of ``files`` and of ``own`` together.
        unread: Files and folders of either view that could not be read, and were left out.
    """

    files: list[FileChange]
    own: dict[Role, int]
    total_bytes: int
    unread: int = 0


def told_path(path: bytes) -> str:
    """Return a name or path as text; bytes that are no UTF-8 are written out in hex."""
    return path.decode("utf-8", "backslashreplace")
