# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Making a copy independent of the image that it was taken of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.progress import Progress
from core.cli.terminal import told_name
from core.errors import EXIT_DONE
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession


def _declare(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("copy", metavar="COPY", help="the copy that shall need the image no more")
    add_json(parser)


def _promote(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options) as volume:
        copied = promote_wholly(volume, options.copy)
    if options.json:
        import msgspec

        told = {"copy": options.copy, "copied_bytes": copied, "range_pairs": 0}
        terminal.line(msgspec.json.encode(told).decode())
    else:
        terminal.line(
            f"{told_name(options.copy)} needs the initial area no more:"
            f" {format_bytes(copied)} were given pointers of its own"
        )
    return EXIT_DONE


def promote_wholly(volume: VolumeSession, copy: str) -> int:
    """Promote batch by batch; what is done stays done if it is cancelled. Return the bytes."""
    step = volume.promote(copy)
    copied = step.copied_bytes
    whole = copied + step.left_bytes
    with Progress(f"promoting {told_name(copy)}", whole) as progress:
        progress.add(copied)
        while step.left_bytes:
            step = volume.promote(copy)
            copied += step.copied_bytes
            progress.add(step.copied_bytes)
    return copied


COMMANDS: Final[dict[str, Command]] = {"promote": (_declare, _promote)}
