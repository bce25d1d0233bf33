# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the journal of ext3 and ext4 holds that is not in place yet.

The journal (jbd2, big-endian) is a ring of blocks. A transaction is one or more descriptors, each a
list of block numbers that is followed by the blocks themselves; revocations, of blocks that older
transactions must not bring back; and a commit. Transactions are numbered one after the other, so
the first block that is not of the expected number, or a transaction without a commit, ends it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.files.library import Library
    from core.files.viewimage import ViewBytes

_NEEDS_RECOVERY: Final = 0x4
_INODE: Final = 8
_MAGIC: Final = 0xC03B3998
_DESCRIPTOR, _COMMIT, _SUPERBLOCK_1, _SUPERBLOCK_2, _REVOKE = range(1, 6)
_HEAD: Final = struct.Struct(">III")
"""Magic, kind of block, number of the transaction."""
_SUPERBLOCK: Final = struct.Struct(">12xIIIII8xI")
"""Block bytes, length, first block of the ring, number and place of the first transaction,
incompatible features."""
_REVOKES, _64_BIT, _ASYNCHRONOUS, _CHECKSUMS_2, _CHECKSUMS_3 = 0x1, 0x2, 0x4, 0x8, 0x10
_KNOWN: Final = _REVOKES | _64_BIT | _ASYNCHRONOUS | _CHECKSUMS_2 | _CHECKSUMS_3
"""All but fast commits, which are records of another kind."""
_ESCAPED, _SAME_UUID, _LAST = 0x1, 0x2, 0x8
_BLOCKS_MAX: Final = 1 << 20
"""4 GiB of journal; the largest that mke2fs makes has a quarter of it."""


class UnusableError(Exception):
    """The journal cannot be read; says why."""


class _Ring(NamedTuple):
    block_bytes: int
    first: int
    length: int
    sequence: int
    start: int
    features: int
    blocks: list[int]
    """Where in the view each block lies."""


def needs_replay(view: ViewBytes, start: int) -> bool:
    """Return whether a file system that begins at ``start`` was in use when its view was made."""
    flags = view.read(start + 1024 + 0x60, 4)
    return bool(int.from_bytes(flags, "little") & _NEEDS_RECOVERY)


def newer_blocks(library: Library) -> dict[int, bytes]:
    """Return what the journal has newer than its place: content by first byte of the view.

    Raises:
        UnusableError: It cannot be read.
    """
    ring = _ring(library)
    if not ring.start:
        return {}
    newest: dict[int, tuple[int, int, bool]] = {}
    revoked: dict[int, int] = {}
    for sequence, written, taken_back in _transactions(library.view, ring):
        for block, place, is_escaped in written:
            newest[block] = sequence, place, is_escaped
        revoked.update(dict.fromkeys(taken_back, sequence))
    found = {}
    for block, (sequence, place, is_escaped) in newest.items():
        if revoked.get(block, -1) >= sequence:
            continue
        content = library.view.read(place, ring.block_bytes)
        if is_escaped:  # it began with the journal's own magic, which was put out of the way
            content = _MAGIC.to_bytes(4, "big") + content[4:]
        found[library.place.start + block * ring.block_bytes] = content
    return found


def _ring(library: Library) -> _Ring:
    """Return the shape of the journal.

    Raises:
        UnusableError: It has none that is known.
    """
    unit = library.block_bytes
    try:
        runs = [run for run in library.node(_INODE).runs if run.file_offset >= 0]
    except OSError as error:
        raise UnusableError("its inode is damaged") from error
    blocks = [
        place
        for run in sorted(runs, key=lambda run: run.file_offset)
        for place in range(run.start, run.start + run.length, unit)
    ]
    if not blocks:
        raise UnusableError("it lies on another device")
    head = library.view.read(blocks[0], 1024)
    magic, kind, _ = _HEAD.unpack_from(head)
    block_bytes, length, first, sequence, start, features = _SUPERBLOCK.unpack_from(head)
    if kind == _SUPERBLOCK_1:
        features = 0
    if magic != _MAGIC or kind not in {_SUPERBLOCK_1, _SUPERBLOCK_2} or block_bytes != unit:
        raise UnusableError("its superblock is damaged")
    if features & ~_KNOWN:
        raise UnusableError("it has features that are not known")
    if not 0 < first < length <= min(len(blocks), _BLOCKS_MAX) or start >= length:
        raise UnusableError("its superblock is damaged")
    return _Ring(unit, first, length, sequence, start, features, blocks)


_Written = list[tuple[int, int, bool]]
"""Number of the block, where in the view its content is, whether that is escaped."""


def _transactions(view: ViewBytes, ring: _Ring) -> Iterator[tuple[int, _Written, list[int]]]:
    """Yield number, blocks and revocations of each transaction that was committed."""
    sequence, at, passed = ring.sequence, ring.start, 0
    written: _Written = []
    taken_back: list[int] = []
    while passed < ring.length:
        block = view.read(ring.blocks[at], ring.block_bytes)
        magic, kind, number = _HEAD.unpack_from(block)
        if magic != _MAGIC or number != sequence:
            return
        count = 1
        if kind == _DESCRIPTOR:
            for target, is_escaped in _tags(block, ring.features):
                written.append((target, ring.blocks[_around(at + count, ring)], is_escaped))
                count += 1
        elif kind == _REVOKE:
            taken_back += _revocations(block, ring.features)
        elif kind == _COMMIT:
            yield sequence, written, taken_back
            written, taken_back = [], []
            sequence = (sequence + 1) & 0xFFFFFFFF
        else:
            return
        at, passed = _around(at + count, ring), passed + count


def _around(at: int, ring: _Ring) -> int:
    """Return a place in the ring, from one that may pass its end."""
    return ring.first + (at - ring.first) % (ring.length - ring.first)


def _tags(block: bytes, features: int) -> Iterator[tuple[int, bool]]:
    """Yield the block numbers of a descriptor, and whether their content is escaped."""
    has_long = bool(features & _CHECKSUMS_3)
    tag_bytes = 16 if has_long else 8 + (2 if features & _CHECKSUMS_2 else 0)
    if not has_long and features & _64_BIT:
        tag_bytes += 4
    end = len(block) - (4 if features & (_CHECKSUMS_2 | _CHECKSUMS_3) else 0)
    at = _HEAD.size
    while at + tag_bytes <= end:
        number = int.from_bytes(block[at : at + 4], "big")
        if has_long:
            flags = int.from_bytes(block[at + 4 : at + 8], "big")
        else:
            flags = int.from_bytes(block[at + 6 : at + 8], "big")
        if features & _64_BIT:
            number |= int.from_bytes(block[at + 8 : at + 12], "big") << 32
        yield number, bool(flags & _ESCAPED)
        if flags & _LAST:
            return
        at += tag_bytes + (0 if flags & _SAME_UUID else 16)


def _revocations(block: bytes, features: int) -> Iterator[int]:
    """Yield the block numbers of a block of revocations."""
    size = 8 if features & _64_BIT else 4
    used = min(int.from_bytes(block[12:16], "big"), len(block))
    for at in range(16, used - size + 1, size):
        yield int.from_bytes(block[at : at + size], "big")
