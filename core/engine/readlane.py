# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The shortest way to read, as ``core.engine.lane`` is for writing.

It checks what the long way checks, reads, and looks whether what it read is the whole truth. Where
it is not, or anything fails, it leaves everything to the long way, which patches, tells and
remembers. All state is in closure cells, for a read of one grain takes the system a microsecond.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from core.engine.told import told
from core.errors import RangepairError
from core.session import ORIGINAL
from core.units import KIB, SECTOR_BYTES
from core.volume.read import has_waiting

if TYPE_CHECKING:
    import threading

    from core.volume.glimpse import Glimpse
    from core.volume.state import VolumeState

_SECTOR_MASK: Final = SECTOR_BYTES - 1
COPIED_BYTES_MAX: Final = 64 * KIB
"""Up to here bytes are read and copied quicker than the way is found to read them in place."""


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
                if state.restore is not None:
                    return read(offset, length, copy)
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
    acquire, release, glimpse = lock.acquire, lock.release, glimpses.read

    def short_or_long(offset: int, target: memoryview | bytearray, copy: str = ORIGINAL) -> None:
        whole = memoryview(target).cast("B")
        length = len(whole)
        acquire()
        try:
            if (
                state.is_closed
                or (offset | length) & _SECTOR_MASK
                or not 0 <= offset <= offset + length <= state.size_bytes
            ):
                read_into(offset, whole, copy)
                return
            if copy == ORIGINAL:
                if (
                    state.restore is not None
                    or state.image.preadv([whole], offset) != length
                    or has_waiting(state, offset, length)
                ):
                    read_into(offset, whole, copy)
                    return
            else:
                seen = glimpse(copy, offset, length) if 0 < length <= COPIED_BYTES_MAX else None
                if seen is None:
                    read_into(offset, whole, copy)
                    return
                whole[:] = seen
            stats = state.stats
            stats.reads += 1
            stats.read_bytes += length
        except OSError as error:
            raise told(error) from error
        except RangepairError:  # the long way remembers it
            read_into(offset, whole, copy)
        finally:
            release()

    return short_or_long
