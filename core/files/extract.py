# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files out of a view: one to a file or a pipe, a folder with all that is in it to a new folder.

Names are untrusted. What is made is made anew, in a folder that nobody else knows, by one part of a
path at a time and never through a link; so nothing lands elsewhere, and nothing that was there is
touched. The folder gets its name when it is whole. Links are made as links and not followed. What
is neither file, folder nor link is left out, as are the set-user-ID and like bits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from core.errors import FilesError, RangepairError
from core.files.discard import discard
from core.transfer.outfile import OutFile
from core.transfer.pieces import data_in
from core.units import SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.fileanswers import FileEntry
    from core.files.filesystem import FileSystem

    Report = Callable[[int], None]

_MODES: Final = 0o777
_TIME_NS_MAX: Final = 1 << 62
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_TAKEN: Final = {
    errno.EEXIST: "its folder has this name twice",
    errno.ENAMETOOLONG: "its name is too long here",
    errno.EINVAL: "the system does not take it here",
    errno.EFBIG: "it is longer than files can be here",
    errno.EILSEQ: "its name cannot be used here",
}
_ZEROES: Final = bytes(1 << 20)
_SMALL_BYTES: Final = 8192


class Skipped(NamedTuple):
    """What was not put out.

    Attributes:
        path: From the folder that was to be put out, without ``/`` before it.
        is_damaged: It could not be read; else it is not for being put out.
    """

    path: bytes
    why: str
    is_damaged: bool


class _Frame(NamedTuple):
    """A folder that is being filled."""

    entry: FileEntry
    inside: Iterator[FileEntry]


class Extraction:
    """Puts out what it is asked for once.

    Attributes:
        counts: Of what was made, by kind.
        bytes: Of content, without holes.
        skipped: What was not put out.
    """

    def __init__(self, system: FileSystem, report: Report) -> None:
        """Put out files of ``system``.

        Args:
            system: The file system.
            report: Called with the number of bytes after each piece and file; may raise.
        """
        self._system, self._report = system, report
        self.counts: dict[Literal["file", "folder", "link"], int] = {
            "file": 0,
            "folder": 0,
            "link": 0,
        }
        self.bytes = 0
        self.skipped: list[Skipped] = []
        self._first_names: dict[int, bytes] = {}
        self._folders: set[int] = set()
        self._path: list[bytes] = []
        self._root = -1

    def to_file(self, entry: FileEntry, target: Path) -> None:
        """Put one file out to a new file.

        Raises:
            TransferError: There is a file of this name by now.
            FilesError: It cannot be read.
            OSError: It cannot be written.
        """
        with OutFile(target) as out:
            self._write(entry, out.descriptor)
            out.put_in_place(is_replacing=False)
        self.counts["file"] += 1

    def to_pipe(self, entry: FileEntry, sink: Callable[[bytes | memoryview], object]) -> None:
        """Put every byte of one file out in order.

        Raises:
            FilesError: It cannot be read.
        """
        at = 0
        for offset, piece in self._system.content(entry.inode):
            self._put_zeroes(sink, offset - at)
            sink(piece)
            at = offset + len(piece)
            self._report(len(piece))
        self._put_zeroes(sink, entry.size - at)
        self.bytes = entry.size

    def to_folder(self, entry: FileEntry, target: Path) -> None:
        """Put a folder out, with all in it, to one that does not exist or is empty.

        Raises:
            FilesError: The folder itself cannot be read, or reading ended for good.
            OSError: It cannot be written.
        """
        partial = Path(tempfile.mkdtemp(".partial", f".{target.name[:32]}.", target.parent))
        try:
            self._root = os.open(partial, _FOLDER)
            try:
                self._fill(entry)
            finally:
                os.close(self._root)
            # Onto an empty folder this works, onto anything else it does not.
            partial.rename(target)
        except BaseException:
            discard(partial)
            raise

    def _fill(self, entry: FileEntry) -> None:
        """Make all that is in a folder. One descriptor is open, however deep it goes."""
        stack = [_Frame(entry, iter(self._system.folder(entry.inode)))]
        above = {entry.inode}
        self._folders = {entry.inode}
        at = os.dup(self._root)
        try:
            while stack:
                found = next(stack[-1].inside, None)
                if found is not None:
                    if (frame := self._make(found, at, above)) is not None:
                        stack.append(frame)
                        above.add(found.inode)
                        self._path.append(found.name)
                        at = _step(at, found.name)
                    continue
                done = stack.pop().entry
                above.discard(done.inode)
                outer = os.open("..", _FOLDER, dir_fd=at) if stack else os.dup(at)
                _settle(at, done)
                os.close(at)
                at = outer
                del self._path[len(stack) - 1 :]
        finally:
            os.close(at)

    def _make(self, entry: FileEntry, at: int, above: set[int]) -> _Frame | None:
        """Make what is named in a folder; return a folder that is to be filled then."""
        self._report(0)
        if why := _refusal(entry, above, self._folders):
            self._skip(entry, why, is_damaged=not entry.is_readable)
            return None
        try:
            if entry.kind == "folder":
                inside = iter(self._system.folder(entry.inode))
                os.mkdir(entry.name, 0o700, dir_fd=at)
                self.counts["folder"] += 1
                self._folders.add(entry.inode)
                return _Frame(entry, inside)
            if entry.kind == "link":
                os.symlink(entry.target, entry.name, dir_fd=at)
                _set_time(entry.name, entry, dir_fd=at, follow_symlinks=False)
                self.counts["link"] += 1
            else:
                self._make_file(entry, at)
        except RangepairError as error:
            if self._system.is_lost:
                raise
            self._skip(entry, error.message, is_damaged=True)
        except OSError as error:
            if error.errno not in _NOT_TAKEN:
                raise
            self._skip(entry, _NOT_TAKEN[error.errno], is_damaged=True)
        return None

    def _make_file(self, entry: FileEntry, at: int) -> None:
        """Make a file, or one more name of one that was made before."""
        first = self._first_names.get(entry.inode)
        if first is not None and self._link(first, entry.name, at):
            self.counts["file"] += 1
            return
        descriptor = os.open(entry.name, _NEW_FILE, 0o600, dir_fd=at)
        try:
            self._write(entry, descriptor)
        except BaseException:
            os.unlink(entry.name, dir_fd=at)
            raise
        finally:
            os.close(descriptor)
        self.counts["file"] += 1
        if entry.links > 1 and first is None:
            self._first_names[entry.inode] = b"/".join([*self._path, entry.name])

    def _link(self, first: bytes, name: bytes, at: int) -> bool:
        """Give a file one more name; return whether that is possible."""
        try:
            os.link(first, name, src_dir_fd=self._root, dst_dir_fd=at, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:  # a path too long, too many links, or a file system without them
            return False
        return True

    def _write(self, entry: FileEntry, descriptor: int) -> None:
        """Write what a file holds, with holes for zeroes, its permissions and its time."""
        os.ftruncate(descriptor, entry.size)
        for offset, piece in self._system.content(entry.inode):
            for start, stop in _data_in(piece):
                _write_at(descriptor, piece[start:stop], offset + start)
                self.bytes += stop - start
            self._report(len(piece))
        _settle(descriptor, entry)

    def _skip(self, entry: FileEntry, why: str, *, is_damaged: bool) -> None:
        path = b"/".join([*self._path, entry.name])
        self.skipped.append(Skipped(path, why, is_damaged))

    def _put_zeroes(self, sink: Callable[[bytes | memoryview], object], count: int) -> None:
        for start in range(0, count, len(_ZEROES)):
            sink(_ZEROES[: count - start])
            self._report(0)


def _refusal(entry: FileEntry, above: set[int], made: set[int]) -> str:
    """Return why a name is not to be made; empty if it is.

    A folder has one name. Folders that had two each would be 2^n folders when put out.
    """
    if entry.name in {b"", b".", b".."} or b"/" in entry.name or b"\0" in entry.name:
        return "its name is no name of a file"
    if not entry.is_readable:
        return "its inode is damaged"
    if entry.kind not in {"file", "folder", "link"}:
        return f"it is a {entry.kind}" if entry.kind != "other" else "it is of no known kind"
    if entry.kind == "folder" and entry.inode in made:
        is_loop = entry.inode in above
        return f"it is a folder {'within itself' if is_loop else 'that has another name already'}"
    if entry.kind == "link" and (not entry.target or b"\0" in entry.target):
        return "it is a link that leads to nothing"
    return ""


def _step(at: int, name: bytes) -> int:
    """Return the descriptor of a folder in another one, which is closed."""
    inner = os.open(name, _FOLDER, dir_fd=at)
    os.close(at)
    return inner


def _data_in(piece: memoryview) -> list[tuple[int, int]]:
    """Return where in a piece there is data; a small one is looked at as a whole."""
    if len(piece) <= _SMALL_BYTES:
        return [(0, len(piece))] if bytes(piece) != _ZEROES[: len(piece)] else []
    padded = bytes(piece) + bytes(-len(piece) % SECTOR_BYTES)
    return [(start, min(stop, len(piece))) for start, stop in data_in(padded)]


def _write_at(descriptor: int, payload: memoryview, offset: int) -> None:
    while payload:
        count = os.pwrite(descriptor, payload, offset)
        payload, offset = payload[count:], offset + count


def _settle(descriptor: int, entry: FileEntry) -> None:
    """Give a file or folder its time and permissions."""
    _set_time(descriptor, entry)
    os.fchmod(descriptor, entry.mode & _MODES)


def _set_time(
    where: int | bytes, entry: FileEntry, dir_fd: int | None = None, *, follow_symlinks: bool = True
) -> None:
    if 0 < entry.mtime_ns < _TIME_NS_MAX:
        times = entry.mtime_ns, entry.mtime_ns
        with contextlib.suppress(OverflowError):
            if isinstance(where, int):
                os.utime(where, ns=times)
            else:
                os.utime(where, ns=times, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


def check_new(target: Path, *, is_folder: bool) -> None:
    """See to it that there is nothing yet where something is to be put out.

    Raises:
        FilesError: There is; or there is no folder for it.
    """
    told = repr(os.fsencode(target).decode("utf-8", "backslashreplace"))
    if not target.parent.is_dir():
        raise FilesError(f"There is no folder for {told}; make it first.")
    if not os.path.lexists(target):
        return
    if not is_folder:
        what = "is a folder; name the file to be made" if target.is_dir() else "exists already"
        raise FilesError(f"{told} {what}; nothing is replaced, choose another name.")
    if target.is_symlink() or not target.is_dir():
        raise FilesError(f"{told} exists already and is no folder; choose another name.")
    if any(target.iterdir()):
        raise FilesError(f"The folder {told} is not empty; choose another, or a new name.")
