# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Looking into a volume: is it sound, and what is in its additional area."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json, file_path
from core.cli.progress import Waiting
from core.cli.terminal import Cell, plural, printable
from core.errors import EXIT_CORRUPTION, EXIT_DONE, EXIT_LEAK
from core.format.layout import BUNDLE_MAGIC

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.answers import Finding
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.session import VolumeSession


def _declare_check(parser: CommandParser) -> None:
    add_image(parser)
    add_json(parser)
    parser.add_argument(
        "--repair",
        metavar="OUT",
        type=file_path,
        help="make a new additional area OUT of what is left; the old one stays as it is",
    )
    parser.add_argument(
        "--structures", action="store_true", help="leave data alone, and verify all else"
    )


def _check(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.repair is not None:
        from core.cli.repairing import repair

        return repair(options, terminal)
    with _opened(options) as volume, Waiting("checking"):
        findings = volume.check(structures=options.structures)
        copies = len(volume.info().copies)
    if options.json:
        import msgspec

        told = {"clean": not findings, "findings": findings}
        terminal.line(msgspec.json.encode(told).decode())
    elif findings:
        _print_findings(findings, terminal)
    else:
        good = terminal.paint("✓ clean", "green")
        all_copies = plural(copies, "copy", "copies")
        what = "structure" if options.structures else "pointer and checksum"
        terminal.line(f"{good}  every {what} of {all_copies} holds")
    if any(finding.severity == "corruption" for finding in findings):
        return EXIT_CORRUPTION
    return EXIT_LEAK if findings else EXIT_DONE


def _opened(options: argparse.Namespace) -> VolumeSession:
    """Return the open volume, or what a bundle has of one."""
    if _is_bundle(options.image):
        from core.engine.bundles import open_bundle

        options.structures = True
        return open_bundle(options.image)
    return open_for(options, read_only=True)


def _is_bundle(path: str) -> bool:
    """Return whether a file is a bundle; what cannot be read is none, and is told of elsewhere."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(BUNDLE_MAGIC)) == BUNDLE_MAGIC
    except (OSError, ValueError):
        return False


def _print_findings(findings: Sequence[Finding], terminal: Terminal) -> None:
    """Print what is wrong, the worst first, and what it comes to."""
    ranked = sorted(findings, key=lambda finding: finding.severity)
    styles = {"corruption": "error", "leak": "yellow"}
    terminal.table(
        [
            [
                Cell(f"✗ {finding.severity}", styles[finding.severity]),
                Cell(printable(finding.where), "bold"),
                Cell(printable(finding.what)),
                Cell(finding.code, "grey"),
            ]
            for finding in ranked
        ]
    )
    terminal.line()
    corruptions = sum(finding.severity == "corruption" for finding in findings)
    leaks = len(findings) - corruptions
    terminal.line(f"{plural(corruptions, 'corruption')}, {plural(leaks, 'harmless leak')}")


def _declare_dump(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("--json", action="store_true", help="on one line; it is JSON anyway")


def _dump(options: argparse.Namespace, terminal: Terminal) -> int:
    import msgspec

    with _opened(options) as volume:
        structures = volume.dump()
    raw = msgspec.json.encode(structures)
    terminal.line((raw if options.json else msgspec.json.format(raw)).decode())
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {
    "check": (_declare_check, _check),
    "dump": (_declare_dump, _dump),
}
