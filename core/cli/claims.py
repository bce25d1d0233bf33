# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The matrix of claims: each is shown by the real engine on small volumes, here and now."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import add_json
from core.cli.progress import Waiting
from core.cli.terminal import Cell, plural
from core.errors import EXIT_DONE, EXIT_ERROR, ImageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from core.claims.lines import Scenario
    from core.claims.matrix import Claim
    from core.claims.measures import Measured
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal

    Proved = Sequence[tuple[Claim, Measured]]
    Played = Sequence[tuple[Scenario, list[str]]]


def _declare(parser: CommandParser) -> None:
    add_json(parser)


def _claims(options: argparse.Namespace, terminal: Terminal) -> int:
    proved, played = _measure()
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode(_told(proved, played)).decode())
    else:
        _print_claims(proved, terminal)
        terminal.line()
        _print_scenarios(played, terminal)
    is_shown = all(measured.is_shown for _, measured in proved)
    is_played = not any(differences for _, differences in played)
    return EXIT_DONE if is_shown and is_played else EXIT_ERROR


def _measure() -> tuple[Proved, Played]:
    from core.claims.matrix import play_scenarios, prove_claims

    try:
        with (
            tempfile.TemporaryDirectory(prefix="rangepair-claims-") as folder,
            Waiting("measuring"),
        ):
            return list(prove_claims(Path(folder))), list(play_scenarios(Path(folder)))
    except OSError as error:
        raise ImageError(
            f"The small volumes for the claims cannot be made in {tempfile.gettempdir()}: "
            f"{error.strerror or error}; free some space or set TMPDIR to another folder."
        ) from error


def _told(proved: Proved, played: Played) -> dict[str, object]:
    """Return what ``--json`` prints."""
    return {
        "claims": [
            {
                "claim": claim.number,
                "text": claim.text,
                "scenarios": claim.scenarios,
                "shown": measured.is_shown,
                "found": measured.found,
            }
            for claim, measured in proved
        ],
        "scenarios": [
            {"name": scenario.name, "steps": len(scenario.steps), "differences": differences}
            for scenario, differences in played
        ],
    }


def _print_claims(proved: Proved, terminal: Terminal) -> None:
    """Print a line for each claim, and what was measured for it below."""
    for claim, measured in proved:
        mark, style = ("✓", "green") if measured.is_shown else ("✗", "error")
        scenarios = terminal.paint(" ".join(claim.scenarios), "grey")
        number = terminal.paint(f"{claim.number:3}", "bold")
        terminal.line(f"{number}  {terminal.paint(mark, style)} {claim.text}  {scenarios}")
        terminal.line(terminal.paint(f"       {measured.found}", "grey"))
    count = sum(measured.is_shown for _, measured in proved)
    terminal.line()
    terminal.line(f"{count} of {plural(len(proved), 'claim')} shown")


def _print_scenarios(played: Played, terminal: Terminal) -> None:
    """Print a line for each scenario, and every difference from its table."""
    rows = []
    for scenario, differences in played:
        mark, style = ("✗", "error") if differences else ("✓", "green")
        steps = plural(len(scenario.steps), "step")
        rows.append([Cell(mark, style), Cell(scenario.name), Cell(steps, "grey")])
        rows += [[Cell(""), Cell(f"  {difference}", "error")] for difference in differences]
    terminal.table(rows)


COMMANDS: Final[dict[str, Command]] = {"claims": (_declare, _claims)}
