# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A file as a block device of the kernel's, with its partitions.

The device is set up to go away with its last user, and this process stays one as long as it is
attached: should the process be killed, the device lasts only as long as it is mounted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from pathlib import Path
from typing import Final

from core.attach.programs import run
from core.attached import AttachedPartition
from core.errors import AttachError
from core.units import SECTOR_BYTES

_CONFIGURE: Final = 0x4C0A
_CLEAR: Final = 0x4C01
_FIND_FREE: Final = 0x4C82
_FLUSH_BUFFERS: Final = 0x1261
_CONFIGURATION: Final = struct.Struct("=II40sIIII64s64s32s16s64x")
"""descriptor, block size, zeroes, number, cipher, length of key, flags, name, and more zeroes"""
_READ_ONLY: Final = 1
_AUTOCLEAR: Final = 4
_SCAN_PARTITIONS: Final = 8
_DIRECT: Final = 16
_ATTEMPTS: Final = 16
_BOOT_MAGIC: Final = b"\x55\xaa"
_BOOT_MAGIC_AT: Final = 510
"""Where tables of partitions, of either kind, have it."""
NODES_S_MAX: Final = 5.0
"""How long the nodes of partitions may take to appear."""
_LOOK_AGAIN_S: Final = 0.02


class LoopDevice:
    """A loop device over a file.

    Attributes:
        path: Of the block device.
        is_direct: Whether it goes past the page cache.
    """

    def __init__(self, file: Path, *, read_only: bool) -> None:
        """Set up a free loop device over ``file``.

        Raises:
            AttachError: There is none, or it was refused.
        """
        backing = os.open(file, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
        try:
            self._descriptor, self.path = _configure(backing, file, read_only=read_only)
        finally:
            os.close(backing)
        self.is_direct = _fact(self.path, "loop/dio") == "1"

    @property
    def nodes(self) -> list[str]:
        """The device itself and all of its partitions."""
        return [self.path, *(partition.device for partition in self.partitions())]

    def partitions(self) -> list[AttachedPartition]:
        """Return the partitions that the kernel found."""
        return partitions_of(self.path)

    def find_partitions(self) -> None:
        """Have the partitions found where the kernel was built without knowing their tables."""
        if os.pread(self._descriptor, len(_BOOT_MAGIC), _BOOT_MAGIC_AT) == _BOOT_MAGIC:
            run("partx", "--add", self.path)  # it fails if that was no table after all

    def forget_pages(self) -> None:
        """Drop what was read to find partitions: who writes to the file would not be seen there."""
        fcntl.ioctl(self._descriptor, _FLUSH_BUFFERS, 0)

    def await_nodes(self) -> None:
        """Return when every partition has its node in ``/dev``.

        Raises:
            AttachError: One has none.
        """
        deadline = time.monotonic() + NODES_S_MAX
        while missing := [node for node in self.nodes if not Path(node).exists()]:
            if time.monotonic() >= deadline:
                raise AttachError(
                    f"The kernel found {missing[0]}, but there is no such node in /dev; in a"
                    " container, mount devtmpfs there."
                )
            time.sleep(_LOOK_AGAIN_S)

    def claim(self) -> None:
        """See to it that nobody else uses the device or a partition, nor can begin to.

        Raises:
            OSError: Somebody does (EBUSY).
        """
        claimed = os.open(self.path, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
        os.close(self._descriptor)
        self._descriptor = claimed

    def close(self) -> None:
        """Give the device back. Others that have it open keep it until they close it."""
        try:
            fcntl.ioctl(self._descriptor, _CLEAR)
        except OSError as error:
            if error.errno != errno.ENXIO:  # it is free already
                raise
        finally:
            os.close(self._descriptor)


def _configure(backing: int, file: Path, *, read_only: bool) -> tuple[int, str]:
    """Return descriptor and path of a free device that is one over ``backing`` now."""
    flags = _AUTOCLEAR | _SCAN_PARTITIONS | _DIRECT | (_READ_ONLY if read_only else 0)
    request = _CONFIGURATION.pack(
        backing, 0, b"", 0, 0, 0, flags, os.fsencode(file)[:63], b"", b"", b""
    )
    for _ in range(_ATTEMPTS):
        path = _free_device()
        try:
            descriptor = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
            try:
                fcntl.ioctl(descriptor, _CONFIGURE, request)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            if error.errno == errno.EBUSY:  # somebody else was faster
                continue
            raise AttachError(
                f"The loop device {path} cannot be set up ({error.strerror}); 'losetup --list'"
                " shows those that are."
            ) from error
        return descriptor, path
    raise AttachError("Others take every loop device as soon as it is free; try again.")


def _free_device() -> str:
    """Return the path of a loop device that is free at the moment."""
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        try:
            return f"/dev/loop{fcntl.ioctl(control, _FIND_FREE)}"
        finally:
            os.close(control)
    except OSError as error:
        raise AttachError(
            f"There is no loop device to be had ({error.strerror}); load the kernel module 'loop',"
            " or in a container allow /dev/loop-control and /dev/loop*."
        ) from error


def partitions_of(device: str) -> list[AttachedPartition]:
    """Return the partitions of a block device, in their order on it."""
    found = []
    for entry in (Path("/sys/class/block") / Path(device).name).glob("*/partition"):
        folder = entry.parent
        with contextlib.suppress(OSError):  # it went meanwhile
            found.append(
                AttachedPartition(
                    number=int(entry.read_text("ascii")),
                    device=f"/dev/{folder.name}",
                    start=int((folder / "start").read_text("ascii")) * SECTOR_BYTES,
                    length=int((folder / "size").read_text("ascii")) * SECTOR_BYTES,
                )
            )
    return sorted(found, key=lambda partition: partition.start)


def backing_file(device: str) -> str:
    """Return the path of the file behind a loop device; empty if there is none."""
    return _fact(device, "loop/backing_file")


def devices_over(file: str) -> list[str]:
    """Return the loop devices over a file."""
    names = sorted(entry.parents[1].name for entry in Path("/sys/block").glob("loop*/loop/dio"))
    return [f"/dev/{name}" for name in names if backing_file(name) == file]


def clear(device: str) -> None:
    """Give back a loop device that was set up by a process that has died.

    Raises:
        OSError: The kernel refused.
    """
    descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _CLEAR)
    finally:
        os.close(descriptor)


def _fact(device: str, name: str) -> str:
    """Return what ``/sys`` tells of a block device; empty if nothing."""
    path = Path("/sys/class/block") / Path(device).name / name
    try:
        return path.read_text("utf-8", "surrogateescape").strip("\n")
    except OSError:
        return ""
