# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files of the file system in a copy or the original: listed, and told by the bytes they own."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from core.cli.cancelling import Cancelling
from core.cli.notices import tell_volume_notice
from core.cli.opening import open_for
from core.cli.parsing import (
    add_copy,
    add_image,
    add_json,
    add_partition,
    byte_range,
    file_path,
    size,
)
from core.cli.progress import Waiting
from core.cli.terminal import Cell, Terminal, plural, printable
from core.device.refusals import readable_path
from core.errors import EXIT_DONE, InvalidRangeError, UsageError
from core.fileanswers import told_path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from core.cli.parsing import Command, CommandParser
    from core.fileanswers import FileEntry, FileSystemInfo, OwnedRange
    from core.files.filesystem import FileSystem

_FORMATS: Final = {
    "file": stat.S_IFREG,
    "folder": stat.S_IFDIR,
    "link": stat.S_IFLNK,
    "device": stat.S_IFBLK,
    "pipe": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
    "other": 0,
}
_STYLES: Final = {"folder": "blue", "link": "cyan"}


def _declare_files(parser: CommandParser) -> None:
    parser.is_mixed = True
    add_image(parser)
    parser.add_argument(
        "path", metavar="PATH", nargs="?", default="/", help="a file or folder in it; / if left out"
    )
    add_copy(parser)
    add_partition(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--out",
        metavar="OUT",
        type=file_path,
        help="put the file, or the folder with all in it, out to OUT, which must be new; - is"
        " standard output",
    )
    what.add_argument(
        "--owner",
        metavar="OFFSET[:LENGTH]",
        type=_place,
        help="the other way round: which files have these bytes of the volume, one grain if LENGTH"
        " is left out",
    )
    add_json(parser)


def _place(text: str) -> tuple[int, int | None]:
    return byte_range(text) if ":" in text else (size(text), None)


def _files(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.out is not None:
        from core.cli.extracting import extract

        return extract(options, terminal)
    if options.owner is not None:
        if options.path != "/":
            raise UsageError("'--owner' finds a PATH and takes none; leave one of them out.")
        return _show_owners(options, terminal)
    with Waiting("reading the file system"), opened(options) as (system, _):
        entry = system.find(os.fsencode(options.path))
        entries = system.folder(entry.inode) if entry.kind == "folder" else [entry]
        info = system.info
    tell_notice(info)
    if options.json:
        told = [_told_entry(entry) for entry in entries]
        _print_json(options, info, terminal, path=readable_path(options.path), entries=told)
    else:
        terminal.table(map(_row, entries), right=(1,))
    return EXIT_DONE


@contextlib.contextmanager
def opened(
    options: argparse.Namespace, cancelling: Cancelling | None = None
) -> Iterator[tuple[FileSystem, int]]:
    """Lend the file system that ``options`` name, and the volume's grain."""
    from core.files.process import refuse_without_library

    refuse_without_library()
    with contextlib.ExitStack() as stack:
        cancelling = cancelling or stack.enter_context(Cancelling())
        volume = stack.enter_context(open_for(options, read_only=True))
        from core.files.filesystem import FileSystem
        from core.service.client import RemoteVolume
        from core.transfer.still import still

        is_alone = not isinstance(volume, RemoteVolume)
        view = stack.enter_context(still(volume, options.copy, "files", is_alone=is_alone))
        info = volume.info()
        tell_volume_notice(info)
        if options.owner is not None:
            _check_range(*options.owner, view_bytes=info.size_of(view))
        system = FileSystem(volume, [view], options.partition, pulse=cancelling.check)
        yield stack.enter_context(system), info.grain


def _check_range(offset: int, length: int | None, *, view_bytes: int) -> None:
    """Refuse a range that passes the end.

    Raises:
        InvalidRangeError: It does.
    """
    if offset + (length or 1) > view_bytes or length == 0:
        raise InvalidRangeError.outside(offset, 1 if length is None else length, view_bytes)


def tell_notice(info: FileSystemInfo) -> None:
    """Tell on standard error what a user must know of a file system."""
    if info.notice:
        Terminal(sys.stderr).line(f"rangepair: {printable(info.notice)}")


def _row(entry: FileEntry) -> list[Cell]:
    """Return the cells of one entry, as ``ls -l`` shows it."""
    name = [Cell(_shown(entry.name) or "/", _STYLES.get(entry.kind, ""))]
    if not entry.is_readable:
        return [Cell("??????????", "red"), Cell("?"), Cell("?"), *name]
    shown = name[0].text
    if entry.kind == "link":
        name = [Cell(f"{shown} → {_shown(entry.target)}", _STYLES["link"])]
    seconds = entry.mtime_ns // 10**9
    return [
        Cell(stat.filemode(_FORMATS[entry.kind] | entry.mode)),
        Cell(str(entry.size)),
        Cell(_told_time(seconds), "grey"),
        *name,
    ]


def _told_time(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return "?"


def _shown(name: bytes) -> str:
    return printable(told_path(name))


def _told_entry(entry: FileEntry) -> dict[str, Any]:
    """Return the documented keys of an entry."""
    told: dict[str, Any] = {
        "name": told_path(entry.name),
        "type": entry.kind,
        "mode": f"{entry.mode:04o}",
        "size": entry.size,
        "modified": entry.mtime_ns / 1e9,
        "uid": entry.uid,
        "gid": entry.gid,
        "links": entry.links,
        "inode": entry.inode,
        "target": told_path(entry.target),
        "readable": entry.is_readable,
    }
    if told["name"].encode() != entry.name:
        told["name_hex"] = entry.name.hex()
    return told


def _show_owners(options: argparse.Namespace, terminal: Terminal) -> int:
    """Print what a range of the volume belongs to."""
    offset, length = options.owner
    with Waiting("reading the file system"), opened(options) as (system, grain):
        if length is None:
            offset, length = offset // grain * grain, grain
        owned = system.owners([(offset, length)])
        info = system.info
    tell_notice(info)
    if options.json:
        import msgspec

        told = [
            msgspec.structs.asdict(part) | {"paths": [told_path(path) for path in part.paths]}
            for part in owned
        ]
        _print_json(options, info, terminal, ranges=told)
        return EXIT_DONE
    head = [Cell(text, "grey") for text in ("START", "LENGTH", "ROLE", "BELONGS TO")]
    rows = [
        [Cell(str(part.start)), Cell(str(part.length)), Cell(part.role), Cell(_told_owner(part))]
        for part in owned
    ]
    terminal.table([head, *rows], right=(0, 1))
    return EXIT_DONE


def _told_owner(part: OwnedRange) -> str:
    if not part.paths:
        return ""
    shown = _shown(part.paths[0])
    more = len(part.paths) - 1
    others = f" and {plural(more, 'other name')}" if more else ""
    where = f", from its byte {part.file_offset}" if part.file_offset >= 0 else ", its block map"
    return f"{shown}{others}{where}"


def _print_json(
    options: argparse.Namespace, info: FileSystemInfo, terminal: Terminal, **told: Any
) -> None:
    import msgspec

    answer = {
        "image": readable_path(options.image),
        "copy": options.copy,
        "file_system": msgspec.structs.asdict(info),
        **told,
    }
    terminal.line(msgspec.json.encode(answer).decode())


COMMANDS: Final[dict[str, Command]] = {"files": (_declare_files, _files)}
