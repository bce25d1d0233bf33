# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Serving a volume to virtual machines and other block clients, over NBD."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import add_copy, add_image, add_json, file_path
from core.cli.terminal import printable
from core.errors import EXIT_DONE, EngineGoneError, NoSuchCopyError, UsageError
from core.session import ORIGINAL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.service.client import RemoteVolume
    from core.serving import Serving

PORT: Final = 10809
_LOOK_S: Final = 0.2
_LOOKS_BEFORE_ASKING: Final = 5


def _declare(parser: CommandParser) -> None:
    add_image(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--socket",
        metavar="PATH",
        type=file_path,
        help="socket file to make; one in your runtime folder if left out",
    )
    where.add_argument(
        "--tcp", metavar="HOST:PORT", help=f"listen on TCP instead; the port is {PORT} if left out"
    )
    parser.add_argument(
        "--tls",
        metavar="DIR",
        type=file_path,
        help="folder of ca-cert.pem, server-cert.pem and server-key.pem; clients need certificates"
        " of the same authority. Needed with --tcp for any HOST but this machine",
    )
    parser.add_argument("--read-only", action="store_true", help="take writes from nobody")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--detach", action="store_true", help="go on in the background until --stop")
    what.add_argument("--stop", action="store_true", help="stop serving, wherever it was begun")
    what.add_argument("--list", action="store_true", help="show where it is served, and to whom")
    what.add_argument(
        "--commands", action="store_true", help="show what QEMU, libvirt and others must be told"
    )
    add_copy(parser)
    add_json(parser)


def _serve(options: argparse.Namespace, terminal: Terminal) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if options.commands:
        return _tell_commands(options, terminal)
    if options.stop or options.list:
        return _ask(options, terminal)
    from core.service.launcher import connect_or_start

    host, port = _host_and_port(options.tcp)
    with (
        _signals_end(),
        connect_or_start(
            options.image,
            area=Path(options.area) if options.area else None,
            accept_changes=options.accept_changes,
        ) as volume,
    ):
        serving = volume.serve(
            socket=os.path.abspath(options.socket) if options.socket else "",  # noqa: PTH100
            host=host,
            port=port,
            tls=os.path.abspath(options.tls) if options.tls else "",  # noqa: PTH100
            read_only=options.read_only,
            stays=options.detach,
        )
        _tell_ready(serving, options, terminal)
        if not options.detach:
            _wait(volume, serving.uri)
    return EXIT_DONE


def _host_and_port(address: str | None) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``HOST`` or ``[HOST]:PORT``; ("", 0) of none.

    Raises:
        UsageError: It is neither.
    """
    if address is None:
        return "", 0
    host, colon, port = address.rpartition(":")
    if not colon or address.endswith("]"):
        host, port = address, str(PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 0xFFFF:
        raise UsageError(f"{address!r} is no address; write it as 127.0.0.1:{PORT}.")
    return host, int(port)


def _tell_ready(serving: Serving, options: argparse.Namespace, terminal: Terminal) -> None:
    """Print the one line that scripts wait for."""
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode(serving).decode())
    else:
        terminal.line(f"ready {serving.uri}")
    terminal.flush()


def _wait(volume: RemoteVolume, uri: str) -> None:
    """Wait until somebody ends it: by a signal to this program, or by ``--stop``.

    Raises:
        EngineGoneError: The engine process was ended.
    """
    looks = 0
    try:
        while volume.is_alive():
            time.sleep(_LOOK_S)
            looks += 1
            if looks % _LOOKS_BEFORE_ASKING == 0 and not _is_served(volume, uri):
                return
    except KeyboardInterrupt:
        # Somebody else may have stopped it in this moment.
        with contextlib.suppress(UsageError, EngineGoneError):
            volume.stop_serving(uri)
        return
    raise EngineGoneError(
        "The engine process ended, and serving with it; what was flushed is safe."
    )


def _is_served(volume: RemoteVolume, uri: str) -> bool:
    return any(serving.uri == uri for serving in volume.serving())


@contextlib.contextmanager
def _signals_end() -> Iterator[None]:
    """Take SIGTERM and SIGHUP for Ctrl-C within the block."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


# -- what is served already ----------------------------------------------------------------------


def _ask(options: argparse.Namespace, terminal: Terminal) -> int:
    """Stop serving, or tell where it is served; where no engine process is there, nothing is."""
    servings: list[Serving] = []
    stopped: list[str] = []
    from core.service.client import connect
    from core.service.meetingplace import meeting_place

    meeting_place(options.image)  # there must be such an image
    with contextlib.suppress(EngineGoneError), connect(options.image) as volume:
        if options.stop:
            stopped = volume.stop_serving()
        else:
            servings = volume.serving()
    if options.json:
        import msgspec

        told = {"stopped": stopped} if options.stop else {"servings": servings}
        terminal.line(msgspec.json.encode(told).decode())
    elif options.stop:
        for uri in stopped:
            terminal.line(f"stopped {uri}")
        if not stopped:
            terminal.line("It was not served")
    else:
        _print_servings(servings, terminal)
    return EXIT_DONE


def _print_servings(servings: list[Serving], terminal: Terminal) -> None:
    if not servings:
        terminal.line("It is not served; 'rangepair serve IMAGE' begins")
    for serving in servings:
        details = ["read-only"] * serving.read_only + ["detached"] * serving.stays
        terminal.line(" ".join([serving.uri, *(f"({detail})" for detail in details)]))
        for client in serving.clients:
            export = "chooses" if client.export is None else printable(client.export)
            terminal.line(f"  {printable(client.peer)}: {export}")


def _tell_commands(options: argparse.Namespace, terminal: Terminal) -> int:
    """Show how other programs use one view, at the address at which it is served."""
    from core.nbd.recipes import recipes
    from core.service.client import connect
    from core.service.meetingplace import meeting_place

    meeting_place(options.image)  # there must be such an image
    servings: list[Serving] = []
    is_fixed = False
    with contextlib.suppress(EngineGoneError), connect(options.image) as volume:
        servings = volume.serving()
        copies = {copy.name: copy for copy in volume.info().copies if not copy.deleted}
        if options.copy != ORIGINAL:
            if options.copy not in copies:
                raise NoSuchCopyError.named(options.copy)
            is_fixed = copies[options.copy].kind == "snapshot"
    if not servings:
        raise UsageError("It is not served; begin with 'rangepair serve IMAGE'.")
    serving = servings[-1]
    made = recipes(serving.uri, options.copy, read_only=is_fixed or serving.read_only)
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode([recipe._asdict() for recipe in made]).decode())
        return EXIT_DONE
    for recipe in made:
        terminal.line(terminal.paint(f"# {recipe.program}: {recipe.purpose}", "grey"))
        for line in recipe.text.splitlines():
            terminal.line(printable(line))
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {"serve": (_declare, _serve)}
