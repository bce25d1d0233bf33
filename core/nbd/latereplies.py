# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Replies that must be waited for, sent by a thread of the connection's own.

It exists from the first of them on. Waiting for the disk takes as long as carrying out the requests
that came behind, so both are done at the same time.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Reply = Callable[[], bytes]

WAITING_MAX: Final = 64
"""With so many not yet sent, the next request is not carried out."""

_log = logging.getLogger(__name__)


class LateReplies:
    """What one connection still has to answer."""

    def __init__(
        self, send: Callable[[bytes], object], hang_up: Callable[[], object], name: str
    ) -> None:
        """Send by ``send`` and end the connection by ``hang_up``; ``name`` is the client's."""
        self._send = send
        self._hang_up = hang_up
        self._name = name
        self._waiting: queue.Queue[Reply | None] = queue.Queue(WAITING_MAX)
        self._thread: threading.Thread | None = None

    def put(self, reply: Reply) -> None:
        """Have the reply sent that ``reply`` returns, which may take its time."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="nbd-replies", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads
                self._answer(reply)
                return
            self._thread = thread
        self._waiting.put(reply)

    def close(self) -> None:
        """Return when all is sent, or cannot be."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (reply := self._waiting.get()) is not None:
            self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        try:
            content = reply()
        except Exception:  # noqa: BLE001 - who would wait for ever for a fault of ours must notice
            _log.exception("answering %s failed", self._name)
            self._hang_up()
            return
        with contextlib.suppress(OSError):  # the thread that receives finds out as well
            self._send(content)
