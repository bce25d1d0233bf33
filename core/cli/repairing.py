# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A new additional area of what is left of a damaged one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.progress import Progress
from core.cli.scrubbing import told_ranges
from core.cli.terminal import Cell, printable
from core.errors import EXIT_CORRUPTION, EXIT_DONE

if TYPE_CHECKING:
    import argparse

    from core.cli.terminal import Terminal
    from core.salvage.repair import CopyOutcome, RepairReport

_STYLES: Final = {"saved": "green", "suspect": "yellow", "damaged": "error", "lost": "error"}


def repair(options: argparse.Namespace, terminal: Terminal) -> int:
    """Make ``options.repair``; tell of each copy what became of it."""
    from core.engine.repairing import opened_for_repair

    out = Path(options.repair)
    area = Path(options.area) if options.area else None
    with (
        opened_for_repair(options.image, out, area) as work,
        Progress("saving", work.total_bytes) as progress,
    ):
        report = work.run(progress.add)
    if options.json:
        import msgspec

        told = {"out": str(out), "whole": report.is_whole, **msgspec.structs.asdict(report)}
        terminal.line(msgspec.json.encode(told).decode())
    else:
        _print(report, options, terminal)
    return EXIT_DONE if report.is_whole else EXIT_CORRUPTION


def _print(report: RepairReport, options: argparse.Namespace, terminal: Terminal) -> None:
    if report.copies:
        terminal.table(
            [
                [
                    Cell(printable(copy.name), "bold"),
                    Cell(copy.outcome, _STYLES[copy.outcome]),
                    Cell(_why(copy)),
                ]
                for copy in report.copies
            ]
        )
        terminal.line()
    for loss in report.losses:
        terminal.line(loss)
    image, out = printable(options.image), printable(options.repair)
    terminal.line(f"{out} is made; look at it with  rangepair list {image} --area {out}")


def _why(copy: CopyOutcome) -> str:
    if copy.damaged_ranges:
        return f"{copy.why}: {told_ranges(copy.damaged_ranges)} cannot be read"
    return copy.why
