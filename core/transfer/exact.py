# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""In which bytes two views differ: read where pointers say that they may, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.answers import DiffRange
from core.transfer.pieces import cut, differing_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from core.session import VolumeSession
    from core.transfer.pieces import Span


def differing(
    session: VolumeSession,
    source: str,
    target: str,
    ranges: Iterable[DiffRange],
    report: Callable[[int], None],
) -> Iterator[DiffRange]:
    """Yield the sectors in which two views differ, as sorted ranges that do not touch.

    Args:
        session: The volume.
        source: One view; nobody writes to it meanwhile.
        target: The other, likewise.
        ranges: Where they may differ, as ``VolumeSession.diff`` tells.
        report: Called with the number of bytes compared after each piece.

    Of two views of different sizes all that is past the end of the shorter one differs.
    """
    last: Span | None = None
    for start, stop in _differing_spans(session, source, target, ranges, report):
        if last is not None and last[1] == start:
            last = last[0], stop
            continue
        if last is not None:
            yield DiffRange(last[0], last[1] - last[0])
        last = start, stop
    if last is not None:
        yield DiffRange(last[0], last[1] - last[0])


def _differing_spans(
    session: VolumeSession,
    source: str,
    target: str,
    ranges: Iterable[DiffRange],
    report: Callable[[int], None],
) -> Iterator[Span]:
    info = session.info()
    end = min(info.size_of(source), info.size_of(target))
    for part in ranges:
        stop = part.start + part.length
        for low, high in cut(part.start, min(stop, end)):
            one = session.read(low, high - low, source)
            other = session.read(low, high - low, target)
            for start, stop in differing_in(one, other):
                yield low + start, low + stop
            report(high - low)
        if stop > end:
            beyond = max(part.start, end)
            yield beyond, stop
            report(stop - beyond)
