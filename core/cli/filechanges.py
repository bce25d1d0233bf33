# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which files differ between two views: ``diff --files``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from core.cli.cancelling import Cancelling
from core.cli.files import tell_notice
from core.cli.notices import tell_volume_notice
from core.cli.opening import open_for
from core.cli.progress import Progress, Waiting
from core.cli.terminal import Cell, plural, printable, told_name
from core.errors import EXIT_DONE
from core.fileanswers import OWN_ROLES, told_path
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.answers import Ranges
    from core.cli.terminal import Terminal
    from core.fileanswers import FileChange, FileChanges, FileSystemInfo
    from core.session import VolumeSession

_ROLES: Final = {"folder": "folders", "allocation": "bitmaps and tables", "free": "free space"}
_STYLES: Final = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}


def show_file_changes(options: argparse.Namespace, terminal: Terminal) -> int:
    """Print what became of files from ``options.source`` to ``options.target``."""
    from core.files.process import refuse_without_library

    refuse_without_library()
    with Cancelling() as cancelling, open_for(options, read_only=True) as volume:
        tell_volume_notice(volume.info())
        infos, changes = _compare(options, volume, cancelling)
    for info in infos:
        tell_notice(info)
    if options.json:
        _print_json(options, infos, changes, terminal)
    else:
        _print(options, changes, terminal)
    return EXIT_DONE


def _compare(
    options: argparse.Namespace, volume: VolumeSession, cancelling: Cancelling
) -> tuple[list[FileSystemInfo], FileChanges]:
    from core.files.filesystem import FileSystem
    from core.service.client import RemoteVolume
    from core.transfer.still import still

    is_alone = not isinstance(volume, RemoteVolume)
    with (
        still(volume, options.source, "diff", is_alone=is_alone) as one,
        still(volume, options.target, "diff", is_alone=is_alone) as other,
    ):
        ranges = volume.diff(one, other)
        if options.exact:
            ranges = _compared(volume, one, other, ranges, cancelling)
        with (
            Waiting("reading both file systems"),
            FileSystem(volume, [one, other], options.partition, pulse=cancelling.check) as system,
        ):
            return system.infos, system.changes(ranges)


def _compared(
    volume: VolumeSession, one: str, other: str, ranges: Ranges, cancelling: Cancelling
) -> Ranges:
    """Return the sectors that really differ."""
    import numpy as np

    from core.answers import Ranges
    from core.transfer.exact import differing

    with Progress("comparing", ranges.total_bytes) as progress:

        def report(count: int) -> None:
            progress.add(count)
            cancelling.check()

        found = list(differing(volume, one, other, ranges, report))
    return Ranges(
        starts=np.array([part.start for part in found], np.int64),
        lengths=np.array([part.length for part in found], np.int64),
    )


def _print_json(
    options: argparse.Namespace,
    infos: list[FileSystemInfo],
    changes: FileChanges,
    terminal: Terminal,
) -> None:
    import msgspec

    told = {
        "from": options.source,
        "to": options.target,
        "exact": options.exact,
        "bytes": changes.total_bytes,
        "file_systems": infos,
        "files": [_told_change(change) for change in changes.files],
        "own": changes.own,
        "unread": changes.unread,
    }
    terminal.line(msgspec.json.encode(told).decode())


def _told_change(change: FileChange) -> dict[str, Any]:
    """Return the documented keys of a change."""
    return {
        "path": told_path(change.path),
        "change": change.change,
        "type": change.kind,
        "bytes": change.differing_bytes,
        "size": change.size,
        "size_before": change.size_before,
        "was": told_path(change.was),
        "aspects": change.aspects,
        "inode": change.inode,
    }


def _print(options: argparse.Namespace, changes: FileChanges, terminal: Terminal) -> None:
    """Print a row for each file, and what the rest is."""
    views = f"{told_name(options.source)} and {told_name(options.target)}"
    if changes.files:
        head = [Cell(text, "grey") for text in ("CHANGE", "SIZE", "DIFFERS", "WHAT", "PATH")]
        terminal.table([head, *map(_row, changes.files)], right=(1, 2))
        terminal.line()
    if not changes.total_bytes and not changes.files:
        terminal.line(f"{views} are equal")
        return
    verb = "differ" if options.exact else "may differ"
    own = {role: changes.own[role] for role in OWN_ROLES if role in changes.own}
    terminal.line(
        f"{views} {verb} in {plural(len(changes.files), 'file or folder', 'files and folders')},"
        f" {format_bytes(changes.total_bytes - sum(own.values()))}"
    )
    if own:
        parts = ", ".join(
            f"{_ROLES.get(role, role)} {format_bytes(count)}" for role, count in own.items()
        )
        terminal.line(f"the file system's own: {format_bytes(sum(own.values()))} ({parts})")
    if changes.unread:
        terminal.line(
            f"{plural(changes.unread, 'file or folder', 'files or folders')} could not be read, and"
            " nothing is told of what is in them"
        )


def _row(change: FileChange) -> list[Cell]:
    path = printable(told_path(change.path))
    if change.kind == "folder":
        path += "/"
    if change.was:
        path = f"{printable(told_path(change.was))} → {path}"
    return [
        Cell(change.change, _STYLES.get(change.change, "grey")),
        Cell(format_bytes(change.size)),
        Cell(format_bytes(change.differing_bytes) if change.differing_bytes else ""),
        Cell(", ".join(change.aspects), "grey"),
        Cell(path),
    ]
