# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is attached, written down so that it can be cleaned away after its process was killed."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from core.attach import loopdevice, mounttable
from core.attach.freeze import thaw_at
from core.attached import AttachedView
from core.fuse import door, kernel

if TYPE_CHECKING:
    from pathlib import Path

_RECORDS: Final = "records"
NAME_BYTES_MAX: Final = 200
"""Of the part of a file's name that is a copy's."""
_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where the attached files of one image are, and what is written down about them."""

    folder: Path

    @property
    def records(self) -> Path:
        """The folder of the records, one for each file and named as it."""
        return self.folder / _RECORDS

    def make(self) -> None:
        """Make both folders, for this user alone."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.records.mkdir(mode=0o700, exist_ok=True)

    def clear(self) -> None:
        """Remove both folders if nothing is attached."""
        for folder in (self.records, self.folder):
            with contextlib.suppress(OSError):
                folder.rmdir()


class Record:
    """What is written down about one attached view."""

    def __init__(self, place: Place, name: str) -> None:
        """Write about the file called ``name``."""
        self.path = place.records / name

    def write(self, view: AttachedView) -> None:
        """Say how far ``view`` is attached."""
        fresh = self.path.with_name(f".{self.path.name}"[:NAME_BYTES_MAX])
        fresh.write_bytes(msgspec.json.encode(view))
        fresh.replace(self.path)

    def remove(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)


def leftovers(place: Place) -> list[AttachedView]:
    """Return what processes that were killed have left attached."""
    found = []
    if place.records.is_dir():
        for path in sorted(place.records.iterdir()):
            with contextlib.suppress(msgspec.MsgspecError, OSError):
                view = msgspec.json.decode(path.read_bytes(), type=AttachedView)
                if place.folder / path.name == place.folder.joinpath(view.file) and _is_dead(view):
                    found.append(view)
    return found


def _is_dead(view: AttachedView) -> bool:
    """Return whether nobody answers for a file any more."""
    try:
        os.stat(view.file)  # noqa: PTH116 - the one that tells an errno
    except OSError as error:
        return error.errno in {errno.ENOTCONN, errno.ENOENT}
    return all(mount.point != view.file for mount in mounttable.mounts())


def clear_leftovers(place: Place) -> list[AttachedView]:
    """Take down what processes that were killed have left attached; return what that was.

    The file systems are taken away even if they are in use: nothing answers below them.
    """
    found = leftovers(place)
    for view in found:
        _log.info("%s was left attached by a process that was killed", view.file)
        _clear(view)
        Record(place, os.path.basename(view.file)).remove()  # noqa: PTH119 - a string stays one
    if found:
        place.clear()
    return found


def _clear(view: AttachedView) -> None:
    devices = loopdevice.devices_over(view.file)
    nodes = [
        node
        for device in devices
        for node in (device, *(part.device for part in loopdevice.partitions_of(device)))
    ]
    for mount in mounttable.mounts_from(nodes):
        thaw_at(mount.point)
        try:
            kernel.unmount(mount.point)
        except OSError:
            with contextlib.suppress(OSError):
                kernel.unmount(mount.point, kernel.Unmounting.LAZY)
    for device in devices:
        with contextlib.suppress(OSError):
            loopdevice.clear(device)
    door.remove_dead(view.file)
    if view.made:
        with contextlib.suppress(OSError):
            os.rmdir(view.made)  # noqa: PTH106 - a string stays one
    with contextlib.suppress(OSError):
        os.unlink(view.file)  # noqa: PTH108 - a string stays one
