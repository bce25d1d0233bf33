# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A recorded session of a real file system: a kernel's every write and flush, in order.

What the files of the session held is not kept: the recorder filled them with blocks of a known
sequence (``file_block``), and the trace names the number of each. Everything else - superblock,
group descriptors, bitmaps, inodes, directories, journal - is kept as it was written, so that the
replayed volume is a valid file system at both ends of the session and can be recovered, by its own
journal, at every flush between.

The first part makes the file system and ends at the step ``made``; the rest is the session.

A trace is one xz stream of msgpack; ``tools/record-ext4-session.py`` makes it.
"""

from __future__ import annotations

import hashlib
import lzma
from importlib import resources
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES: Final = 4096
TRACE_VERSION: Final = 1
TRACE_NAME: Final = "ext4-session.xz"
TRACE_BYTES_MAX: Final = 64 << 20
"""No trace unpacks to more; a damaged one must not fill the memory."""

ZERO_BLOCK: Final = bytes(BLOCK_BYTES)


class Write(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """One write of whole blocks.

    Attributes:
        offset: Byte address in the volume.
        sources: What each block holds: 0 zeroes, n > 0 ``file_block(n)``, n < 0 the kept block
            number -n - 1.
    """

    offset: int
    sources: list[int]


class Flush(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The kernel asked for everything so far to be durable."""


class Phase(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """What the user of the file system does from here on, in words."""

    title: str


Step = Write | Flush | Phase


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A session.

    Attributes:
        size: Bytes of the volume it was recorded on.
        made: Number of leading steps that make the file system.
        kept: The blocks that cannot be derived, one after the other.
    """

    version: int
    size: int
    made: int
    steps: list[Step]
    kept: bytes

    def payload(self, write: Write) -> bytes:
        """Return the bytes of a write."""
        return b"".join(map(self._block, write.sources))

    def base(self) -> Iterator[tuple[int, bytes]]:
        """Yield the writes that make the file system."""
        for step in self.steps[: self.made]:
            if isinstance(step, Write):
                yield step.offset, self.payload(step)

    def _block(self, source: int) -> bytes:
        if source > 0:
            return file_block(source)
        if source == 0:
            return ZERO_BLOCK
        return self.kept[(-source - 1) * BLOCK_BYTES : -source * BLOCK_BYTES]


def file_block(number: int) -> bytes:
    """Return block ``number`` of the sequence the recorded files are filled with."""
    return hashlib.shake_128(b"rangepair file block %d" % number).digest(BLOCK_BYTES)


def pack_trace(trace: Trace) -> bytes:
    """Return ``trace`` as a file holds it."""
    return lzma.compress(msgspec.msgpack.encode(trace), preset=9 | lzma.PRESET_EXTREME)


def unpack_trace(packed: bytes) -> Trace:
    """Return the trace that ``packed`` holds.

    Raises:
        ValueError: It holds none, or one of another version.
    """
    try:
        raw = lzma.LZMADecompressor().decompress(packed, TRACE_BYTES_MAX)
        trace = msgspec.msgpack.decode(raw, type=Trace)
    except (lzma.LZMAError, msgspec.DecodeError) as error:
        raise ValueError(f"the trace is damaged: {error}") from error
    if trace.version != TRACE_VERSION:
        raise ValueError(f"the trace is of version {trace.version}, not {TRACE_VERSION}")
    return trace


def load_trace() -> Trace:
    """Return the session that is shipped with the program."""
    return unpack_trace(resources.files("resources").joinpath("traces", TRACE_NAME).read_bytes())
