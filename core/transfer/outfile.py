# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A file that is there when it is whole and on disk, and before that not at all.

It is written without a name where the file system allows that (O_TMPFILE), so that not even a
killed process leaves anything behind; elsewhere under a hidden name beside its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from core.device.refusals import readable_path
from core.errors import TransferError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MODE: Final = 0o666
_NAMELESS_REFUSED: Final = frozenset(
    {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL, errno.ENOSYS}
)


class OutFile:
    """A file on its way. Leaving the block without ``put_in_place`` leaves nothing.

    Attributes:
        descriptor: To write to.
        path: How another process of this one's children can open it.
    """

    def __init__(self, target: Path) -> None:
        """Begin a file that will be ``target``.

        Raises:
            OSError: The folder takes none.
        """
        self._target = target
        self._name: Path | None = None
        folder = target.parent
        try:
            self.descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _MODE)
        except OSError as error:
            if error.errno not in _NAMELESS_REFUSED:
                raise
            self._name = _hidden_beside(target)
            flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC
            self.descriptor = os.open(self._name, flags, _MODE)

    def write_at(self, payload: bytes | memoryview, offset: int) -> None:
        """Write all of ``payload`` at ``offset``."""
        view = memoryview(payload)
        while view:
            count = os.pwrite(self.descriptor, view, offset)
            view, offset = view[count:], offset + count

    def put_in_place(self, *, is_replacing: bool) -> None:
        """Sync the file and give it its name.

        Raises:
            TransferError: Another file has the name by now.
        """
        os.fsync(self.descriptor)
        name = self._name
        if name is None:
            name = _hidden_beside(self._target) if is_replacing else self._target
            self._link(f"/proc/self/fd/{self.descriptor}", name)
        if name != self._target:
            self._name = name
            move_in_place(name, self._target, is_replacing=is_replacing)
            self._name = None
        sync_folder(self._target.parent)

    def _link(self, source: str, name: Path) -> None:
        try:
            # With a folder given, absolute as the source is, the link is followed to the file.
            os.link(source, name, src_dir_fd=self.descriptor)
        except FileExistsError as error:
            raise exists(self._target) from error

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; forget it if it is not in place."""
        os.close(self.descriptor)
        if self._name is not None:
            self._name.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """Lend a hidden folder beside ``target``; what is left in it at the end goes with it."""
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name[:32]}.", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_in_place(source: Path, target: Path, *, is_replacing: bool) -> None:
    """Give a whole file its name.

    Raises:
        TransferError: Another file has the name and is not to be replaced.
    """
    if not is_replacing and os.path.lexists(target):
        raise exists(target)
    source.replace(target)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_target(target: Path, sources: Iterable[Path], *, is_replacing: bool) -> None:
    """See to it that ``target`` may be written, before any work is done for it.

    Args:
        target: Where a view is to go.
        sources: The image and its additional area, which must never be replaced.
        is_replacing: An ordinary file there may be.

    Raises:
        TransferError: It may not.
    """
    told = readable_path(os.fspath(target))
    try:
        status = target.stat()
    except FileNotFoundError:
        if not target.parent.is_dir():
            raise TransferError(f"There is no folder for {told}; make it first.") from None
        return
    if any(source.exists() and source.samefile(target) for source in sources):
        raise TransferError(f"{told} belongs to the volume itself; choose another file.")
    if not stat.S_ISREG(status.st_mode):
        raise TransferError(
            f"{told} is no ordinary file; choose another, or put out to - and redirect it there."
        )
    if not is_replacing:
        raise exists(target)


def exists(target: Path) -> TransferError:
    """Return what to tell of a file that is there already."""
    told = readable_path(os.fspath(target))
    return TransferError(f"{told} exists already; choose another name, or replace it by --force.")


def _hidden_beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:32]}.{secrets.token_hex(4)}.partial")
