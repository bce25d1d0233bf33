# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view, or what has changed since a snapshot, out of a volume."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.cancelling import Cancelling
from core.cli.notices import tell_volume_notice
from core.cli.opening import open_for
from core.cli.parsing import add_copy, add_image, file_path
from core.cli.progress import Progress
from core.cli.terminal import Terminal, printable, told_name
from core.errors import EXIT_DONE, UsageError
from core.transfer.formats import DIFF, FOREIGN, FORMATS, RAW
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.session import VolumeSession

PIPE: Final = "-"


def _declare_export(parser: CommandParser) -> None:
    add_image(parser)
    add_copy(parser)
    parser.add_argument(
        "out", metavar="OUT", type=file_path, help="the file to be made; - is standard output"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="raw if left out; rbd-diff is a stream for 'apply', and for Ceph's 'rbd import-diff'",
    )
    parser.add_argument(
        "--since", metavar="SNAPSHOT", help="only what differs from it, as an rbd-diff stream"
    )
    parser.add_argument("--force", action="store_true", help="replace OUT if it exists")


def _export(options: argparse.Namespace, terminal: Terminal) -> int:
    image_format = _format_of(options)
    if options.out == PIPE and terminal.is_tty:
        raise UsageError("A terminal cannot show an image; redirect the output, or name a file.")
    with Cancelling() as cancelling, open_for(options, read_only=True) as volume:
        data_bytes = _put_out(options, volume, image_format, cancelling)
    if options.out != PIPE:
        what = f"changes since {told_name(options.since)}, " if options.since else ""
        terminal.line(
            f"{told_name(options.copy)} → {printable(options.out)}: {what}{image_format},"
            f" {format_bytes(data_bytes)} of data"
        )
    return EXIT_DONE


def _put_out(
    options: argparse.Namespace, volume: VolumeSession, image_format: str, cancelling: Cancelling
) -> int:
    """Put the view out; return the bytes of data."""
    from core.service.client import RemoteVolume
    from core.transfer.export import Export
    from core.transfer.outfile import check_target
    from core.transfer.still import still

    info, target = volume.info(), Path(options.out)
    tell_volume_notice(info)
    if options.out != PIPE:
        check_target(target, (Path(info.image), Path(info.area)), is_replacing=options.force)
    is_alone = not isinstance(volume, RemoteVolume)
    with still(volume, options.copy, "export", is_alone=is_alone) as view:
        export = Export(volume, options.copy, view, image_format, options.since)
        with Progress(f"exporting {told_name(options.copy)}", export.whole_bytes) as progress:

            def report(count: int) -> None:
                progress.add(count)
                cancelling.check()

            if options.out != PIPE:
                return export.to_file(target, report, is_replacing=options.force)
            data_bytes = export.to_pipe(sys.stdout.buffer.write, report)
            sys.stdout.buffer.flush()
            return data_bytes


def _format_of(options: argparse.Namespace) -> str:
    """Return the format asked for.

    Raises:
        UsageError: It cannot be what is asked for besides.
    """
    chosen = str(options.format or (DIFF if options.since else RAW))
    if options.since and chosen != DIFF:
        raise UsageError(f"--since gives an rbd-diff stream, which {chosen} is not; leave one out.")
    if options.out == PIPE and chosen in FOREIGN:
        raise UsageError(f"{chosen} cannot be put out piece by piece; name a file, or choose raw.")
    return chosen


COMMANDS: Final[dict[str, Command]] = {"export": (_declare_export, _export)}
