# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""System calls that Python has no function for: mounting, unmounting, whose writes these are.

All of them give the interpreter's lock away, so that the threads that answer the kernel can do so
while a call waits for their answer.
"""

from __future__ import annotations

import ctypes
import os
from enum import IntFlag
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import StrPath

NO_SUID: Final = 2
NO_DEVICES: Final = 4
_SET_IO_FLUSHER: Final = 57

_libc = ctypes.CDLL(None, use_errno=True)


class Unmounting(IntFlag):
    """How hard to unmount; 0 is refused while the mount is in use."""

    FORCE = 1
    """End what waits for an answer, too."""
    LAZY = 2
    """Take it out of the tree now, and the rest when nobody uses it any more."""
    EXPIRE = 4
    """Only mark it, and say EAGAIN if nobody uses it; unmount it if it was marked already."""


def mount(source: str, target: StrPath, kind: str, flags: int, options: str) -> None:
    """Mount a file system.

    Raises:
        OSError: The kernel refused.
    """
    _check(
        _libc.mount(
            os.fsencode(source), os.fsencode(target), kind.encode(), flags, os.fsencode(options)
        ),
        target,
    )


def unmount(target: StrPath, how: int = 0) -> None:
    """Unmount what is mounted at ``target``.

    Raises:
        OSError: It is in use (EBUSY), or nothing is mounted there (EINVAL).
    """
    _check(_libc.umount2(os.fsencode(target), how), target)


def sync_file_system(descriptor: int) -> None:
    """Write back everything of the file system in which a file is open.

    Raises:
        OSError: That failed.
    """
    _check(_libc.syncfs(descriptor), None)


def become_io_flusher() -> bool:
    """Tell the kernel that this thread, and those it starts, carry out other programs' writes.

    Returns:
        Whether it listened; it asks for CAP_SYS_RESOURCE.
    """
    return bool(_libc.prctl(_SET_IO_FLUSHER, 1, 0, 0, 0) == 0)


def _check(result: int, path: StrPath | None) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), None if path is None else os.fspath(path))
