# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Taking away a folder that was made here, however deep it is and whatever permissions it has."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def discard(folder: Path) -> None:
    """Remove a folder with all that is in it, as far as the system lets us."""
    with contextlib.suppress(OSError):
        _empty(folder)
        folder.rmdir()


def _empty(folder: Path) -> None:
    """Remove what is in a folder, with one descriptor open however deep it goes."""
    folder.chmod(0o700)
    at = os.open(folder, _FOLDER)
    waiting = [_remove_files(at)]
    names = list[str]()
    try:
        while waiting:
            if waiting[-1]:
                name = waiting[-1].pop()
                os.chmod(name, 0o700, dir_fd=at)
                at = _step(at, name)
                names.append(name)
                waiting.append(_remove_files(at))
                continue
            waiting.pop()
            if names:
                at = _step(at, "..")
                os.rmdir(names.pop(), dir_fd=at)
    finally:
        os.close(at)


def _step(at: int, name: str) -> int:
    """Return the descriptor of a folder beside another one, which is closed."""
    found = os.open(name, _FOLDER, dir_fd=at)
    os.close(at)
    return found


def _remove_files(at: int) -> list[str]:
    """Remove what is no folder; return the folders."""
    folders = list[str]()
    with os.scandir(at) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=at)
    return folders
