# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The page that ``rangepair --help`` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.cli.directory import GROUPS
from core.cli.terminal import Cell

if TYPE_CHECKING:
    from core.cli.terminal import Terminal


def print_overview(terminal: Terminal) -> None:
    """Print what the program is for, and every command in one line."""
    title = terminal.paint("rangepair", "accent")
    terminal.line(f"{title}  instant copies of disk images")
    terminal.line()
    terminal.line("  rangepair [IMAGE]                       open the window")
    terminal.line("  rangepair COMMAND IMAGE [ARGUMENTS]     do one thing and end")
    for group, entries in GROUPS.items():
        terminal.line()
        terminal.line(terminal.paint(group, "bold"))
        terminal.table(
            [
                [Cell(name, "cyan"), Cell(f"{entry.operands:<28}"), Cell(entry.summary)]
                for name, entry in entries.items()
            ],
            indent=2,
        )
    terminal.line()
    terminal.line("'rangepair COMMAND --help' tells more. Sizes: 512, 4KiB, 1.5GiB, 0x200.")
    terminal.line("IMAGE: any raw disk image; nothing is put beside it until something is kept.")
    terminal.line("Exit status: 0 done, 1 error, 2 corruption found, 3 leak found, 64 wrong usage.")
