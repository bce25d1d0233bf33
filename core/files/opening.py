# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Opening the file system of a view, as its own journal would leave it.

A view of a file system in use is what a power cut would leave: the newest of its structures may be
in the journal alone. They are read from there, in memory; nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.fileanswers import FileSystemInfo
from core.files import journal, kinds, partitions
from core.files.library import Library

if TYPE_CHECKING:
    from core.files.viewimage import ViewBytes


def open_library(view: ViewBytes, partition: int) -> tuple[Library, FileSystemInfo]:
    """Return the file system that the user means, and what is told of it.

    Args:
        view: Where it is.
        partition: Its number; 0 if the user did not choose.

    Raises:
        FilesError: There is none, it must be chosen, or it cannot be read.
    """
    place = partitions.find(view, partition)
    library = Library(view, place)
    notice, replaced = "", 0
    if place.kind == "ext4" and journal.needs_replay(view, place.start):
        try:
            found = journal.newer_blocks(library)
        except journal.UnusableError as error:
            notice = (
                f"Its journal holds changes that could not be read ({error}): what was written"
                " shortly before the copy may be missing; clone it, and 'attach --mount' the clone."
            )
        else:
            replaced = len(found)
            view.renew(found, place.start, library.block_bytes)
            library = Library(view, place)  # anew: some of it may have been replaced
    return library, FileSystemInfo(
        kind=kinds.told_kind(place.kind, lambda at, length: view.read(place.start + at, length)),
        partition=place.partition,
        start=place.start,
        length=place.length,
        block=library.block_bytes,
        replayed=replaced,
        notice=notice,
    )
