# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Images to measure on, and what of them the page cache holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.units import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable

_DROP_CACHES: Final = Path("/proc/sys/vm/drop_caches")
_PAGES_AND_INODES: Final = "3\n"


def warm(path: Path) -> None:
    """Fill the page cache with ``path`` as small reads would."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
        for offset in range(0, os.fstat(file).st_size, MIB):
            os.pread(file, MIB, offset)
    finally:
        os.close(file)


def cool(paths: Iterable[Path]) -> None:
    """Empty the page cache of ``paths``: the machine's whole cache, where that is allowed."""
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(file)
    if may_drop_caches():
        _DROP_CACHES.write_text(_PAGES_AND_INODES, encoding="ascii")


def may_drop_caches() -> bool:
    """Return whether this process may empty the machine's page cache."""
    return os.access(_DROP_CACHES, os.W_OK)


def make_image(path: Path, size: int) -> None:
    """Make an image without holes or zeroes: those would be preserved for nothing."""
    forget_copies(path)
    chunk = os.urandom(MIB)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def make_sparse(path: Path, size: int) -> None:
    """Make an image of nothing but a hole."""
    forget_copies(path)
    path.touch()
    os.truncate(path, size)


def area_of(image: Path) -> Path:
    """Return the path of the additional area of ``image``."""
    return image.with_name(image.name + ".rangepair")


def forget_copies(image: Path) -> None:
    """Remove the additional area of ``image``."""
    area_of(image).unlink(missing_ok=True)
