# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The engine process: ``python -m core.service.host IMAGE`` holds one volume open for its clients.

Life: open the volume (which takes its locks), put the event ring and the control socket in place,
say ``ready`` as one JSON line on standard output, serve. Only who holds the volume's lock touches
the meeting place, so a socket left by a killed process is replaced without asking, and two
processes never fight over it. The process ends when the last client has left and nobody asked it to
keep serving, on ``Shutdown``, and on SIGTERM or SIGINT: requests under way are finished, NBD
clients disconnected, the volume is closed, then the connections. NBD clients count, too: whoever
started the server may leave, a virtual machine keeps its disk. So does serving that was asked to
stay, and what is attached, until it is taken back.
"""

from __future__ import annotations

import argparse
import logging
import os
import select
import selectors
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from core.attach.attachments import Attachments
from core.errors import EngineGoneError, RangepairError
from core.fuse.kernel import become_io_flusher
from core.service.attaching import attached_folder
from core.service.connection import Connection
from core.service.meetingplace import MeetingPlace, meeting_place
from core.service.ring import RingWriter
from core.service.serving import Servings
from core.service.streams import fill_streams
from core.service.workloadslot import WorkloadSlot
from core.usersocket import listen_for_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.events import EventSink
    from core.session import VolumeSession

CLIENTS_MAX: Final = 128
"""Each may make the engine hold 9 MiB of a request for it."""
FIRST_CLIENT_WAIT_S: Final = 10.0
LINGER_S: Final = 0.2
"""How long the process waits for another client when the last has left."""
ACCEPT_AGAIN_S: Final = 1.0
ATTACHED_S_MAX: Final = 5.0
"""How long what is attached may stay in use at the end."""
DRAIN_S_MAX: Final = 10.0
"""How long requests under way may take at the end."""

_log = logging.getLogger(__name__)


class Opener(Protocol):
    """How the volume is opened: ``core.engine.open_volume``, or a double of it."""

    def __call__(
        self, path: str, *, area: Path | None, accept_changes: bool, sink: EventSink
    ) -> VolumeSession:
        """Open the volume and take its locks."""
        ...


class Host:
    """Accepts clients, counts them, and knows when to end."""

    def __init__(self, image: str, volume: VolumeSession, ring: RingWriter) -> None:
        """Serve an open ``volume``.

        Args:
            image: Absolute path of the image, as clients are told it.
            volume: Closed when ``serve`` returns.
            ring: The volume's event sink; its name is removed when ``serve`` returns.
        """
        self.image = image
        self.volume = volume
        self.ring = ring
        self.workload = WorkloadSlot(volume)
        self.servings = Servings(image, volume, self._look_for_clients)
        self.attachments = Attachments(volume, image, attached_folder(image))
        self.keep_serving = False
        self._connections: dict[Connection, threading.Thread] = {}
        self._lock = threading.Lock()
        self._ending = False
        self._alarm_out, self._alarm_in = socket.socketpair()
        self._alarm_in.setblocking(False)
        self._idle_deadline = time.monotonic() + FIRST_CLIENT_WAIT_S

    @property
    def client_count(self) -> int:
        """Connections open now."""
        with self._lock:
            return len(self._connections)

    def end(self) -> None:
        """Make ``serve`` drain and return. Any thread, and a signal handler, may call this."""
        self._ending = True
        self.wake()

    def wake(self) -> None:
        """Make ``serve`` look around."""
        try:
            self._alarm_in.send(b"!")
        except BlockingIOError:
            return  # the pipe is full of alarms already

    def left(self, connection: Connection) -> None:
        """Forget a connection that its peer closed."""
        with self._lock:
            self._connections.pop(connection, None)
        self._look_for_clients()

    def _look_for_clients(self) -> None:
        """A client has left: it may have been the last one."""
        with self._lock:
            if not self._connections:
                self._idle_deadline = time.monotonic() + LINGER_S
        self.wake()

    def serve(self, listener: socket.socket, path: Path) -> None:
        """Accept and serve until it is time to end; then drain, and close the volume.

        Args:
            listener: Closed before the volume is.
            path: The name clients find the listener by; removed before the volume is closed.

        Raises:
            RangepairError: The volume could not be closed cleanly.
        """
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(listener, selectors.EVENT_READ)
                selector.register(self._alarm_out, selectors.EVENT_READ)
                while not self._is_over():
                    for key, _ in selector.select(self._patience_s()):
                        if key.fileobj is listener:
                            self._accept(listener)
                        else:
                            self._alarm_out.recv(4096)
        finally:
            # Names go before the volume's lock does: after that they may be the next engine's.
            path.unlink(missing_ok=True)
            self.ring.remove()
            listener.close()
            self.attachments.end(ATTACHED_S_MAX)
            self._drain()

    @property
    def _stays(self) -> bool:
        """Whether the process is needed though no client is there."""
        return self.keep_serving or self.attachments.is_any

    def _is_over(self) -> bool:
        """Return whether it is time to end."""
        if self._ending:
            return True
        return self._is_idle() and time.monotonic() >= self._idle_deadline

    def _is_idle(self) -> bool:
        with self._lock:
            is_needed = bool(self._connections) or self._stays
        return not (is_needed or self.servings.is_wanted)

    def _patience_s(self) -> float | None:
        """Return how long to wait for the next client or alarm; None without bound."""
        return max(0.0, self._idle_deadline - time.monotonic()) if self._is_idle() else None

    def _accept(self, listener: socket.socket) -> None:
        """Take one client in."""
        try:
            peer, _ = listener.accept()
        except OSError as error:  # the client is gone already, or there are too many of them
            _log.warning("a client could not be accepted: %s", error)
            # It still stands at the door: look again when another has left, or after a while.
            select.select([self._alarm_out], [], [], ACCEPT_AGAIN_S)
            return
        connection = Connection(self, peer)
        thread = threading.Thread(target=connection.run, name="client", daemon=True)
        with self._lock:
            is_full = len(self._connections) >= CLIENTS_MAX
            if not is_full:
                self._connections[connection] = thread
        if is_full:
            _log.info("a client was turned away: there are %d already", CLIENTS_MAX)
            connection.turn_away()
            return
        try:
            thread.start()
        except RuntimeError as error:  # no more threads
            _log.warning("a client was turned away: %s", error)
            connection.turn_away()
            self.left(connection)

    def _drain(self) -> None:
        """Finish what is under way, close the volume, hang up."""
        with self._lock:
            under_way = dict(self._connections)
        for connection in under_way:
            connection.stop_listening()
        self.servings.end()
        deadline = time.monotonic() + DRAIN_S_MAX
        self.workload.stop()
        for thread in under_way.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        try:
            self.volume.close()
        finally:
            for connection in under_way:
                connection.close()


def listen_at(path: Path) -> socket.socket:
    """Return a listening socket at ``path``, which only this user can connect to.

    Raises:
        EngineGoneError: The socket cannot be made.
    """
    try:
        return listen_for_user(path)
    except OSError as error:
        raise EngineGoneError(
            f"The control socket {path} cannot be made ({error.strerror});"
            " make room in the runtime folder."
        ) from error


def run(arguments: argparse.Namespace, open_volume: Opener) -> None:
    """Open the image, tell that it is ready, and serve it until it is time to end."""
    image = os.path.abspath(arguments.image)  # noqa: PTH100 - resolve() would follow links
    if not become_io_flusher():  # before any thread starts, as they inherit it
        _log.info("without CAP_SYS_RESOURCE this process may have to wait for pages it cleans")
    place = meeting_place(image)
    ring = RingWriter(place.ring.with_suffix(f".{os.getpid()}"))
    try:
        volume = open_volume(
            image, area=arguments.area, accept_changes=arguments.accept_changes, sink=ring
        )
    except BaseException:
        ring.remove()
        raise
    host = Host(image, volume, ring)
    host.keep_serving = arguments.keep
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: host.end())
    _serve_at(place, host)


def _serve_at(place: MeetingPlace, host: Host) -> None:
    """Put ring and socket in place, tell that the engine is ready, and serve."""
    try:
        host.ring.move(place.ring)
        listener = listen_at(place.socket)
    except BaseException:
        host.ring.remove()
        host.volume.close()
        raise
    _say({"ready": str(place.socket), "pid": os.getpid()})
    host.serve(listener, place.socket)


def _say(line: dict[str, object]) -> None:
    """Tell the launcher one thing, and hang up: nobody reads a second line."""
    out = sys.stdout.buffer
    try:
        out.write(msgspec.json.encode(line) + b"\n")
        out.flush()
    except OSError as error:
        _log.warning("the program that started this engine does not listen: %s", error)
    try:
        null = os.open(os.devnull, os.O_WRONLY)
    except OSError as error:  # no reason not to serve
        _log.warning("standard output stays open: %s", error)
        return
    os.dup2(null, out.fileno())
    os.close(null)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments of the engine process."""
    parser = argparse.ArgumentParser(prog="rangepair-engine", description="Hold a volume open.")
    parser.add_argument("image")
    parser.add_argument("--area", type=Path)
    parser.add_argument("--accept-changes", action="store_true")
    parser.add_argument("--keep", action="store_true", help="stay when the last client has left")
    parser.add_argument("--detach", action="store_true", help="run in a session of its own")
    return parser.parse_args(argv)


def serve_image(argv: Sequence[str] | None, open_volume: Opener) -> int:
    """Run the engine process with the given opener; return the exit status."""
    fill_streams()
    arguments = parse(argv)
    if arguments.detach:
        if os.fork():
            os._exit(0)  # the child is nobody's to wait for
        os.setsid()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        run(arguments, open_volume)
    except RangepairError as error:
        return _refuse(error)
    except OSError as error:
        reason = error.strerror or error
        return _refuse(
            EngineGoneError(
                f"The engine process cannot go on ({reason}); close some programs and try again."
            )
        )
    return 0


def _refuse(error: RangepairError) -> int:
    """Tell why there is no engine; return the exit status."""
    _log.error("%s", error.message)
    _say({"code": error.code, "message": error.message})
    return error.exit_status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the engine process."""
    from core.engine import open_volume

    return serve_image(argv, open_volume)


if __name__ == "__main__":
    sys.exit(main())
