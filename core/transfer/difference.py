# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What turns one view, or nothing, into another, as a stream. Only what may differ is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import UsageError
from core.transfer import rbddiff
from core.transfer.pieces import cut, data_in, outside, spans, within
from core.transfer.still import is_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.session import VolumeSession

    Report = Callable[[int], None]
    Sink = Callable[[bytes], object]


class Difference:
    """The ranges in which two views differ, to be written as ``rbd diff v1``.

    Attributes:
        read_bytes: How many bytes will be reported while it is written.
    """

    def __init__(
        self, session: VolumeSession, view: str, *, since: str | None, name: str | None
    ) -> None:
        """Find the ranges.

        Args:
            session: The volume.
            view: A view that nobody writes to meanwhile.
            since: The snapshot to count from; None: from nothing, which reads as zeroes.
            name: What the stream calls ``view``; None if that is no snapshot.

        Raises:
            UsageError: ``since`` is no snapshot.
            NoSuchCopyError: There is no such copy.
        """
        self._session, self._view = session, view
        size_bytes = session.info().size_of(view)
        self._header = rbddiff.Header(since, name, size_bytes)
        data = session.allocation(view)
        self._zeroes = outside(data, 0, size_bytes)
        self._data = data
        if since is not None:
            if not is_snapshot(session, since):
                raise UsageError(f"{since!r} is no snapshot and may have changed; name one.")
            changed = session.diff(since, view)
            self._data = within(data, changed, size_bytes)
            self._zeroes = within(self._zeroes, changed, size_bytes)
        self.read_bytes = self._data.total_bytes

    def write(self, sink: Sink, report: Report) -> int:
        """Write the stream; return the bytes of data in it. ``report`` may raise to cancel."""
        sink(rbddiff.pack_header(self._header))
        written = 0
        for start, stop, is_zero in self._parts():
            if is_zero:
                self._put_zeroes(sink, start, stop)
                continue
            for low, high in cut(start, stop):
                written += self._put(sink, low, high)
                report(high - low)
        sink(rbddiff.END)
        return written

    def _parts(self) -> list[tuple[int, int, bool]]:
        """Return all ranges in their order, each with whether it is known to be zero."""
        parts = [(start, stop, False) for start, stop in spans(self._data)]
        parts += [(start, stop, True) for start, stop in spans(self._zeroes)]
        return sorted(parts)

    def _put(self, sink: Sink, low: int, high: int) -> int:
        """Write a piece as records; return the bytes of data in them."""
        piece = self._session.read(low, high - low, self._view)
        at, written = 0, 0
        for first, last in data_in(piece):
            self._put_zeroes(sink, low + at, low + first)
            sink(rbddiff.pack_record(rbddiff.Record(False, low + first, last - first)))
            sink(piece[first:last])
            written += last - first
            at = last
        self._put_zeroes(sink, low + at, high)
        return written

    @staticmethod
    def _put_zeroes(sink: Sink, start: int, stop: int) -> None:
        if start < stop:
            sink(rbddiff.pack_record(rbddiff.Record(True, start, stop - start)))
