# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Every error a user can meet: one tree, one sentence each, a stable code and an exit status.

A message says what happened, why, and what to do, in one sentence that is fit for standard error,
a banner in the window and a message over the control socket alike. ``code`` never changes once
released; ``errno`` is what a block client (NBD, FUSE) is told.
"""

from __future__ import annotations

import errno as _errno
from typing import ClassVar, Self

EXIT_DONE = 0
EXIT_ERROR = 1
EXIT_CORRUPTION = 2
EXIT_LEAK = 3
EXIT_USAGE = 64


class RangepairError(Exception):
    """Base of all errors that are told to a user as one sentence."""

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = EXIT_ERROR
    errno: ClassVar[int] = _errno.EIO

    def __init__(self, message: str) -> None:
        """Keep the sentence; what no encoder takes, like a path that is no text, is written out."""
        self.message = message.encode("utf-8", "backslashreplace").decode()
        super().__init__(self.message)


class UsageError(RangepairError):
    """The command line or request makes no sense."""

    code = "usage"
    exit_status = EXIT_USAGE
    errno = _errno.EINVAL


class ImageError(RangepairError):
    """The image cannot be opened: missing, a directory, empty, of odd size, no permission."""

    code = "image"
    errno = _errno.ENOENT


class ImageChangedError(RangepairError):
    """The image was changed by another program while copies existed."""

    code = "image-changed"
    errno = _errno.EROFS


class ImageSizeError(ImageChangedError):
    """The image has another size than its additional area was made for."""

    code = "image-size"


class VolumeBusyError(RangepairError):
    """Another program holds the image or its additional area."""

    code = "busy"
    errno = _errno.EBUSY


class ReadOnlyError(RangepairError):
    """The volume, or the copy written to, takes no writes."""

    code = "read-only"
    errno = _errno.EROFS


class InvalidRangeError(RangepairError):
    """Offset or length off the end of the volume or off the sector."""

    code = "range"
    errno = _errno.EINVAL

    @classmethod
    def outside(cls, offset: int, length: int, size: int) -> Self:
        """Return what to tell of a range that does not lie within a volume of ``size`` bytes."""
        if length < 0 and 0 <= offset <= size:
            return cls(f"A range cannot have {length} bytes; choose 0 or more.")
        many = "1 byte" if length == 1 else f"{length} bytes"
        what = f"range of {many} at {offset}" if length > 0 else f"offset {offset}"
        passes = "passes the end" if offset >= 0 else "lies before the beginning"
        return cls(f"The {what} {passes} of the volume's {size} bytes; choose one within them.")


class InvalidNameError(RangepairError):
    """A copy's name is empty, too long, reserved, or holds a character that names must not."""

    code = "name"
    errno = _errno.EINVAL


class NameTakenError(InvalidNameError):
    """Another copy has this name."""

    code = "name-taken"
    errno = _errno.EEXIST


class NoSuchCopyError(RangepairError):
    """No copy has this name."""

    code = "no-such-copy"
    errno = _errno.ENOENT

    @classmethod
    def named(cls, name: str) -> Self:
        """Return what to tell of a name that no copy has, not even a deleted one."""
        return cls(f"There is no copy named {name!r}; 'rangepair list --all' shows them all.")


class CopyInUseError(RangepairError):
    """The copy is locked, or something still depends on it."""

    code = "in-use"
    errno = _errno.EBUSY


class TooManyCopiesError(RangepairError):
    """The volume holds as many copies as the format allows."""

    code = "too-many"
    errno = _errno.ENOSPC


class AreaFullError(RangepairError):
    """A file cannot grow; the write that needed room was refused, nothing was lost."""

    code = "area-full"
    errno = _errno.ENOSPC


class AdditionalAreaFullError(AreaFullError):
    """The same, and certainly the additional area: what is dropped there makes room for a write."""


class DeviceFailedError(RangepairError):
    """A write or sync of either file failed; the volume is read-only from then on."""

    code = "device-failed"
    errno = _errno.EIO


class FormatError(RangepairError):
    """The additional area's file is not one, or its format is newer than this program."""

    code = "format"
    errno = _errno.EINVAL


class FingerprintError(FormatError):
    """What the image looked like when it was closed cannot be read, so nothing can be compared."""

    code = "fingerprint"


class CorruptAreaError(RangepairError):
    """A structure or extent of the additional area fails its checksum."""

    code = "corrupt"
    exit_status = EXIT_CORRUPTION
    errno = _errno.EIO


class StreamError(RangepairError):
    """A stream of differences is cut off, damaged, or of another kind."""

    code = "stream"
    errno = _errno.EINVAL


class TransferError(RangepairError):
    """A view cannot be put out, or a stream not be put in, as things are."""

    code = "transfer"
    errno = _errno.EINVAL


class AttachError(RangepairError):
    """A view cannot be made a file, a loop device or a mounted file system, or not be unmade."""

    code = "attach"
    errno = _errno.EBUSY


class FreezeError(RangepairError):
    """A file system cannot be held still while a copy is taken."""

    code = "freeze"
    errno = _errno.EBUSY


class MeasureError(RangepairError):
    """Something cannot be measured here: a program is missing, or did not get through."""

    code = "measure"


class FilesError(RangepairError):
    """The file system inside a view, or a file of it, cannot be read or put out."""

    code = "files"
    errno = _errno.EINVAL


class EngineGoneError(RangepairError):
    """The engine process ended or stopped answering."""

    code = "engine-gone"
    errno = _errno.ENOTCONN


ERRORS_BY_CODE: dict[str, type[RangepairError]] = {
    kind.code: kind
    for kind in (
        RangepairError,
        UsageError,
        ImageError,
        ImageChangedError,
        ImageSizeError,
        VolumeBusyError,
        ReadOnlyError,
        InvalidRangeError,
        InvalidNameError,
        NameTakenError,
        NoSuchCopyError,
        CopyInUseError,
        TooManyCopiesError,
        AreaFullError,
        DeviceFailedError,
        FormatError,
        FingerprintError,
        CorruptAreaError,
        StreamError,
        TransferError,
        AttachError,
        FreezeError,
        MeasureError,
        FilesError,
        EngineGoneError,
    )
}
