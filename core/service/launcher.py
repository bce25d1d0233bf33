# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Getting hold of a volume: join the engine process that has it, or start one, or open it here.

Two programs that want one volume at the same moment race for its lock; the loser finds the volume
busy with nobody answering yet, and simply looks again until a bound is passed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

import core
from core.errors import ERRORS_BY_CODE, EngineGoneError, RangepairError, VolumeBusyError
from core.service.meetingplace import MeetingPlace, meeting_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from core.service.client import RemoteVolume
    from core.session import VolumeSession

HOST_MODULE: Final = "core.service.host"
BUSY_WAIT_S_MAX: Final = 3.0
"""How long another program may hold the volume without answering before we give up."""
_LOOK_AGAIN_S: Final = 0.02


Session = TypeVar("Session", bound="VolumeSession")


class StartAnswer(msgspec.Struct):
    """The one line an engine process says while it starts."""

    ready: str = ""
    pid: int = 0
    code: str = ""
    message: str = ""


class InProcessOpener(Protocol):
    """``core.engine.open_volume``, as far as it is used here."""

    def __call__(
        self, path: str, *, area: Path | None, read_only: bool, accept_changes: bool
    ) -> VolumeSession:
        """Open the volume in this process."""
        ...


def connect_or_start(
    image: str | os.PathLike[str],
    *,
    area: Path | None = None,
    accept_changes: bool = False,
    keep: bool = False,
    module: str = HOST_MODULE,
) -> RemoteVolume:
    """Connect to the engine process of ``image``; start one if there is none.

    Args:
        image: Path of the image.
        area: Path of the additional area, if it is not beside the image.
        accept_changes: Open although the image was changed by another program.
        keep: Let a process started here stay when its last client has left.
        module: The program to start.

    Raises:
        RangepairError: What the engine process said when it could not open the volume.
    """
    arguments = [sys.executable, "-m", module, os.path.abspath(image), "--detach"]  # noqa: PTH100
    arguments += ["--area", os.path.abspath(area)] if area else []  # noqa: PTH100
    arguments += ["--accept-changes"] if accept_changes else []
    arguments += ["--keep"] if keep else []
    place = meeting_place(image)

    def start() -> RemoteVolume:
        # One at a time: who waited here finds the engine that the one before has started.
        with _turn_to_start(place):
            try:
                return _connect(image)
            except EngineGoneError:
                _start(arguments, place.log)
                return _connect(image)

    return _join_or(image, start)


def connect_or_open(
    image: str | os.PathLike[str],
    open_volume: InProcessOpener,
    *,
    area: Path | None = None,
    read_only: bool = False,
    accept_changes: bool = False,
) -> VolumeSession:
    """Connect to the engine process of ``image``; open the volume in this process if there is none.

    Raises:
        RangepairError: The volume cannot be opened.
    """

    def open_here() -> VolumeSession:
        return open_volume(
            os.fspath(image), area=area, read_only=read_only, accept_changes=accept_changes
        )

    session = _join_or(image, open_here)
    if accept_changes:
        _see_to_acceptance(session, image)
    return session


def _connect(image: str | os.PathLike[str]) -> RemoteVolume:
    """Connect, as ``client.connect`` does; where nobody can answer the client is not even loaded.

    Raises:
        EngineGoneError: No engine process serves the image.
    """
    if not meeting_place(image).socket.exists():
        raise EngineGoneError(f"No engine process serves {os.fspath(image)}.")
    from core.service.client import connect

    return connect(image)


def _see_to_acceptance(session: VolumeSession, image: str | os.PathLike[str]) -> None:
    """Refuse an engine process that has opened a changed image without accepting the changes.

    Raises:
        VolumeBusyError: It has.
    """
    info = session.info()
    if info.read_only and info.notice:
        session.close()
        raise VolumeBusyError(
            f"An engine process has {os.fspath(image)} open without its changes accepted; close"
            " the window or program that uses it, then accept them."
        )


def _join_or(
    image: str | os.PathLike[str], otherwise: Callable[[], Session]
) -> RemoteVolume | Session:
    """Connect, or else do ``otherwise``; both again while the volume is busy."""
    deadline = time.monotonic() + BUSY_WAIT_S_MAX
    while True:
        try:
            return _connect(image)
        except EngineGoneError:
            try:
                return otherwise()
            except VolumeBusyError:
                if time.monotonic() >= deadline:
                    raise
        time.sleep(_LOOK_AGAIN_S)


@contextlib.contextmanager
def _turn_to_start(place: MeetingPlace) -> Iterator[None]:
    """Wait for the turn to start an engine process, of whichever image."""
    path = place.log.with_name("turn")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def _start(arguments: Sequence[str], log: Path) -> None:
    """Start an engine process in a session of its own; return when it is ready.

    Raises:
        RangepairError: Its own sentence, if it could not open the volume.
    """
    import subprocess  # slow to load, and seldom needed

    root = str(Path(core.__file__).parents[1])
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with subprocess.Popen(  # noqa: S603 - our own interpreter and module
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=descriptor,
            env=os.environ | {"PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1"},
            cwd="/",  # an engine must not pin the folder it was started in
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
    finally:
        os.close(descriptor)
    if not line:
        raise EngineGoneError(f"The engine process ended while it started; {log} tells why.")
    answer = msgspec.json.decode(line, type=StartAnswer)
    if not answer.ready:
        raise ERRORS_BY_CODE.get(answer.code, RangepairError)(answer.message)
