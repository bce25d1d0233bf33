# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A stream of differences into a volume, as ``rbd import-diff`` does it, and never halfway.

A difference counts from a snapshot, which must be there, under its name; what it is applied to must
equal that snapshot, else the outcome would be neither. A stream that counts from nothing makes the
target zero first. Then the records are written, everything is flushed, and a snapshot takes the
name of the stream's target.

What was there can always be had back:

* Applied to the original, a safety snapshot is taken before the first write. If anything goes
  wrong, what was written is put back from it. When all is done it is removed if the stream's own
  source snapshot holds the same, and kept, and named, otherwise.
* Applied to a new clone, the clone has another name until it is whole, and is removed if anything
  goes wrong.

Whoever is killed meanwhile leaves the safety snapshot or the unfinished clone, whose names say so.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import (
    NameTakenError,
    NoSuchCopyError,
    RangepairError,
    StreamError,
    TransferError,
)
from core.session import ORIGINAL
from core.transfer.exact import differing
from core.transfer.pieces import NOTHING, PIECE_BYTES, cut, overlapping, spans
from core.transfer.still import free_name, is_snapshot
from core.units import MIB, SECTOR_BYTES
from core.volume.naming import check_wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import VolumeInfo
    from core.session import VolumeSession
    from core.transfer.rbddiff import Header, Record, StreamReader
    from core.transfer.source import StreamSource

    Report = Callable[[int], None]

_TRIM_BYTES: Final = 256 * MIB
"""A longer discard would keep other writers waiting, and could not be cancelled."""


class Applied(NamedTuple):
    """What came of it.

    Attributes:
        target: The original, or the new clone.
        source: The snapshot that the stream counted from, if any.
        snapshot: The snapshot that was taken at the end, if the stream names one.
        safety: The snapshot that keeps what the original held before, if it was kept.
        written_bytes: Data written, zeroes not counted.
    """

    target: str
    source: str | None
    snapshot: str | None
    safety: str | None
    written_bytes: int


def apply(session: VolumeSession, source: StreamSource, target: str, report: Report) -> Applied:
    """Apply a stream to the original, or to a new clone called ``target``.

    Args:
        session: The volume; nobody else may write to the original meanwhile.
        source: The stream.
        target: ``"original"``, or the name of a clone to be made.
        report: Called with the number of bytes of data written after each piece; may raise to
            cancel.

    Raises:
        StreamError: The stream is damaged, cut off, or for a volume of another size.
        TransferError: The target is not what the stream counts from.
        RangepairError: The volume refuses something. The target is as it was, whatever is raised.
    """
    size_bytes = session.info().size_of(ORIGINAL)
    reader = source.verified_reader(size_bytes)
    _check(session, reader.header, target)
    if target == ORIGINAL:
        return _apply_to_original(session, reader, report)
    return _apply_to_clone(session, reader, target, report)


def _check(session: VolumeSession, header: Header, target: str) -> None:
    """See to it that the stream can be applied, before anything is changed."""
    info = session.info()
    _check_size(info, header, target)
    taken = {copy.name for copy in info.copies}
    if header.target in {target, ORIGINAL}:
        raise NameTakenError(
            f"The stream's snapshot is itself called {header.target!r}; choose another name."
        )
    for name in (header.target, None if target == ORIGINAL else target):
        if name is not None:
            check_wording(name)
        if name in taken:
            raise NameTakenError(
                f"There is a copy named {name!r} already; rename or purge it first."
            )
    if header.source is not None:
        _check_source(session, header.source, is_known=header.source in taken)


def _check_size(info: VolumeInfo, header: Header, target: str) -> None:
    """See to it that what is written to has the size that the stream is of."""
    is_clone = target != ORIGINAL
    size_bytes = info.size_of((header.source or ORIGINAL) if is_clone else ORIGINAL)
    if header.size_bytes not in {None, size_bytes}:
        what = "the clone would have" if is_clone else "this one has"
        raise StreamError(
            f"The stream is of a volume of {header.size_bytes} bytes, and {what} {size_bytes};"
            f" resize the volume to {header.size_bytes} first, or apply it to one of its size."
        )


def _check_source(session: VolumeSession, source: str, *, is_known: bool) -> None:
    """See to it that the volume has what the stream counts from."""
    if not is_known:
        raise NoSuchCopyError(
            f"The stream counts from the snapshot {source!r}, which this volume does not have;"
            " apply the streams before it first."
        )
    if not is_snapshot(session, source):
        raise TransferError(
            f"The stream counts from {source!r}, which is a clone here and may have changed;"
            " apply it to a volume where it is a snapshot."
        )


# -- to the original -------------------------------------------------------------------------------


def _apply_to_original(session: VolumeSession, reader: StreamReader, report: Report) -> Applied:
    header = reader.header
    if header.source is not None:
        _check_unchanged(session, header.source)
    safety = free_name(session, "before-apply")
    session.snapshot(safety)
    try:
        written = _Writer(session, ORIGINAL, report).write_all(reader)
        if header.target is not None:
            session.snapshot(header.target)
    except BaseException as error:
        _put_back(session, safety, error)
        raise
    if header.source is not None:
        session.delete([safety], now=True)
        return Applied(ORIGINAL, header.source, header.target, None, written)
    return Applied(ORIGINAL, None, header.target, safety, written)


def _check_unchanged(session: VolumeSession, source: str) -> None:
    """See to it that the original holds what the stream counts from.

    Raises:
        TransferError: It does not.
    """
    info = session.info()
    end = min(info.size_of(source), info.size)
    ranges = (part for part in session.diff(source, ORIGINAL) if part.start < end)
    first = next(differing(session, source, ORIGINAL, ranges, lambda _: None), None)
    is_changed = first is not None and first.start < end
    if is_changed or _has_data(session, end):  # what a resize added since reads as zeroes
        raise TransferError(
            f"The original was written to since {source!r}, which the stream counts from; restore"
            " that first, or apply the stream to a new clone by --to NAME."
        )


def _has_data(session: VolumeSession, offset: int) -> bool:
    """Return whether the original holds anything but zeroes from ``offset`` on."""
    data = session.allocation(ORIGINAL)
    ranges = overlapping(data.starts, data.stops, offset, session.info().size)
    pieces = (piece for start, stop in ranges for piece in cut(start, stop))
    return any(any(session.read(low, high - low)) for low, high in pieces)


def _put_back(session: VolumeSession, safety: str, error: BaseException) -> None:
    """Make the original what it was, and drop the safety snapshot; keep that if it cannot be done.

    What goes wrong on the way is told with ``error``, which is what ended the work.
    """
    try:
        ranges = session.diff(safety, ORIGINAL)
        for part in list(differing(session, safety, ORIGINAL, ranges, lambda _: None)):
            for low in range(part.start, part.start + part.length, PIECE_BYTES):
                length = min(PIECE_BYTES, part.start + part.length - low)
                _copy(session, low, length, safety)
        session.flush()
        session.delete([safety], now=True)
    except (RangepairError, KeyboardInterrupt) as failure:
        kept = TransferError(
            f"{_sentence(error)} The original is partly written; what it held before is in the"
            f" snapshot {safety!r}."
        )
        raise kept from failure


def _copy(session: VolumeSession, offset: int, length: int, view: str) -> None:
    """Write to the original what ``view`` holds; zeroes take no space."""
    piece = session.read(offset, length, view)
    if any(piece):
        session.write(offset, piece)
    else:
        session.trim(offset, length)


def _sentence(error: BaseException) -> str:
    if isinstance(error, RangepairError):
        return error.message
    return "The stream was not applied to its end."


# -- to a new clone --------------------------------------------------------------------------------


def _apply_to_clone(
    session: VolumeSession, reader: StreamReader, target: str, report: Report
) -> Applied:
    header = reader.header
    unfinished = free_name(session, "unfinished-apply")
    session.clone(unfinished, header.source or ORIGINAL)
    made = [unfinished]
    try:
        written = _Writer(session, unfinished, report).write_all(reader)
        if header.target is not None:
            session.snapshot(header.target, unfinished)
            made.append(header.target)
        session.rename(unfinished, target)
    except BaseException:
        with contextlib.suppress(RangepairError):
            session.delete(made, now=True)
        raise
    return Applied(target, header.source, header.target, None, written)


class _Writer:
    """Writes the records of one stream to a target.

    A discard of what reads as zeroes already would only cost pointers, terabytes of it millions.
    What that is was found out once, so a record that lies before the end of an earlier one, where
    the stream itself may have written, is discarded whole.
    """

    def __init__(self, session: VolumeSession, target: str, report: Report) -> None:
        """Look at what the target holds before."""
        self._session, self._target, self._report = session, target, report
        self._size_bytes = session.info().size_of(target)
        self._data = session.allocation(target)
        self._stops = self._data.stops
        self._reached = 0

    def write_all(self, reader: StreamReader) -> int:
        """Write all records and flush; return the bytes of data."""
        if reader.header.source is None:
            for start, stop in spans(self._data):
                self._discard(start, stop)
            self._data, self._stops = NOTHING, NOTHING.starts
        written = 0
        for record in reader.records(self._size_bytes):
            if record.is_zero:
                self._discard_record(record)
                self._report(0)
            else:
                self._write_record(reader, record)
                written += record.length
            self._reached = max(self._reached, record.offset + record.length)
        self._session.flush()
        return written

    def _write_record(self, reader: StreamReader, record: Record) -> None:
        for low in range(0, record.length, PIECE_BYTES):
            length = min(PIECE_BYTES, record.length - low)
            self._write(record.offset + low, reader.payload(length))
            self._report(length)

    def _discard_record(self, record: Record) -> None:
        """Make any range read as zeroes."""
        start, stop = record.offset, record.offset + record.length
        low, high = -(-start // SECTOR_BYTES) * SECTOR_BYTES, stop // SECTOR_BYTES * SECTOR_BYTES
        if low >= high:
            self._write(start, bytes(record.length))
            return
        self._write(start, bytes(low - start))
        if start < self._reached:
            self._discard(low, high)
        else:
            for first, last in overlapping(self._data.starts, self._stops, low, high):
                self._discard(first, last)
        self._write(high, bytes(stop - high))

    def _discard(self, start: int, stop: int) -> None:
        """Make whole sectors read as zeroes."""
        for low in range(start, stop, _TRIM_BYTES):
            self._session.trim(low, min(_TRIM_BYTES, stop - low), self._target)
            self._report(0)

    def _write(self, offset: int, payload: bytes) -> None:
        """Write bytes anywhere; the rest of their first and last sector stays as it is."""
        if not payload:
            return
        start = offset // SECTOR_BYTES * SECTOR_BYTES
        stop = -(-(offset + len(payload)) // SECTOR_BYTES) * SECTOR_BYTES
        before, after = b"", b""
        if start < offset:
            before = self._sector(start)[: offset - start]
        if stop > offset + len(payload):
            after = self._sector(stop - SECTOR_BYTES)[offset + len(payload) - stop :]
        self._session.write(start, before + payload + after, self._target)

    def _sector(self, offset: int) -> bytes:
        return self._session.read(offset, SECTOR_BYTES, self._target)
