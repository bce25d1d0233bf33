# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One walk through a file system: every name, every inode, and every run of the view they have.

A million files are walked in some ten seconds, so what is kept of each is small, and nothing is
looked up twice.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

import numpy as np

from core.files.runmap import RunMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.fileanswers import FileEntry
    from core.files.library import Library, Node

_DEPTH_MAX: Final = 4096
"""Folders above each other that a path is told for; deeper ones are a damaged tree."""

Link = tuple[int, bytes]
"""Inode of a folder, and a name in it."""


class Walk:
    """What a walk found.

    Attributes:
        nodes: By inode; without their runs.
        links: Where each name leads: (folder, name) to inode.
        runs: Whose each run is: owners are inodes.
        unread: Files and folders that could not be read.
    """

    def __init__(self, library: Library, report: Callable[[int], None]) -> None:
        """Walk through all of a file system.

        Args:
            library: The file system.
            report: Called with the number of files looked at, now and then.
        """
        self._library = library
        self.nodes: dict[int, Node] = {}
        self.links: dict[Link, int] = {}
        self.unread = 0
        self._names: dict[int, list[Link]] = {}
        self._columns = tuple(array("q") for _ in range(4))
        self._walk(report)
        starts, lengths, owners, offsets = (
            np.frombuffer(column, np.int64) if column else np.empty(0, np.int64)
            for column in self._columns
        )
        self.runs = RunMap(starts, starts + lengths, owners, offsets)

    def paths(self, inode: int) -> list[bytes]:
        """Return all paths of an inode, sorted."""
        if inode == self._library.root:
            return [b"/"]
        return sorted(self.path(link) for link in self._names.get(inode, []))

    def path(self, link: Link) -> bytes:
        """Return the path of a name. A folder has one name in a file system that is whole."""
        parts = [link[1]]
        folder = link[0]
        while folder != self._library.root and len(parts) < _DEPTH_MAX:
            above, name = self._names[folder][0]
            parts.append(name)
            folder = above
        return b"/" + b"/".join(reversed(parts))

    def _walk(self, report: Callable[[int], None]) -> None:
        library = self._library
        try:
            self._keep(library.node(library.root))
        except OSError:
            self.unread += 1
        waiting = [library.root]
        while waiting:
            folder = waiting.pop()
            before = len(self.links)
            for entry in self._entries(folder):
                is_new = entry.inode not in self._names and entry.inode != library.root
                self._names.setdefault(entry.inode, []).append((folder, entry.name))
                if entry.kind == "folder" and entry.is_readable and is_new:
                    waiting.append(entry.inode)
            report(len(self.links) - before)

    def _entries(self, folder: int) -> Iterator[FileEntry]:
        """Yield the names in a folder, and keep what they name; stop where it is damaged."""
        library = self._library
        try:
            for entry, found in library.nodes(folder):
                link = folder, entry.name
                if link in self.links:  # twice in one folder: damaged
                    self.unread += 1
                    continue
                self.links[link] = entry.inode
                if not entry.is_readable:
                    self.unread += 1
                elif entry.inode not in self.nodes:
                    self._keep(library.node_of(entry, found))
                yield entry
        except OSError:
            self.unread += 1

    def _keep(self, node: Node) -> None:
        inode = node.entry.inode
        self.nodes[inode] = node._replace(runs=())
        starts, lengths, owners, offsets = self._columns
        for run in node.runs:
            starts.append(run.start)
            lengths.append(run.length)
            owners.append(inode)
            offsets.append(run.file_offset)
