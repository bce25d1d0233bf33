# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The map in reverse: what lies in a stretch of the additional area, and which copies hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.terminal import Cell, plural, printable, told_name
from core.errors import EXIT_DONE, UsageError
from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.answers import (
        VolumeInfo,
    )
    from core.cli.terminal import Terminal
    from core.spaceanswers import Holding

_STYLES: Final = {"original": "yellow", "new": "magenta", "metadata": "cyan", "unused": "grey"}
_NAMES_MAX: Final = 6


def show_holders(options: argparse.Namespace, terminal: Terminal) -> int:
    """Answer ``map --area-offset``; return the exit status.

    Raises:
        UsageError: It is asked of one copy, or also from an offset of the volume.
    """
    if options.copy != ORIGINAL or options.offset:
        raise UsageError(
            "--area-offset asks about all copies and a place in the additional area; leave out"
            " --copy and --offset."
        )
    with open_for(options, read_only=True) as volume:
        info = volume.info()
        length = info.grain if options.length is None else options.length
        found = volume.holdings(options.area_offset, length)
    if options.json:
        import msgspec

        told = {"offset": options.area_offset, "length": length, "holdings": found}
        terminal.line(msgspec.json.encode(told).decode())
    else:
        _print(found, info, terminal)
    return EXIT_DONE


def _print(found: Sequence[Holding], info: VolumeInfo, terminal: Terminal) -> None:
    """Print a row for each stretch, and what it comes to."""
    deleted = {copy.name for copy in info.copies if copy.deleted}
    head = [
        Cell(title, "grey")
        for title in ("AREA OFFSET", "LENGTH", "KIND", "GRAINS", "START", "COPIES")
    ]
    terminal.table([head, *(_row(part, info.grain, deleted) for part in found)], right=(0, 1, 4))
    terminal.line()
    holders = {name for part in found for name in part.copies}
    names = [copy.name for copy in info.copies if copy.name in holders]
    held = sum(part.length for part in found if part.copies)
    whole = sum(part.length for part in found)
    terminal.line(
        f"{format_bytes(held)} of {format_bytes(whole)} held by"
        f" {plural(len(names), 'copy', 'copies')}" + (f": {_told(names, deleted)}" if names else "")
    )


def _row(part: Holding, grain: int, deleted: set[str]) -> list[Cell]:
    cells = [
        Cell(str(part.offset)),
        Cell(str(part.length)),
        Cell(part.content, _STYLES[part.content]),
    ]
    if part.start < 0:
        return cells
    first, last = part.start // grain, (part.start + part.length - 1) // grain
    grains = str(first) if first == last else f"{first}-{last}"
    told = Cell(_told(part.copies, deleted)) if part.copies else Cell("none", "grey")
    return [*cells, Cell(grains), Cell(str(part.start)), told]


def _told(names: Sequence[str], deleted: set[str]) -> str:
    """Return a few names, and the number of the others."""
    shown = [
        told_name(name) + (" (deleted)" if name in deleted else "") for name in names[:_NAMES_MAX]
    ]
    more = len(names) - len(shown)
    return printable(", ".join(shown)) + (f" and {more} more" if more else "")
