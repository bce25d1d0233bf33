# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What was measured, where and when: everything that ``rangepair bench --json`` prints."""

from __future__ import annotations

import datetime as dt
import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import core
from core.measure import tools
from core.measure.rows import median_or_none
from core.measure.scratch import IN_MEMORY, file_system_of

if TYPE_CHECKING:
    from core.measure.rows import Row, Sheet


@dataclass
class Report:
    """Figures and what a reader has to know of them.

    Attributes:
        machine: Processor, its number, memory, system, and the file system measured on.
        notes: Sentences.
    """

    machine: dict[str, Any]
    versions: dict[str, str]
    began: str
    rounds: int
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, sheet: Sheet) -> None:
        """Take in the rows of one topic."""
        self.rows += sheet

    def told(self) -> dict[str, Any]:
        """Return what is documented to be told, in plain values."""
        return {
            "date": self.began,
            "machine": self.machine,
            "versions": self.versions,
            "rounds": self.rounds,
            "notes": self.notes,
            "rows": [_told(row) for row in self.rows],
        }


def begin_report(folder: Path, *, rounds: int, is_against_qemu: bool) -> Report:
    """Return a report without rows."""
    versions = {"rangepair": core.__version__, "python": platform.python_version()}
    if is_against_qemu:
        versions |= tools.versions()
    now = dt.datetime.now(dt.UTC).astimezone()
    report = Report(machine_told(folder), versions, now.isoformat(timespec="seconds"), rounds)
    report.notes += _cautions(report.machine)
    return report


def machine_told(folder: Path) -> dict[str, Any]:
    """Return what the figures depend on most."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_bytes": pages,
        "file_system": file_system_of(folder),
    }


def _cautions(machine: dict[str, Any]) -> list[str]:
    """Return what makes the figures doubtful."""
    cautions = []
    load, processors = os.getloadavg()[0], machine["processors"]
    if load > processors / 2:
        cautions.append(
            f"Other programs were at work when this began (load {load:.1f} on"
            f" {processors} processors), so the figures are worth less than on an idle machine."
        )
    if machine["file_system"] in IN_MEMORY:
        cautions.append(
            "The folder lies in memory, where a sync costs nothing; name one on a disk with --in."
        )
    return cautions


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _told(row: Row) -> dict[str, Any]:
    return {
        "topic": row.topic,
        "case": row.case,
        "unit": row.unit,
        "better": "more" if row.is_more_better else "less",
        "values": row.values,
        "median": row.median,
        "ratio": row.ratio,
        "base": row.base,
        "p999_ms": median_or_none(row.stalls_ms),
        "processor_us": median_or_none(row.processor_us),
    }
