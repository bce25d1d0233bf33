# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Holes in files: make them, fill them with zeroes, find what lies between them.

Python knows no ``fallocate`` with a mode, so that one call goes to the C library.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
from typing import TYPE_CHECKING, Final

from core.extent import Extent

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEEP_SIZE: Final = 0x01
_PUNCH_HOLE: Final = 0x02
_ZERO_RANGE: Final = 0x10
_UNSHARE_RANGE: Final = 0x40
_UNSUPPORTED: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV, errno.EINVAL})
_ZEROES: Final = bytes(1 << 20)


def punch_hole(descriptor: int, offset: int, length: int) -> None:
    """Make a range read as zeroes and give its storage back; write zeroes where that is refused."""
    if length and not _fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, offset, length):
        _write_zeroes(descriptor, offset, length)


def give_back(descriptor: int, offset: int, length: int) -> bool:
    """Give the storage of a range back; return False where that is refused. Writes nothing."""
    return not length or _fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, offset, length)


def zero_range(descriptor: int, offset: int, length: int) -> None:
    """Make a range read as zeroes with its storage kept; write zeroes where that is refused."""
    if length and not _fallocate(descriptor, _ZERO_RANGE | _KEEP_SIZE, offset, length):
        _write_zeroes(descriptor, offset, length)


def fill_holes(descriptor: int, offset: int, length: int) -> None:
    """Give a range storage where it has none, or do nothing where that is refused; bytes stay.

    ``posix_fallocate`` would write zeroes there, over what another thread has just written.
    """
    if length:
        _fallocate(descriptor, _KEEP_SIZE, offset, length)


def unshare_range(descriptor: int, offset: int, length: int) -> None:
    """Give a range blocks of its own, or do nothing where that is refused; bytes stay."""
    if length:
        _fallocate(descriptor, _UNSHARE_RANGE | _KEEP_SIZE, offset, length)


def has_holes(descriptor: int) -> bool:
    """Return whether a file may have a hole; block devices, whose owner knows, have none."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return False
    if status.st_blocks * 512 < status.st_size:
        return True
    try:
        return os.lseek(descriptor, 0, os.SEEK_HOLE) < status.st_size
    except OSError as error:
        return error.errno != errno.ENXIO  # there is no byte that could lie in one


def find_data(descriptor: int, start: int, stop: int) -> Iterator[Extent]:
    """Yield what may hold data within ``[start, stop)``: all of it where holes are not told."""
    while start < stop:
        try:
            first = os.lseek(descriptor, start, os.SEEK_DATA)
            after = os.lseek(descriptor, first, os.SEEK_HOLE) if first < stop else stop
        except OSError as error:
            if error.errno == errno.ENXIO:  # no data up to the end of the file
                return
            if error.errno not in _UNSUPPORTED:
                raise
            first, after = start, stop
        if first >= stop:
            return
        yield Extent(first, min(after, stop) - first)
        start = after


@functools.cache
def _c_fallocate() -> ctypes._NamedFuncPointer:
    function = ctypes.CDLL(None, use_errno=True).fallocate64
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    return function


def _fallocate(descriptor: int, mode: int, offset: int, length: int) -> bool:
    """Return whether the file system knows this mode of ``fallocate``."""
    while _c_fallocate()(descriptor, mode, offset, length):
        code = ctypes.get_errno()
        if code in _UNSUPPORTED:
            return False
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))
    return True


def _write_zeroes(descriptor: int, offset: int, length: int) -> None:
    stop = offset + length
    while offset < stop:
        count = os.pwrite(descriptor, memoryview(_ZEROES)[: stop - offset], offset)
        if count <= 0:
            raise OSError(errno.EIO, f"nothing could be written at byte {offset}")
        offset += count
