# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""New images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import file_path, size
from core.cli.terminal import printable
from core.errors import EXIT_DONE
from core.units import GRAIN_BYTES_DEFAULT, format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal


def _declare(parser: CommandParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="path of the image file to make")
    parser.add_argument("--size", metavar="N", type=size, required=True, help="bytes, e.g. 8GiB")
    parser.add_argument(
        "--thin", action="store_true", help="take space on the disk only for what is written"
    )
    parser.add_argument(
        "--grain",
        metavar="N",
        type=size,
        default=GRAIN_BYTES_DEFAULT,
        help="smallest preserved portion, 512 to 64KiB; 4KiB if left out",
    )
    parser.add_argument(
        "--area", metavar="PATH", type=file_path, help="additional area, if not beside IMAGE"
    )


def _create(options: argparse.Namespace, terminal: Terminal) -> int:
    from core.engine import create_volume

    create_volume(
        options.image,
        options.size,
        thin=options.thin,
        grain_bytes=options.grain,
        area=Path(options.area) if options.area else None,
    )
    kind = "thin image" if options.thin else "image"
    name = terminal.paint(printable(options.image), "bold")
    terminal.line(
        f"{name}: {kind} of {format_bytes(options.size)}, grain {format_bytes(options.grain)}"
    )
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {"create": (_declare, _create)}
