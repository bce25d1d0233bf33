# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where new data of the original goes, and giving each side an area of its own again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.promoting import promote_wholly
from core.cli.restoring import wait_until_moved
from core.cli.terminal import Cell, told_name
from core.errors import EXIT_DONE, UsageError
from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.longwork import SeparationPlan
    from core.session import VolumeSession

_MECHANISMS: Final = ("copy-on-write", "redirect-on-write", "always-additional")
NOT_THE_ORIGINAL: Final = (
    "The image is not the original now: new data of that goes to the additional area."
    " 'rangepair separate IMAGE' brings it home."
)
_IN_THE_IMAGE: Final = {
    "copy-on-write": "copy-on-write: new data of the original goes into the image",
    "redirect-on-write": "redirect-on-write: new data of the original goes into the image, beside "
    "what copies need of it",
}
_LOOK_S: Final = 0.02
_WAYS_MAX: Final = 16
"""Of more copies the ways are not worked out unasked: each looks at the tables of all."""


def _declare_mechanism(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument(
        "mechanism",
        choices=_MECHANISMS,
        nargs="?",
        help="where new data of the original goes from now on: 'copy-on-write' puts it into the "
        "image and copies what it overwrites to the additional area, 'redirect-on-write' puts it "
        "beside what it would overwrite, where the image lies by full pointers, "
        "'always-additional' leaves the image as it is; shown if left out",
    )
    add_json(parser)


def _mechanism(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options, read_only=options.mechanism is None) as volume:
        if options.mechanism is not None:
            volume.choose_mechanism(options.mechanism)
        info = volume.info()
        new_bytes = 0 if info.original is None else volume.plan_separation().home_bytes
    if options.json:
        import msgspec

        told = {"mechanism": info.mechanism, "new_bytes": new_bytes}
        terminal.line(msgspec.json.encode(told).decode())
    elif info.original is None:
        terminal.line(_IN_THE_IMAGE[info.mechanism])
    else:
        amount = f"{format_bytes(new_bytes)} so far"
        terminal.line(f"always-additional: its new data goes to the additional area, {amount}")
        terminal.line(terminal.paint(NOT_THE_ORIGINAL, "yellow"))
    return EXIT_DONE


def _declare_separate(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument(
        "--home",
        metavar="VIEW",
        help="whose new data goes home to the image: the original's if left out, or a copy's, "
        "which then is what the image holds",
    )
    parser.add_argument("--cheapest", action="store_true", help="the view that least is moved for")
    parser.add_argument(
        "--independent",
        action="store_true",
        help="then copy what the others still read from the image, too",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only tell what each way would move, exactly"
    )
    add_json(parser)


def _separate(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.cheapest and options.home is not None:
        raise UsageError("'--cheapest' chooses the view itself; leave --home out.")
    with open_for(options, read_only=options.dry_run) as volume:
        ways = _ways(volume, options)
        chosen = ways[0]
        if options.cheapest:
            chosen = min(ways, key=lambda way: moved_bytes(way, independent=options.independent))
        promoted = 0
        if not options.dry_run:
            chosen = volume.separate(chosen.view)
            wait_until_moved(volume, f"bringing {told_name(chosen.view)} home")
            while volume.info().restoring is not None:  # the last of it is being said on disk
                time.sleep(_LOOK_S)
            if options.independent:
                promoted = _promote_others(volume, chosen.view)
    if options.json:
        _print_json(ways, chosen, promoted, options, terminal)
    else:
        _tell(ways, chosen, options, terminal)
    return EXIT_DONE


def _ways(volume: VolumeSession, options: argparse.Namespace) -> list[SeparationPlan]:
    """Return what each way would move; the one that was asked for, or the original's, first."""
    asked = options.home or ORIGINAL
    copies = [copy.name for copy in volume.info().copies if not copy.deleted]
    others = [ORIGINAL, *(copies if len(copies) <= _WAYS_MAX else [])]
    names = [asked, *(name for name in others if name != asked)]
    return [volume.plan_separation(name) for name in names]


def moved_bytes(way: SeparationPlan, *, independent: bool) -> int:
    """Return all that is moved and copied."""
    return way.home_bytes + way.kept_bytes + (way.rest_bytes if independent else 0)


def _promote_others(volume: VolumeSession, home: str) -> int:
    """Give every view but ``home`` all it reads; return the bytes."""
    names = [copy.name for copy in volume.info().copies if not copy.deleted]
    if home != ORIGINAL:
        names = [ORIGINAL, *(name for name in names if name != home)]
    return sum(promote_wholly(volume, name) for name in names)


def _tell(
    ways: list[SeparationPlan],
    chosen: SeparationPlan,
    options: argparse.Namespace,
    terminal: Terminal,
) -> None:
    titles = ("goes home", "new data", "kept for others", "moved", "independent, too")
    rows = [[Cell(title, "grey") for title in titles]]
    for way in ways:
        amounts = (
            way.home_bytes,
            way.kept_bytes,
            moved_bytes(way, independent=False),
            moved_bytes(way, independent=True),
        )
        style = "bold" if way.view == chosen.view else "grey"
        rows.append([Cell(told_name(way.view), style), *(Cell(format_bytes(n)) for n in amounts)])
    terminal.table(rows, right=(1, 2, 3, 4))
    amount = format_bytes(moved_bytes(chosen, independent=options.independent))
    terminal.line()
    if options.dry_run:
        terminal.line(f"bringing {told_name(chosen.view)} home would move {amount}")
    elif chosen.view == ORIGINAL:
        terminal.line(f"the image is the original again; {amount} were moved")
        terminal.line("from now on the original is copied on write")
    else:
        terminal.line(f"the image is {told_name(chosen.view)} now; {amount} were moved")
        terminal.line("the original is read through the additional area, as before")


def _print_json(
    ways: list[SeparationPlan],
    chosen: SeparationPlan,
    promoted: int,
    options: argparse.Namespace,
    terminal: Terminal,
) -> None:
    import msgspec

    told = {
        "home": chosen.view,
        "dry_run": options.dry_run,
        "moved_bytes": chosen.home_bytes + chosen.kept_bytes,
        "promoted_bytes": promoted,
        "ways": ways,
    }
    terminal.line(msgspec.json.encode(told).decode())


COMMANDS: Final[dict[str, Command]] = {
    "mechanism": (_declare_mechanism, _mechanism),
    "separate": (_declare_separate, _separate),
}
