# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Opening and making the two files of a volume: checked, locked, and set up for their load."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.device.direct import filesystem_of
from core.device.imagefile import FileDevice
from core.device.locks import lock_area, lock_image
from core.device.refusals import explain_create
from core.errors import ImageError
from core.units import SECTOR_BYTES, VOLUME_BYTES_MAX

if TYPE_CHECKING:
    from _typeshed import StrPath

_AREA: Final = "additional area"
PARTIAL_SUFFIX: Final = ".partial"
"""Follows the name of an additional area that is being made."""


def open_image(path: StrPath, *, writable: bool = True) -> FileDevice:
    """Open and lock an image.

    Raises:
        RangepairError: ``VolumeBusyError`` when another engine or QEMU has it, ``ReadOnlyError`` on
            a read-only file system, ``ImageError`` for every other reason.
    """
    image = FileDevice.open(path, writable=writable, lock=lock_image)
    try:
        _check_size(image.path, image.size)
        image.advise_random()
    except BaseException:
        image.close()
        raise
    return image


def create_image(path: StrPath, size: int) -> FileDevice:
    """Make and lock an image of ``size`` bytes that is one hole; never replace a file.

    Raises:
        RangepairError: ``ImageError`` or ``ReadOnlyError``. No file is left behind then.
    """
    check_new_size(size)
    image = FileDevice.create(path, mode=0o666, lock=lock_image)
    try:
        image.resize(size)
        image.advise_random()
        sync_folder(path)
    except BaseException:
        image.close()
        Path(path).unlink()
        raise
    return image


def open_area(path: StrPath, *, writable: bool = True) -> FileDevice:
    """Open and lock an additional area, direct where its file system can.

    Raises:
        RangepairError: ``VolumeBusyError``, ``ReadOnlyError`` or ``ImageError``.
    """
    return FileDevice.open(path, writable=writable, direct=True, lock=lock_area, what=_AREA)


def create_area(path: StrPath, image: FileDevice) -> FileDevice:
    """Make and lock an empty additional area, as hard to read as the image whose data it keeps.

    It has a name of its own until ``place_area`` gives it ``path``: what a loss of power leaves of
    one that was not filled yet must not be taken for an additional area. The lock on the image
    keeps others from making one at the same time.

    Raises:
        RangepairError: ``ImageError`` or ``ReadOnlyError``.
    """
    name = os.fspath(path)
    refuse_existing(name, _AREA)
    _refuse_memory(name)
    try:
        Path(f"{name}{PARTIAL_SUFFIX}").unlink(missing_ok=True)
    except OSError as error:
        raise explain_create(name, _AREA, error) from error
    return FileDevice.create(
        f"{name}{PARTIAL_SUFFIX}",
        mode=image.mode,
        direct=True,
        lock=lock_area,
        what=_AREA,
        shown=name,
    )


def place_area(area: FileDevice, path: StrPath) -> None:
    """Give a filled additional area its name, durably; its content must be durable already.

    Raises:
        RangepairError: ``ImageError`` when something took the name meanwhile.
    """
    name = os.fspath(path)
    refuse_existing(name, _AREA)
    Path(area.path).rename(name)
    area.path = name
    sync_folder(path)


def _refuse_memory(path: str) -> None:
    """Refuse the folder of device nodes, which a restart empties; it is beside a block device."""
    try:
        filesystem = filesystem_of(Path(path).parent.stat().st_dev)
    except OSError as error:
        raise explain_create(path, _AREA, error) from error
    if filesystem == "devtmpfs":
        raise ImageError(
            f"the additional area {path} would be lost with the next restart, for its folder is "
            "kept in memory; choose a place on a disk with --area"
        )


def refuse_existing(path: str, what: str = "image") -> None:
    """Refuse to make what is there already.

    Raises:
        ImageError: It is.
    """
    if os.path.lexists(path):
        raise explain_create(path, what, OSError(errno.EEXIST, "exists"))


def sync_folder(path: StrPath) -> None:
    """Make the name of a new file durable: a sync of the file alone need not do that."""
    descriptor = os.open(Path(path).parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_new_size(size: int) -> None:
    """See to it that a new image, or a volume, may have this size.

    Raises:
        ImageError: It may not, and why.
    """
    if size < SECTOR_BYTES:
        raise ImageError(f"an image cannot have {size} bytes; choose {SECTOR_BYTES} or more")
    if size > VOLUME_BYTES_MAX:
        raise ImageError(
            f"an image cannot have {size} bytes; choose at most {VOLUME_BYTES_MAX}, which is the "
            "largest volume"
        )
    if size % SECTOR_BYTES:
        raise ImageError(
            f"an image cannot have {size} bytes, which is no multiple of {SECTOR_BYTES}; choose "
            f"{size + -size % SECTOR_BYTES}"
        )


def _check_size(path: str, size: int) -> None:
    if size <= 0:
        raise ImageError(
            f"the image {path} is empty; give it a size of at least {SECTOR_BYTES} bytes"
        )
    if size > VOLUME_BYTES_MAX:
        raise ImageError(
            f"the image {path} cannot have {size} bytes; the largest volume has {VOLUME_BYTES_MAX}"
        )
    if size % SECTOR_BYTES:
        rounded = size + -size % SECTOR_BYTES
        raise ImageError(
            f"the image {path} has {size} bytes, which is no multiple of {SECTOR_BYTES}; "
            f"a disk image would have {rounded}: `truncate -s {rounded}` adds the rest as zeroes"
        )
