# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Files of a copy put out: ``files --out``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.cancelling import Cancelling
from core.cli.files import opened, tell_notice
from core.cli.progress import Progress
from core.cli.terminal import Terminal, plural, printable, told_name
from core.errors import EXIT_DONE, EXIT_ERROR, FilesError
from core.fileanswers import told_path
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.fileanswers import FileEntry
    from core.files.extract import Extraction, Skipped

_PIPE: Final = "-"
_SKIPPED_MAX: Final = 20
"""More are counted, not named; --json names all."""


def extract(options: argparse.Namespace, terminal: Terminal) -> int:
    """Put out what ``options.path`` names to ``options.out``; return the exit status."""
    from core.files.extract import Extraction

    with (
        Cancelling() as cancelling,
        opened(options, cancelling) as (system, _),
        Progress(f"reading files of {told_name(options.copy)}", None) as progress,
    ):
        entry = system.find(os.fsencode(options.path))

        def report(count: int) -> None:
            progress.add(count)
            cancelling.check()

        extraction = Extraction(system, report)
        _put_out(options, extraction, entry, terminal)
        info = system.info
    tell_notice(info)
    return _tell(options, extraction, terminal)


def _put_out(
    options: argparse.Namespace, extraction: Extraction, entry: FileEntry, terminal: Terminal
) -> None:
    """Put out one file or folder.

    Raises:
        FilesError: It cannot be put out there.
    """
    from core.files.extract import check_new

    told = repr(printable(options.path))
    if entry.kind not in {"file", "folder"}:
        what = f"a {entry.kind}" if entry.kind != "other" else "of no known kind"
        raise FilesError(f"{told} is {what}; only files and folders can be put out.")
    if options.out == _PIPE:
        if entry.kind == "folder":
            raise FilesError(f"{told} is a folder; name a folder to be made with --out.")
        if terminal.is_tty:
            extraction.to_pipe(entry, _Screen(terminal).show)
        else:
            extraction.to_pipe(entry, sys.stdout.buffer.write)
            sys.stdout.buffer.flush()
        return
    target = Path(options.out)
    check_new(target, is_folder=entry.kind == "folder")
    if entry.kind == "folder":
        extraction.to_folder(entry, target.absolute())
    else:
        extraction.to_file(entry, target)


class _Screen:
    """Shows text on a terminal, with everything that could steer it written out."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def show(self, piece: bytes | memoryview) -> None:
        """Show lines; a character that is cut in two is written out."""
        text = bytes(piece).decode("utf-8", "backslashreplace")
        shown = "\n".join(
            "\t".join(printable(part) for part in line.split("\t")) for line in text.split("\n")
        )
        sys.stdout.write(shown)


def _tell(options: argparse.Namespace, extraction: Extraction, terminal: Terminal) -> int:
    """Tell what was put out, and what was not; return the exit status."""
    damaged = sum(1 for skipped in extraction.skipped if skipped.is_damaged)
    if options.json and options.out != _PIPE:
        _print_json(options, extraction, terminal)
    elif options.out != _PIPE:
        counts = [plural(count, kind) for kind, count in extraction.counts.items() if count] or [
            "nothing"
        ]
        terminal.line(
            f"{told_name(options.copy)}: {printable(options.path)} → {printable(options.out)}:"
            f" {', '.join(counts)}, {format_bytes(extraction.bytes)} of data"
        )
    _tell_skipped(extraction.skipped)
    return EXIT_ERROR if damaged else EXIT_DONE


def _tell_skipped(skipped: Sequence[Skipped]) -> None:
    """Tell on standard error what was left out, and why."""
    if not skipped:
        return
    screen = Terminal(sys.stderr)
    screen.line(f"rangepair: {plural(len(skipped), 'name')} left out:")
    for path, why, _ in skipped[:_SKIPPED_MAX]:
        screen.line(f"  {printable(told_path(path))}: {printable(why)}")
    if len(skipped) > _SKIPPED_MAX:
        screen.line(f"  and {len(skipped) - _SKIPPED_MAX:,} more, which --json names")


def _print_json(options: argparse.Namespace, extraction: Extraction, terminal: Terminal) -> None:
    import msgspec

    told = {
        "copy": options.copy,
        "path": options.path,
        "out": options.out,
        "files": extraction.counts["file"],
        "folders": extraction.counts["folder"],
        "links": extraction.counts["link"],
        "bytes": extraction.bytes,
        "skipped": [
            {"path": told_path(path), "why": why, "damaged": is_damaged}
            for path, why, is_damaged in extraction.skipped
        ],
    }
    terminal.line(msgspec.json.encode(told).decode())
