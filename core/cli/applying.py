# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A stream of differences into a volume."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from core.cli.cancelling import Cancelling, PatientInput
from core.cli.opening import open_for
from core.cli.parsing import add_image, file_path
from core.cli.progress import Progress
from core.cli.terminal import told_name
from core.errors import EXIT_DONE, TransferError, UsageError
from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import BinaryIO

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.transfer.apply import Applied

PIPE: Final = "-"


def _declare_apply(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument(
        "stream", metavar="STREAM", type=file_path, help="an rbd-diff; - is standard input"
    )
    parser.add_argument(
        "--to",
        metavar="NAME",
        default=ORIGINAL,
        help="a clone to be made for it; the original if left out",
    )


def _apply(options: argparse.Namespace, terminal: Terminal) -> int:
    with (
        _opened(options.stream) as file,
        Cancelling() as cancelling,
        open_for(options) as volume,
    ):
        from core.transfer.apply import apply
        from core.transfer.source import StreamSource

        source = StreamSource(cast("BinaryIO", PatientInput(file, cancelling)))
        with Progress(f"applying to {told_name(options.to)}", source.length_bytes) as progress:

            def report(count: int) -> None:
                progress.add(count)
                cancelling.check()

            applied = apply(volume, source, options.to, report)
    _tell(applied, terminal)
    return EXIT_DONE


@contextlib.contextmanager
def _opened(stream: str) -> Iterator[BinaryIO]:
    """Lend the stream, open for reading.

    Raises:
        TransferError: There is no such file, or it is a folder.
        UsageError: Nobody redirects anything to standard input.
    """
    if stream == PIPE:
        if sys.stdin.isatty():
            raise UsageError("A terminal has no stream to give; redirect one, or name a file.")
        yield sys.stdin.buffer
        return
    try:
        file = Path(stream).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise TransferError(
            f"The stream {stream} cannot be read ({error.strerror}); name one that can."
        ) from error
    with file:
        yield file


def _tell(applied: Applied, terminal: Terminal) -> None:
    """Say what was done, and what is left of what was there."""
    since = "from nothing" if applied.source is None else f"from {told_name(applied.source)}"
    to = "" if applied.snapshot is None else f" to {told_name(applied.snapshot)}"
    target = terminal.paint(told_name(applied.target), "bold")
    terminal.line(f"{target}: {since}{to}, {format_bytes(applied.written_bytes)} of data written")
    if applied.snapshot is not None:
        name = terminal.paint(told_name(applied.snapshot), "bold")
        terminal.line(f"{name}: snapshot of {told_name(applied.target)} as it is now")
    if applied.safety is not None:
        name = terminal.paint(told_name(applied.safety), "bold")
        terminal.line(f"{name}: what the original held before; purge it when it is not needed")


COMMANDS: Final[dict[str, Command]] = {"apply": (_declare_apply, _apply)}
