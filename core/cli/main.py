# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The ``rangepair`` command: finds what is asked for, runs it, and answers for how it went.

Only what a command needs is imported, so that the help costs little more than the interpreter.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

from core.cli.directory import ENTRIES
from core.cli.terminal import Terminal, printable
from core.errors import EXIT_DONE, EXIT_ERROR, RangepairError, UsageError
from core.service.streams import fill_streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.cli.parsing import Command

EXIT_INTERRUPTED: Final = 130
"""128 + SIGINT, as a shell counts."""
EXIT_BROKEN_PIPE: Final = 141
"""128 + SIGPIPE."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    fill_streams()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = _run(arguments)
        sys.stdout.flush()
    except RangepairError as error:
        _complain(error.message)
        return error.exit_status
    except KeyboardInterrupt:
        _abandon_output()
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        _abandon_output()
        _complain(_sentence(error))
        return EXIT_ERROR
    return status


def _run(arguments: Sequence[str]) -> int:
    """Run what the arguments name."""
    terminal = Terminal(sys.stdout)
    name, *rest = arguments or [""]
    if name in {"-h", "--help", "help"}:
        return _help(rest, terminal)
    if name in {"-V", "--version"}:
        import core

        terminal.line(f"rangepair {core.__version__}")
        return EXIT_DONE
    if name not in ENTRIES:
        from core.cli import window

        return window.open_window(arguments)
    return _run_command(name, rest, terminal)


def _run_command(name: str, arguments: Sequence[str], terminal: Terminal) -> int:
    """Parse the arguments of one command and carry it out."""
    from core.cli.parsing import command_parser

    entry = ENTRIES[name]
    commands: dict[str, Command] = importlib.import_module(f"core.cli.{entry.module}").COMMANDS
    declare, run = commands[name]
    parser = command_parser(name, entry.summary)
    declare(parser)
    try:
        options = parser.parse_args(arguments)
    except SystemExit:  # --help was printed
        return EXIT_DONE
    return run(options, terminal)


def _help(topics: Sequence[str], terminal: Terminal) -> int:
    """Print the help of the program or of one command."""
    if not topics:
        from core.cli.overview import print_overview

        print_overview(terminal)
        return EXIT_DONE
    if topics[0] not in ENTRIES:
        raise UsageError(f"There is no command {topics[0]!r}; see 'rangepair --help'.")
    return _run_command(topics[0], ["--help"], terminal)


def _complain(message: str) -> None:
    """Write one sentence to standard error."""
    terminal = Terminal(sys.stderr)
    words = message.split()
    if words and words[0].isalpha():  # and no name of a file, which stays as it is written
        words[0] = words[0][0].upper() + words[0][1:]
    text = printable(" ".join(words))
    end = "" if text.endswith((".", "!", "?")) else "."
    terminal.line(f"{terminal.paint('rangepair:', 'error')} {text}{end}")


def _sentence(error: OSError) -> str:
    """Return what an error of the system means to the user."""
    name = error.filename if isinstance(error.filename, str | bytes) else ""
    path = os.fsencode(name).decode("utf-8", "backslashreplace")
    what = f" on {path}" if path else ""
    if path[:1] != "/" and _is_nowhere():
        return "The folder that this runs in was removed; change to another one."
    if error.errno == errno.EBADF:
        return "Standard input or output is closed; open it or name a file for it."
    if error.errno == errno.ENOSPC:
        return f"There is no room left{what or ' where the output goes'}; free some space."
    return f"The system refused an operation{what}: {error.strerror or error}."


def _is_nowhere() -> bool:
    """Return whether the working folder is gone, and every relative path with it."""
    try:
        os.getcwd()  # noqa: PTH109 - no object in between
    except OSError:
        return True
    return False


def _abandon_output() -> None:
    """Let the interpreter's last flush go nowhere: nobody is there to read it."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


if __name__ == "__main__":
    sys.exit(main())
