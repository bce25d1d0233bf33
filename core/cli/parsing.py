# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The parser of one command: argparse, with its errors turned into our own."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Final, NoReturn

from core.errors import UsageError
from core.units import parse_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.cli.terminal import Terminal

    Configure = Callable[["CommandParser"], None]
    Run = Callable[[argparse.Namespace, Terminal], int]
    Command = tuple[Configure, Run]
    """How to declare a command's arguments, and how to carry it out (returns the exit status)."""

_MISSING: Final = "the following arguments are required:"
_ONE_OF: Final = "one of the arguments "
_NAMES: Final = frozenset({"NAME", "COPY", "OLD", "NEW", "FROM"})
"""Arguments that are the name of a copy."""


class CommandParser(argparse.ArgumentParser):
    """An ArgumentParser that raises instead of exiting."""

    negative_hint = ""
    """What to tell of a number below zero, where a positional argument is a size."""
    is_mixed = False
    """An argument that may be left out may also stand behind options."""
    _given: Sequence[str] = ()

    def parse_args(self, args: Sequence[str]) -> argparse.Namespace:  # type: ignore[override]
        """Parse, and remember what was given for ``error``."""
        self._given = args
        return self.parse_intermixed_args(args) if self.is_mixed else super().parse_args(args)

    def error(self, message: str) -> NoReturn:
        """Raise the message as a UsageError.

        Raises:
            UsageError: Always.
        """
        message = message.removeprefix("argument ")
        if message.startswith(_MISSING):
            message = message.replace(_MISSING, "missing") + self._dash_hint(message)
        if message.startswith(_ONE_OF):
            words = message.removeprefix(_ONE_OF).removesuffix(" is required").split()
            message = f"missing {' or '.join(words)}"
        message = message.replace("unrecognized arguments:", "not understood:")
        raise UsageError(f"{message}; see '{self.prog} --help'.")

    def _dash_hint(self, message: str) -> str:
        """Return how to give what begins with a dash, if that may be why something is missing."""
        if self.negative_hint and any(re.match(r"-\.?\d", word) for word in self._given):
            return f"; {self.negative_hint}"
        if "--" in self._given or not _NAMES & set(message.replace(",", " ").split()):
            return ""
        for word in self._given:
            if word[:1] == "-" and word.partition("=")[0] not in self._option_string_actions:
                return f"; a name that begins with a dash goes after two, as in -- {word}"
        return ""


def command_parser(name: str, summary: str) -> CommandParser:
    """Return an empty parser for the command ``name``."""
    parser = CommandParser(
        prog=f"rangepair {name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="help", help="show this page")
    return parser


def add_image(parser: CommandParser) -> None:
    """Declare what every command takes that opens a volume."""
    parser.add_argument("image", metavar="IMAGE", help="path of the image file or block device")
    parser.add_argument(
        "--area",
        metavar="PATH",
        type=file_path,
        help="additional area, if it is not IMAGE.rangepair",
    )
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="open although another program changed the image",
    )


def add_json(parser: CommandParser) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON; its keys stay")


def add_copy(parser: CommandParser) -> None:
    """Declare ``--copy``, the original if left out."""
    parser.add_argument(
        "--copy", metavar="NAME", default="original", help="a copy; the original if left out"
    )


def add_partition(parser: CommandParser) -> None:
    """Declare ``--partition``."""
    parser.add_argument(
        "--partition",
        metavar="N",
        type=size,
        default=0,
        help="which of several partitions, as 'attach' counts them",
    )


def byte_range(text: str) -> tuple[int, int]:
    """Return offset and length of a range written as ``OFFSET:LENGTH``, as an argument's ``type``.

    Raises:
        argparse.ArgumentTypeError: ``text`` is no range.
    """
    offset, colon, length = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no range; write it as OFFSET:LENGTH, like 64KiB:1MiB"
        )
    return size(offset), size(length)


def sizes(text: str) -> list[int]:
    """Return numbers of bytes separated by commas, as an argument's ``type``.

    Raises:
        argparse.ArgumentTypeError: One of them is no size.
    """
    return [size(part) for part in text.split(",")]


def size(text: str) -> int:
    """Return a number of bytes, as an argument's ``type``.

    Raises:
        argparse.ArgumentTypeError: ``text`` is no size.
    """
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def file_path(text: str) -> str:
    """Return the path of a file, as an argument's ``type``.

    Raises:
        argparse.ArgumentTypeError: ``text`` is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; name a file")
    return text


def seconds(text: str) -> float:
    """Return a time in seconds, as an argument's ``type``.

    Raises:
        argparse.ArgumentTypeError: ``text`` is no number.
    """
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of seconds; write it like 30 or 0.5"
        ) from error
