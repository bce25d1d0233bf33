# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A whole view as a raw image. Only what may hold data is read; the rest is known to be zero."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from core.transfer.pieces import cut, data_in, spans
from core.units import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.session import VolumeSession
    from core.transfer.outfile import OutFile

    Report = Callable[[int], None]
    Sink = Callable[[bytes], object]

_ZEROES: Final = bytes(MIB)


def raw_to_file(session: VolumeSession, view: str, out: OutFile, report: Report) -> int:
    """Write a view that stands still into a new file, with holes for zeroes.

    Args:
        session: The volume.
        view: A view that nobody writes to meanwhile.
        out: The file, empty.
        report: Called with the number of bytes after each piece; may raise to cancel.

    Returns:
        Bytes of data written.
    """
    os.ftruncate(out.descriptor, session.info().size_of(view))
    written = 0
    for start, stop in spans(session.allocation(view)):
        for low, high in cut(start, stop):
            piece = memoryview(session.read(low, high - low, view))
            for first, last in data_in(bytes(piece)):
                out.write_at(piece[first:last], low + first)
                written += last - first
            report(high - low)
    return written


def raw_to_pipe(session: VolumeSession, view: str, sink: Sink, report: Report) -> int:
    """Write every byte of a view that stands still in order; return how many."""
    size_bytes, at = session.info().size_of(view), 0
    for start, stop in [*spans(session.allocation(view)), (size_bytes, size_bytes)]:
        for low in range(at, start, len(_ZEROES)):
            sink(_ZEROES[: start - low])
        for low, high in cut(start, stop):
            sink(session.read(low, high - low, view))
            report(high - low)
        at = stop
    return size_bytes


def raw_bytes(session: VolumeSession, view: str) -> int:
    """Return how many bytes will be reported for a raw image of ``view``."""
    return session.allocation(view).total_bytes
