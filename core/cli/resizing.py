# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Giving a volume another size."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final, NamedTuple

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json, size
from core.cli.terminal import printable
from core.errors import EXIT_DONE
from core.units import format_bytes

if TYPE_CHECKING:
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal


_NO_MINUS: Final = (
    "sizes are given as SIZE, or as +SIZE to add; for fewer bytes give the SIZE that is wanted and"
    " --shrink"
)


class NewSize(NamedTuple):
    """A number of bytes: the size to come, or what is to be added to the one there is."""

    bytes: int
    is_added: bool


def new_size(text: str) -> NewSize:
    """Return a size, or with a plus sign what is to be added, as an argument's ``type``.

    Raises:
        argparse.ArgumentTypeError: ``text`` is neither.
    """
    if text.strip().startswith("-"):
        raise argparse.ArgumentTypeError(f"{text!r} is negative; {_NO_MINUS}")
    is_added = text.strip().startswith("+")
    return NewSize(size(text.strip()[is_added:]), is_added)


def _declare(parser: CommandParser) -> None:
    parser.negative_hint = _NO_MINUS
    add_image(parser)
    parser.add_argument(
        "size", metavar="SIZE", type=new_size, help="bytes, e.g. 8GiB, or +512MiB to add as many"
    )
    parser.add_argument(
        "--shrink",
        action="store_true",
        help="allow SIZE to be smaller; the original loses its end, so make a file system on it"
        " smaller first, with its own tool (e.g. resize2fs)",
    )
    add_json(parser)


def _resize(options: argparse.Namespace, terminal: Terminal) -> int:
    wanted: NewSize = options.size
    with open_for(options, accept_longer=True) as volume:
        base = volume.info().size if wanted.is_added else 0
        done = volume.resize(base + wanted.bytes, shrinks=options.shrink)
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode(done).decode())
        return EXIT_DONE
    name = terminal.paint(printable(options.image), "bold")
    if done.size_bytes == done.before_bytes:
        terminal.line(f"{name} has {format_bytes(done.size_bytes)} already")
        return EXIT_DONE
    kept = f"; {format_bytes(done.kept_bytes)} kept for copies" if done.kept_bytes else ""
    terminal.line(
        f"{name}: {format_bytes(done.size_bytes)} now, {format_bytes(done.before_bytes)} before"
        f"{kept}; copies keep their sizes"
    )
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {"resize": (_declare, _resize)}
