# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Reading all that is kept, to find what a disk has lost before somebody needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.progress import Progress
from core.cli.terminal import Cell, plural, printable
from core.errors import EXIT_CORRUPTION, EXIT_DONE
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from core.answers import ByteRange, CopyInfo, VolumeInfo
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.longwork import ScrubStep
    from core.session import VolumeSession

_STYLES: Final = {"intact": "green", "damaged": "error", "suspect": "yellow", "unchecked": "grey"}
_RANGES_TOLD_MAX: Final = 8


def _declare(parser: CommandParser) -> None:
    add_image(parser)
    add_json(parser)


def _scrub(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options) as volume:
        before = volume.info()
        last = _walk(volume)
        after = volume.info()
    if options.json:
        _print_json(last, after, terminal)
    else:
        _print_copies(before, after, terminal)
        _print_sum(last, after, terminal)
    is_damaged = any(view.integrity == "damaged" for view in _views(after))
    return EXIT_CORRUPTION if is_damaged else EXIT_DONE


def _views(info: VolumeInfo) -> list[CopyInfo]:
    """Return all for which data is kept: the original, too, if its new data is, and the copies."""
    return [*([] if info.original is None else [info.original]), *info.copies]


def _walk(volume: VolumeSession) -> ScrubStep:
    """Go on until all is verified; return the last step."""
    step = volume.scrub_step()
    with Progress("verifying", step.total_bytes) as progress:
        progress.add(step.done_bytes)
        while not step.is_done:
            before, step = step, volume.scrub_step(step.run)
            progress.add(step.done_bytes - before.done_bytes)
    return step


def _print_json(last: ScrubStep, info: VolumeInfo, terminal: Terminal) -> None:
    """Print the documented keys."""
    import msgspec

    told = {
        "clean": not last.damaged_bytes,
        "verified_bytes": last.done_bytes - last.unverified_bytes,
        "unverified_bytes": last.unverified_bytes,
        "damaged_bytes": last.damaged_bytes,
        "remembered": last.is_remembered,
        "copies": [
            {
                "name": copy.name,
                "integrity": copy.integrity,
                "damaged_ranges": copy.damaged_ranges,
                "suspect_ranges": copy.suspect_ranges,
                "scrubbed": copy.scrubbed,
            }
            for copy in _views(info)
        ],
    }
    terminal.line(msgspec.json.encode(told).decode())


def _print_copies(before: VolumeInfo, after: VolumeInfo, terminal: Terminal) -> None:
    """Print a line for each view, with what was suspected of it until now."""
    suspects = {copy.id: copy.suspect_ranges for copy in before.copies}
    if _views(after):
        terminal.table(
            [
                [Cell(printable(copy.name), "bold"), badge(copy), Cell(told)]
                for copy in _views(after)
                for told in _findings(copy, suspects.get(copy.id, []))
            ]
        )
        terminal.line()


def _findings(copy: CopyInfo, suspects: Sequence[ByteRange]) -> Iterator[str]:
    """Yield what was found of one copy; at least one line."""
    if copy.damaged_ranges:
        yield f"cannot be read at {told_ranges(copy.damaged_ranges)}"
    if suspects:
        yield f"reads the image where another program changed it: {told_ranges(suspects)}"
    if not copy.damaged_ranges and not suspects:
        yield ""


def badge(copy: CopyInfo) -> Cell:
    """Return what is known of a copy's bytes, in one word."""
    return Cell(copy.integrity, _STYLES[copy.integrity])


def told_ranges(ranges: Sequence[ByteRange]) -> str:
    """Return the first few ranges, last bytes included, and how many more there are."""
    shown = ", ".join(
        f"[{each.start}..{each.start + each.length - 1}]" for each in ranges[:_RANGES_TOLD_MAX]
    )
    more = len(ranges) - _RANGES_TOLD_MAX
    return f"{shown} and {more} more" if more > 0 else shown


def _print_sum(last: ScrubStep, info: VolumeInfo, terminal: Terminal) -> None:
    """Print what it comes to."""
    verified = format_bytes(last.done_bytes - last.unverified_bytes)
    if not _views(info):
        terminal.line("there are no copies, and nothing is kept that could be verified")
    elif last.damaged_bytes:
        lost = format_bytes(last.damaged_bytes)
        terminal.line(f"{terminal.paint('✗ damaged', 'error')}  {lost} kept for copies fail")
    else:
        good = terminal.paint("✓ intact", "green")
        copies = plural(len(info.copies), "copy", "copies")
        copies += "" if info.original is None else " and the original"
        terminal.line(f"{good}  {verified} kept for {copies} are as they were written")
    if last.unverified_bytes:
        some = format_bytes(last.unverified_bytes)
        terminal.line(f"{some} are pieces of extents of which the rest is gone: not verifiable")
    if _views(info) and not last.is_remembered:
        terminal.line("the result is not kept: the volume is read-only, or its area full")


COMMANDS: Final[dict[str, Command]] = {"scrub": (_declare, _scrub)}
