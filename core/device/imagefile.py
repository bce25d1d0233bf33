# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Regular files and block devices as devices.

Reads and plain writes go through the page cache, which is the read cache of the volume. A direct
file has a second descriptor with O_DIRECT, used by durable writes alone: they leave the cache to
the volume and are write and sync in one call. The kernel keeps both coherent: a direct write first
writes back, then drops the cached pages it replaces.

Where a file system refuses O_DIRECT, found out at open, a durable write is a buffered write and an
``fdatasync``. The same holds on FUSE, which hands RWF_DSYNC to a program that may ignore it.
"""

from __future__ import annotations

import errno
import functools
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn, Self

from core.device.base import writev_all
from core.device.direct import open_direct
from core.device.holes import (
    fill_holes,
    find_data,
    give_back,
    has_holes,
    punch_hole,
    zero_range,
)
from core.device.reflink import HeldRoom, clone_range, unshare
from core.device.refusals import explain_create, explain_open, refuse_kind
from core.errors import AreaFullError, ImageError, VolumeBusyError
from core.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import ReadableBuffer, StrPath

    from core.device.base import Device
    from core.extent import Extent

    Lock = Callable[[int, str, bool], None]  # descriptor, path, writable

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileDevice:
    """A regular file or block device that is open.

    Attributes:
        path: As it was given.
        size: Bytes now.
        direct: Whether durable writes go past the page cache and must be aligned.
        writable: Whether writes are possible at all.
    """

    def __init__(self, path: str, descriptor: int, *, writable: bool, direct: bool) -> None:
        """Take over ``descriptor``; ``open`` and ``create`` are the ways in."""
        self.path = path
        self.writable = writable
        self.size = os.lseek(descriptor, 0, os.SEEK_END)
        self._descriptor: int | None = descriptor
        self._is_block = stat.S_ISBLK(os.fstat(descriptor).st_mode)
        self._has_holes = writable and has_holes(descriptor)
        self._direct_descriptor = open_direct(descriptor) if direct and writable else None
        self.direct = self._direct_descriptor is not None
        self._held = HeldRoom(descriptor)
        self.hold_room, self.release_room = self._held.hold, self._held.release
        self.pread = functools.partial(os.pread, descriptor)
        self.preadv = functools.partial(os.preadv, descriptor)
        self.pwrite = functools.partial(os.pwrite, descriptor)
        self.pwritev = functools.partial(os.pwritev, descriptor)
        self.sync = functools.partial(os.fdatasync, descriptor)

    @classmethod
    def open(
        cls,
        path: StrPath,
        *,
        writable: bool = True,
        direct: bool = False,
        lock: Lock | None = None,
        what: str = "image",
    ) -> Self:
        """Open what exists already.

        Args:
            path: A regular file or block device.
            writable: Ask for write access.
            direct: Let durable writes pass the page cache by, where the file system can.
            lock: Takes the locks, on the descriptor, before anything is read; they end with it.
            what: The part this file plays, for error messages.

        Raises:
            RangepairError: ``ImageError``, ``ReadOnlyError`` or ``VolumeBusyError``.
        """
        name = os.fspath(path)
        try:
            mode = Path(name).stat().st_mode
            refuse_kind(name, what, mode)
            flags = (os.O_RDWR if writable else os.O_RDONLY) | os.O_NOCTTY
            if writable and stat.S_ISBLK(mode):
                flags |= os.O_EXCL  # a mounted device answers EBUSY
            descriptor = os.open(name, flags)
        except OSError as error:
            raise explain_open(name, what, error) from error
        return cls._adopt(name, descriptor, writable=writable, direct=direct, lock=lock)

    @classmethod
    def create(
        cls,
        path: StrPath,
        *,
        mode: int = 0o600,
        direct: bool = False,
        lock: Lock | None = None,
        what: str = "image",
        shown: str = "",
    ) -> Self:
        """Make an empty file with permission bits ``mode``; never replace one.

        ``shown`` is the name that errors tell, if not ``path``.

        Raises:
            RangepairError: ``ImageError`` or ``ReadOnlyError``.
        """
        name = os.fspath(path)
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        except OSError as error:
            raise explain_create(shown or name, what, error) from error
        return cls._adopt(name, descriptor, writable=True, direct=direct, lock=lock)

    @classmethod
    def _adopt(
        cls, name: str, descriptor: int, *, writable: bool, direct: bool, lock: Lock | None
    ) -> Self:
        try:
            if lock is not None:
                lock(descriptor, name, writable)
                _refuse_replaced(descriptor, name)
            return cls(name, descriptor, writable=writable, direct=direct)
        except BaseException:
            os.close(descriptor)
            raise

    @property
    def is_block_device(self) -> bool:
        """Whether it is a block device, whose size nobody changes here."""
        return self._is_block

    @property
    def is_removed(self) -> bool:
        """Whether no name leads to the file any more, so that it goes when it is closed."""
        return not self._is_block and not os.fstat(self._number).st_nlink

    @property
    def is_cut(self) -> bool:
        """Whether somebody else made the file shorter meanwhile."""
        return not self._is_block and os.fstat(self._number).st_size < self.size

    @property
    def mtime_ns(self) -> int:
        """Time of the last change in nanoseconds; 0 for a block device, which has none."""
        return 0 if self._is_block else os.fstat(self._number).st_mtime_ns

    def durable_mtime_ns(self) -> int:
        """Return ``mtime_ns`` once it is durable, which a ``sync`` of content alone leaves open."""
        os.fsync(self._number)
        return self.mtime_ns

    @property
    def mode(self) -> int:
        """Permission bits, for files that must be guarded as well as this one."""
        return stat.S_IMODE(os.fstat(self._number).st_mode)

    @property
    def stored_bytes(self) -> int:
        """Bytes that the file takes on its disk, without directory entry and inode."""
        return os.fstat(self._number).st_blocks * 512

    @property
    def room_bytes(self) -> int | None:
        """Bytes that its file system has for this user; None for a block device."""
        if self._is_block:
            return None
        status = os.fstatvfs(self._number)
        return status.f_bavail * status.f_frsize

    def pwritev_durable(self, buffers: Sequence[ReadableBuffer], offset: int, /) -> int:
        """Write all of ``buffers``; they are durable on return."""
        if self._direct_descriptor is not None:
            return writev_all(self._pwritev_direct, buffers, offset)
        count = writev_all(self.pwritev, buffers, offset)
        self.sync()
        return count

    def allocate(self, offset: int, length: int, /) -> None:
        """Reserve storage for a range, growing the file to hold it."""
        if self._is_block:
            if offset + length > self.size:
                raise self._full(offset + length)
            return
        try:
            os.posix_fallocate(self._number, offset, length)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise self._full(offset + length) from error
        finally:
            self.size = os.lseek(self._number, 0, os.SEEK_END)

    @property
    def has_holes(self) -> bool:
        """Whether a range of the file may have no storage."""
        return self._has_holes

    def fill_holes(self, offset: int, length: int, /) -> None:
        """See to it that a later write of a range within the file finds room; bytes stay.

        Raises:
            AreaFullError: There is none.
        """
        if not self._has_holes:
            return
        try:
            fill_holes(self._number, offset, length)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise self._full(offset + length) from error

    def punch(self, offset: int, length: int, /) -> None:
        """Make the part of a range within the file read as zeroes, and give its storage back."""
        self._has_holes = True
        punch_hole(self._number, offset, self._within(offset, length))

    def discard(self, offset: int, length: int, /) -> bool:
        """Give back the storage of the part of a range within the file, where that is possible."""
        return give_back(self._number, offset, self._within(offset, length))

    def clone(self, source: Device, start: int, length: int, offset: int, /) -> bool:
        """Let a range share storage with one of another file, where that is possible."""
        number = source._number if isinstance(source, FileDevice) else -1  # noqa: SLF001
        return number >= 0 and clone_range(self._number, offset, number, start, length)

    def unshare(self, offset: int, length: int, /) -> None:
        """Give the part of a range within the file storage of its own, where that is possible."""
        unshare(self._number, offset, self._within(offset, length))

    def zero(self, offset: int, length: int, /) -> None:
        """Make the part of a range within the file read as zeroes, with its storage kept."""
        zero_range(self._number, offset, self._within(offset, length))

    def resize(self, length: int, /) -> None:
        """Cut the file, or grow it with a hole, to ``length`` bytes."""
        if self._is_block:
            raise ImageError(f"{self.path} is a block device; its size cannot be changed here")
        try:
            os.ftruncate(self._number, length)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise explain_create(self.path, "image", error) from error
        self._has_holes |= length > self.size
        self.size = length

    def look_at_size(self) -> int:
        """Return the size that the file or device has by now, whoever changed it."""
        self.size = os.lseek(self._number, 0, os.SEEK_END)
        return self.size

    def data_extents(self, start: int, stop: int, /) -> Iterator[Extent]:
        """Yield the ranges within ``[start, stop)`` that are no holes."""
        return find_data(self._number, start, min(stop, self.size))

    def advise_willneed(self, offset: int, length: int, /) -> None:
        """Let the kernel read a range ahead."""
        os.posix_fadvise(self._number, offset, length, os.POSIX_FADV_WILLNEED)

    def advise_random(self) -> None:
        """Switch readahead off for the whole file.

        Pages that sequential readahead brought in lie in large folios, and a 4 KiB write into one
        costs ten times as much (measured on ext4: 14-21 us against 1.5-2.2 us).
        """
        os.posix_fadvise(self._number, 0, 0, os.POSIX_FADV_RANDOM)

    def close(self) -> None:
        """Close the descriptors, which ends the locks."""
        numbers = (self._descriptor, self._direct_descriptor)
        self._descriptor = self._direct_descriptor = None
        self._held.close()
        for number in numbers:
            if number is not None:
                os.close(number)
        closed = functools.partial(_raise_closed, self.path)
        self.pread = self.preadv = self.pwrite = self.pwritev = self.sync = closed  # type: ignore[assignment]

    @property
    def _number(self) -> int:
        if self._descriptor is None:
            _raise_closed(self.path)
        return self._descriptor

    def _pwritev_direct(self, buffers: Sequence[ReadableBuffer], offset: int) -> int:
        if self._direct_descriptor is None:
            _raise_closed(self.path)
        return os.pwritev(self._direct_descriptor, buffers, offset, os.RWF_DSYNC)

    def _within(self, offset: int, length: int) -> int:
        return max(0, min(length, self.size - offset))

    def _full(self, size: int) -> AreaFullError:
        if size <= self.size:
            return AreaFullError(
                f"the disk that holds {self.path} is full, so the write was refused; free space "
                "there and try again"
            )
        return AreaFullError(
            f"{self.path} cannot grow to {format_bytes(size)}: there is no room for it; "
            "free some space or purge copies that are no longer needed"
        )


def _refuse_replaced(descriptor: int, name: str) -> None:
    """Refuse a file whose name went to another one before the lock was taken."""
    try:
        is_same = os.path.samestat(os.fstat(descriptor), Path(name).stat())
    except FileNotFoundError:
        is_same = False
    if not is_same:
        raise VolumeBusyError(f"{name} was replaced while it was being opened; try again")


def _raise_closed(path: str, *_: object) -> NoReturn:
    raise OSError(errno.EBADF, "the device is closed", path)
