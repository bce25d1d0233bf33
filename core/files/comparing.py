# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What became of files between two views, and whose the bytes are that differ.

A name is a folder's inode and a text. What has the same name and the same inode in both views is
the same file; so is what has the same inode, and was made in the same nanosecond, under another
name: it was moved. Another inode under the same name: the file was replaced.

Every byte that differs is counted once: for the file that has it in the later view, else for the
one that had it in the earlier view, else for the file system. Whether content changed is told by
these bytes, by where a file's blocks lie and, of a file that lies in its inode, by reading it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.fileanswers import Aspect, Change, FileChange, FileChanges, Role
from core.files.layout import Layout
from core.files.runmap import without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.answers import Int64s
    from core.files.library import Library, Node
    from core.files.walk import Link, Walk


class Comparison:
    """Two walks and the ranges in which their views differ."""

    def __init__(
        self,
        libraries: tuple[Library, Library],
        walks: tuple[Walk, Walk],
        ranges: tuple[Int64s, Int64s],
    ) -> None:
        """Compare the first with the second.

        Args:
            libraries: The file systems.
            walks: Through each of them.
            ranges: First bytes, and first bytes after, sorted and disjoint.
        """
        self._libraries = libraries
        self._before, self._after = walks
        self._bytes_of = (Counter[int](), Counter[int]())
        self._own = Counter[Role]()
        self._is_told = set[int]()
        self._total = int((ranges[1] - ranges[0]).sum())
        self._attribute(*ranges)

    def changes(self) -> FileChanges:
        """Return what became of each file."""
        files = sorted(self._found(), key=lambda change: (change.path, change.change))
        return FileChanges(
            files=files,
            own={role: count for role, count in self._own.items() if count},
            total_bytes=self._total,
            unread=self._before.unread + self._after.unread,
        )

    def _attribute(self, starts: Int64s, stops: Int64s) -> None:
        """Count every byte of the ranges for a file, or for the file system."""
        for number, walk in ((1, self._after), (0, self._before)):
            found = walk.runs.within(starts, stops)
            lengths = (found.stops - found.starts).tolist()
            for owner, length in zip(found.owners.tolist(), lengths, strict=True):
                if walk.nodes[owner].entry.kind == "folder":
                    self._own["folder"] += length
                else:
                    self._bytes_of[number][owner] += length
            starts, stops = without(starts, stops, found.starts, found.stops)
        for role, low, high in Layout(self._libraries[1]).roles(starts, stops):
            self._own[role] += int((high - low).sum())

    def _found(self) -> Iterator[FileChange]:
        before, after = self._before, self._after
        stayed = {
            link
            for link, inode in before.links.items()
            if _is_same(before.nodes.get(inode), after.nodes.get(after.links.get(link, -1)))
        }
        for link in stayed:
            inode = after.links[link]
            yield from self._changed(link, before.nodes[inode], after.nodes[inode])
        gone: defaultdict[int, list[Link]] = defaultdict(list)
        for link, inode in before.links.items():
            if link not in stayed and inode in before.nodes:
                gone[inode].append(link)
        for link, inode in after.links.items():
            if link not in stayed and inode in after.nodes:
                yield self._arrived(link, after.nodes[inode], gone)
        for inode, links in gone.items():
            for link in links:
                old = before.nodes[inode]
                yield _told("removed", before.path(link), old, old, self._count(0, inode))

    def _changed(self, link: Link, old: Node, node: Node) -> Iterator[FileChange]:
        """Yield what is different of a file that stayed where it was, under its first name."""
        aspects = self._aspects(old, node)
        inode = node.entry.inode
        if not aspects or inode in self._is_told:
            return
        self._is_told.add(inode)
        is_changed = bool({"content", "size", "target"} & set(aspects))
        change: Change = "changed" if is_changed else "metadata"
        count = self._count(0, inode) + self._count(1, inode)
        yield replace(_told(change, self._after.path(link), node, old, count), aspects=aspects)

    def _arrived(self, link: Link, node: Node, gone: defaultdict[int, list[Link]]) -> FileChange:
        """Return what a name of the later view is that the earlier does not have like this."""
        inode, path = node.entry.inode, self._after.path(link)
        old = self._before.nodes.get(inode)
        if old is not None and node.crtime_ns and gone.get(inode) and _is_same(old, node):
            was = self._before.path(gone[inode].pop())
            aspects = [aspect for aspect in self._aspects(old, node) if aspect != "times"]
            count = self._count(0, inode) + self._count(1, inode)
            return replace(_told("moved", path, node, old, count), aspects=aspects, was=was)
        earlier = self._before.links.get(link, -1)
        if link in gone.get(earlier, ()) and not self._lives(earlier):
            gone[earlier].remove(link)
            old = self._before.nodes[earlier]
            replaced: list[Aspect] = ["replaced"]
            if node.entry.kind != old.entry.kind:
                replaced.append("kind")
            count = self._count(0, earlier) + self._count(1, inode)
            return replace(_told("changed", path, node, old, count), aspects=replaced)
        return _told("added", path, node, None, self._count(1, inode))

    def _lives(self, inode: int) -> bool:
        """Return whether a file of the earlier view is somewhere in the later."""
        return _is_same(self._before.nodes.get(inode), self._after.nodes.get(inode))

    def _count(self, side: int, inode: int) -> int:
        """Return the bytes that differ and are a file's, the first time that it is told."""
        return self._bytes_of[side].pop(inode, 0)

    def _aspects(self, old: Node, node: Node) -> list[Aspect]:
        """Return in what a file is different; of a folder, what came and went is told by itself."""
        was, now = old.entry, node.entry
        inode, is_folder = now.inode, now.kind == "folder"
        is_touched = (was.mtime_ns, old.ctime_ns) != (now.mtime_ns, node.ctime_ns)
        content = any(counts[inode] for counts in self._bytes_of) or old.shape != node.shape
        tests: tuple[tuple[Aspect, bool], ...] = (
            ("content", content),
            ("size", was.size != now.size),
            ("target", was.target != now.target),
            ("mode", was.mode != now.mode),
            ("owner", (was.uid, was.gid) != (now.uid, now.gid)),
            ("links", was.links != now.links),
            ("times", is_touched),
        )
        kept: tuple[Aspect, ...] = ("mode", "owner")
        return [aspect for aspect, is_so in tests if is_so and (not is_folder or aspect in kept)]


def _told(
    change: Change, path: bytes, node: Node, old: Node | None, differing_bytes: int
) -> FileChange:
    """Return a change of what is ``node`` now, and was ``old`` before."""
    return FileChange(
        change=change,
        path=path,
        kind=node.entry.kind,
        inode=node.entry.inode,
        size=node.entry.size,
        size_before=0 if old is None else old.entry.size,
        differing_bytes=differing_bytes,
    )


def _is_same(old: Node | None, node: Node | None) -> bool:
    """Return whether two are the same file, of which the inode was not used anew."""
    return (
        old is not None
        and node is not None
        and old.entry.inode == node.entry.inode
        and old.entry.kind == node.entry.kind
        and old.crtime_ns == node.crtime_ns
    )
