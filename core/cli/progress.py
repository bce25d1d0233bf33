# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What long work shows on standard error, when that is a terminal and the work takes a while."""

from __future__ import annotations

import sys
import threading
import time
from typing import Final, Self

from core.cli.terminal import Terminal
from core.units import format_bytes

_QUIET_S: Final = 0.3
_STEP_S: Final = 0.1
_CELLS: Final = 30


class Progress:
    """Counts bytes. Leaves no trace when it ends."""

    def __init__(self, what: str, whole_bytes: int | None) -> None:
        """Begin; ``whole_bytes`` is None where nobody knows."""
        self._what = what
        self._whole = whole_bytes
        self._done = 0
        self._terminal = Terminal(sys.stderr)
        self._began = time.monotonic()
        self._next = self._began + _QUIET_S
        self._is_shown = False

    def add(self, count: int) -> None:
        """Count ``count`` bytes more."""
        self._done += count
        now = time.monotonic()
        if self._terminal.is_tty and now >= self._next:
            self._next = now + _STEP_S
            self._is_shown = True
            sys.stderr.write(f"\r\x1b[K{self._text(now)}")
            sys.stderr.flush()

    def _text(self, now: float) -> str:
        """Return the bar, the amount and the speed."""
        speed = f"{format_bytes(round(self._done / (now - self._began)))}/s"
        if not self._whole:
            return f"{self._what}  {format_bytes(self._done)}  {speed}"
        full = _CELLS * self._done // self._whole
        bar = self._terminal.paint("━" * full, "accent")
        rest = self._terminal.paint("━" * (_CELLS - full), "grey")
        amount = f"{format_bytes(self._done)} of {format_bytes(self._whole)}"
        return f"{self._what} {bar}{rest} {self._done / self._whole:4.0%}  {amount}  {speed}"

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe the bar."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class Waiting:
    """Tells how long work has taken of which nobody knows the end. Leaves no trace."""

    def __init__(self, what: str) -> None:
        """Begin."""
        self._what = what
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="waiting", daemon=True)

    def _tell(self) -> None:
        if not sys.stderr.isatty() or self._over.wait(_QUIET_S):
            return
        while True:
            sys.stderr.write(f"\r\x1b[K{self._what}  {time.monotonic() - self._began:.0f} s")
            sys.stderr.flush()
            if self._over.wait(1.0):
                break
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        """Start telling."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe what was told."""
        self._over.set()
        self._thread.join()


class Step:
    """Tells on a terminal what is being done now, and for how long all of it. Leaves no trace."""

    def __init__(self) -> None:
        """Begin."""
        self._terminal = Terminal(sys.stderr)
        self._began = time.monotonic()
        self._is_shown = False

    def tell(self, what: str) -> None:
        """Tell what is done now, in place of what was told before."""
        if not self._terminal.is_tty:
            return
        text = f"{time.monotonic() - self._began:4.0f} s  {what}"[: self._terminal.width - 1]
        sys.stderr.write(f"\r\x1b[K{self._terminal.paint(text, 'grey')}")
        sys.stderr.flush()
        self._is_shown = True

    def wipe(self) -> None:
        """Make room for something that stays."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._is_shown = False

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe what was told."""
        self.wipe()
