# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and its kin: they end a measurement once, and never come between a process and its end.

A server that was started and not yet noted would stay behind, so starting one and ending it are
not broken off. The first signal ends everything; those after it would only break off the tidying.
"""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Final, TypeVar

from core.engine import open_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from core.engine import Volume

Value = TypeVar("Value")

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ending_once() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first signal within a block, and ignore all further ones."""

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in heeded:
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _NUMBERS}
    heeded = [number for number in _NUMBERS if before[number] is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Hold signals back within a block, and hand them on behind it. In the main thread only."""
    noted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)

    before = {number: signal.getsignal(number) for number in _NUMBERS}
    handled = {number: act for number, act in before.items() if callable(act)}
    for number in handled:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, act in handled.items():
            signal.signal(number, act)
    for first in noted[:1]:
        handled[signal.Signals(first)](first, None)


def whole(act: Callable[[], Value]) -> Callable[[], Value]:
    """Return ``act`` so that no signal breaks it off."""

    def run() -> Value:
        with held():
            return act()

    return run


@contextlib.contextmanager
def opened(image: Path) -> Iterator[Volume]:
    """Open a volume in this process.

    No act on it may be broken off, which could leave its lock taken: what is done with it goes
    through ``whole`` or stands within ``held``.
    """
    with held():
        volume = open_volume(image)
    try:
        yield volume
    finally:
        with held():
            volume.close()
