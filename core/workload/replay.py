# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Replay of the recorded ext4 session on a volume, round and round.

Each round begins with the file system the recording began with; where the volume holds it already,
as a scratch image does, nothing is written for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.errors import UsageError
from core.units import KIB, format_bytes
from core.workload.trace import BLOCK_BYTES, Flush, Phase, Write, load_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.workload.trace import Trace

JOINED_BYTES_MAX: Final = 128 * KIB

Act = tuple[int, bytes] | Flush | Phase
"""A write (offset, payload), or what the trace says besides writes."""


def rounds(volume_bytes: int, read: Callable[[int, int], bytes]) -> Iterator[Act]:
    """Return the endless stream of a volume that ``read(offset, length)`` reads.

    Raises:
        UsageError: The file system does not fit into the volume.
    """
    trace = load_trace()
    if volume_bytes < trace.size:
        raise UsageError(
            f"The ext4 session needs a volume of {format_bytes(trace.size)} and this one has "
            f"{format_bytes(volume_bytes)}; choose another workload or a larger volume."
        )
    return _rounds(trace, read)


def _rounds(trace: Trace, read: Callable[[int, int], bytes]) -> Iterator[Act]:
    base = settled_base(trace)
    while True:
        yield from _restore_base(base, read)
        for step in trace.steps[trace.made :]:
            yield (step.offset, trace.payload(step)) if isinstance(step, Write) else step


def settled_base(trace: Trace) -> dict[int, bytes]:
    """Return what making the file system left in every block it wrote, by offset."""
    return {
        offset + at: payload[at : at + BLOCK_BYTES]
        for offset, payload in trace.base()
        for at in range(0, len(payload), BLOCK_BYTES)
    }


def _restore_base(base: dict[int, bytes], read: Callable[[int, int], bytes]) -> Iterator[Act]:
    differing = {
        offset: block for offset, block in sorted(base.items()) if read(offset, len(block)) != block
    }
    if differing:
        yield Phase("Making a file system")
        yield from _joined(differing)
        yield Flush()


def _joined(blocks: dict[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield neighbours as one write, as the kernel's block layer does."""
    start, run = 0, bytearray()
    for offset, block in blocks.items():
        if offset != start + len(run) or len(run) >= JOINED_BYTES_MAX:
            if run:
                yield start, bytes(run)
            start, run = offset, bytearray()
        run += block
    yield start, bytes(run)
