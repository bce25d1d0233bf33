# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The shortest way to read, as ``core.engine.lane`` is for writing.

It checks what the long way checks, reads, and looks whether what it read is the whole truth. Where
it is not, or anything fails, it leaves everything to the long way, which patches, tells and
remembers. A reader that brings its buffer does not keep the others waiting while it waits for the
disk: it gives up the lock, has the system read, and begins again. All state is in closure cells,
for a read of one grain takes the system a microsecond.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, Protocol

from core.engine.told import told
from core.errors import RangepairError
from core.session import ORIGINAL
from core.units import SECTOR_BYTES
from core.volume.glimpse import ColdError, read_at_once
from core.volume.read import has_waiting

if TYPE_CHECKING:
    import threading

    from core.volume.glimpse import Glimpse
    from core.volume.state import VolumeState

_SECTOR_MASK: Final = SECTOR_BYTES - 1


class Read(Protocol):
    """Signature of a volume's ``read``."""

    def __call__(self, offset: int, length: int, copy: str = ORIGINAL) -> bytes:
        """Return ``length`` bytes of ``copy`` at ``offset``."""
        ...


class ReadInto(Protocol):
    """Signature of a volume's ``read_into``."""

    def __call__(self, offset: int, target: memoryview | bytearray, copy: str = ORIGINAL) -> None:
        """Fill ``target`` with ``copy`` at ``offset``."""
        ...


def read_for(state: VolumeState, glimpses: Glimpse, lock: threading.RLock, read: Read) -> Read:
    """Return a ``read`` that takes the short way if that leads there, else ``read``."""
    acquire, release, glimpse = lock.acquire, lock.release, glimpses.read

    def short_or_long(offset: int, length: int, copy: str = ORIGINAL) -> bytes:
        acquire()
        try:
            if (
                state.is_closed
                or (offset | length) & _SECTOR_MASK
                or not 0 <= offset <= offset + length <= state.size_bytes
            ):
                return read(offset, length, copy)
            if copy == ORIGINAL:
                if state.restore is not None or state.catalog.head is not None:
                    return read(offset, length, copy)  # the image has not all of it
                whole = state.image.pread(length, offset)
                if len(whole) != length or has_waiting(state, offset, length):
                    return read(offset, length, copy)
            else:
                seen = glimpse(copy, offset, length) if length else None
                if seen is None:
                    return read(offset, length, copy)
                whole = seen
            stats = state.stats
            stats.reads += 1
            stats.read_bytes += length
        except OSError as error:
            raise told(error) from error
        except RangepairError:  # the long way remembers it
            return read(offset, length, copy)
        else:
            return whole
        finally:
            release()

    return short_or_long


def read_into_for(
    state: VolumeState, glimpses: Glimpse, lock: threading.RLock, read_into: ReadInto
) -> ReadInto:
    """Return a ``read_into`` that takes the short way if that leads there, else ``read_into``."""
    acquire, release, glimpse = lock.acquire, lock.release, glimpses.read_into

    def short_or_long(offset: int, target: memoryview | bytearray, copy: str = ORIGINAL) -> None:
        whole = memoryview(target).cast("B")
        length, is_done = len(whole), False
        met: ColdError | RangepairError | None = None
        acquire()
        try:
            if (
                state.is_closed
                or (offset | length) & _SECTOR_MASK
                or not 0 <= offset < offset + length <= state.size_bytes
            ):
                pass  # the long way says what is wrong
            elif copy != ORIGINAL:
                is_done = glimpse(copy, offset, whole)
            elif state.restore is None and state.catalog.head is None:
                read_at_once(state.image, whole, offset)
                is_done = not has_waiting(state, offset, length)
            if is_done:
                stats = state.stats
                stats.reads += 1
                stats.read_bytes += length
        except OSError as error:
            raise told(error) from error
        except (ColdError, RangepairError) as error:
            met = error  # if it is damage, the long way meets it again, and remembers it
        finally:
            release()
        if isinstance(met, ColdError):
            # Into the cache, while others go on; what it gives may be outdated, and is read again.
            with contextlib.suppress(OSError):  # that the long way meets again, and tells
                met.device.preadv([whole], met.offset)
        if not is_done:
            read_into(offset, whole, copy)

    return short_or_long
