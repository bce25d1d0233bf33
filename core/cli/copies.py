# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Taking, naming, guarding and removing copies."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json
from core.cli.terminal import plural, printable, told_name
from core.errors import EXIT_DONE
from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from core.answers import CopyInfo
    from core.attach.freeze import Frozen
    from core.cli.parsing import Command, CommandParser, Run
    from core.cli.terminal import Terminal
    from core.session import VolumeSession


def _declare_snapshot(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("name", metavar="NAME", help="name of the new snapshot")
    parser.add_argument(
        "--of", metavar="COPY", default=ORIGINAL, help="what to copy; the original if left out"
    )
    parser.add_argument(
        "--freeze", metavar="DIR", help="hold the file system mounted there still meanwhile"
    )
    add_json(parser)


def _snapshot(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options) as volume, _still(options, volume) as frozen:
        began = time.perf_counter()
        taken = volume.snapshot(options.name, options.of)
        took_s = time.perf_counter() - began
    keys = {
        "frozen": frozen is not None and frozen.lasted,
        "verified": frozen is not None and frozen.verified,
    }
    remark = "" if frozen is None else _told_frozen(frozen, options.freeze)
    _tell_taken(taken, took_s, options, terminal, keys, remark)
    return EXIT_DONE


def _told_frozen(frozen: Frozen, folder: str) -> str:
    """Say what was held still, and promise nothing that is not known."""
    if not frozen.lasted:
        return "the file system was thawed by somebody else meanwhile: as after a power cut"
    if frozen.verified:
        return "its file system frozen meanwhile"
    return (
        f"{printable(folder)} frozen meanwhile; Rangepair cannot know whether it lies on this"
        " volume"
    )


def _still(
    options: argparse.Namespace, volume: VolumeSession
) -> contextlib.AbstractContextManager[Frozen | None]:
    """Return what keeps the file system frozen that is to be, if any."""
    if options.freeze is None:
        return contextlib.nullcontext()
    from core.attach.freeze import Copied, frozen
    from core.service import attaching
    from core.service.client import RemoteVolume
    from core.service.meetingplace import runtime_folder

    area = volume.info().area
    # Opened in this process, it is attached nowhere.
    views = attaching.attached(volume) if isinstance(volume, RemoteVolume) else ()
    needed = (options.image, area, str(runtime_folder()))
    return frozen(options.freeze, needed, Copied(options.of, views))


def _declare_clone(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("of", metavar="COPY", help="a copy, or 'original'")
    parser.add_argument("name", metavar="NAME", help="name of the new clone")
    add_json(parser)


def _clone(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options) as volume:
        began = time.perf_counter()
        taken = volume.clone(options.name, options.of)
        _tell_taken(taken, time.perf_counter() - began, options, terminal)
    return EXIT_DONE


def _tell_taken(
    taken: CopyInfo,
    took_s: float,
    options: argparse.Namespace,
    terminal: Terminal,
    keys: dict[str, bool] | None = None,
    remark: str = "",
) -> None:
    """Say what was taken of what, that nothing was moved for it, and what else there is to say."""
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode(msgspec.to_builtins(taken) | (keys or {})).decode())
        return
    view_bytes = taken.own_bytes + taken.shared_bytes
    name = terminal.paint(told_name(taken.name), "bold")
    terminal.line(
        f"{name}: {taken.kind} of {told_name(taken.parent)}, {format_bytes(view_bytes)}"
        f" taken in {took_s * 1e3:.1f} ms, no data moved{f'; {remark}' if remark else ''}"
    )


def _declare_rename(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("name", metavar="OLD", help="name of the copy now")
    parser.add_argument("new_name", metavar="NEW", help="name from now on")


def _rename(options: argparse.Namespace, terminal: Terminal) -> int:
    with open_for(options) as volume:
        volume.rename(options.name, options.new_name)
    terminal.line(f"{told_name(options.name)} → {told_name(options.new_name)}")
    return EXIT_DONE


def _declare_names(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument("names", metavar="NAME", nargs="+", help="names of copies")


def _declare_delete(parser: CommandParser) -> None:
    _declare_names(parser)
    parser.add_argument(
        "--now", action="store_true", help="remove them for good, without a way back"
    )


def _delete(options: argparse.Namespace, terminal: Terminal) -> int:
    names = _once(options.names)
    with open_for(options) as volume:
        volume.delete(names, now=options.now)
    if options.now:
        terminal.line(f"{_told(names)} removed for good")
    else:
        it = "it" if len(names) == 1 else "them"
        words = f"deleted; 'undelete' brings {it} back, 'purge' removes {it} for good"
        terminal.line(f"{_told(names)} {words}")
    return EXIT_DONE


def _on_names(act: Callable[[VolumeSession, Sequence[str]], None], done: str) -> Run:
    """Return the command that does ``act`` to the copies named."""

    def run(options: argparse.Namespace, terminal: Terminal) -> int:
        names = _once(options.names)
        with open_for(options) as volume:
            act(volume, names)
        terminal.line(f"{_told(names)} {done}")
        return EXIT_DONE

    return run


def _once(names: Sequence[str]) -> list[str]:
    """Return the names in their order, none twice."""
    return list(dict.fromkeys(names))


def _told(names: Sequence[str]) -> str:
    """Return a few names, or the number of many."""
    if len(names) > 4:
        return plural(len(names), "copy", "copies")
    return ", ".join(map(told_name, names))


COMMANDS: Final[dict[str, Command]] = {
    "snapshot": (_declare_snapshot, _snapshot),
    "clone": (_declare_clone, _clone),
    "rename": (_declare_rename, _rename),
    "delete": (_declare_delete, _delete),
    "undelete": (_declare_names, _on_names(lambda v, names: v.undelete(names), "brought back")),
    "purge": (_declare_names, _on_names(lambda v, names: v.purge(names), "removed for good")),
    "lock": (_declare_names, _on_names(lambda v, names: v.lock(names), "locked")),
    "unlock": (
        _declare_names,
        _on_names(lambda v, names: v.lock(names, locked=False), "unlocked"),
    ),
}
