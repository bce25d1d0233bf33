# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Pointers and range pairs, and the same in reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.notices import tell_volume_notice
from core.cli.opening import open_for
from core.cli.parsing import add_copy, add_image, add_json, size
from core.cli.terminal import Cell, plural, printable
from core.errors import EXIT_DONE
from core.session import ORIGINAL
from core.units import KEPT_BASE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from core.answers import TableAnswer, VolumeInfo
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession

_KINDS: Final = ("original", "new", "zero")
_HEAD: Final = ("GRAINS", "START", "LENGTH", "KIND", "AREA OFFSET", "CHECKSUM")
_STYLES: Final = {"original": "yellow", "new": "magenta", "zero": "grey", "range pair": "blue"}


def _declare_map(parser: CommandParser) -> None:
    add_image(parser)
    add_copy(parser)
    parser.add_argument("--offset", metavar="N", type=size, default=0, help="first byte")
    parser.add_argument("--length", metavar="N", type=size, help="bytes; to the end if left out")
    parser.add_argument(
        "--area-offset",
        metavar="N",
        type=size,
        help="the other way round: which copies hold what lies there in the additional area;"
        " --length is one grain if left out",
    )
    parser.add_argument(
        "--initial", action="store_true", help="where in the image the volume's bytes lie"
    )
    parser.add_argument(
        "--portions", action="store_true", help="the portions of a volume that consists of such"
    )
    add_json(parser)


def _map(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.area_offset is not None:
        from core.cli.holders import show_holders

        return show_holders(options, terminal)
    with open_for(options, read_only=True) as volume:
        if options.initial:
            from core.cli.arranging import print_initial

            print_initial(volume.initial(), terminal, as_json=options.json)
            return EXIT_DONE
        if options.portions:
            from core.cli.portions import print_portions

            print_portions(options.copy, volume.portions(options.copy), terminal, options.json)
            return EXIT_DONE
        stop = None if options.length is None else options.offset + options.length
        table = volume.table(options.copy, options.offset, stop)
        info = volume.info()
        tell_volume_notice(info)
        if options.json:
            _print_map_json(options.copy, table, info, terminal)
        elif options.copy == ORIGINAL:
            _print_areas(volume, terminal)
            if info.original is not None:
                terminal.line()
                _print_table(ORIGINAL, table, info, terminal)
        else:
            _print_table(options.copy, table, info, terminal)
    return EXIT_DONE


def _print_map_json(copy: str, table: TableAnswer, info: VolumeInfo, terminal: Terminal) -> None:
    """Print the documented keys."""
    import msgspec

    columns = table.columns
    told = {
        "copy": copy,
        "size": info.size_of(copy),
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
                Cell(_place(int(columns.offsets[number])) if is_kept else ""),
                Cell(f"{columns.checksums[number]:016x}" if is_kept else "", "grey"),
            ],
        )


def _place(address: int) -> str:
    """Return where a pointer leads: a byte of the additional area, or into the image."""
    return str(address) if address >= 0 else f"image, kept {address - KEPT_BASE}"


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


COMMANDS: Final[dict[str, Command]] = {
    "map": (_declare_map, _map),
}
