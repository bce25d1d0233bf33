# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Flushing a volume. The disk is waited for without the volume's lock, so that others go on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.engine.guarding import failures_told, guarded
from core.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.engine.volume import Volume
    from core.journal.ring import RingWrite

    Finish = Callable[[], None]


def flush(self: Volume) -> None:
    """Make every accepted write durable."""
    finish = self.begin_flush()
    if finish is None:
        return
    finish()
    with self._lock, failures_told(self):
        if self._state.journal is not None:
            self._state.journal.land()


@guarded
def begin_flush(self: Volume) -> Finish | None:
    """Begin to make every accepted write durable.

    Returns:
        What does the rest, from any thread; it need not wait for writers. None if all is done.
    """
    state, ring_write = self._state, None
    if state.journal is not None:
        if not state.read_only:
            ring_write = state.journal.begin_flush()
    elif not state.read_only:
        return partial(_sync_image, self)
    if ring_write is None:
        state.publish(EventKind.FLUSHED)
        return None
    ring_write.landed = partial(state.publish, EventKind.FLUSHED)
    return partial(_finish, self, ring_write)


def _finish(self: Volume, ring_write: RingWrite) -> None:
    with failures_told(self):
        ring_write.carry_out()
        if ring_write.error is not None:
            with self._lock:
                raise self._state.fail(ring_write.error)


def _sync_image(self: Volume) -> None:
    """Sync an image that has no additional area."""
    with failures_told(self):
        try:
            self._state.image.sync()
        except OSError as error:
            with self._lock:
                raise self._state.fail(error) from error
    with self._lock:
        self._state.publish(EventKind.FLUSHED)
