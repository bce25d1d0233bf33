# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Mounting a file system of a view: which kind it is, with what options, and what that means.

A snapshot of a mounted file system is what a power cut leaves: its journal may hold what is not in
place yet, and a read-only device cannot be repaired. So a snapshot is tried plainly first, and if
the kernel refuses, without a look at the journal, which is told. XFS and btrfs know a file system
by its uuid, and a copy has that of its original.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from core.attach import superblock
from core.attach.programs import run
from core.errors import AttachError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_MAGICS: Final = (
    ("ext4", 1024 + 56, b"\x53\xef"),
    ("xfs", 0, b"XFSB"),
    ("btrfs", 65536 + 64, b"_BHRfS_M"),
    ("f2fs", 1024, b"\x10\x20\xf5\xf2"),
    ("squashfs", 0, b"hsqs"),
    ("iso9660", 32768 + 1, b"CD001"),
    ("ntfs", 3, b"NTFS    "),
    ("exfat", 3, b"EXFAT   "),
    ("vfat", 82, b"FAT32   "),
    ("vfat", 54, b"FAT1"),
)
"""Kind, offset, and what stands there."""
_UNRECOVERED: Final = (
    "its {log} was not replayed, so files written shortly before the copy may be missing or half"
    " done, even if they were synced; clone it and attach the clone to have its {log} replayed"
)


class Options(NamedTuple):
    """One way to mount.

    Attributes:
        words: For ``mount -o``.
        notice: What the user must know if this is the way; empty if nothing.
    """

    words: str
    notice: str = ""


class Mounted(NamedTuple):
    """How something was mounted."""

    kind: str
    options: Options


def kind_of(read: Callable[[int, int], bytes]) -> str:
    """Return the kind of a file system, given how to read it (offset, length); empty if unknown."""
    for kind, offset, magic in _MAGICS:
        if read(offset, len(magic)) == magic:
            return kind
    return ""


def kind_on(device: str) -> str:
    """Return the kind of the file system on a block device; empty if it has none that is known."""
    descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return kind_of(lambda offset, length: os.pread(descriptor, length, offset))
    finally:
        os.close(descriptor)


def options_for(kind: str, *, read_only: bool) -> list[Options]:
    """Return the ways to mount, to be tried in their order."""
    unique = ",nouuid" if kind == "xfs" else ""
    if not read_only:
        return [Options(f"rw{unique}")]
    plain = Options(f"ro{unique}")
    without_journal = {
        "ext4": "ro,noload",
        "xfs": "ro,norecovery,nouuid",
        "btrfs": "ro,rescue=nologreplay",
    }.get(kind)
    if without_journal is None:
        return [plain]
    log = "log" if kind == "xfs" else "journal"
    return [plain, Options(without_journal, _UNRECOVERED.format(log=log))]


def mount(device: str, folder: Path, *, read_only: bool) -> Mounted:
    """Mount the file system on a block device.

    Raises:
        AttachError: There is none, or the kernel does not mount it.
    """
    kind = kind_on(device)
    if not kind:
        raise AttachError(
            f"No file system that is known was found on {device}; leave --mount out, or choose a"
            " partition that has one."
        )
    reason = ""
    for options in options_for(kind, read_only=read_only):
        reason = remount(device, folder, Mounted(kind, options))
        if not reason:
            return Mounted(kind, options)
    if told := _told_cut_off(kind, device):
        raise AttachError(told)
    hint = ""
    if kind == "btrfs":
        hint = " (older kernels do not mount a copy while its original is mounted)"
    raise AttachError(f"The {kind} on {device} cannot be mounted: {reason}{hint}.")


def _told_cut_off(kind: str, device: str) -> str:
    """Return what to tell of a file system that is longer than its device; empty if it is not."""
    descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        has = os.lseek(descriptor, 0, os.SEEK_END)
        needs = superblock.length_bytes(kind, lambda at, length: os.pread(descriptor, length, at))
    finally:
        os.close(descriptor)
    if needs is None or needs <= has:
        return ""
    return (
        f"The {kind} on {device} says it has {needs} bytes, and the device has {has}: its end was"
        " cut off, perhaps by 'resize --shrink'; make the volume that long again, and restore a"
        " copy from before if something is missing."
    )


def remount(device: str, folder: Path, how: Mounted) -> str:
    """Mount in a way that is known; return why it failed, or nothing if it did not."""
    done = run("mount", "-t", how.kind, "-o", how.options.words, device, str(folder))
    if not done.returncode:
        return ""
    told = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    reason = told[0] if told else f"mount ended with {done.returncode}"
    return reason.removeprefix("mount: ").removeprefix(f"{folder}: ").rstrip(".")


def choose(nodes: Sequence[str], number: int | None) -> str:
    """Return which of a device and its partitions is to be mounted.

    Args:
        nodes: The device, then its partitions.
        number: Of the partition, as the user chose it; None if he did not.

    Raises:
        AttachError: There is no such partition, or it must be chosen.
    """
    device, *partitions = nodes
    if number is not None:
        wanted = f"{device}p{number}"
        if wanted not in partitions:
            raise AttachError(f"There is no partition {number}; {_told_partitions(device, nodes)}.")
        return wanted
    having = [node for node in nodes if kind_on(node)]
    if not having:
        which = "any of its partitions" if partitions else "it has no partitions"
        where = f"the volume nor on {which}" if partitions else f"the volume, and {which}"
        raise AttachError(
            f"No file system that is known was found on {where}; leave --mount out, and make one on"
            " the device that is attached then."
        )
    if len(having) > 1:
        raise AttachError(
            f"Several partitions have a file system; choose one with --partition:"
            f" {_told_partitions(device, having)}."
        )
    return having[0]


def _told_partitions(device: str, nodes: Sequence[str]) -> str:
    numbers = [node.removeprefix(f"{device}p") for node in nodes if node != device]
    if not numbers:
        return "the volume has none"
    return f"the volume has {', '.join(numbers)}"
