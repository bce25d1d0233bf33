# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of the README, measured here and now; beside QEMU's servers, if asked for."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import add_json, file_path
from core.cli.progress import Step
from core.cli.terminal import Terminal, printable
from core.cli.unbroken import postponed
from core.errors import EXIT_DONE, MeasureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from core.cli.parsing import Command, CommandParser
    from core.measure.report import Report
    from core.measure.setting import Scale

_ALONE: Final = ("takes", "writes", "opening", "reads")
_AGAINST_QEMU: Final = ("first", "cold", "flush", "rewrite", "read", "sequence", "oldest")
_TOPICS_HELP: Final = (
    f"only some of {', '.join(_ALONE)}; with --against of {', '.join(_AGAINST_QEMU)}"
)


def _declare(parser: CommandParser) -> None:
    parser.add_argument(
        "--against",
        choices=("qemu",),
        help="serve an image beside qemu-nbd and nbdkit instead, with fio as the client of each;"
        " several minutes",
    )
    parser.add_argument(
        "--in",
        dest="within",
        metavar="DIR",
        type=file_path,
        help="make the scratch images in a folder there, on the disk in question; a folder for"
        " temporary files if left out. They are removed afterwards",
    )
    parser.add_argument("--topics", metavar="NAMES", type=_names, help=_TOPICS_HELP)
    parser.add_argument("--rounds", metavar="N", type=_rounds, help="how often each is measured")
    parser.add_argument(
        "--quick", action="store_true", help="measure little: to see what it tells, not for figures"
    )
    parser.add_argument(
        "--png", metavar="FILE", type=file_path, help="also draw the ratios into a picture"
    )
    add_json(parser)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rounds; write it like 3")
    return int(text)


def _bench(options: argparse.Namespace, terminal: Terminal) -> int:
    names = _topics(options)
    if options.png:
        _require_picture(Path(options.png))
        if list(names) == ["opening"]:
            raise UsageError(
                "Opening is compared with nothing, so there is no picture of it; leave --png out,"
                " or name more topics."
            )
    with postponed():
        from core.measure.interrupts import ending_once
    with ending_once():
        report = _measure(options, names, terminal)
        if options.json:
            import msgspec

            terminal.line(msgspec.json.encode(report.told()).decode())
        if options.png:
            _draw(report, Path(options.png))
    return EXIT_DONE


def _topics(options: argparse.Namespace) -> Sequence[str]:
    """Return what is to be measured.

    Raises:
        UsageError: There is no such topic.
    """
    known = _AGAINST_QEMU if options.against else _ALONE
    for name in options.topics or ():
        if name not in known:
            raise UsageError(
                f"There is no topic {printable(name)!r}{' against qemu' * bool(options.against)};"
                f" choose from {', '.join(known)}."
            )
    return options.topics or known


def _measure(options: argparse.Namespace, names: Sequence[str], terminal: Terminal) -> Report:
    """Measure, and print each table when it is there.

    Raises:
        MeasureError: It cannot be measured here.
    """
    from core.cli.figures import print_heading, print_sheet
    from core.measure.report import begin_report
    from core.measure.scratch import scratch_folder
    from core.measure.setting import Setting
    from core.measure.topics import measures, needed_bytes

    scale, is_against_qemu = _scale(options), options.against is not None
    within = Path(options.within) if options.within else None
    try:
        with (
            scratch_folder(within, needed_bytes(scale, is_against_qemu=is_against_qemu)) as folder,
            Step() as step,
        ):
            report = begin_report(folder, rounds=scale.rounds, is_against_qemu=is_against_qemu)
            setting = Setting(folder, scale, step.tell, _noting(report, step))
            for measure in measures(names, is_against_qemu=is_against_qemu):
                for sheet in measure(setting):
                    step.wipe()
                    if not options.json:
                        if not report.rows:
                            print_heading(report, folder.parent, terminal)
                        print_sheet(sheet, terminal)
                    report.add(sheet)
            return report
    except OSError as error:
        raise MeasureError(
            f"The measurement could not go on ({error.strerror or error});"
            " free some space, or name another folder with --in."
        ) from error


def _scale(options: argparse.Namespace) -> Scale:
    import dataclasses

    from core.measure.setting import QUICK, SHORT

    scale = QUICK if options.quick else SHORT
    return dataclasses.replace(scale, rounds=options.rounds or scale.rounds)


def _noting(report: Report, step: Step) -> Callable[[str], None]:
    """Tell what there is to tell already; return what tells, and keeps, what comes."""
    terminal = Terminal(sys.stderr)

    def tell(sentence: str) -> None:
        step.wipe()
        terminal.line(f"{terminal.paint('rangepair:', 'yellow')} {printable(sentence)}")
        terminal.flush()

    def note(sentence: str) -> None:
        report.notes.append(sentence)
        tell(sentence)

    for sentence in report.notes:
        tell(sentence)
    return note


def _require_picture(path: Path) -> None:
    """See to it that a picture can be drawn before minutes are spent.

    Raises:
        MeasureError: It cannot.
    """
    if find_spec("PySide6") is None:
        raise MeasureError(
            "The picture cannot be drawn without the window's libraries; install 'rangepair' with"
            " its dependencies, or leave --png out."
        )
    folder = path.parent
    if path.is_dir() or not folder.is_dir() or not os.access(path if path.exists() else folder, 2):
        raise MeasureError(
            f"The picture cannot be written to {path}; name a file in a folder that is there and"
            " that you may write to."
        )


def _draw(report: Report, path: Path) -> None:
    """Have the picture drawn by a process of its own, as nothing here may know the window.

    Raises:
        MeasureError: It was not.
    """
    import subprocess

    import msgspec

    import core

    search = (str(Path(core.__file__).parents[1]), os.environ.get("PYTHONPATH", ""))
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
        "QT_QPA_PLATFORM": "offscreen",
    }
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "gui.figures", str(path)],
        input=msgspec.json.encode(report.told()),
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason was given"]
        raise MeasureError(
            f"The picture could not be drawn to {path}: {said[-1]}; name another file."
        )


COMMANDS: Final[dict[str, Command]] = {"bench": (_declare, _bench)}
