# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is mounted, what lies on what, and who uses it, from ``/proc`` and ``/sys``."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_LEVELS_MAX: Final = 32
"""Devices on devices; a circle is impossible, but a bound is cheap."""


class Mount(NamedTuple):
    """One line of ``/proc/self/mountinfo``.

    Attributes:
        id: Of the mount; what is mounted twice has two.
        device: Of the file system, as ``major:minor``; the same for all of its mounts.
        point: Where it is mounted.
        source: What was mounted.
    """

    id: int
    device: str
    point: str
    kind: str
    source: str


def parse_mounts(text: str) -> list[Mount]:
    """Return the mounts that ``mountinfo`` tells of."""
    mounts = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        mounts.append(Mount(int(fields[0]), fields[2], _plain(fields[4]), rest[0], _plain(rest[1])))
    return mounts


def mounts() -> list[Mount]:
    """Return what is mounted now, as this process sees it."""
    return parse_mounts(Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape"))


def mount_of(path: str | os.PathLike[str]) -> Mount | None:
    """Return the mount that ``path`` lies in; None if it cannot be told.

    Raises:
        OSError: There is no such path.
    """
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        told = Path(f"/proc/self/fdinfo/{descriptor}").read_text("ascii")
    finally:
        os.close(descriptor)
    number = next((line.split()[1] for line in told.splitlines() if line[:7] == "mnt_id:"), "")
    return next((mount for mount in mounts() if str(mount.id) == number), None)


def file_systems_under(path: str | os.PathLike[str]) -> set[str]:
    """Return the file system that ``path`` lies in, and those that this one lies on, and so on.

    A file system lies on another one if its device is a loop device over a file of that, or is
    mapped to such a device.

    Returns:
        Each as ``major:minor``, as ``Mount.device`` names it.
    """
    found: set[str] = set()
    waiting = [os.fspath(path)]
    for _ in range(_LEVELS_MAX):
        if not waiting:
            break
        one = waiting.pop()
        waiting += _files_behind([_block_device(one)])
        mount = mount_of(one)
        if mount is None or mount.device in found:
            continue
        found.add(mount.device)
        waiting += files_under(mount)
    return found


def files_under(mount: Mount) -> set[str]:
    """Return the files that a file system lies on, by loop devices, their partitions or a mapper.

    Only the next level: not what the file systems of these files lie on.
    """
    # btrfs has no device of its own there, but names one it consists of.
    return set(_files_behind([mount.device, _block_device(mount.source)]))


def _block_device(path: str) -> str:
    """Return a block device as ``major:minor``; empty if ``path`` is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - that one raises for odd paths
    except OSError:
        return ""
    if not stat.S_ISBLK(status.st_mode):
        return ""
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


def _files_behind(numbers: Iterable[str]) -> Iterator[str]:
    """Yield the files over which block devices, each ``major:minor`` or empty, are loop devices."""
    devices = [Path("/sys/dev/block") / number for number in numbers if number]
    seen = set()
    while devices:
        device = devices.pop().resolve()
        if device in seen or not device.exists():
            continue
        seen.add(device)
        if (device / "partition").exists():
            devices.append(device.parent)
        devices += (device / "slaves").glob("*")
        behind = device / "loop" / "backing_file"
        if behind.exists():
            name = behind.read_text("utf-8", "surrogateescape").strip("\n")
            if os.path.exists(name):  # noqa: PTH110 - that one raises for odd paths
                yield name


def holders_of(point: str) -> list[str]:
    """Return a few programs, as ``name (process 7)``, that use the file system mounted there."""
    try:
        device = os.lstat(point).st_dev
    except OSError:
        return []
    return sorted(_processes_in(device))[:3]


def _processes_in(device: int) -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        links = [folder / "cwd", folder / "root"]
        try:
            links += (folder / "fd").iterdir()
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
        if any(_device_behind(link) == device for link in links):
            yield f"{_name_of(folder)} (process {folder.name})"


def _device_behind(link: Path) -> int | None:
    try:
        return link.stat().st_dev
    except OSError:
        return None


def _name_of(process: Path) -> str:
    try:
        return (process / "comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "a program"


def told_holders(point: str) -> str:
    """Return who uses what is mounted at ``point``, as the end of a sentence; empty if unknown."""
    found = holders_of(point)
    return f" by {', '.join(found)}" if found else ""


def mounts_from(sources: Iterable[str]) -> list[Mount]:
    """Return what of the block devices ``sources`` is mounted, the last mounted first."""
    wanted = set(sources)
    return [mount for mount in reversed(mounts()) if mount.source in wanted]


def _plain(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
