# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Locks that keep a second writer away from an image and from its additional area.

All are open-file-description locks on the device's own descriptor: they end when it is closed or
its process dies, and no other open of the same file in this process can drop them by accident.

Every engine locks one byte of its own, exclusively to write, shared to read. On the image it takes
QEMU's bytes as well, by QEMU's rules (block/file-posix.c): a shared lock on byte 100 + n says "I
use permission n", one on byte 200 + n says "nobody else may use it". Nobody locks these
exclusively; whoever comes takes his own first and then asks whether a foreign one forbids them. So
qemu-system and qemu-img refuse a locked image, and an image they write to is refused here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import ImageError, VolumeBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN_BYTE: Final = 0x5250  # any but QEMU's; locks may lie off the end of a file
_PERMISSION_BASE: Final = 100
_FORBIDDEN_BASE: Final = 200
_CONSISTENT_READ: Final = 0
_WRITE: Final = 1
_RESIZE: Final = 3
_FLOCK: Final = struct.Struct("@hhqqi4x")  # l_type, l_whence, l_start, l_len, l_pid


def lock_area(descriptor: int, path: str, writable: bool) -> None:
    """Lock an additional area against other engines.

    Raises:
        RangepairError: ``VolumeBusyError`` when it is in use; ``ImageError`` where no locks are.
    """
    _take(descriptor, path, fcntl.F_WRLCK if writable else fcntl.F_RDLCK, _OWN_BYTE)


def lock_image(descriptor: int, path: str, writable: bool) -> None:
    """Lock an image against other engines and, by its own rules, against QEMU.

    Raises:
        RangepairError: ``VolumeBusyError`` when it is in use; ``ImageError`` where no locks are.
    """
    lock_area(descriptor, path, writable)
    used = (_CONSISTENT_READ, _WRITE, _RESIZE) if writable else (_CONSISTENT_READ,)
    forbidden = (_WRITE, _RESIZE)
    mine = [_PERMISSION_BASE + n for n in used] + [_FORBIDDEN_BASE + n for n in forbidden]
    against_me = [_FORBIDDEN_BASE + n for n in used] + [_PERMISSION_BASE + n for n in forbidden]
    for byte in mine:
        _take(descriptor, path, fcntl.F_RDLCK, byte)
    for byte in against_me:
        if _is_held_elsewhere(descriptor, byte):
            raise _busy(descriptor, path, byte)


def _take(descriptor: int, path: str, kind: int, byte: int) -> None:
    request = _FLOCK.pack(kind, os.SEEK_SET, byte, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, request)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            raise _busy(descriptor, path, byte) from error
        raise ImageError(
            f"cannot lock {path}: its file system has no locks ({error.strerror}); "
            "move it to a local disk"
        ) from error


def _is_held_elsewhere(descriptor: int, byte: int) -> bool:
    request = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, request)
    return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)


def _busy(descriptor: int, path: str, byte: int) -> VolumeBusyError:
    holder = next(_holders(descriptor, byte), None)
    if holder is None:
        return VolumeBusyError(f"{path} is in use by another program; close it there first")
    if holder == os.getpid():
        return VolumeBusyError(f"{path} is open already in this program; close it there first")
    name = _first_line(f"/proc/{holder}/comm") or "another program"
    return VolumeBusyError(f"{path} is in use by {name} (process {holder}); close it there first")


def _holders(descriptor: int, byte: int) -> Iterator[int]:
    """Yield the processes, of those that may be looked into, that hold a lock on ``byte``.

    The kernel answers -1 for the owner of a description lock, so ask each process for its files.
    """
    asked = os.fstat(descriptor)
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        process, number = int(entry.parts[2]), entry.name
        if process == os.getpid() and number == str(descriptor):
            continue
        try:
            found = entry.stat()
            if (found.st_dev, found.st_ino) == (asked.st_dev, asked.st_ino) and _covers(
                Path(f"/proc/{process}/fdinfo/{number}").read_text("utf-8"), byte
            ):
                yield process
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue


def _covers(descriptor_info: str, byte: int) -> bool:
    """Return whether a lock line (``lock: 1: OFDLCK ADVISORY READ -1 fe:00:13 100 101``) does."""
    for line in descriptor_info.splitlines():
        if line.startswith("lock:"):
            *_, first, last = line.split()
            if int(first) <= byte and (last == "EOF" or byte <= int(last)):
                return True
    return False


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace").partition("\n")[0]
    except OSError:
        return ""
