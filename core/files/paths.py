# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""From a path to a file of a file system: links are followed, and lead nowhere but within it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import FilesError
from core.fileanswers import told_path

if TYPE_CHECKING:
    from core.fileanswers import FileEntry
    from core.files.library import Library

_LINKS_MAX: Final = 40
"""As many as Linux follows on one path."""
_CASELESS: Final = frozenset({"vfat", "exfat", "ntfs", "hfsplus"})


def find(library: Library, path: bytes) -> FileEntry:
    """Return the entry of ``path``, named by its last part.

    A path begins at the root, with or without a ``/``. As for any program of the file system's own
    machine, a link that begins with ``/`` leads to the root of the file system, and ``..`` above it
    to itself.

    Raises:
        FilesError: There is no such file.
        OSError: A folder on the way cannot be read.
    """
    above = [library.entry(library.root)]
    waiting = _parts(path)
    links_left = _LINKS_MAX
    while waiting:
        part = waiting.pop()
        if part == b"..":
            above = above[:-1] or above
            continue
        if above[-1].kind != "folder":
            raise FilesError(f"{told_path(path)!r}: {_told(above)!r} is no folder; check the path.")
        entry = _child(library, above[-1].inode, part)
        if entry is None:
            raise FilesError(
                f"There is no {told_path(part)!r} in {_told(above)!r}; check the path, or look into"
                " another copy."
            )
        if entry.kind == "link" and entry.target:
            links_left -= 1
            if not links_left:
                raise FilesError(f"The links of {told_path(path)!r} go round in circles.")
            if entry.target.startswith(b"/"):
                above = above[:1]
            waiting += _parts(entry.target)
            continue
        above.append(entry)
    return above[-1]


def _parts(path: bytes) -> list[bytes]:
    """Return the parts of a path, the last one first."""
    return [part for part in reversed(path.split(b"/")) if part not in {b"", b"."}]


def _child(library: Library, folder: int, name: bytes) -> FileEntry | None:
    """Return what has a name in a folder; where case does not matter, what has it in any case."""
    similar = None
    wanted = name.decode("utf-8", "surrogateescape").casefold()
    for entry in library.folder(folder):
        if entry.name == name:
            return entry
        if library.kind in _CASELESS:
            found = entry.name.decode("utf-8", "surrogateescape").casefold()
            similar = entry if found == wanted else similar
    return similar


def _told(above: list[FileEntry]) -> str:
    return "/" + told_path(b"/".join(entry.name for entry in above[1:]))
