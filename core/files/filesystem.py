# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The door: the file system of a view, or of two, of any volume session.

Views must stand still meanwhile; ``core.transfer.still`` sees to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

from core.errors import FilesError
from core.fileanswers import FileChange, FileChanges, FileEntry, FileSystemInfo, OwnedRange
from core.files import wire
from core.files.process import ReaderProcess
from core.units import SECTOR_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from core.answers import Ranges
    from core.session import VolumeSession

_Kind = TypeVar("_Kind", bound=wire.Answer)


class FileSystem:
    """Files of one view; or of two views, then of the first unless said otherwise.

    Attributes:
        infos: One for each view.
    """

    def __init__(
        self,
        session: VolumeSession,
        views: Sequence[str],
        partition: int = 0,
        *,
        pulse: Callable[[], None] = lambda: None,
        report: Callable[[int], None] = lambda _count: None,
    ) -> None:
        """Find and open the file systems.

        Args:
            session: The volume.
            views: Names of copies, or the original: one or two.
            partition: Which to look at; 0 = the only one that has a file system.
            pulse: Called ten times a second while something is waited for; may raise.
            report: Called with numbers of files looked at by ``owners`` and ``changes``.

        Raises:
            FilesError: There is no file system that can be read, or it must be chosen.
            RangepairError: A view cannot be read.
        """
        volume = session.info()
        sizes = [volume.size_of(name) // SECTOR_BYTES * SECTOR_BYTES for name in views]
        self._report = report
        self._reader = ReaderProcess(
            lambda number, offset, length: session.read(offset, length, views[number]), pulse
        )
        try:
            self.infos = self._open(wire.Open(sizes, partition))
        except BaseException:
            self._reader.close()
            raise

    @property
    def info(self) -> FileSystemInfo:
        """What is known of the first view's file system."""
        return self.infos[0]

    @property
    def is_lost(self) -> bool:
        """Whether nothing more can be asked: what reads it has crashed."""
        return self._reader.is_lost

    def find(self, path: bytes) -> FileEntry:
        """Return what a path leads to; links are followed.

        Raises:
            FilesError: There is nothing there, or it cannot be read.
        """
        answers = [_expect(answer, wire.Entries) for answer in self._answers(wire.Find(path))]
        if len(answers) != 1 or len(answers[0].entries) != 1:
            raise _unexpected()
        return answers[0].entries[0]

    def folder(self, inode: int) -> list[FileEntry]:
        """Return what is in a folder, sorted by name.

        Raises:
            FilesError: It cannot be read.
        """
        answers = self._answers(wire.Folder(inode))
        entries = [entry for answer in answers for entry in _expect(answer, wire.Entries).entries]
        return sorted(entries, key=lambda entry: entry.name)

    def content(self, inode: int) -> Iterator[tuple[int, memoryview]]:
        """Yield (offset, piece) of what a file holds, in order; what lies between is zeroes.

        Must be taken to its end. Raises:
            FilesError: It cannot be read.
        """
        for kind, payload in self._reader.ask(wire.Content(inode)):
            if kind != wire.PIECE or len(payload) < wire.NUMBER.size:
                raise _unexpected()
            (offset,) = wire.NUMBER.unpack_from(payload)
            yield offset, memoryview(payload)[wire.NUMBER.size :]

    def owners(self, ranges: Sequence[tuple[int, int]]) -> list[OwnedRange]:
        """Return what ranges of the view belong to. The first call walks through all files.

        Args:
            ranges: (offset, length), sorted and disjoint.

        Raises:
            FilesError: The file system cannot be read.
        """
        starts, lengths = [start for start, _ in ranges], [length for _, length in ranges]
        answers = self._answers(wire.Owners(starts, lengths))
        return [owned for answer in answers for owned in _expect(answer, wire.Owned).ranges]

    def changes(self, ranges: Ranges) -> FileChanges:
        """Return what became of files from the first view to the second.

        Args:
            ranges: In which the views differ, or may.

        Raises:
            FilesError: A file system cannot be read.
        """
        starts, lengths = (
            column.astype(np.dtype("<i8")).tobytes() for column in (ranges.starts, ranges.lengths)
        )
        *changed, last = [wire.Changed([]), *self._answers(wire.Changes(starts, lengths))]
        files: list[FileChange] = []
        for answer in changed:
            files += _expect(answer, wire.Changed).files
        summed = _expect(last, wire.Summed)
        return FileChanges(
            files=files,
            own=summed.own,
            total_bytes=summed.total_bytes,
            unread=summed.unread,
        )

    def close(self) -> None:
        """End the reading."""
        self._reader.close()

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _open(self, request: wire.Open) -> list[FileSystemInfo]:
        answers = [_expect(answer, wire.Opened) for answer in self._answers(request)]
        infos = [info for answer in answers for info in answer.systems]
        if len(infos) != len(request.sizes):
            raise _unexpected()
        return infos

    def _answers(self, request: wire.Request) -> Iterator[wire.Answer]:
        for kind, payload in self._reader.ask(request):
            if kind == wire.PROGRESS and len(payload) == wire.NUMBER.size:
                self._report(wire.NUMBER.unpack(payload)[0])
            elif kind == wire.ANSWER:
                try:
                    yield wire.unpack_answer(payload)
                except wire.FrameError as error:
                    raise _unexpected() from error
            else:
                raise _unexpected()


def _expect(answer: wire.Answer, kind: type[_Kind]) -> _Kind:
    """Return an answer that is of the kind expected.

    Raises:
        FilesError: It is of another.
    """
    if not isinstance(answer, kind):
        raise _unexpected()
    return answer


def _unexpected() -> FilesError:
    return FilesError(
        "The file system is damaged, its reader gave no sense; look into another copy."
    )
