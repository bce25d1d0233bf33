# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m gui.figures FILE``: draw what ``rangepair bench --json`` told on standard input.

A process of its own, without a screen: the command line knows nothing of Qt.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImageWriter

from gui.theme import LIGHT
from gui.views.figurechart import Bar, draw_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QImage


def bars_of(rows: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """Return what can be drawn of the rows of a report: what is compared with something."""
    return [
        Bar(
            topic=row["topic"],
            case=row["case"],
            unit=row["unit"],
            figure=row["median"],
            ratio=1.0 if row["ratio"] is None else row["ratio"],
            is_more_better=row["better"] == "more",
            is_base=row["base"] == row["case"],
        )
        for row in rows
        if row["base"] is not None
    ]


def lines_of(report: Mapping[str, Any]) -> list[str]:
    """Return where and when the figures of a report were measured."""
    machine = report["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    where = f"{machine['processor']}, {machine['processors']} processors, {machine['file_system']}"
    day, _, clock = report["date"].partition("T")
    rounds = f"{report['rounds']} round{'s' * (report['rounds'] != 1)}"
    how = f"medians of at least {rounds}, {day} {clock[:5]}"
    return [f"{where}; {how}", versions]


def picture_of(report: Mapping[str, Any]) -> QImage:
    """Return the picture of a report. Needs a QGuiApplication."""
    title = "What copies cost, measured in turns"
    return draw_figures(title, lines_of(report), bars_of(report["rows"]), LIGHT)


def main() -> int:
    """Draw a report into a file; return the exit status."""
    report = json.load(sys.stdin)
    if not bars_of(report["rows"]):
        sys.stderr.write("nothing was compared\n")
        return 1
    app = QGuiApplication(sys.argv[:1])
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, b"png").write(picture_of(report))
    try:
        Path(sys.argv[1]).write_bytes(buffer.data().data())
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        return 1
    del app
    return 0


if __name__ == "__main__":
    sys.exit(main())
