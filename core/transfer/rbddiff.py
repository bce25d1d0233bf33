# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
r"""The ``rbd diff v1`` stream, as Ceph documents it in ``doc/dev/rbd-diff.rst``. Pure: no files.

::

    "rbd diff v1\n"
    'f' u32 length, name of the snapshot that the difference counts from; absent: from nothing
    't' u32 length, name of the snapshot that it leads to; absent: none is taken
    's' u64 size of the volume
    'w' u64 offset, u64 length, that many bytes of data
    'z' u64 offset, u64 length: zeroes
    'e' the end

Little-endian. The first three come before all others, in any order; records of data may come in any
order, too. There is no checksum: a reader can tell that a stream was cut or garbled in its
structure, not that a byte of its data was changed.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from core.errors import StreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BANNER: Final = b"rbd diff v1\n"
END: Final = b"e"
NAME_BYTES_MAX: Final = 4096
"""Ceph's own bound, so that garbage is not taken for a name."""
_NAME: Final = struct.Struct("<cI")
_SIZE: Final = struct.Struct("<cQ")
_RECORD: Final = struct.Struct("<cQQ")
_SIZE_BYTES_MAX: Final = (1 << 63) - 1
_OTHERS: Final = {b"rbd diff v2\n": "an rbd diff of version 2", b"rbd image v2": "an rbd export"}


class Header(NamedTuple):
    """What a stream says of itself.

    Attributes:
        source: Name of the snapshot that the difference counts from; None: from nothing, zeroes.
        target: Name of the snapshot that it leads to; None: of a view that is no snapshot.
        size_bytes: Of the volume at the end; None if the stream does not say.
    """

    source: str | None
    target: str | None
    size_bytes: int | None


class Record(NamedTuple):
    """One range that differs; data of a write follows it in the stream."""

    is_zero: bool
    offset: int
    length: int


def pack_header(header: Header) -> bytes:
    """Return the beginning of a stream."""
    parts = [BANNER]
    for tag, name in ((b"f", header.source), (b"t", header.target)):
        if name is not None:
            raw = name.encode()
            parts += [_NAME.pack(tag, len(raw)), raw]
    if header.size_bytes is not None:
        parts.append(_SIZE.pack(b"s", header.size_bytes))
    return b"".join(parts)


def pack_record(record: Record) -> bytes:
    """Return the head of a record; the data of a write follows."""
    return _RECORD.pack(b"z" if record.is_zero else b"w", record.offset, record.length)


class StreamReader:
    """Reads one stream from its first byte to its last.

    Attributes:
        header: What the stream says of itself.
        position: Bytes read or skipped so far.
    """

    def __init__(self, read: Callable[[int], bytes], skip: Callable[[int], int]) -> None:
        """Read the header.

        Args:
            read: Returns the next bytes, fewer than asked for only at the end.
            skip: Passes over bytes; returns how many, fewer than asked for only at the end.

        Raises:
            StreamError: It is none, or its header is damaged.
        """
        self._read, self._skip = read, skip
        self.position = 0
        self._unread = 0
        self._check_banner()
        self.header, self._tag = self._header()

    def records(self, size_bytes: int) -> Iterator[Record]:
        """Yield all records, which must lie within ``size_bytes``; then see that nothing follows.

        The data of a write is to be taken by ``payload`` before the next record, or is skipped.

        Raises:
            StreamError: The stream is cut off or damaged.
        """
        while self._tag != END:
            at = self.position - 1
            if self._tag not in {b"w", b"z"}:
                raise self._damaged(at, self._misplaced())
            _, offset, length = _RECORD.unpack(self._tag + self._take(_RECORD.size - 1))
            if offset + length > size_bytes:
                raise self._damaged(at, f"a record passes the end of its {size_bytes} bytes")
            is_zero = self._tag == b"z"
            self._unread = 0 if is_zero else length
            if length:
                yield Record(is_zero, offset, length)
            self._pass(self._unread)
            self._tag = self._take(1)
        if self._read(1):
            raise self._damaged(self.position, "something follows the end")

    def payload(self, length: int) -> bytes:
        """Return the next bytes of the data of the write that ``records`` yielded last."""
        assert length <= self._unread
        piece = self._take(length)
        self._unread -= length
        return piece

    def _check_banner(self) -> None:
        found = self._read(len(BANNER))
        self.position += len(found)
        if found == BANNER:
            return
        what = _OTHERS.get(found)
        if what is not None:
            raise StreamError(f"The stream is {what}; make an 'rbd diff v1' with export-diff.")
        if BANNER.startswith(found):
            raise self._cut()
        raise StreamError("The stream does not begin with 'rbd diff v1'; name one that does.")

    def _header(self) -> tuple[Header, bytes]:
        """Return the header, and the tag after it."""
        names: dict[bytes, str] = {}
        size_bytes = None
        while (tag := self._take(1)) in {b"f", b"t", b"s"}:
            at = self.position - 1
            if tag in names or (tag == b"s" and size_bytes is not None):
                raise self._damaged(at, "its header says something twice")
            if tag == b"s":
                _, size_bytes = _SIZE.unpack(tag + self._take(_SIZE.size - 1))
                if size_bytes > _SIZE_BYTES_MAX:
                    raise self._damaged(at, "its size is larger than any volume")
            else:
                names[tag] = self._name(tag, at)
        return Header(names.get(b"f"), names.get(b"t"), size_bytes), tag

    def _name(self, tag: bytes, at: int) -> str:
        _, length = _NAME.unpack(tag + self._take(_NAME.size - 1))
        if length > NAME_BYTES_MAX:
            raise self._damaged(at, f"a name has {length} bytes")
        try:
            return self._take(length).decode()
        except UnicodeDecodeError as error:
            raise self._damaged(at, "a name is not UTF-8") from error

    def _misplaced(self) -> str:
        if self._tag in {b"f", b"t", b"s"}:
            return "its header goes on after data"
        return f"no record begins with {self._tag!r}"

    def _take(self, length: int) -> bytes:
        found = self._read(length)
        self.position += len(found)
        if len(found) != length:
            raise self._cut()
        return found

    def _pass(self, length: int) -> None:
        passed = self._skip(length) if length else 0
        self.position += passed
        if passed != length:
            raise self._cut()

    def _cut(self) -> StreamError:
        return StreamError(
            f"The stream breaks off after {self.position} bytes, before its end; get it whole."
        )

    def _damaged(self, at: int, how: str) -> StreamError:
        return StreamError(f"The stream is damaged at byte {at}: {how}; get it whole again.")
