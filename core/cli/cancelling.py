# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, or being told to end, in the midst of long work that has to clean up after itself.

An interrupt that fell into a request to an engine process would cost the connection, and with it
the way to undo what was begun. So it is remembered, and raised where nothing is under way: between
two pieces, and while input is waited for. A second one is raised at once.
"""

from __future__ import annotations

import contextlib
import io
import signal
import threading
from typing import TYPE_CHECKING, BinaryIO, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


class Cancelling:
    """Holds interrupts back until ``check``, in the main thread of a program that takes them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._is_asked = False
        self._is_raised = False
        self._is_waiting = False
        self._before: dict[int, Handler] = {}

    def check(self) -> None:
        """Raise the interrupt that came since, once.

        Raises:
            KeyboardInterrupt: One did.
        """
        if self._is_asked and not self._is_raised:
            self._is_raised = True
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Let an interrupt through at once within a block that does nothing but wait."""
        self._is_waiting = True
        try:
            self.check()
            yield
        finally:
            self._is_waiting = False

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_asked or self._is_waiting:
            self._is_raised = True
        is_due, self._is_asked = self._is_raised, True
        if is_due:
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        """Hold interrupts back from now on."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if handler in {signal.default_int_handler, signal.SIG_DFL}:
                    self._before[number] = handler
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        """Let them through again."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def read_patiently(source: BinaryIO, length: int) -> bytes:
    """Return the next bytes of a stream, fewer only at its end.

    Part by part: a buffered stream does not look for interrupts between two reads of its own, and
    one that came then would wait until the next input does.
    """
    assert isinstance(source, io.BufferedIOBase)
    parts, left = list[bytes](), length
    while left and (part := source.read1(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


class PatientInput:
    """A stream of input that can be interrupted while it is waited for."""

    def __init__(self, source: BinaryIO, cancelling: Cancelling) -> None:
        """Read from ``source``."""
        self._source, self._cancelling = source, cancelling
        self.fileno, self.seek, self.tell = source.fileno, source.seek, source.tell

    def read(self, length: int) -> bytes:
        """Return the next bytes, fewer only at the end."""
        with self._cancelling.waiting():
            return read_patiently(self._source, length)
