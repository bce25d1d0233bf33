# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The shortest way for what is most frequent: writing one whole grain of the original.

A rewrite of a grain whose original is kept already comes to a check of each of the three groups:
the range is one grain inside the volume, its original is preserved, and the journal lets it go
straight to the image. A first write is staged without detours. All state is in closure cells
because the whole budget beyond the system calls is half a microsecond for the one and five for the
other. Everything else, and every refusal, takes the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from core.engine.told import told
from core.events import ORIGINAL_ID, EventFlag, EventKind
from core.session import ORIGINAL
from core.volume.instantcopy import preserve_grain

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from pyroaring import BitMap64

    from core.format.block import Readable
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

_NO_GRAINS: Final[frozenset[int]] = frozenset()


class Write(Protocol):
    """Signature of a volume's ``write``."""

    def __call__(self, offset: int, payload: Readable, copy: str = ORIGINAL) -> None:
        """Write to the original or to a clone."""
        ...


class Lane(Protocol):
    """What opens and closes the short way, under the volume's lock."""

    def __call__(self, *, is_open: bool) -> None:
        """Let rewrites of what is preserved now take the short way, or none."""
        ...


def lane_for(  # noqa: C901, PLR0915 (one closure, for the sake of its cells)
    state: VolumeState, lock: threading.RLock, write: Callable[[int, Readable, str], None]
) -> tuple[Write, Lane]:
    """Return a ``write`` with the short way in front of ``write``, and what opens and closes it."""
    bits: BitMap64 | frozenset[int] = _NO_GRAINS
    journal = state.journal
    layer_id = 0  # of the active layer, if every view needs every original
    pwrite = state.image.pwrite
    grain_bytes, shift, mask = state.grain_bytes, state.grain_shift, state.grain_bytes - 1
    last_offset = state.size_bytes - grain_bytes
    written, rewrite = int(EventKind.WRITTEN), int(EventFlag.REWRITE)
    publish = None if state.sink is None else state.sink.publish
    acquire, release = lock.acquire, lock.release

    def short_or_long(offset: int, payload: Readable, copy: str = ORIGINAL) -> None:
        acquire()  # `with` would cost as much again as the lock
        try:
            if (
                journal is None
                or offset & mask
                or len(payload) != grain_bytes
                or not 0 <= offset <= last_offset
                or copy != ORIGINAL
            ):
                write(offset, payload, copy)
                return
            moved, flags = 0, rewrite
            if offset >> shift in bits:
                if not journal.is_direct or pwrite(payload, offset) != grain_bytes:
                    write(offset, payload, copy)
                    return
            elif layer_id and journal.failed is None:
                moved, flags = first_write(journal, offset >> shift, payload), 0
            else:
                write(offset, payload, copy)
                return
            state.lane_writes += 1
            if publish is not None:
                publish(written, flags, ORIGINAL_ID, offset, grain_bytes, moved, 0)
        except OSError as error:  # of the direct write alone: the others tell theirs
            raise journal.refusal(error) if journal is not None else told(error) from error
        finally:
            release()

    def first_write(journal: Journal, grain: int, payload: Readable) -> int:
        try:
            moved = preserve_grain(state, journal, layer_id, grain)
            journal.put_grain(grain, payload)
        except OSError as error:
            raise told(error) from error
        return moved

    def switch(*, is_open: bool) -> None:
        nonlocal bits, journal, layer_id
        preserved, journal, layer_id = state.preserved, None, 0
        bits = _NO_GRAINS
        if is_open and preserved is not None:
            bits, journal = preserved.bits, state.journal
            active = state.catalog.active
            if active is not None and state.catalog.needs_every_original:
                layer_id = active.id

    return short_or_long, switch
