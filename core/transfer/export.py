# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view out of a volume: a raw image, a stream of differences, or another program's format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.transfer import foreign
from core.transfer.difference import Difference
from core.transfer.formats import DIFF, FOREIGN
from core.transfer.outfile import OutFile
from core.transfer.rawimage import raw_bytes, raw_to_file, raw_to_pipe
from core.transfer.still import is_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core.session import VolumeSession

    Report = Callable[[int], None]
    Sink = Callable[[bytes], object]


class Export:
    """A view on its way out.

    Attributes:
        whole_bytes: How many bytes will be reported as done.
    """

    def __init__(
        self,
        session: VolumeSession,
        copy: str,
        view: str,
        image_format: str,
        since: str | None = None,
    ) -> None:
        """Find out what there is to do.

        Args:
            session: The volume.
            copy: What is put out: its name, if it is a snapshot, goes into a stream.
            view: The same standing still, as ``core.transfer.still`` lends it.
            image_format: One of ``core.transfer.formats``.
            since: With ``DIFF``: the snapshot to count from; else from nothing.

        Raises:
            RangepairError: There is no such copy, or what is needed is missing.
        """
        self._session, self._view, self._format = session, view, image_format
        self._difference: Difference | None = None
        if image_format == DIFF:
            name = copy if is_snapshot(session, copy) else None
            self._difference = Difference(session, view, since=since, name=name)
            self.whole_bytes = self._difference.read_bytes
            return
        self.whole_bytes = raw_bytes(session, view)
        if image_format in FOREIGN:
            foreign.find_converter()
            self.whole_bytes *= 2  # read by us, then by the converter

    def to_pipe(self, sink: Sink, report: Report) -> int:
        """Put a raw image or a stream out in order; return the bytes of data. See ``to_file``."""
        if self._difference is not None:
            return self._difference.write(sink, report)
        return raw_to_pipe(self._session, self._view, sink, report)

    def to_file(self, target: Path, report: Report, *, is_replacing: bool) -> int:
        """Make a file, which appears when it is whole and on disk; return the bytes of data.

        Args:
            target: Where it goes; see ``core.transfer.outfile.check_target``.
            report: Called with the number of bytes done after each piece; may raise to cancel, and
                then nothing is left behind.
            is_replacing: A file there is replaced.

        Raises:
            TransferError: A file is there, or ``qemu-img`` refuses.
            OSError: The file system does.
        """
        with OutFile(target) as out:
            if self._difference is not None:
                with open(out.descriptor, "wb", closefd=False) as file:
                    data_bytes = self._difference.write(file.write, report)
            else:
                data_bytes = raw_to_file(self._session, self._view, out, report)
            if self._format in FOREIGN:
                self._convert(out, target, report, is_replacing=is_replacing)
            else:
                out.put_in_place(is_replacing=is_replacing)
        return data_bytes

    def _convert(self, out: OutFile, target: Path, report: Report, *, is_replacing: bool) -> None:
        whole, told = self.whole_bytes // 2, 0

        def advance(part: float) -> None:
            nonlocal told
            report(round(part * whole) - told)
            told = round(part * whole)

        foreign.convert(
            out.descriptor, target, self._format, is_replacing=is_replacing, report=advance
        )
