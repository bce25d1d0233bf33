# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is told of a measurement while it goes on, and of what came of it."""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.measure.rows import Row


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
        lines.append(f"  {row.case:<{width}}  {median}{ratio}  {_note(row)}".rstrip())
    return "\n".join(lines)


def _note(row: Row) -> str:
    """Return what else is known of a row."""
    notes = []
    if row.stalls_ms:
        notes.append(f"p99.9 {statistics.median(row.stalls_ms):.3g} ms")
    if row.processor_us:
        notes.append(f"{statistics.median(row.processor_us):.1f} us of the server each")
    return ", ".join(notes)
