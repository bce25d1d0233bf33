# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The shortest way for what is most frequent: rewriting a whole grain whose original is kept.

The three groups come to nothing but a check each: the range is one grain of the original inside
the volume, its original is preserved, and the journal lets it go straight to the image. All state
is in closure cells because the whole budget beyond the system call is half a microsecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from core.events import ORIGINAL_ID, EventFlag, EventKind
from core.session import ORIGINAL

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from pyroaring import BitMap64

    from core.format.block import Readable
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


def lane_for(
    state: VolumeState, lock: threading.RLock, write: Callable[[int, Readable, str], None]
) -> tuple[Write, Lane]:
    """Return a ``write`` with the short way in front of ``write``, and what opens and closes it."""
    bits: BitMap64 | frozenset[int] = _NO_GRAINS
    journal = state.journal
    pwrite = state.image.pwrite
    grain_bytes, shift, mask = state.grain_bytes, state.grain_shift, state.grain_bytes - 1
    last_offset = state.size_bytes - grain_bytes
    written, rewrite = int(EventKind.WRITTEN), int(EventFlag.REWRITE)
    publish = None if state.sink is None else state.sink.publish

    def short_or_long(offset: int, payload: Readable, copy: str = ORIGINAL) -> None:
        with lock:
            if (
                len(payload) == grain_bytes
                and offset >> shift in bits
                and not offset & mask
                and offset <= last_offset
                and copy == ORIGINAL
                and journal is not None
                and journal.is_direct
            ):
                try:
                    count = pwrite(payload, offset)
                except OSError as error:
                    raise journal.refusal(error) from error
                if count == grain_bytes:
                    state.lane_writes += 1
                    if publish is not None:
                        publish(written, rewrite, ORIGINAL_ID, offset, grain_bytes, 0, 0)
                    return
            write(offset, payload, copy)

    def switch(*, is_open: bool) -> None:
        nonlocal bits, journal
        preserved, journal = state.preserved, state.journal
        bits = preserved.bits if is_open and preserved is not None else _NO_GRAINS

    return short_or_long, switch
