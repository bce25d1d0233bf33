# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The reader process: answers requests about file systems, one after the other, until it is left.

``python -m core.files.reader CHANNEL LIFELINE`` with two descriptors: the socket of all frames, and
a pipe of which the other end is closed when whoever started this process is gone.
"""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from core.errors import FilesError
from core.files import wire
from core.files.comparing import Comparison
from core.files.library import told_error
from core.files.opening import open_library
from core.files.owning import owners_of
from core.files.paths import find
from core.files.viewimage import ViewBytes
from core.files.walk import Walk
from core.units import GIB

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from core.files.library import Library

_MEMORY_BYTES_MAX: Final = 8 * GIB
_DESCRIPTORS_MAX: Final = 64
_STEP_FILES: Final = 1000
"""After so many files something is said."""

_Value = TypeVar("_Value")


class Reader:
    """The file systems of one or two views, and the answers to what is asked of them."""

    def __init__(self, channel: socket.socket) -> None:
        """Answer on ``channel``."""
        self._channel = channel
        self._libraries: list[Library] = []
        self._walks: dict[int, Walk] = {}
        self._seen = 0

    def run(self) -> None:
        """Answer request after request, until the other side is gone."""
        while True:
            kind, payload = wire.receive(self._channel)
            if kind != wire.REQUEST:
                raise wire.FrameError(f"a frame of kind {kind!r}")
            sentence = self._failure(wire.unpack_request(bytes(payload)))
            if sentence:
                wire.send(self._channel, wire.FAILED, sentence.encode("utf-8", "replace"))
            else:
                wire.send(self._channel, wire.DONE)

    def _failure(self, request: wire.Request) -> str:
        """Carry out a request; return why that is not possible, or nothing."""
        try:
            self._carry_out(request)
        except FilesError as error:
            return error.message
        except (wire.FrameError, ConnectionError):
            raise
        except MemoryError:
            return "The file system takes more memory to read than is allowed; it may be damaged."
        except Exception as error:  # noqa: BLE001 - whatever a damaged structure makes of a library
            return (
                f"The file system is damaged there, it cannot be read ({told_error(error)});"
                " look into an older copy."
            )
        return ""

    def _carry_out(self, request: wire.Request) -> None:
        match request:
            case wire.Open():
                self._open(request)
            case wire.Find(path=path):
                self._answer(wire.Entries([find(self._libraries[0], path)]))
            case wire.Folder(inode=inode):
                for batch in _batches(self._libraries[0].folder(inode)):
                    self._answer(wire.Entries(batch))
            case wire.Content(inode=inode):
                for offset, piece in self._libraries[0].content(inode):
                    wire.send(self._channel, wire.PIECE, wire.NUMBER.pack(offset), piece)
            case wire.Owners():
                starts = np.array(request.starts, np.int64)
                stops = starts + np.array(request.lengths, np.int64)
                found = owners_of(self._libraries[0], self._walk(0), starts, stops)
                for owned in _batches(found):
                    self._answer(wire.Owned(owned))
            case wire.Changes():
                self._compare(request)

    def _open(self, request: wire.Open) -> None:
        views = [
            ViewBytes(self._channel, number, size) for number, size in enumerate(request.sizes)
        ]
        opened = [open_library(view, request.partition) for view in views]
        self._libraries = [library for library, _ in opened]
        self._answer(wire.Opened([info for _, info in opened]))

    def _compare(self, request: wire.Changes) -> None:
        starts = np.frombuffer(request.starts, "<i8").astype(np.int64)
        stops = starts + np.frombuffer(request.lengths, "<i8").astype(np.int64)
        one, other = self._libraries
        if one.kind != other.kind:
            raise FilesError(
                f"The two views have different file systems, {one.kind} and {other.kind}, of which"
                " no file is the same."
            )
        walks = self._walk(0), self._walk(1)
        changes = Comparison((one, other), walks, (starts, stops)).changes()
        for batch in _batches(changes.files):
            self._answer(wire.Changed(batch))
        self._answer(wire.Summed(changes.own, changes.total_bytes, changes.unread))

    def _walk(self, number: int) -> Walk:
        """Return what a walk through a view's file system found, from the first one."""
        if number not in self._walks:
            self._walks[number] = Walk(self._libraries[number], self._report)
        return self._walks[number]

    def _report(self, count: int) -> None:
        self._seen += count
        if self._seen >= _STEP_FILES:
            wire.send(self._channel, wire.PROGRESS, wire.NUMBER.pack(self._seen))
            self._seen = 0

    def _answer(self, answer: wire.Answer) -> None:
        wire.send(self._channel, wire.ANSWER, wire.pack(answer))


def confine(lifeline: int) -> None:
    """Take from this process what it does not need; end it when ``lifeline`` is hung up.

    The kernel ends it, by a signal: the library may compute for long without looking up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides what an interrupt ends
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it was hung up before
        sys.exit(0)
    for kind, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _MEMORY_BYTES_MAX),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS_MAX),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def main(arguments: Sequence[str]) -> None:
    """Be the reader process."""
    gc.disable()  # a walk makes millions of objects and no cycles; looking for some takes as long
    channel = socket.socket(fileno=int(arguments[0]))
    confine(int(arguments[1]))
    try:
        Reader(channel).run()
    except (wire.FrameError, OSError):  # whoever asked is gone
        channel.close()


def _batches(values: Iterable[_Value]) -> Iterator[list[_Value]]:
    batch: list[_Value] = []
    for value in values:
        batch.append(value)
        if len(batch) == wire.BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


if __name__ == "__main__":
    main(sys.argv[1:])
