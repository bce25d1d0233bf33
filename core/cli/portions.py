# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Portions of a volume that consists of such: where they are named, shown and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from core.cli.parsing import size
from core.cli.terminal import Cell, printable, told_name
from core.errors import EXIT_DONE, InvalidRangeError
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.arrangement import PortionInfo
    from core.cli.parsing import CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession

_STYLES: Final = {"unchanged": "blue", "original": "yellow", "new": "magenta", "zero": "grey"}
_SLOT_BYTES: Final = 65536
"""Each portion begins at a multiple of it."""


def add_place(parser: CommandParser) -> None:
    """Declare ``--offset`` and ``--portion``, of which one must be given."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--offset", metavar="N", type=size, help="first byte")
    place.add_argument(
        "--portion", metavar="N", type=int, help="a portion, all of it; the first is 0"
    )


def place_of(volume: VolumeSession, options: argparse.Namespace) -> tuple[int, int]:
    """Return offset and length of the portion that ``options`` name, as their copy has it.

    Raises:
        InvalidRangeError: There is none.
    """
    found = volume.portions(options.copy)
    if not 0 <= options.portion < len(found):
        raise InvalidRangeError(
            f"There is no portion {options.portion}; the volume has {len(found)}, from 0 on."
        )
    return options.portion * _SLOT_BYTES, found[options.portion].size


def write_portion(
    volume: VolumeSession, source: BinaryIO, options: argparse.Namespace, terminal: Terminal
) -> int:
    """Write all of ``source`` as one portion."""
    payload = source.read(_SLOT_BYTES + 1)  # one byte too many is told by the engine
    volume.write_portion(options.portion, payload, options.copy)
    volume.flush()
    terminal.line(
        f"{format_bytes(len(payload))} written to {told_name(options.copy)} as portion"
        f" {options.portion}"
    )
    return EXIT_DONE


def print_portions(
    copy: str, portions: Sequence[PortionInfo], terminal: Terminal, as_json: bool
) -> None:
    """Print the portions of a copy, or of the original."""
    if as_json:
        import msgspec

        told = {"copy": copy, "portions": portions}
        terminal.line(msgspec.json.encode(told).decode())
        return
    if not portions:
        terminal.line("This is no volume of portions.")
        return
    terminal.line(terminal.paint(printable(copy), "accent"))
    terminal.line()
    head = [Cell(text, "grey") for text in ("PORTION", "SIZE", "KIND", "OFFSET")]
    rows = [
        [
            Cell(str(portion.number)),
            Cell(str(portion.size)),
            Cell(portion.kind, _STYLES[portion.kind]),
            Cell(_place(portion)),
        ]
        for portion in portions
    ]
    terminal.table([head, *rows], right=(0, 1))


def _place(portion: PortionInfo) -> str:
    if portion.kind == "zero":
        return ""
    area = "image" if portion.kind == "unchanged" else "additional area"
    return f"{portion.offset} of the {area}"
