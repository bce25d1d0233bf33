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
from core.errors import AdditionalAreaFullError
from core.events import ORIGINAL_ID, EventFlag, EventKind
from core.session import ORIGINAL
from core.volume.instantcopy import preserve_grain

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from pyroaring import BitMap64

    from core.errors import RangepairError
    from core.format.block import Readable
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

_NO_GRAINS: Final[frozenset[int]] = frozenset()


class Write(Protocol):
    """Signature of a volume's ``write``."""

    def __call__(self, offset: int, payload: Readable, copy: str = ORIGINAL) -> None:
        """Write to the original or to a clone."""
        ...


class Gate:
    """What the short way may do now; changed under the volume's lock only.

    Attributes:
        bits: Grains whose originals the active layer holds; none while the gate is shut.
        journal: None while the gate is shut.
        layer_id: Of the active layer if every view needs a copy of every original, else 0.
    """

    __slots__ = ("_state", "bits", "journal", "layer_id")

    def __init__(self, state: VolumeState) -> None:
        """Begin shut."""
        self._state = state
        self.shut()

    def shut(self) -> None:
        """Let every write take the long way."""
        self.bits: BitMap64 | frozenset[int] = _NO_GRAINS
        self.journal: Journal | None = None
        self.layer_id = 0

    def open(self) -> None:
        """Let writes take the short way, as far as the copies there are now allow it."""
        state = self._state
        if state.preserved is None or state.portion_count or state.restore is not None:
            return  # while something is restored, no write may miss that
        if state.catalog.head is not None:
            return  # new data does not belong into the image
        self.bits, self.journal = state.preserved.bits, state.journal
        active = state.catalog.active
        is_copied = state.catalog.needs_every_original and not state.catalog.redirects
        if active is not None and is_copied:
            self.layer_id = active.id


def lane_for(
    state: VolumeState,
    lock: threading.RLock,
    gate: Gate,
    write: Callable[[int, Readable, str], None],
) -> Write:
    """Return a ``write`` that takes the short way if ``gate`` lets it, else ``write``."""
    pwrite = state.image.pwrite
    grain_bytes, shift, mask = state.grain_bytes, state.grain_shift, state.grain_bytes - 1
    last_offset = state.size_bytes - grain_bytes
    written, rewrite = int(EventKind.WRITTEN), int(EventFlag.REWRITE)
    publish = None if state.sink is None else state.sink.publish
    acquire, release = lock.acquire, lock.release

    def short_or_long(offset: int, payload: Readable, copy: str = ORIGINAL) -> None:
        acquire()  # `with` would cost as much again as the lock
        journal, flags = gate.journal, rewrite
        try:
            if (
                journal is None
                or offset & mask
                or len(payload) != grain_bytes
                or (payload.__class__ is not bytes and memoryview(payload).itemsize != 1)
                or not 0 <= offset <= last_offset
                or copy != ORIGINAL
            ):
                write(offset, payload, copy)
                return
            grain = offset >> shift
            if grain in gate.bits:
                moved = 0
                if not journal.is_direct or pwrite(payload, offset) != grain_bytes:
                    write(offset, payload, copy)
                    return
            elif gate.layer_id and journal.failed is None:
                flags = 0
                moved = preserve_grain(state, journal, gate.layer_id, grain)
                journal.put_grain(grain, payload)
            else:
                write(offset, payload, copy)
                return
            state.lane_writes += 1
            if publish is not None:
                publish(written, flags, ORIGINAL_ID, offset, grain_bytes, moved, 0)
        except AdditionalAreaFullError:  # of a first write; the long way knows what to do
            write(offset, payload, copy)
        except BaseException as error:
            known = _told(state, journal if flags == rewrite else None, error)
            if known is not None:
                raise known from error
            raise
        finally:
            release()

    return short_or_long


def _told(
    state: VolumeState, journal: Journal | None, error: BaseException
) -> RangepairError | None:
    """Return what to tell of what ended a write; None of what tells that itself."""
    if isinstance(error, OSError):  # the long way tells its own
        # Without a journal the original cannot be read: this write is refused, nothing else.
        return told(error) if journal is None else journal.refusal(error)
    if not isinstance(error, Exception):  # see core.engine.guarding
        state.break_off()
    return None
