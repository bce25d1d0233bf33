# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A bundle of structures for whoever looks into a bug."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, file_path
from core.cli.progress import Waiting
from core.cli.terminal import printable
from core.device.opening import refuse_existing
from core.errors import EXIT_DONE, CorruptAreaError, ImageChangedError
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal


def _declare(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("out", metavar="OUT", type=file_path, help="file to make")
    parser.add_argument(
        "--hide-names", action="store_true", help="digests in place of names of copies and image"
    )


def _pack(options: argparse.Namespace, terminal: Terminal) -> int:
    from core.engine.bundles import write_bundle

    out = Path(options.out)
    refuse_existing(options.out, "bundle")
    with Waiting("packing"):
        bundle = write_bundle(_bundle(options), out)
    size = format_bytes(out.stat().st_size)
    terminal.line(f"{printable(options.out)}: {len(bundle.pieces)} structures in {size}, no data")
    for note in bundle.notes:
        terminal.line(note)
    name = printable(options.out)
    terminal.line(
        f"look at it with  rangepair dump {name}  or  rangepair check --structures {name}"
    )
    return EXIT_DONE


def _bundle(options: argparse.Namespace) -> bytes:
    """Return the bundle of an open volume, or of files that are too damaged to be opened."""
    from core.engine.bundles import bundle_files

    try:
        with open_for(options, read_only=True) as volume:
            return volume.pack(hides_names=options.hide_names)
    except (CorruptAreaError, ImageChangedError):
        area = Path(options.area) if options.area else None
        return bundle_files(options.image, area=area, hides_names=options.hide_names)


COMMANDS: Final[dict[str, Command]] = {"pack": (_declare, _pack)}
