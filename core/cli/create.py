# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""New images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import file_path, size, sizes
from core.cli.terminal import plural, printable
from core.errors import EXIT_DONE, UsageError
from core.units import GRAIN_BYTES_DEFAULT, format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal


def _declare(parser: CommandParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="path of the image file to make")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--size", metavar="N", type=size, help="bytes, e.g. 8GiB")
    what.add_argument(
        "--portions",
        metavar="N,N...",
        type=sizes,
        help="a volume of portions of these sizes instead, each preserved as a whole",
    )
    parser.add_argument(
        "--thin",
        action="store_true",
        help="let the image grow as it is written; only Rangepair can read it then",
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
    from core.engine import create_portions, create_volume

    name = terminal.paint(printable(options.image), "bold")
    area = Path(options.area) if options.area else None
    if options.portions is not None:
        if options.thin or options.grain != GRAIN_BYTES_DEFAULT:
            raise UsageError("--portions goes with neither --thin nor --grain; leave them out.")
        create_portions(options.image, options.portions, area=area)
        count = plural(len(options.portions), "portion")
        terminal.line(f"{name}: {count}, {format_bytes(sum(options.portions))}")
        return EXIT_DONE
    create_volume(
        options.image,
        options.size,
        thin=options.thin,
        grain_bytes=options.grain,
        area=area,
    )
    kind = "thin image" if options.thin else "image"
    terminal.line(
        f"{name}: {kind} of {format_bytes(options.size)}, grain {format_bytes(options.grain)}"
    )
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {"create": (_declare, _create)}
