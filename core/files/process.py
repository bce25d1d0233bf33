# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The reader process as seen by who asks: started, served with bytes, watched, ended."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import core
from core.errors import FilesError, RangepairError
from core.files import wire

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Sequence

SILENCE_S_MAX: Final = 60.0
"""A reader that says nothing for so long will not."""
_PULSE_MS: Final = 100
_END_S: Final = 5.0
LIBRARY: Final = "pytsk3"


def refuse_without_library() -> None:
    """Refuse to go on where the library that reads file systems is not installed.

    Raises:
        FilesError: It is not.
    """
    if importlib.util.find_spec(LIBRARY) is None:
        raise FilesError(
            "Reading files needs The Sleuth Kit for Python, which is not installed; install it with"
            f" {sys.executable} -m pip install {LIBRARY}."
        )


class ReaderProcess:
    """A process that reads file systems, and asks here for the bytes of views.

    Not for two threads at once; an answer must be taken to its end.

    Attributes:
        is_lost: It has crashed, or is silent, and answers no more.
    """

    def __init__(self, read: Callable[[int, int, int], bytes], pulse: Callable[[], None]) -> None:
        """Start it.

        Args:
            read: Called with the number of a view, offset and length.
            pulse: Called ten times a second while an answer is waited for; what it raises ends
                the request.

        Raises:
            FilesError: The library is not installed, or no process can be started.
        """
        refuse_without_library()
        self._read, self._pulse = read, pulse
        self._refusal: RangepairError | None = None
        self._has_spoken = self.is_lost = False
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(SILENCE_S_MAX)  # in the midst of a frame, too
        self._poll = select.poll()
        self._poll.register(self._channel, select.POLLIN)
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = _start(theirs.fileno(), lifeline)
        except OSError as error:
            self._channel.close()
            os.close(self._lifeline)
            raise FilesError(f"No process can be started to read files: {error}.") from error
        finally:
            theirs.close()
            os.close(lifeline)

    def ask(self, request: wire.Request) -> Iterator[tuple[bytes, bytearray]]:
        """Yield what is answered: (``ANSWER``, ``PIECE`` or ``PROGRESS``, payload).

        Raises:
            FilesError: It cannot be answered, or the process has crashed or is silent.
            RangepairError: The view cannot be read.
        """
        self._refusal = None
        if self.is_lost:
            raise FilesError("The file system is damaged; what read it has ended.")
        try:
            wire.send(self._channel, wire.REQUEST, wire.pack(request))
            while True:
                kind, payload = self._receive()
                if kind == wire.READ:
                    self._serve(payload)
                elif kind == wire.DONE:
                    return
                elif kind == wire.FAILED:
                    raise self._failure(FilesError(payload.decode("utf-8", "replace")))
                else:
                    yield kind, payload
        except (wire.FrameError, OSError) as error:
            self.is_lost = True
            raise self._failure(self._explain(error)) from error

    def close(self) -> None:
        """End it, whatever it does."""
        self._channel.close()
        with contextlib.suppress(OSError):
            os.close(self._lifeline)
        self._process.kill()
        self._process.wait(_END_S)

    def _receive(self) -> tuple[bytes, bytearray]:
        """Return the next frame.

        Raises:
            TimeoutError: There was none in time.
            wire.FrameError: There will be none.
        """
        deadline = time.monotonic() + SILENCE_S_MAX
        while not self._poll.poll(_PULSE_MS):
            self._pulse()
            if time.monotonic() >= deadline:
                raise TimeoutError
        received = wire.receive(self._channel)
        self._has_spoken = True
        return received

    def _serve(self, wanted: bytearray) -> None:
        """Give the bytes that are asked for."""
        self._pulse()
        try:
            content = self._read(*wire.READ_WANTED.unpack(wanted))
        except RangepairError as error:
            self._refusal = error
            wire.send(self._channel, wire.REFUSED)
        else:
            wire.send(self._channel, wire.BYTES, content)

    def _failure(self, error: FilesError) -> RangepairError:
        """Return what made a request fail: the view itself, if that could not be read."""
        return error if self._refusal is None else self._refusal

    def _explain(self, error: Exception) -> FilesError:
        """Return what to tell of a process that is of no more use."""
        if isinstance(error, TimeoutError):
            self._process.kill()
            why = f"its reader has said nothing for {SILENCE_S_MAX:.0f} s and was ended"
        else:
            self._channel.close()
            try:
                status = self._process.wait(_END_S)
            except Exception:  # noqa: BLE001 - it is killed by close()
                status = 0
            if status > 0 and not self._has_spoken:
                return FilesError(
                    "The Sleuth Kit for Python is installed but cannot be loaded; install it again"
                    f" with {sys.executable} -m pip install --force-reinstall {LIBRARY}."
                )
            crash = signal.Signals(-status).name if status < 0 else f"status {status}"
            why = f"its reader ended by {crash}"
        return FilesError(
            f"The file system is damaged so that it cannot be read ({why}); nothing else was"
            " harmed; look into an older copy."
        )


def _start(channel: int, lifeline: int) -> subprocess.Popen[bytes]:
    """Start the reader with two descriptors of its own."""
    import subprocess  # slow to load, and seldom needed

    root = str(Path(core.__file__).parents[1])
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    words: Sequence[str] = (sys.executable, "-m", "core.files.reader", str(channel), str(lifeline))
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": search, "OPENBLAS_NUM_THREADS": "1"},
        cwd="/",
        pass_fds=(channel, lifeline),
        process_group=0,  # an interrupt at the terminal is for who asked
    )
