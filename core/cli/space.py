# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Space and counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.terminal import Cell, printable, told_name
from core.errors import EXIT_DONE
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.answers import Usage
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal

_COUNTERS: Final = {
    "Original": {
        "writes": "writes",
        "written_bytes": "written",
        "reads": "reads",
        "read_bytes": "read",
    },
    "Preserved": {
        "preserved_portions": "portions",
        "preserved_bytes": "copied to the additional area",
        "preserved_by_cloning_bytes": "of it by taking over the image's blocks",
        "kept_portions": "portions kept where they lay in the image",
        "kept_bytes": "kept there, not copied",
        "zero_bytes": "zeroes, which need no copying",
    },
    "Clones": {
        "copy_writes": "writes",
        "copy_written_bytes": "written",
        "copy_write_bytes_from_initial": "copied from the initial area for them",
    },
    "Full area": {
        "dropped_copies": "expendable copies that were dropped for want of room",
        "room_waits": "writes that waited for room",
    },
    "Disk": {
        "commits": "durable writes to the additional area",
        "syncs": "syncs of the image",
        "checkpoints": "times that everything was put in place",
        "staged_bytes": "waiting in memory for the additional area",
        "overlay_bytes": "waiting in memory for the image",
        "restoring_bytes": "still to be moved by a restore",
        "flushed_seq": "number of the last flush kept there",
    },
}
_BAR_CELLS: Final = 24


def _declare_usage(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument(
        "--if-deleted",
        metavar="NAME",
        nargs="+",
        default=[],
        help="also tell, exactly, what purging these copies together would free",
    )
    add_json(parser)


def _usage(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options, read_only=True) as volume:
        usage = volume.usage(options.if_deleted)
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode(usage).decode())
        return EXIT_DONE
    terminal.line(f"{terminal.paint('Additional area', 'bold')}  {format_bytes(usage.area_bytes)}")
    _print_parts(usage, terminal)
    _print_outlook(usage, terminal)
    if usage.copies:
        terminal.line()
        _print_copies(usage, terminal)
    if options.if_deleted:
        terminal.line()
        names = ", ".join(map(told_name, options.if_deleted))
        freed = terminal.paint(format_bytes(usage.freed_bytes), "bold")
        terminal.line(f"Purging {names} would free {freed} ({usage.freed_bytes:,} bytes)")
    return EXIT_DONE


def _print_parts(usage: Usage, terminal: Terminal) -> None:
    """Print what the area is made of."""
    parts = (
        ("copies", usage.used_bytes - usage.metadata_bytes, "yellow"),
        ("metadata", usage.metadata_bytes - usage.reclaimable_bytes, "cyan"),
        ("reclaimable", usage.reclaimable_bytes, "green"),
        ("free", usage.free_bytes, "grey"),
    )
    rows = [
        [Cell(name), Cell(format_bytes(count)), _bar(count, usage.area_bytes, style)]
        for name, count, style in parts
    ]
    terminal.table(rows, right=(1,), indent=2)


def _print_outlook(usage: Usage, terminal: Terminal) -> None:
    """Print what the area takes on its disk, and when it will be full."""
    if not usage.area_bytes:
        return
    if usage.host_bytes:
        terminal.line(f"  takes {format_bytes(usage.host_bytes)} on its disk")
    words = f"has room for {format_bytes(usage.room_bytes)} more"
    if usage.full_in_seconds is not None:
        words += f", full in {_told_time(usage.full_in_seconds)} at the rate of the last minute"
    terminal.line(f"  {words}")
    if usage.kept_bytes:
        terminal.line(f"  {format_bytes(usage.kept_bytes)} more are kept in the image for copies")


def _told_time(seconds: float) -> str:
    """Return a time to come, as exactly as it can be known."""
    for unit, length_s in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"~{seconds / length_s:.0f} {unit}"
    return f"~{seconds:.0f} s"


def _print_copies(usage: Usage, terminal: Terminal) -> None:
    """Print what each copy holds alone."""
    head = [Cell("COPY", "grey"), Cell("OWN", "grey"), Cell("", ""), Cell("SHARED", "grey")]
    most = max(copy.own_bytes for copy in usage.copies)
    rows = [
        [
            Cell(printable(copy.name) + (" (deleted)" if copy.deleted else "")),
            Cell(format_bytes(copy.own_bytes)),
            _bar(copy.own_bytes, most, "yellow"),
            Cell(format_bytes(copy.shared_bytes), "grey"),
        ]
        for copy in usage.copies
    ]
    terminal.table([head, *rows], right=(1, 3), indent=2)


def _bar(count: int, whole: int, style: str) -> Cell:
    """Return a bar in halves of a cell; something is never shown as nothing."""
    halves = round(2 * _BAR_CELLS * count / whole) if whole else 0
    halves = max(halves, 1 if count else 0)
    return Cell("█" * (halves // 2) + "▌" * (halves % 2), style)


def _declare_stats(parser: CommandParser) -> None:
    add_image(parser)
    add_json(parser)


def _stats(options: argparse.Namespace, terminal: Terminal) -> int:
    import msgspec

    with open_for(options, read_only=True) as volume:
        from core.service.client import RemoteVolume

        counters: dict[str, int] = msgspec.to_builtins(volume.stats())
        is_live = isinstance(volume, RemoteVolume)
    if options.json:
        terminal.line(msgspec.json.encode(counters).decode())
        return EXIT_DONE
    if not is_live:
        note = "No engine process has the volume open; the counters begin when one opens it."
        terminal.line(terminal.paint(note, "grey"))
        terminal.line()
    rows: list[list[Cell]] = []
    for group, labels in _COUNTERS.items():
        title = group
        for name, label in labels.items():
            rows.append([Cell(title, "bold"), *_counter(name, label, counters[name])])
            title = ""
    terminal.table(rows, right=(2,))
    return EXIT_DONE


def _counter(name: str, label: str, count: int) -> list[Cell]:
    """Return the cells of one counter."""
    is_size = "bytes" in name.split("_")
    return [
        Cell(label),
        Cell(f"{count:,}", "bold" if count else "grey"),
        Cell(f"bytes  {format_bytes(count)}" if is_size and count >= 1024 else "", "grey"),
    ]


COMMANDS: Final[dict[str, Command]] = {
    "usage": (_declare_usage, _usage),
    "stats": (_declare_stats, _stats),
}
