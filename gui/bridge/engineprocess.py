# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The connection of every day: an engine process, two connections to it, its ring in memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import VolumeBusyError
from core.service import attaching
from core.service.client import connect
from core.service.launcher import connect_or_start
from core.service.meetingplace import meeting_place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from core.attached import AttachedView
    from core.service.client import RemoteVolume
    from core.serving import Serving
    from gui.bridge.sharing import AttachWish, ServingWish


_END_S_MAX: Final = 5.0
_LOOK_AGAIN_S: Final = 0.02


def _accepting(path: str) -> RemoteVolume:
    """Connect to an engine process that has accepted the changes others made to the image.

    One that was started before has not, and never will: it must end first.

    Raises:
        RangepairError: The volume cannot be opened, or another program keeps that process.
    """
    place = meeting_place(path)
    deadline = time.monotonic() + _END_S_MAX
    while True:
        volume = connect_or_start(path, accept_changes=True)
        if not volume.info().read_only:
            return volume
        volume.close()
        while place.socket.exists():  # looked at, not joined: every client keeps it alive
            if time.monotonic() >= deadline:
                raise VolumeBusyError(
                    f"Another program has {Path(path).name} open without its changes accepted; "
                    "end that program, then open the image again."
                )
            time.sleep(_LOOK_AGAIN_S)


class EngineProcess:
    """Joins the engine process of an image, or starts it."""

    def __init__(self, path: str, *, accept_changes: bool = False) -> None:
        """Connect twice and map the ring.

        Raises:
            RangepairError: The volume cannot be opened; the engine's own sentence.
        """
        self.acts: RemoteVolume = _accepting(path) if accept_changes else connect_or_start(path)
        try:
            self.queries: RemoteVolume = connect(path)
        except BaseException:
            self.acts.close()
            raise
        try:
            self._ring = self.acts.events()
        except BaseException:
            self.acts.close()
            self.queries.close()
            raise
        self._is_open = True

    def drain(self) -> tuple[np.ndarray, int]:
        """Return the events since the last call, and how many were overrun and lost."""
        return self._ring.drain()

    def start_workload(
        self, kind: str, rate: float, params: Mapping[str, str | float | bool | None]
    ) -> None:
        """Start (or change) the built-in workload; rate in writes a second, 0 = flat out."""
        self.acts.start_workload(kind, rate, **params)

    def stop_workload(self) -> None:
        """Stop the built-in workload."""
        self.acts.stop_workload()

    def workload_status(self) -> dict[str, object] | None:
        """Return how the workload does; None when there was none."""
        return self.queries.workload_status()

    def serve(self, wish: ServingWish) -> Serving:
        """Serve the volume over NBD at one more address."""
        return self.queries.serve(
            host=wish.host,
            port=wish.port,
            tls=str(Path(wish.tls).absolute()) if wish.tls else "",
            read_only=wish.read_only,
        )

    def serving(self) -> list[Serving]:
        """Return where the volume is served, and to whom."""
        return self.queries.serving()

    def stop_serving(self, uri: str = "") -> None:
        """Stop serving at one address, or everywhere; clients are disconnected."""
        self.queries.stop_serving(uri)

    def attach(self, wish: AttachWish) -> None:
        """Make a view a file and a loop device; mount it in a folder if one is named."""
        attaching.attach(
            self.queries,
            wish.copy,
            mount=str(Path(wish.mount).absolute()) if wish.mount else "",
            partition=wish.partition,
            read_only=wish.read_only,
        )

    def attached(self) -> Sequence[AttachedView]:
        """Return what is attached."""
        return attaching.attached(self.queries)

    def detach(self, copy: str | None) -> None:
        """Take a view away, or all."""
        attaching.detach(self.queries, copy)

    def keep_serving(self) -> None:
        """Let the engine serve on when the window leaves, until that is stopped.

        What is attached keeps the engine by itself.
        """
        self.queries.stay_serving()

    def is_alive(self) -> bool:
        """Return whether the engine process still runs."""
        return self._is_open and self.queries.is_alive()

    def close(self) -> None:
        """Leave the process; it ends when nobody is left. May be called twice."""
        if self._is_open:
            self._is_open = False
            self.acts.close()
            self.queries.close()
            self._ring.close()
