# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Rearranging the initial area: by which scheme its extents are reached, and where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json, byte_range, size
from core.cli.progress import Progress
from core.cli.terminal import Cell, plural, printable
from core.errors import EXIT_DONE, UsageError
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.arrangement import InitialAnswer
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession

_STYLES: Final = {"load-point": "blue", "full-pointer": "yellow"}


def _declare_convert(parser: CommandParser) -> None:
    add_image(parser)
    _add_range(parser, "range of the volume; all of it if left out")
    parser.add_argument(
        "--to",
        dest="arrangement",
        choices=("full-pointer", "load-point", "identity"),
        required=True,
        help="how the range is reached from now on; 'identity' makes all a plain raw image again",
    )
    add_json(parser)


def _convert(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.arrangement == "identity" and options.range is not None:
        raise UsageError("'--to identity' is about all of the volume; leave --range out.")
    return _rearrange(options, terminal, options.arrangement)


def _declare_relocate(parser: CommandParser) -> None:
    add_image(parser)
    _add_range(parser, "range of the volume that moves", required=True)
    parser.add_argument(
        "--to", dest="place", metavar="OFFSET", type=size, required=True, help="byte of the image"
    )
    add_json(parser)


def _relocate(options: argparse.Namespace, terminal: Terminal) -> int:
    return _rearrange(options, terminal, "relocate", options.place)


def compact_initial(options: argparse.Namespace, terminal: Terminal) -> int:
    """Carry ``compact --initial`` out."""
    options.range = None
    return _rearrange(options, terminal, "compact")


def _add_range(parser: CommandParser, what: str, *, required: bool = False) -> None:
    parser.add_argument(
        "--range", metavar="OFFSET:LENGTH", type=byte_range, required=required, help=what
    )


def _rearrange(
    options: argparse.Namespace, terminal: Terminal, arrangement: str, place: int = 0
) -> int:
    """Ask for one batch after the other, and tell what it came to."""
    start, length = options.range or (0, None)
    with open_for(options) as volume:
        moved = _move_all(volume, arrangement, start, length, place)
        answer = volume.initial()
    if options.json:
        import msgspec

        told = {
            "moved": moved,
            "identity": answer.identity,
            "extents": len(answer.extents),
            "image_bytes": answer.image_bytes,
            "mapped_bytes": answer.mapped_bytes,
        }
        terminal.line(msgspec.json.encode(told).decode())
        return EXIT_DONE
    name = terminal.paint(printable(options.image), "bold")
    terminal.line(f"{name}: {format_bytes(moved)} moved; {_state(answer)}")
    return EXIT_DONE


def _move_all(
    volume: VolumeSession, arrangement: str, start: int, length: int | None, place: int
) -> int:
    """Move until nothing is left; return the bytes moved. Each batch is durable for itself."""
    step = volume.rearrange(arrangement, start, length, place)  # type: ignore[arg-type]
    moved, whole = step.moved, step.moved + step.left
    with Progress("moving", whole) as progress:
        progress.add(step.moved)
        while step.left:
            left = step.left
            step = volume.rearrange(arrangement, start, length, place)  # type: ignore[arg-type]
            moved += step.moved
            progress.add(max(0, left - step.left))  # what was only moved out of the way is no gain
    return moved


def _state(answer: InitialAnswer) -> str:
    """Return in words how the image lies now."""
    if answer.identity:
        return "it is a plain raw image"
    return (
        f"it lies in {plural(len(answer.extents), 'extent')}, {format_bytes(answer.image_bytes)}"
        " on the disk"
    )


def print_initial(answer: InitialAnswer, terminal: Terminal, *, as_json: bool) -> None:
    """Print the map of the initial area."""
    if as_json:
        import msgspec

        terminal.line(msgspec.json.encode(answer).decode())
        return
    title = terminal.paint("Initial area", "bold")
    place = f"{format_bytes(answer.mapped_bytes)} of {format_bytes(answer.size)} have a place"
    if answer.kept:
        kept_bytes = sum(extent.length for extent in answer.kept)
        place += f" · {format_bytes(kept_bytes)} more are kept for copies where they lay"
    terminal.line(f"{title}  {terminal.paint(f'{_state(answer)} · {place}', 'grey')}")
    terminal.line()
    head = [Cell(text, "grey") for text in ("START", "LENGTH", "IMAGE OFFSET", "SCHEME")]
    rows = [
        [
            Cell(str(extent.start)),
            Cell(str(extent.length)),
            Cell(str(extent.place)),
            Cell(extent.scheme, _STYLES[extent.scheme]),
        ]
        for extent in answer.extents
    ]
    rows += [
        [Cell("kept"), Cell(str(extent.length)), Cell(str(extent.place)), Cell("for copies")]
        for extent in answer.kept
    ]
    terminal.table([head, *rows], right=(0, 1, 2))


COMMANDS: Final[dict[str, Command]] = {
    "convert": (_declare_convert, _convert),
    "relocate": (_declare_relocate, _relocate),
}
