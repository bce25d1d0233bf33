# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An additional area made of a dump."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import file_path
from core.cli.progress import Progress
from core.cli.terminal import plural, printable
from core.errors import EXIT_DONE, ImageError
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal

_STANDARD_INPUT: Final = "-"


def _declare(parser: CommandParser) -> None:
    parser.add_argument(
        "dump", metavar="DUMP", type=file_path, help="file that dump printed; - is standard input"
    )
    parser.add_argument("image", metavar="IMAGE", help="the image that the dump was made of")
    parser.add_argument(
        "--area",
        metavar="PATH",
        type=file_path,
        help="where the additional area goes, if not IMAGE.rangepair",
    )
    parser.add_argument(
        "--data",
        metavar="AREA",
        type=file_path,
        help="additional area to copy data from; without it what was kept cannot be read",
    )


def _load(options: argparse.Namespace, terminal: Terminal) -> int:
    from core.engine.repairing import load_area

    with Progress("copying", None) as progress:
        dumped = load_area(
            _read(options.dump),
            options.image,
            area=Path(options.area) if options.area else None,
            data=Path(options.data) if options.data else None,
            tell=progress.add,
        )
    pointers = sum(len(layer.pointers) for layer in dumped.layers)
    terminal.line(
        f"{plural(len(dumped.copies), 'copy', 'copies')} with {plural(pointers, 'pointer')} loaded"
    )
    if options.data is None and dumped.data_bytes:
        missing = format_bytes(dumped.data_bytes)
        terminal.line(f"{missing} kept for them cannot be read: there is no --data")
    return EXIT_DONE


def _read(path: str) -> bytes:
    """Return the whole dump.

    Raises:
        ImageError: There is no such file.
    """
    if path == _STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageError(
            f"cannot read the dump {printable(path)}: {error.strerror}; check the path"
        ) from error


COMMANDS: Final[dict[str, Command]] = {"load": (_declare, _load)}
