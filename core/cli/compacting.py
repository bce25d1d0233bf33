# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Compaction of the additional area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.progress import Progress
from core.errors import EXIT_DONE
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession
    from core.spaceanswers import CompactStep


def _declare_compact(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument(
        "--initial",
        action="store_true",
        help="the initial area instead: what lies last in the image goes to free places before it",
    )
    add_json(parser)


def _compact(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.initial:
        from core.cli.arranging import compact_initial

        return compact_initial(options, terminal)
    with open_for(options) as volume:
        before = volume.usage()
        moved, last = _carry_out(volume)
    if options.json:
        import msgspec

        told = {
            "moved_bytes": moved,
            "area_bytes_before": before.area_bytes,
            "area_bytes": last.area_bytes,
            "host_bytes_before": before.host_bytes,
            "host_bytes": last.host_bytes,
        }
        terminal.line(msgspec.json.encode(told).decode())
        return EXIT_DONE
    if not before.area_bytes:
        terminal.line("There is no additional area yet, so there is nothing to compact")
        return EXIT_DONE
    terminal.line(
        f"{format_bytes(moved)} moved; the additional area: {format_bytes(before.area_bytes)}"
        f" → {terminal.paint(format_bytes(last.area_bytes), 'bold')}, on its disk"
        f" {format_bytes(before.host_bytes)} → {format_bytes(last.host_bytes)}"
    )
    return EXIT_DONE


def _carry_out(volume: VolumeSession) -> tuple[int, CompactStep]:
    """Ask for step after step; an interrupt comes between two and leaves nothing half done."""
    step = volume.compact_step()
    moved = step.moved_bytes
    with Progress("compacting", moved + step.remaining_bytes) as progress:
        progress.add(moved)
        while not step.is_done:
            step = volume.compact_step()
            moved += step.moved_bytes
            progress.add(step.moved_bytes)
    return moved, step


COMMANDS: Final[dict[str, Command]] = {"compact": (_declare_compact, _compact)}
