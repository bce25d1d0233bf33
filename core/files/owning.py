# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What ranges of a view belong to, in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from core.fileanswers import OwnedRange
from core.files.layout import Layout
from core.files.runmap import without

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.answers import Int64s
    from core.files.library import Library
    from core.files.walk import Walk


def owners_of(library: Library, walk: Walk, starts: Int64s, stops: Int64s) -> list[OwnedRange]:
    """Return what sorted, disjoint ranges are made of: parts that touch where the ranges do.

    Args:
        library: The file system.
        walk: What a walk through it found.
        starts: First bytes.
        stops: First bytes after.
    """
    found = walk.runs.within(starts, stops)
    parts = [
        OwnedRange(
            start=start,
            length=stop - start,
            role="folder" if walk.nodes[inode].entry.kind == "folder" else "file",
            paths=walk.paths(inode),
            inode=inode,
            file_offset=offset,
        )
        for start, stop, inode, offset in zip(*(column.tolist() for column in found), strict=True)
    ]
    rest = without(starts, stops, found.starts, found.stops)
    for role, low, high in Layout(library).roles(*rest):
        parts += [
            OwnedRange(start=start, length=stop - start, role=role)
            for start, stop in zip(low.tolist(), high.tolist(), strict=True)
        ]
    return list(_joined(sorted(parts, key=lambda part: part.start)))


def _joined(parts: list[OwnedRange]) -> Iterator[OwnedRange]:
    """Yield the parts; what is no file's and of one role is one as long as it touches."""
    last: OwnedRange | None = None
    for part in parts:
        if last is None:
            last = part
        elif not part.paths and last.role == part.role and last.start + last.length == part.start:
            last = replace(last, length=last.length + part.length)
        else:
            yield last
            last = part
    if last is not None:
        yield last
