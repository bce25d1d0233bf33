# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Pointers, range pairs and differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_copy, add_image, add_json, size
from core.cli.terminal import Cell, plural, printable, told_name
from core.errors import EXIT_DONE
from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from core.answers import TableAnswer, VolumeInfo
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession

_KINDS: Final = ("original", "new", "zero")
_SHARE_MIN: Final = 0.0001
_HEAD: Final = ("GRAINS", "START", "LENGTH", "KIND", "AREA OFFSET", "CHECKSUM")
_STYLES: Final = {"original": "yellow", "new": "magenta", "zero": "grey", "range pair": "blue"}


def _declare_map(parser: CommandParser) -> None:
    add_image(parser)
    add_copy(parser)
    parser.add_argument("--offset", metavar="N", type=size, default=0, help="first byte")
    parser.add_argument("--length", metavar="N", type=size, help="bytes; to the end if left out")
    add_json(parser)


def _map(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options, read_only=True) as volume:
        stop = None if options.length is None else options.offset + options.length
        table = volume.table(options.copy, options.offset, stop)
        info = volume.info()
        if options.json:
            _print_map_json(options.copy, table, info, terminal)
        elif options.copy == ORIGINAL:
            _print_areas(volume, terminal)
        else:
            _print_table(options.copy, table, info, terminal)
    return EXIT_DONE


def _print_map_json(copy: str, table: TableAnswer, info: VolumeInfo, terminal: Terminal) -> None:
    """Print the documented keys."""
    import msgspec

    columns = table.columns
    told = {
        "copy": copy,
        "size": info.size,
        "grain": info.grain,
        "pointers": [
            {
                "start": start,
                "length": length,
                "kind": _KINDS[kind],
                "offset": offset,
                "checksum": f"{checksum:016x}",
            }
            for start, length, offset, kind, checksum in zip(
                columns.starts.tolist(),
                columns.lengths.tolist(),
                columns.offsets.tolist(),
                columns.kinds.tolist(),
                columns.checksums.tolist(),
                strict=True,
            )
        ],
        "range_pairs": [
            {
                "first": start // info.grain,
                "last": (stop - 1) // info.grain,
                "start": start,
                "length": stop - start,
            }
            for start, stop in _gaps(table)
        ],
    }
    terminal.line(msgspec.json.encode(told).decode())


def _gaps(table: TableAnswer) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of what no individual pointer covers: the range pairs."""
    starts = table.columns.starts.tolist()
    stops = (table.columns.starts + table.columns.lengths).tolist()
    for left, right in zip([table.start, *stops], [*starts, table.stop], strict=True):
        if left < right:
            yield left, right


def _print_areas(volume: VolumeSession, terminal: Terminal) -> None:
    """Print both areas; the original has no pointers of its own."""
    from core.cli.strip import print_area

    areas = volume.map()
    print_area("Initial area", areas.initial, terminal)
    terminal.line()
    if areas.additional.size:
        print_area("Additional area", areas.additional, terminal)
    else:
        terminal.line(f"{terminal.paint('Additional area', 'bold')}  none before the first copy")


def _print_table(copy: str, table: TableAnswer, info: VolumeInfo, terminal: Terminal) -> None:
    """Print a copy's pointers and range pairs in the order of the volume."""
    rows = sorted([*_pointer_rows(table, info.grain), *_pair_rows(table, info.grain)])
    pairs = sum(1 for _ in _gaps(table))
    name = terminal.paint(printable(copy), "accent")
    counts = f"{plural(len(table.columns), 'pointer')} · {plural(pairs, 'range pair')}"
    terminal.line(f"{name}  {terminal.paint(counts, 'grey')}")
    terminal.line()
    head = [
        Cell(t, "grey") for t in ("GRAINS", "START", "LENGTH", "KIND", "AREA OFFSET", "CHECKSUM")
    ]
    terminal.table([head, *(cells for _, cells in rows)], right=(1, 2, 4))


def _pointer_rows(table: TableAnswer, grain: int) -> Iterator[tuple[int, list[Cell]]]:
    """Yield (start, cells) of each individual pointer."""
    columns = table.columns
    for number in range(len(columns)):
        start, length = int(columns.starts[number]), int(columns.lengths[number])
        kind = _KINDS[columns.kinds[number]]
        is_kept = kind != "zero"
        yield (
            start,
            [
                Cell(_grains(start, start + length, grain, ("", ""))),
                Cell(str(start)),
                Cell(str(length)),
                Cell(kind, _STYLES[kind]),
                Cell(f"{columns.offsets[number]}" if is_kept else ""),
                Cell(f"{columns.checksums[number]:016x}" if is_kept else "", "grey"),
            ],
        )


def _pair_rows(table: TableAnswer, grain: int) -> Iterator[tuple[int, list[Cell]]]:
    """Yield (start, cells) of each range pair."""
    for start, stop in _gaps(table):
        yield (
            start,
            [
                Cell(_grains(start, stop, grain, ("[", "]")), "blue"),
                Cell(str(start)),
                Cell(str(stop - start)),
                Cell("range pair", _STYLES["range pair"]),
            ],
        )


def _grains(start: int, stop: int, grain: int, brackets: tuple[str, str]) -> str:
    """Return the inclusive numbers of the grains touched."""
    first, last = start // grain, (stop - 1) // grain
    is_pair = brackets[0] != ""
    return f"{brackets[0]}{first}{f'-{last}' if is_pair or last > first else ''}{brackets[1]}"


def _declare_diff(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("source", metavar="FROM", help="a copy, or 'original'")
    parser.add_argument(
        "target", metavar="TO", nargs="?", default=ORIGINAL, help="the original if left out"
    )
    add_json(parser)


def _diff(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options, read_only=True) as volume:
        ranges = volume.diff(options.source, options.target)
        volume_bytes = volume.info().size
    total = sum(found.length for found in ranges)
    if options.json:
        import msgspec

        told = {
            "from": options.source,
            "to": options.target,
            "bytes": total,
            "ranges": [{"start": found.start, "length": found.length} for found in ranges],
        }
        terminal.line(msgspec.json.encode(told).decode())
        return EXIT_DONE
    views = f"{told_name(options.source)} and {told_name(options.target)}"
    if not ranges:
        terminal.line(f"{views} are equal")
        return EXIT_DONE
    head = [Cell("START", "grey"), Cell("LENGTH", "grey")]
    rows = [[Cell(str(found.start)), Cell(str(found.length))] for found in ranges]
    terminal.table([head, *rows], right=(0, 1))
    terminal.line()
    part = total / volume_bytes
    share = f"{part:.2%} of the volume" if part >= _SHARE_MIN else "less than 0.01% of the volume"
    terminal.line(
        f"{views} may differ in {plural(len(ranges), 'range')}, {format_bytes(total)}, {share}"
    )
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {
    "map": (_declare_map, _map),
    "diff": (_declare_diff, _diff),
}
