# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where a stream comes from: a file, which is looked through before anything is done, or a pipe."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from core.transfer.rbddiff import StreamReader

if TYPE_CHECKING:
    from typing import BinaryIO

_SKIPPED_BYTES: Final = 1 << 20


class StreamSource:
    """A stream, to be read once from where the file stands now.

    Attributes:
        length_bytes: Of the stream; None of a pipe.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Look at ``file``, which is open for reading and buffered."""
        self._file = file
        status = os.fstat(file.fileno())
        self._start = file.tell() if stat.S_ISREG(status.st_mode) else None
        self.length_bytes = None if self._start is None else status.st_size - self._start

    def reader(self) -> StreamReader:
        """Return a reader that begins here.

        Raises:
            StreamError: The header is damaged.
        """
        return StreamReader(self._file.read, self._skip)

    def verified_reader(self, size_bytes: int) -> StreamReader:
        """Return a reader; of a file only after its whole structure was looked through.

        Args:
            size_bytes: Of the volume that the stream is for; records must lie within.

        Raises:
            StreamError: The stream is cut off or damaged.
        """
        if self._start is not None:
            found = self.reader()
            # What is for a larger volume passes the end of this one and is whole all the same.
            for _ in found.records(max(size_bytes, found.header.size_bytes or 0)):
                continue
            self._file.seek(self._start)
        return self.reader()

    def _skip(self, length: int) -> int:
        """Pass over bytes; return how many there were."""
        if self._start is not None and self.length_bytes is not None:
            here = self._file.tell()
            length = min(length, max(0, self._start + self.length_bytes - here))
            self._file.seek(length, os.SEEK_CUR)
            return length
        passed = 0
        while passed < length:
            piece = self._file.read(min(length - passed, _SKIPPED_BYTES))
            if not piece:
                break
            passed += len(piece)
        return passed
