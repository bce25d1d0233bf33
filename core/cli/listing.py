# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The tree of copies."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.mechanism import NOT_THE_ORIGINAL
from core.cli.notices import tell_volume_notice
from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.scrubbing import badge, told_ranges
from core.cli.terminal import Cell, Terminal, plural, printable, told_name
from core.errors import EXIT_DONE
from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from core.answers import CopyInfo, VolumeInfo
    from core.cli.parsing import Command, CommandParser

_HEAD: Final = (
    "NAME",
    "KIND",
    "CREATED",
    "OWN",
    "SHARED",
    "POINTERS",
    "RANGE PAIRS",
    "INTEGRITY",
    "",
)
_RIGHT: Final = (3, 4, 5, 6)
_NOT_PLAIN: Final = (
    "The image is no plain raw image now: only Rangepair, with the additional area, reads it"
    " aright."
)
_WAY_BACK: Final = " 'rangepair convert IMAGE --to identity' makes it one."


def _declare(parser: CommandParser) -> None:
    add_image(parser)
    add_json(parser)
    parser.add_argument("--all", action="store_true", help="deleted copies, too")


def _list(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options, read_only=True) as volume:
        info = volume.info()
    shown = [copy for copy in info.copies if options.all or not copy.deleted]
    if options.json:
        import msgspec

        told = msgspec.structs.replace(info, copies=shown)
        terminal.line(msgspec.json.encode(told).decode())
        return EXIT_DONE
    tell_volume_notice(info)
    terminal.line(_headline(info, shown, terminal))
    if info.restoring is not None:
        source, left = told_name(info.restoring.source), format_bytes(info.restoring.left_bytes)
        words = f"the original reads as {source}; {left} of that are still to be moved"
        if not info.restoring.safety:
            words = f"new data of {source} goes home to the image; {left} are still to be moved"
        terminal.line(terminal.paint(words, "yellow"))
    if info.original is not None:
        terminal.line(terminal.paint(NOT_THE_ORIGINAL, "yellow"))
    elif not info.plain and (info.restoring is None or info.restoring.safety):
        way_back = "" if info.portions else _WAY_BACK
        terminal.line(terminal.paint(_NOT_PLAIN + way_back, "yellow"))
    terminal.line()
    if shown:
        head = [Cell(title, "grey") for title in _HEAD]
        terminal.table([head, _root(info), *_branches(shown, info.size)], right=_RIGHT)
    else:
        image = printable(options.image)
        terminal.line(f"No copies yet. Take one:  rangepair snapshot {image} NAME")
    _tell_damage([*([] if info.original is None else [info.original]), *shown], terminal)
    _tell_hidden(len(info.copies) - len(shown), terminal)
    return EXIT_DONE


def _headline(info: VolumeInfo, shown: Sequence[CopyInfo], terminal: Terminal) -> str:
    """Return the volume in one line."""
    facts = [format_bytes(info.size), f"grain {format_bytes(info.grain)}"]
    if info.thin:
        facts.append("thin")
    if info.mechanism != "copy-on-write":
        facts.append(info.mechanism)
    if info.portions:
        facts = [plural(info.portions, "portion")]
    facts.append(plural(len(shown), "copy", "copies"))
    name = terminal.paint(printable(Path(info.image).name), "accent")
    return f"{name}  {terminal.paint(' · '.join(facts), 'grey')}"


def _root(info: VolumeInfo) -> list[Cell]:
    """Return the original's cells; amounts only where it has pointers of its own."""
    root, own = [Cell(ORIGINAL, "bold"), Cell("live", "green")], info.original
    if own is None:
        return root
    return [
        *root,
        Cell(""),
        Cell(format_bytes(own.own_bytes)),
        Cell(format_bytes(own.shared_bytes), "grey"),
        Cell(f"{own.pointers:,}"),
        Cell(f"{own.range_pairs:,}"),
        badge(own),
    ]


def _branches(copies: Sequence[CopyInfo], volume_bytes: int) -> Iterator[list[Cell]]:
    """Yield a row for each copy, parents before children, with the lines that join them."""
    children: dict[str, list[CopyInfo]] = {}
    names = {copy.name for copy in copies}
    for copy in copies:
        parent = copy.parent if copy.parent in names else ORIGINAL
        children.setdefault(parent, []).append(copy)
    waiting = _ends(children.get(ORIGINAL, ()), "")
    while waiting:
        copy, stem, is_last = waiting.pop()
        row = _row(copy, stem + ("└─ " if is_last else "├─ "))
        if copy.size not in {0, volume_bytes}:
            row[-1] = row[-1]._replace(
                text=", ".join(filter(None, (row[-1].text, f"{format_bytes(copy.size)} long")))
            )
        yield row
        waiting += _ends(children.get(copy.name, ()), stem + ("   " if is_last else "│  "))


def _ends(copies: Sequence[CopyInfo], stem: str) -> list[tuple[CopyInfo, str, bool]]:
    """Return siblings, last first, each with its stem and whether it is the last."""
    return [(copy, stem, number == 0) for number, copy in enumerate(reversed(copies))]


def _row(copy: CopyInfo, branch: str) -> list[Cell]:
    """Return one copy's cells."""
    created = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(copy.created))
    marks = ["locked"] * copy.locked + ["deleted"] * copy.deleted
    marks += [f"expendable {copy.expendable}"] * (copy.expendable > 0)
    style = "dim" if copy.deleted else ""
    return [
        Cell(branch + printable(copy.name), style),
        Cell(copy.kind, style or ("magenta" if copy.kind == "clone" else "blue")),
        Cell(created, style or "grey"),
        Cell(format_bytes(copy.own_bytes), style),
        Cell(format_bytes(copy.shared_bytes), style or "grey"),
        Cell(f"{copy.pointers:,}", style),
        Cell(f"{copy.range_pairs:,}", style),
        badge(copy),
        Cell(", ".join(marks), "yellow"),
    ]


def _tell_damage(copies: Sequence[CopyInfo], terminal: Terminal) -> None:
    """Name the ranges of each copy that cannot be read, or not be trusted."""
    told = [
        f"{printable(copy.name)}: {words} {told_ranges(ranges)}"
        for copy in copies
        for words, ranges in (
            ("damaged in", copy.damaged_ranges),
            ("suspect in", copy.suspect_ranges),
        )
        if ranges
    ]
    if told:
        terminal.line()
    for line in told:
        terminal.line(line)


def _tell_hidden(count: int, terminal: Terminal) -> None:
    """Mention deleted copies that are not shown."""
    if count:
        hidden = plural(count, "deleted copy", "deleted copies")
        terminal.line()
        terminal.line(terminal.paint(f"{hidden} not shown; see them with --all", "grey"))


COMMANDS: Final[dict[str, Command]] = {"list": (_declare, _list)}
