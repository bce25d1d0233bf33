# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What the link asks of whoever holds the volume: two sessions, a ring, a workload, an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from core.attached import AttachedView
    from core.serving import Serving
    from core.session import VolumeSession
    from gui.bridge.sharing import AttachWish, ServingWish


class EngineConnection(Protocol):
    """An engine that has the volume open, seen from the window's side.

    Attributes:
        acts: Session for short calls that must be answered at once.
        queries: Session for calls that may take long; never blocks ``acts``.
    """

    @property
    def acts(self) -> VolumeSession:
        """Session for short calls."""
        ...

    @property
    def queries(self) -> VolumeSession:
        """Session for calls that may take long."""
        ...

    def drain(self) -> tuple[np.ndarray, int]:
        """Return the events since the last call, and how many were overrun and lost."""
        ...

    def start_workload(
        self, kind: str, rate: float, params: Mapping[str, str | float | bool | None]
    ) -> None:
        """Start (or change) the built-in workload; rate in writes a second, 0 = flat out."""
        ...

    def stop_workload(self) -> None:
        """Stop the built-in workload."""
        ...

    def workload_status(self) -> dict[str, object] | None:
        """Return how the workload does; None when there was none."""
        ...

    def serve(self, wish: ServingWish) -> Serving:
        """Serve the volume over NBD at one more address."""
        ...

    def serving(self) -> list[Serving]:
        """Return where the volume is served, and to whom."""
        ...

    def stop_serving(self, uri: str = "") -> None:
        """Stop serving at one address, or everywhere; clients are disconnected."""
        ...

    def attach(self, wish: AttachWish) -> None:
        """Make a view a file and a loop device; mount it in a folder if one is named."""
        ...

    def attached(self) -> Sequence[AttachedView]:
        """Return what is attached."""
        ...

    def detach(self, copy: str | None) -> None:
        """Take a view away, or all."""
        ...

    def keep_serving(self) -> None:
        """Let the engine serve on when the window leaves; it ends with what is served."""
        ...

    def is_alive(self) -> bool:
        """Return whether the engine still runs. Must cost microseconds."""
        ...

    def close(self) -> None:
        """Leave the engine; it ends when nobody is left."""
        ...
