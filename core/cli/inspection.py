# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Looking into a volume: is it sound, and what is in its additional area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.progress import Waiting
from core.cli.terminal import Cell, plural, printable
from core.errors import EXIT_CORRUPTION, EXIT_DONE, EXIT_LEAK

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.answers import Finding
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal


def _declare_check(parser: CommandParser) -> None:
    add_image(parser)
    add_json(parser)
    parser.add_argument(
        "--repair",
        metavar="OUT",
        help="make a new additional area OUT of what is left; the old one stays as it is",
    )


def _check(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.repair is not None:
        from core.cli.repairing import repair

        return repair(options, terminal)
    with open_for(options, read_only=True) as volume, Waiting("checking"):
        findings = volume.check()
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
        terminal.line(f"{good}  every pointer and checksum of {all_copies} holds")
    if any(finding.severity == "corruption" for finding in findings):
        return EXIT_CORRUPTION
    return EXIT_LEAK if findings else EXIT_DONE


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

    with open_for(options, read_only=True) as volume:
        structures = volume.dump()
    raw = msgspec.json.encode(structures)
    terminal.line((raw if options.json else msgspec.json.format(raw)).decode())
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {
    "check": (_declare_check, _check),
    "dump": (_declare_dump, _dump),
}
