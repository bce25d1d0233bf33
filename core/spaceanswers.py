# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an engine answers about keeping the additional area small; travels like other answers."""

from __future__ import annotations

from typing import Literal

import msgspec

WhenFull = Literal["refuse", "wait", "drop"]


class DroppedCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A copy that was removed because the additional area was full; ``when`` since 1970."""

    name: str
    when: float


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a write that the additional area has no room for.

    Attributes:
        when_full: It is refused; it waits for room up to ``timeout_s`` seconds; or expendable
            copies are dropped, until there is room or none is left.
        area_limit_bytes: The file of the area takes no more on its disk; 0 = all there is.
        expendable: Names of the copies that may be dropped, the first one first.
        dropped: Those that were, the newest last.
    """

    when_full: WhenFull
    timeout_s: float
    area_limit_bytes: int
    expendable: list[str]
    dropped: list[DroppedCopy]


class CompactStep(msgspec.Struct, frozen=True, kw_only=True):
    """What one step of compaction of the additional area did, and what is left.

    Attributes:
        moved_bytes: Moved nearer to the beginning by this step.
        remaining_bytes: Still to be moved, as far as there is room for them.
        area_bytes, host_bytes: Length of the file now, and what it takes on its disk.
        is_done: No further step would do anything.
    """

    moved_bytes: int
    remaining_bytes: int
    area_bytes: int
    host_bytes: int
    is_done: bool


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the additional area, and who reads it.

    Attributes:
        offset: Byte address in the additional area.
        length: Bytes.
        content: What lies there.
        start: First byte of the volume that it is the content of; -1 where it is no content.
        copies: Names of the copies that read it, in the order in which they were taken.
    """

    offset: int
    length: int
    content: Literal["original", "new", "metadata", "unused"]
    start: int
    copies: list[str]
