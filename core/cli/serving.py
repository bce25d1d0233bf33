# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Serving a volume to virtual machines and other block clients, over NBD."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import add_image, add_json, file_path
from core.cli.terminal import printable
from core.errors import EXIT_DONE, EngineGoneError, NoSuchCopyError, UsageError
from core.serving import peers_told
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
    what.add_argument(
        "--stop",
        action="store_true",
        help="stop serving at --socket or --tcp, or everywhere; clients are disconnected",
    )
    what.add_argument("--list", action="store_true", help="show where it is served, and to whom")
    what.add_argument(
        "--commands", action="store_true", help="show what QEMU, libvirt and others must be told"
    )
    parser.add_argument(
        "--copy", metavar="NAME", help="for --commands only: a copy; the original if left out"
    )
    add_json(parser)


def _serve(options: argparse.Namespace, terminal: Terminal) -> int:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if options.commands:
        return _tell_commands(options, terminal)
    if options.copy is not None:
        raise UsageError(
            "--copy is for --commands only; every copy is served, clients choose by its name."
        )
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
    from core.service.client import connect
    from core.service.meetingplace import meeting_place

    meeting_place(options.image)  # there must be such an image
    with contextlib.suppress(EngineGoneError), connect(options.image) as volume:
        if options.stop and not _where(options):
            servings = volume.stop_serving()
        else:
            servings = _at_address(volume.serving(), options)
            if options.stop:
                servings = [each for one in servings for each in volume.stop_serving(one.uri)]
    if options.json:
        import msgspec

        told = _stopped_json(servings) if options.stop else {"servings": servings}
        terminal.line(msgspec.json.encode(told).decode())
    else:
        (_print_stopped if options.stop else _print_servings)(servings, options, terminal)
    return EXIT_DONE


def _at_address(servings: list[Serving], options: argparse.Namespace) -> list[Serving]:
    """Return what is served at the address that was given; all, if none was."""
    from core.nbd.listening import uris_at

    if options.socket:
        uris = uris_at(path=os.path.abspath(options.socket))  # noqa: PTH100
    elif options.tcp:
        host, port = _host_and_port(options.tcp)
        uris = uris_at(host=host, port=port)
    else:
        return servings
    return [serving for serving in servings if serving.uri in uris]


def _where(options: argparse.Namespace) -> str:
    return " there" if options.socket or options.tcp else ""


def _stopped_json(stopped: list[Serving]) -> dict[str, object]:
    clients = [client for serving in stopped for client in serving.clients]
    return {"stopped": [serving.uri for serving in stopped], "disconnected": clients}


def _print_stopped(stopped: list[Serving], options: argparse.Namespace, terminal: Terminal) -> None:
    for serving in stopped:
        gone = peers_told(serving.clients)
        terminal.line(f"stopped {serving.uri}" + f"; disconnected {printable(gone)}" * bool(gone))
    if not stopped:
        terminal.line(f"It was not served{_where(options)}")


def _print_servings(
    servings: list[Serving], options: argparse.Namespace, terminal: Terminal
) -> None:
    if not servings:
        terminal.line(f"It is not served{_where(options)}; 'rangepair serve IMAGE' begins")
    for serving in servings:
        details = ["read-only"] * serving.read_only + ["detached"] * serving.stays
        terminal.line(" ".join([serving.uri, *(f"({detail})" for detail in details)]))
        for client, count in Counter(serving.clients).items():
            export = "chooses" if client.export is None else printable(client.export)
            times = f" ({count} connections)" if count > 1 else ""
            terminal.line(f"  {printable(client.peer)}: {export}{times}")


def _tell_commands(options: argparse.Namespace, terminal: Terminal) -> int:
    """Show how other programs use one view, at the address at which it is served."""
    from core.nbd.recipes import recipes
    from core.service.client import connect
    from core.service.meetingplace import meeting_place

    meeting_place(options.image)  # there must be such an image
    servings: list[Serving] = []
    name = ORIGINAL if options.copy is None else options.copy
    is_fixed = False
    with contextlib.suppress(EngineGoneError), connect(options.image) as volume:
        servings = _at_address(volume.serving(), options)
        copies = {copy.name: copy for copy in volume.info().copies if not copy.deleted}
        if name != ORIGINAL:
            if name not in copies:
                raise NoSuchCopyError.named(name)
            is_fixed = copies[name].kind == "snapshot"
    if not servings:
        raise UsageError(f"It is not served{_where(options)}; begin with 'rangepair serve IMAGE'.")
    serving = servings[-1]
    made = recipes(serving.uri, name, read_only=is_fixed or serving.read_only)
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode([recipe._asdict() for recipe in made]).decode())
        return EXIT_DONE
    if len(servings) > 1:
        told = f"# It is served at {len(servings)} addresses; this is for {serving.uri}"
        terminal.line(terminal.paint(told, "grey"))
    for recipe in made:
        terminal.line(terminal.paint(f"# {recipe.program}: {recipe.purpose}", "grey"))
        for line in recipe.text.splitlines():
            terminal.line(printable(line))
    return EXIT_DONE


COMMANDS: Final[dict[str, Command]] = {"serve": (_declare, _serve)}
