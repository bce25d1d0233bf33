# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Making the original equal to a copy: to a snapshot, or to a clone."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.progress import Progress
from core.cli.terminal import Terminal, plural, told_name
from core.errors import EXIT_DONE, AreaFullError, CorruptAreaError, InvalidNameError
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.longwork import RestorePlan
    from core.session import VolumeSession

_LOOK_S: Final = 0.05
_PATIENCE_S: Final = 2.0
"""Without progress for so long, it is asked why."""


def _declare_restore(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("copy", metavar="COPY", help="what the original shall be equal to")
    _declare_rest(parser)


def _declare_merge(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("copy", metavar="CLONE", help="the clone that the original shall equal")
    _declare_rest(parser)


def _declare_rest(parser: CommandParser) -> None:
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only tell what would be written at most; change nothing",
    )
    parser.add_argument(
        "--safety", metavar="NAME", default="", help="name of the snapshot that is taken before"
    )
    parser.add_argument(
        "--no-wait",
        action="store_true",
        help="do not wait for what is moved in the background while the image is open",
    )
    add_json(parser)


def _restore(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options, read_only=options.dry_run) as volume:
        return _carry_out(volume, "restoring", options, terminal)


def _merge(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options, read_only=options.dry_run) as volume:
        for copy in volume.info().copies:
            if copy.name == options.copy and copy.kind != "clone":
                raise InvalidNameError(
                    f"{copy.name!r} is a snapshot and no clone; 'rangepair restore' takes it."
                )
        return _carry_out(volume, "merging", options, terminal)


def _carry_out(
    volume: VolumeSession, act: str, options: argparse.Namespace, terminal: Terminal
) -> int:
    if options.dry_run:
        plan, left = volume.plan_restore(options.copy, options.safety), None
    else:
        wait_until_moved(volume, "finishing the restore before")
        plan = volume.restore(options.copy, options.safety)
        if not options.no_wait:
            wait_until_moved(volume, f"{act} {told_name(plan.source)}")
        left = volume.stats().restoring_bytes
    if options.json:
        _print_json(plan, left, terminal)
    elif not plan.bytes and not plan.size_bytes:
        terminal.line(f"{told_name(plan.source)} and the original are equal; nothing to do")
    else:
        _tell(plan, act, left, terminal)
    return EXIT_DONE


def wait_until_moved(volume: VolumeSession, what: str) -> None:
    """Show how the restore or separation under way goes on, until it is done.

    Raises:
        AreaFullError: There is no room to go on.
        CorruptAreaError: The source is damaged.
    """
    left = volume.stats().restoring_bytes
    seen_s = time.monotonic()
    try:
        with Progress(what, left) as progress:
            while left:
                time.sleep(_LOOK_S)
                now = volume.stats().restoring_bytes
                if now != left:
                    progress.add(left - now)
                    left, seen_s = now, time.monotonic()
                elif time.monotonic() - seen_s > _PATIENCE_S:
                    _raise_problem(volume)
    except KeyboardInterrupt:
        terminal = Terminal(sys.stderr)
        words = "All reads as it will already; the other"
        terminal.line(f"{words} {format_bytes(left)} are moved while the image is open.")
        raise


def _raise_problem(volume: VolumeSession) -> None:
    """Raise what keeps the restore from going on, if anything does."""
    restoring = volume.info().restoring
    if restoring is not None and restoring.is_damaged:
        raise CorruptAreaError(restoring.problem)
    if restoring is not None and restoring.problem:
        reads = f"the original reads as {restoring.source!r} already"
        if not restoring.safety:
            reads = "every view reads as it did"
        raise AreaFullError(
            f"{restoring.problem.rstrip('.')}; {reads}, and the rest is moved when there is room."
        )


def _tell(plan: RestorePlan, act: str, left: int | None, terminal: Terminal) -> None:
    amount = f"{plural(plan.ranges, 'range')}, {format_bytes(plan.bytes)}"
    source, safety = told_name(plan.source), terminal.paint(told_name(plan.safety), "bold")
    size = f"; its size is that of {source}, {format_bytes(plan.size_bytes)}"
    size = size if plan.size_bytes else ""
    if left is None:
        told = f"{act} {source} would write at most {amount} ({plan.bytes:,} bytes){size}"
        terminal.line(told)
        terminal.line(f"the original as it is now would be kept as {safety}")
        return
    moved = f"; {format_bytes(left)} still to be moved" if left else ""
    terminal.line(f"the original equals {source} now: {amount}{moved}{size}")
    terminal.line(f"as it was before it is kept as {safety}; restoring that takes this back")
    if left:
        terminal.line(
            "until all is moved, whoever reads the image without Rangepair sees a mixture"
        )


def _print_json(plan: RestorePlan, left: int | None, terminal: Terminal) -> None:
    import msgspec

    told = {**msgspec.structs.asdict(plan), "dry_run": left is None, "left_bytes": left or 0}
    terminal.line(msgspec.json.encode(told).decode())


COMMANDS: Final[dict[str, Command]] = {
    "restore": (_declare_restore, _restore),
    "merge": (_declare_merge, _merge),
}
