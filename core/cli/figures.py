# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Measured figures as tables: what was measured, and how it compares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.terminal import Cell, plural, printable
from core.measure.rows import median_or_none

if TYPE_CHECKING:
    from pathlib import Path

    from core.cli.terminal import Terminal
    from core.measure.report import Report
    from core.measure.rows import Row, Sheet

_OURS: Final = "Rangepair"
_WHOLE_FROM: Final = 100


def print_heading(report: Report, folder: Path, terminal: Terminal) -> None:
    """Print where all of it is measured."""
    machine = report.machine
    processors = plural(machine["processors"], "processor")
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    terminal.line(versions)
    for text in (
        f"{machine['processor']}, {processors}",
        f"in {printable(str(folder))} ({machine['file_system']})",
        f"cases in turns, medians of at least {plural(report.rounds, 'round')}",
    ):
        terminal.line(terminal.paint(text, "grey"))
    terminal.flush()


def print_sheet(sheet: Sheet, terminal: Terminal) -> None:
    """Print one topic: a heading, a line for each case."""
    first = sheet[0]
    better = "more is better" if first.is_more_better else "less is better"
    terminal.line()
    terminal.line(f"{terminal.paint(first.topic, 'bold')}  {terminal.paint(better, 'grey')}")
    is_timed = any(row.stalls_ms for row in sheet)
    is_compared = first.base is not None
    heads = ["", first.unit, *["ratio"] * is_compared]
    heads += ["p99.9 ms", "CPU us"] if is_timed else ["lowest", "highest"]
    terminal.table(
        [
            [Cell(head, "grey") for head in heads],
            *(_cells(row, is_timed=is_timed) for row in sheet),
        ],
        right=range(1, len(heads)),
        indent=2,
    )
    terminal.flush()


def _cells(row: Row, *, is_timed: bool) -> list[Cell]:
    is_base = row.base == row.case
    ratio = 1.0 if is_base else row.ratio
    rest = (
        (median_or_none(row.stalls_ms), median_or_none(row.processor_us))
        if is_timed
        else (min(row.values), max(row.values))
    )
    compared = [] if ratio is None else [Cell(f"{ratio:.2f} x", "grey" if is_base else "bold")]
    return [
        Cell(row.case, "accent" if row.case.startswith(_OURS) else ""),
        Cell(shown(row.median)),
        *compared,
        *(Cell("" if value is None else shown(value), "grey") for value in rest),
    ]


def shown(value: float) -> str:
    """Return a figure with three digits, or all of its whole ones."""
    return f"{value:,.0f}" if value >= _WHOLE_FROM else f"{value:.3g}"
