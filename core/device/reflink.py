# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Sharing of storage between two files, and room that is held against what it takes later.

XFS and btrfs can let a range of one file lie on the very blocks of another (``FICLONERANGE``);
whichever of the two is written next gets fresh blocks. Other file systems may know the call, too.
They are not asked: that it gains time and survives a power cut was measured and tried on these two.

A write over shared blocks needs free space, though nothing gets longer. ``HeldRoom`` keeps as much
in a file without a name, which ends with the process however that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import stat
import struct
import threading
from pathlib import Path
from typing import Final

from core.device.holes import unshare_range

_CLONE_RANGE: Final = 0x4020940D  # FICLONERANGE
_CLONE: Final = struct.Struct("=qQQQ")  # descriptor, start, length, offset
_MAGICS: Final = frozenset({0x58465342, 0x9123683E})  # XFS, btrfs
_CANNOT: Final = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EPERM}
    | {errno.ETXTBSY, errno.ENOSPC, errno.EDQUOT, errno.EINTR, errno.EAGAIN}
)
"""The blocks cannot be shared here or not now. An error of the disk is none of these."""


def clone_range(target: int, offset: int, source: int, start: int, length: int) -> bool:
    """Let ``length`` bytes at ``offset`` of one file share storage with those of another.

    Returns:
        False where that is not possible; what the range holds is undefined then.

    Raises:
        OSError: Of the disk: what ``source`` had in the cache could not be written, for instance.
    """
    try:
        fcntl.ioctl(target, _CLONE_RANGE, _CLONE.pack(source, start, length, offset))
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def unshare(descriptor: int, offset: int, length: int) -> None:
    """Give a range blocks of its own where it shares some; do nothing where that cannot be."""
    if can_share(descriptor):
        unshare_range(descriptor, offset, length)


def can_share(descriptor: int) -> bool:
    """Return whether a file is a regular one on a file system that shares storage."""
    buffer = ctypes.create_string_buffer(256)  # struct statfs; its first field is the type
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or _c_fstatfs()(descriptor, buffer):
        return False
    return ctypes.c_long.from_buffer(buffer).value in _MAGICS


class HeldRoom:
    """Room on the disk of one file, held by files without a name in the same folder.

    Each portion is a file of its own: btrfs gives nothing back for a part of what was allocated.
    """

    def __init__(self, descriptor: int) -> None:
        """Hold nothing yet, beside the file behind ``descriptor``."""
        self._beside = descriptor
        self._portions: list[int] = []
        self._was_released = False
        self._lock = threading.Lock()

    def hold(self, length: int, count: int, /) -> bool:
        """Hold ``count`` portions of ``length`` bytes; return whether they are held, all of them.

        They are not where storage cannot be shared, for there is nothing to hold room for. After a
        ``release`` they never are again: the disk is full, and another try would take for a moment
        what was let go for somebody.
        """
        with self._lock:
            if self._was_released or self._portions:
                return not self._was_released
            if not can_share(self._beside):
                return False
            try:
                while len(self._portions) < count:
                    self._portions.append(self._nameless())
                    os.posix_fallocate(self._portions[-1], 0, length)
            except OSError:
                self._drop()
                return False
            return True

    def release(self) -> bool:
        """Give back one portion; return whether there was one left."""
        with self._lock:
            self._was_released = True
            if not self._portions:
                return False
            _give_back(self._portions.pop())
            return True

    def close(self) -> None:
        """Hold nothing any more."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        while self._portions:
            _give_back(self._portions.pop())

    def _nameless(self) -> int:
        """Open a new file without a name beside the one that is there.

        Raises:
            OSError: That folder takes none, or is on another disk.
        """
        folder = Path(os.path.realpath(f"/proc/self/fd/{self._beside}")).parent
        spare = os.open(folder, os.O_RDWR | os.O_TMPFILE, 0o600)
        if os.fstat(spare).st_dev != os.fstat(self._beside).st_dev:
            os.close(spare)
            raise OSError(errno.EXDEV, "the folder lies on another file system", str(folder))
        return spare


def _give_back(spare: int) -> None:
    # Cut before it is closed: the blocks of a closed file may be free only some time later.
    with contextlib.suppress(OSError):
        os.ftruncate(spare, 0)
    os.close(spare)


@functools.cache
def _c_fstatfs() -> ctypes._NamedFuncPointer:
    function = ctypes.CDLL(None, use_errno=True).fstatfs64
    function.argtypes = (ctypes.c_int, ctypes.c_void_p)
    return function
