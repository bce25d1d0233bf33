# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Why a file cannot be opened, in one sentence a person can act on."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from core.errors import ImageError, RangepairError, ReadOnlyError, VolumeBusyError

_REASONS: Final = {
    errno.ENOENT: "there is no such file; check the path",
    errno.ENOTDIR: "a part of its path is no folder; check the path",
    errno.EISDIR: "it is a folder; name a file in it",
    errno.EACCES: "permission is denied; ask its owner for access",
    errno.EPERM: "the system does not permit it; look whether the file is marked immutable",
    errno.ELOOP: "its symbolic links go round in circles; name the file itself",
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
    errno.ENOSPC: "the disk is full; free some space on it",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EMFILE: "too many files are open; close some programs",
    errno.ENXIO: "no device answers behind it; name an image file or a block device",
}

_NEW_REASONS: Final = {
    errno.ENOENT: "its folder does not exist; make that first, or choose another path",
    errno.EEXIST: "it exists already; choose another name or remove it first",
    errno.EACCES: "permission is denied in its folder; choose another, or ask its owner for access",
    errno.EROFS: "its file system is mounted read-only; choose another folder",
    errno.EFBIG: "its file system takes no file of this size; choose a smaller one",
}
"""Where what is wrong with a new file is something else than with one that should be there."""


def explain_open(path: str, what: str, error: OSError) -> RangepairError:
    """Return the error to tell for a failed open of ``path``, the ``what`` of a volume."""
    if error.errno == errno.EROFS:
        return ReadOnlyError(
            f"cannot write to the {what} {path}: its file system is mounted read-only; "
            "open it read-only or copy it elsewhere"
        )
    if error.errno in {errno.EBUSY, errno.ETXTBSY}:
        return VolumeBusyError(
            f"cannot open the {what} {path}: it is mounted or in use by another program; "
            "unmount it or close it there first"
        )
    reason = _REASONS.get(error.errno or 0, f"{error.strerror}; check the disk")
    return ImageError(f"cannot open the {what} {path}: {reason}")


def explain_create(path: str, what: str, error: OSError) -> RangepairError:
    """Return the error to tell when ``path``, the ``what`` of a volume, cannot be made."""
    number = error.errno or 0
    known = _REASONS | _NEW_REASONS
    reason = known.get(number, f"{error.strerror}; check the disk")
    kind = ReadOnlyError if number == errno.EROFS else ImageError
    return kind(f"cannot make the {what} {path}: {reason}")


def refuse_kind(path: str, what: str, mode: int) -> None:
    """Refuse what is neither a regular file nor a block device, by its ``st_mode``.

    Raises:
        ImageError: It is a folder, a pipe, a socket or a character device.
    """
    if stat.S_ISREG(mode) or stat.S_ISBLK(mode):
        return
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a character device"),
    )
    kind = next((name for test, name in kinds if test(mode)), "something else")
    raise ImageError(
        f"cannot open the {what} {path}: it is {kind}; name an image file or a block device"
    )


def readable_path(path: str) -> str:
    """Return a path as text that every encoder takes; bytes that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
