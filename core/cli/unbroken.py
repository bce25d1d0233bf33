# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C while a volume is open for writing in this process: it comes between two acts on it.

An interrupt is an exception at any point of a program. In the midst of an act it would leave what
the engine knows of the volume half changed, and closing the volume would put that on the disk; or
leave its lock taken, so that closing waits for ever. So an act is carried out to its end, and the
interrupt raised behind it; long work consists of many short acts. Who interrupts a second time
meanwhile ends the process at once, which is as harmless as a loss of power.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from core.session import VolumeSession


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """Hold interrupts back within a block, and raise them behind it; in the main thread only."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    held = list[int]()

    def note(number: int, _frame: FrameType | None) -> None:
        held.append(number)
        if len(held) > 1 and before is signal.default_int_handler:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        for number in held:
            before(number, None)


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Let interrupts wait in the kernel until a block is done, which loads what they would crash.

    msgspec and numpy, broken off while they are loaded, end in segmentation faults now and then,
    even by a handler that raises nothing.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Unbroken:
    """A volume session of which no interrupt breaks off an act."""

    def __init__(self, session: VolumeSession) -> None:
        """Stand before ``session``."""
        self._session = session

    def __getattr__(self, name: str) -> Any:
        """Return what the session has, a method so that it is not broken off."""
        found = getattr(self._session, name)
        return functools.partial(_carry_out, found) if callable(found) else found

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        _carry_out(self._session.close)


def _carry_out(act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    with unbroken():
        return act(*args, **kwargs)
