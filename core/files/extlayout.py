# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where ext2, ext3 and ext4 keep what is no file's, and which of their blocks are free.

The library knows it and does not tell. Group descriptors say where each group of blocks has its
bitmaps and its part of the inode table; some groups begin with a superblock and the descriptors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from core.files.runmap import Pieces, RunMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.answers import Int64s

    Read = Callable[[int, int], bytes]

SUPERBLOCKS, ALLOCATION, INODE_TABLES = range(3)
"""Owners in ``ExtLayout.fixed``."""

_SUPERBLOCK_AT: Final = 1024
_SPARSE_BACKUPS_2: Final = 0x200
_META_GROUPS: Final = 0x10
_64_BIT: Final = 0x80
_SPARSE_BACKUPS: Final = 0x1
_BLOCKS_UNINITIALISED: Final = 2
_GROUPS_MAX: Final = 1 << 22


class Shape(NamedTuple):
    """What the superblock says.

    Attributes:
        cluster_bytes: What one bit of a bitmap stands for.
        first: Number of the first block of group 0.
        backups: Groups that begin with a superblock.
        head_blocks: What such a group begins with.
    """

    blocks: int
    block_bytes: int
    cluster_bytes: int
    first: int
    group_blocks: int
    groups: int
    descriptor_bytes: int
    table_blocks: int
    backups: list[int]
    head_blocks: int


def read_shape(read: Read) -> Shape | None:
    """Return what the superblock says; None where it is damaged or too unusual.

    Args:
        read: Offset and length in the file system.
    """
    block = read(_SUPERBLOCK_AT, 1024)
    if len(block) < 1024 or block[56:58] != b"\x53\xef":
        return None

    def number(at: int, size: int = 4) -> int:
        return int.from_bytes(block[at : at + size], "little")

    compatible, incompatible, read_only = (number(at) for at in (0x5C, 0x60, 0x64))
    if incompatible & _META_GROUPS or number(0x18) > 6 or number(0x1C) > 20:
        return None
    block_bytes, first, group_blocks = 1024 << number(0x18), number(0x14), number(0x20)
    blocks = number(0x4) | (number(0x150) << 32 if incompatible & _64_BIT else 0)
    if not group_blocks or blocks <= first:
        return None
    groups = -(-(blocks - first) // group_blocks)
    inode_bytes = number(0x58, 2) if number(0x4C) else 128
    descriptor_bytes = max(32, number(0xFE, 2)) if incompatible & _64_BIT else 32
    if groups > _GROUPS_MAX:
        return None
    descriptors = -(-groups * descriptor_bytes // block_bytes)
    if compatible & _SPARSE_BACKUPS_2:
        backups = [0, *(group for at in (0x24C, 0x250) if (group := number(at)))]
    elif read_only & _SPARSE_BACKUPS:
        backups = _sparse(groups)
    else:
        backups = list(range(groups))
    return Shape(
        blocks=blocks,
        block_bytes=block_bytes,
        cluster_bytes=1024 << number(0x1C),
        first=first,
        group_blocks=group_blocks,
        groups=groups,
        descriptor_bytes=descriptor_bytes,
        table_blocks=-(-number(0x28) * inode_bytes // block_bytes),
        backups=backups,
        head_blocks=1 + descriptors + number(0xCE, 2),
    )


class ExtLayout:
    """The fixed places of one file system, and its bitmaps.

    Attributes:
        fixed: Bytes of the view that are no file's; owners are ``SUPERBLOCKS`` and so on.
        stop: First byte of the view after the file system.
    """

    def __init__(self, read: Read, start: int, shape: Shape) -> None:
        """Read the descriptors.

        Args:
            read: Offset and length in the view.
            start: Where in the view the file system begins.
            shape: What its superblock says.
        """
        self._read, self._start, self._shape = read, start, shape
        self.stop = start + shape.blocks * shape.block_bytes
        block_bytes = shape.block_bytes
        raw = read(start + (shape.first + 1) * block_bytes, shape.groups * shape.descriptor_bytes)
        rows = np.frombuffer(raw.ljust(shape.groups * shape.descriptor_bytes, b"\0"), np.uint8)
        self._rows = rows.reshape(shape.groups, shape.descriptor_bytes)
        self._bitmaps = self._column(0)
        flags = self._rows[:, 0x12:0x14].copy().view("<u2").reshape(-1)
        self._is_unused = flags & _BLOCKS_UNINITIALISED != 0
        self.fixed = self._fixed_places()

    def free_within(self, starts: Int64s, stops: Int64s) -> Pieces:
        """Return what of sorted, disjoint ranges of the view is free, by the bitmaps."""
        shape = self._shape
        group_bytes = shape.group_blocks * shape.block_bytes
        base = self._start + shape.first * shape.block_bytes
        first = np.clip((starts - base) // group_bytes, 0, shape.groups - 1)
        last = np.clip((stops - 1 - base) // group_bytes, 0, shape.groups - 1)
        touched = {
            group
            for low, high in zip(first.tolist(), last.tolist(), strict=True)
            for group in range(low, high + 1)
        }
        found = [self._free_of(group) for group in sorted(touched)]
        lows = np.concatenate([np.empty(0, np.int64), *(low for low, _ in found)])
        highs = np.concatenate([np.empty(0, np.int64), *(high for _, high in found)])
        nobody = np.full(len(lows), -1, np.int64)
        return RunMap(lows, highs, nobody, nobody).within(starts, stops)

    def _free_of(self, group: int) -> tuple[Int64s, Int64s]:
        """Return the free ranges of a group: first bytes, and first bytes after."""
        shape = self._shape
        unit = shape.cluster_bytes
        base = self._start + (shape.first + group * shape.group_blocks) * shape.block_bytes
        end = min(base + shape.group_blocks * shape.block_bytes, self.stop)
        count = (end - base) // unit
        if self._is_unused[group]:  # the bitmap itself was never written
            return np.array([base], np.int64), np.array([end], np.int64)
        raw = self._read(
            self._start + int(self._bitmaps[group]) * shape.block_bytes, shape.block_bytes
        )
        bits = np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little")[:count]
        edges = np.flatnonzero(np.diff(np.concatenate(([1], bits, [1])).astype(np.int8)))
        return base + edges[::2] * unit, base + edges[1::2] * unit

    def _column(self, at: int) -> Int64s:
        """Return block numbers of all groups."""
        low = self._rows[:, at : at + 4].copy().view("<u4").reshape(-1).astype(np.int64)
        if self._shape.descriptor_bytes < 64:
            return low
        high = self._rows[:, at + 32 : at + 36].copy().view("<u4").reshape(-1).astype(np.int64)
        return low | (high & 0xFFFF) << 32

    def _fixed_places(self) -> RunMap:
        shape = self._shape
        heads = np.array(
            [shape.first + group * shape.group_blocks for group in shape.backups], np.int64
        )
        heads[0] = 0  # what lies before the first block is the boot loader's
        parts = (
            (heads, shape.head_blocks, SUPERBLOCKS),
            (self._bitmaps, 1, ALLOCATION),
            (self._column(4), 1, ALLOCATION),
            (self._column(8), shape.table_blocks, INODE_TABLES),
        )
        starts = np.concatenate([blocks for blocks, _, _ in parts])
        lengths = np.concatenate([np.full(len(blocks), n, np.int64) for blocks, n, _ in parts])
        owners = np.concatenate([np.full(len(blocks), who, np.int64) for blocks, _, who in parts])
        lengths[0] += shape.first
        is_within = (starts >= 0) & (starts + lengths <= shape.blocks)
        starts, lengths, owners = (column[is_within] for column in (starts, lengths, owners))
        low = self._start + starts * shape.block_bytes
        high = low + lengths * shape.block_bytes
        return RunMap(low, high, owners, np.full(len(low), -1, np.int64))


def _sparse(groups: int) -> list[int]:
    """Return the groups that have a backup: 0, 1, and the powers of 3, 5 and 7."""
    found = {0, 1}
    for base in (3, 5, 7):
        power = base
        while power < groups:
            found.add(power)
            power *= base
    return sorted(group for group in found if group < groups)
