# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view on its way into a file: in a thread of its own, told of and stopped from the window's."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from core.errors import RangepairError, TransferError

if TYPE_CHECKING:
    from collections.abc import Callable

    Report = Callable[[int, int], None]  # bytes done so far, bytes in all
    Export = Callable[[Report], None]

_TOLD_AGAIN_S: Final = 0.05
_STOP_S_MAX: Final = 10.0


class _CancelledError(Exception):
    """The user has had enough; what was begun is undone on its way out."""


class ExportJob(QObject):
    """Runs once. Exactly one of the last three signals ends it."""

    advanced = Signal(object, object)
    """(bytes done, bytes in all), a few times a second"""
    finished = Signal()
    failed = Signal(object)
    """RangepairError"""
    cancelled = Signal()

    def __init__(self, export: Export, parent: QObject | None = None) -> None:
        """Prepare ``export``, which reports after each piece and lets through what that raises."""
        super().__init__(parent)
        self._export = export
        self._is_cancelled = threading.Event()
        self._told = 0.0
        self._thread = threading.Thread(target=self._run, name="rangepair-export", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask for an end; it comes after the piece under way."""
        self._is_cancelled.set()

    def wait(self) -> None:
        """Wait until the thread has ended, within a bound."""
        self._thread.join(_STOP_S_MAX)

    def _run(self) -> None:
        try:
            self._export(self._report)
        except _CancelledError:
            self.cancelled.emit()
        except RangepairError as error:
            self.failed.emit(error)
        except OSError as error:
            reason = error.strerror or error
            self.failed.emit(
                TransferError(f"The file cannot be written ({reason}); choose another place.")
            )
        else:
            self.finished.emit()

    def _report(self, done: int, whole: int) -> None:
        if self._is_cancelled.is_set():
            raise _CancelledError
        now = time.monotonic()
        if now - self._told >= _TOLD_AGAIN_S:
            self._told = now
            self.advanced.emit(done, whole)
