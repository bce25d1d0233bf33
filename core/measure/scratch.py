# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A folder on the disk in question, with room enough, that is gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import MeasureError
from core.measure.interrupts import held
from core.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_MOUNTS: Final = Path("/proc/self/mounts")
_PREFIX: Final = "rangepair-bench-"


@contextlib.contextmanager
def scratch_folder(within: Path | None, needed_bytes: int) -> Iterator[Path]:
    """Make a folder within another one; remove it, and all in it, behind the block.

    Args:
        within: A folder; None is the first of the folders for temporary files, and the present
            one, that lies on a disk.
        needed_bytes: What must be free there.

    Raises:
        MeasureError: There is no such folder, no permission, or no room.
    """
    parent = within or _on_a_disk()
    with held():
        try:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent)).resolve()
        except OSError as error:
            raise MeasureError(
                f"No scratch image can be made in {parent} ({error.strerror});"
                " name a folder that you may write to with --in."
            ) from error
    try:
        free = shutil.disk_usage(folder).free
        if free < needed_bytes:
            raise MeasureError(
                f"There is no room for the scratch images in {parent}: {format_bytes(free)} are"
                f" free, {format_bytes(needed_bytes)} are needed; name another folder with --in."
            )
        yield folder
    finally:
        with held():
            shutil.rmtree(folder, ignore_errors=True)


def file_system_of(folder: Path) -> str:
    """Return the kind of file system that ``folder`` lies on; "" if that cannot be found out."""
    place = folder.resolve()
    found = Path("/"), ""
    for line in _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _, where, kind, *_ = line.split(" ")
        mount = Path(where.replace("\\040", " "))
        if place.is_relative_to(mount) and mount.is_relative_to(found[0]):
            found = mount, kind
    return found[1]


def _on_a_disk() -> Path:
    """Return where to measure, if nobody says."""
    candidates = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()]  # noqa: S108
    for folder in candidates:
        if os.access(folder, os.W_OK) and file_system_of(folder) not in IN_MEMORY:
            return folder
    return candidates[0]
