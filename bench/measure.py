# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How everything here is measured, so that a ratio means something.

Cases that are compared run in turns within one process, in changing order, so that whatever else
the machine does meets all of them; the median of the rounds counts. Files are warmed alike: ext4
fills the cache with large folios when it reads ahead, and a 4 KiB write into one costs ten times
that into a cache filled by small reads.
"""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

WARM_CHUNK_BYTES = 1 << 20


@dataclass
class Row:
    """One line of the table.

    Attributes:
        ratio: Of the median to that of the case compared with; None where there is none.
    """

    topic: str
    case: str
    unit: str
    values: list[float]
    ratio: float | None = None
    note: str = ""
    median: float = field(init=False)

    def __post_init__(self) -> None:
        """Find the median."""
        self.median = statistics.median(self.values)


def in_turns(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Run every case once a round, each round in the other order, and return what they returned."""
    values: dict[str, list[float]] = {name: [] for name in cases}
    names = list(cases)
    for number in range(rounds):
        for name in names if number % 2 == 0 else reversed(names):
            values[name].append(cases[name]())
    return values


def compared(
    topic: str, unit: str, cases: Mapping[str, Callable[[], float]], rounds: int
) -> list[Row]:
    """Run cases in turns; ratios are to the first of them."""
    values = in_turns(cases, rounds)
    rows = [Row(topic, name, unit, values[name]) for name in cases]
    for row in rows[1:]:
        row.ratio = row.median / rows[0].median
    return rows


def warm(path: Path) -> None:
    """Fill the page cache with ``path`` as small reads would."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
        for offset in range(0, os.fstat(file).st_size, WARM_CHUNK_BYTES):
            os.pread(file, WARM_CHUNK_BYTES, offset)
    finally:
        os.close(file)


def make_image(path: Path, size: int) -> None:
    """Make an image without holes or zeroes: those would be preserved for nothing."""
    forget_copies(path)
    chunk = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def forget_copies(image: Path) -> None:
    """Remove the additional area of ``image``."""
    image.with_name(image.name + ".rangepair").unlink(missing_ok=True)


def say(text: str) -> None:
    """Tell how far it is, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def table(rows: list[Row]) -> str:
    """Return ``rows`` aligned, topics as headings."""
    width = max(len(row.case) for row in rows)
    lines: list[str] = []
    topic = None
    for row in rows:
        if row.topic != topic:
            topic = row.topic
            lines += ["", topic]
        ratio = f"{row.ratio:7.2f} x" if row.ratio is not None else " " * 9
        median = f"{row.median:>12,.4g} {row.unit:<10}"
        lines.append(f"  {row.case:<{width}}  {median}{ratio}  {row.note}".rstrip())
    return "\n".join(lines[1:])
