# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Making views of a volume usable by other programs, and unmaking that."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.cli.parsing import add_copy, add_image, add_json
from core.cli.terminal import plural, printable, told_name
from core.errors import EXIT_DONE, AttachError, EngineGoneError, UsageError
from core.session import ORIGINAL

if TYPE_CHECKING:
    import argparse

    from core.attached import AttachedView
    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal


END_S_MAX: Final = 10.0
"""How long an engine that nobody needs any more may take to put everything in place."""


def _declare_attach(parser: CommandParser) -> None:
    parser.description = (
        "Make a file of the original or a copy; for root a loop device over it, too, with its"
        " partitions, and with --mount a mounted file system."
    )
    add_image(parser)
    add_copy(parser)
    parser.add_argument(
        "--mount",
        metavar="DIR",
        help="also mount its file system in this folder; if only its parent is there it is made,"
        " and removed when the view is detached",
    )
    parser.add_argument(
        "--partition", metavar="N", type=int, help="the one to mount, if several could be"
    )
    parser.add_argument(
        "--read-only", action="store_true", help="let nothing write to it; a snapshot always is"
    )
    parser.add_argument("--list", action="store_true", help="only tell what is attached")
    add_json(parser)


def _attach(options: argparse.Namespace, terminal: Terminal) -> int:
    if options.list:
        return _list(options, terminal)
    if options.partition is not None and not options.mount:  # before an engine is started for it
        raise UsageError("--partition says what to mount; name a folder with --mount.")
    from core.service import attaching
    from core.service.launcher import connect_or_start

    with connect_or_start(
        options.image,
        area=Path(options.area) if options.area else None,
        accept_changes=options.accept_changes,
    ) as volume:
        view = attaching.attach(
            volume,
            options.copy,
            read_only=options.read_only,
            mount=os.path.abspath(options.mount) if options.mount else "",  # noqa: PTH100
            partition=options.partition,
        )
    if options.json:
        _print_json(view, terminal)
    else:
        _tell(view, terminal)
    return EXIT_DONE


def _list(options: argparse.Namespace, terminal: Terminal) -> int:
    """Tell what is attached, and start nothing for it."""
    if options.mount or options.partition is not None or options.copy != ORIGINAL:
        raise UsageError("--list attaches nothing and takes no other options.")
    from core.service import attaching
    from core.service.client import connect

    views: list[AttachedView] = []
    dead = _leftovers(options.image)
    try:
        with connect(options.image) as volume:
            views += attaching.attached(volume)
    except EngineGoneError:
        pass
    views += [view for view in dead if view.copy not in {one.copy for one in views}]
    if options.json:
        _print_json(views, terminal)
        return EXIT_DONE
    for view in views:
        if view.dead:
            _tell_dead(view, terminal, options.image)
        else:
            _tell(view, terminal)
    if not views:
        terminal.line("nothing is attached")
    return EXIT_DONE


def _tell(view: AttachedView, terminal: Terminal) -> None:
    """Say in one line where a view is, and through what."""
    places = [printable(view.file)]
    if view.loop:
        count = len(view.partitions)
        places.append(f"{view.loop} with {plural(count, 'partition')}" if count else view.loop)
    if view.mount:
        what = f"{view.filesystem} of {view.mounted}" if view.partitions else view.filesystem
        places.append(f"{what} mounted at {printable(view.mount)} ({view.options})")
    mode = ", read-only" if view.read_only else ""
    name = terminal.paint(told_name(view.copy), "bold")
    terminal.line(f"{name}{mode}: {', '.join(places)}; through {' and '.join(view.way)}")
    for notice in view.notices:
        terminal.line(notice)


def _tell_dead(view: AttachedView, terminal: Terminal, image: str) -> None:
    """Say what a killed engine process has left, and how to be rid of it."""
    places = [printable(place) for place in (view.file, view.loop, view.mount) if place]
    name = terminal.paint(told_name(view.copy), "bold")
    terminal.line(
        f"{name}: dead at {', '.join(places)}, as its engine process was killed; 'rangepair detach"
        f" {printable(image)}' clears that away"
    )


def _declare_detach(parser: CommandParser) -> None:
    parser.description = (
        "Take away what attach made: unmount the file system, give the loop device back, remove the"
        " file; of all that is attached of IMAGE, or of one copy."
    )
    add_image(parser)
    parser.add_argument("--copy", metavar="NAME", help="a copy, or 'original'; all if left out")
    add_json(parser)


def _detach(options: argparse.Namespace, terminal: Terminal) -> int:
    from core.service import attaching
    from core.service.client import connect

    try:
        with connect(options.image) as volume:
            gone = attaching.detach(volume, options.copy)
            is_last = volume.welcome.clients == 1 and not attaching.attached(volume)
    except EngineGoneError:
        gone = _clear_leftovers(options.image)
    else:
        if is_last:
            _await_end(volume.welcome.pid)
    if not gone:
        raise AttachError("Nothing of this image is attached.")
    if options.json:
        _print_json(gone, terminal)
        return EXIT_DONE
    for view in gone:
        place = printable(view.mount or view.loop or view.file)
        terminal.line(f"{told_name(view.copy)} detached from {place}")
    return EXIT_DONE


def _await_end(pid: int) -> None:
    """Wait until the engine process has ended: only then all is in the image, for any program."""
    try:
        process = os.pidfd_open(pid)
    except OSError:  # it has
        return
    try:
        select.select([process], [], [], END_S_MAX)
    finally:
        os.close(process)


def _leftovers(image: str) -> list[AttachedView]:
    """Return what an engine process that was killed has left."""
    import msgspec

    from core.attach.record import Place, leftovers
    from core.service.attaching import attached_folder

    found = leftovers(Place(attached_folder(image)))
    return [msgspec.structs.replace(view, dead=True) for view in found]


def _clear_leftovers(image: str) -> list[AttachedView]:
    """Take down what an engine process that was killed has left."""
    from core.attach.record import Place, clear_leftovers
    from core.service.attaching import attached_folder

    return clear_leftovers(Place(attached_folder(image)))


def _print_json(answer: object, terminal: Terminal) -> None:
    import msgspec

    terminal.line(msgspec.json.encode(answer).decode())


COMMANDS: Final[dict[str, Command]] = {
    "attach": (_declare_attach, _attach),
    "detach": (_declare_detach, _detach),
}
