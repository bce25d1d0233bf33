# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""In which ranges two views differ: by their pointers, or by the bytes that these name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.cancelling import Cancelling
from core.cli.notices import tell_volume_notice
from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json, add_partition
from core.cli.progress import Progress
from core.cli.terminal import Cell, plural, told_name
from core.errors import EXIT_DONE, UsageError
from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.answers import DiffRange
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession

_SHARE_MIN: Final = 0.0001


def _declare_diff(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("source", metavar="FROM", help="a copy, or 'original'")
    parser.add_argument(
        "target", metavar="TO", nargs="?", default=ORIGINAL, help="the original if left out"
    )
    parser.add_argument(
        "--exact", action="store_true", help="read what may differ, and tell only what does"
    )
    parser.add_argument(
        "--files",
        action="store_true",
        help="tell the files whose bytes these are, and how they changed",
    )
    add_partition(parser)
    add_json(parser)


def _diff(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.partition and not options.files:
        raise UsageError("'--partition' goes with --files.")
    if options.files:
        from core.cli.filechanges import show_file_changes

        return show_file_changes(options, terminal)
    with open_for(options, read_only=True) as volume:
        if options.exact:
            ranges = _compared(volume, options.source, options.target)
        else:
            ranges = list(volume.diff(options.source, options.target))
        info = volume.info()
        tell_volume_notice(info)
        longest = max(info.size_of(options.source), info.size_of(options.target))
    if options.json:
        import msgspec

        told = {
            "from": options.source,
            "to": options.target,
            "exact": options.exact,
            "bytes": sum(found.length for found in ranges),
            "ranges": ranges,
        }
        terminal.line(msgspec.json.encode(told).decode())
    else:
        _print(options, ranges, longest, terminal)
    return EXIT_DONE


def _compared(volume: VolumeSession, source: str, target: str) -> list[DiffRange]:
    """Return the sectors in which two views differ at this moment, as ranges."""
    from core.service.client import RemoteVolume
    from core.transfer.exact import differing
    from core.transfer.still import still

    is_alone = not isinstance(volume, RemoteVolume)
    with (
        Cancelling() as cancelling,
        still(volume, source, "diff", is_alone=is_alone) as one,
        still(volume, target, "diff", is_alone=is_alone) as other,
    ):
        ranges = volume.diff(one, other)
        with Progress("comparing", ranges.total_bytes) as progress:

            def report(count: int) -> None:
                progress.add(count)
                cancelling.check()

            return list(differing(volume, one, other, ranges, report))


def _print(
    options: argparse.Namespace, ranges: Sequence[DiffRange], longest: int, terminal: Terminal
) -> None:
    """Print a row for each range, and what they come to."""
    views = f"{told_name(options.source)} and {told_name(options.target)}"
    if not ranges:
        terminal.line(f"{views} are equal")
        return
    head = [Cell("START", "grey"), Cell("LENGTH", "grey")]
    rows = [[Cell(str(found.start)), Cell(str(found.length))] for found in ranges]
    terminal.table([head, *rows], right=(0, 1))
    terminal.line()
    total = sum(found.length for found in ranges)
    part = total / longest
    share = f"{part:.2%} of the volume" if part >= _SHARE_MIN else "less than 0.01% of the volume"
    verb = "differ" if options.exact else "may differ"
    terminal.line(
        f"{views} {verb} in {plural(len(ranges), 'range')}, {format_bytes(total)}, {share}"
    )


COMMANDS: Final[dict[str, Command]] = {"diff": (_declare_diff, _diff)}
