# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A read of the original that does not wait for a disk: what is in memory, or nothing.

Who answers many requests serves all that need not wait first, and tells the disk meanwhile what is
needed next. The volume's lock is held while the image is read, so that no read sees half of what is
being put in place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from core.engine.told import told
from core.volume.glimpse import ColdError, read_at_once
from core.volume.read import has_waiting

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from core.volume.state import VolumeState


class TryRead(Protocol):
    """Signature of a lane for reads that do not wait."""

    def __call__(self, offset: int, target: memoryview) -> bool:
        """Fill ``target``; return False, with nothing of use in it, if a disk must be waited for.

        A file system that cannot tell is waited for.
        """
        ...


def try_lane_for(
    state: VolumeState, lock: threading.RLock, read: Callable[[int, int], bytes]
) -> TryRead:
    """Return the lane of the original; ``read`` is the long way.

    The lane takes ranges within the volume only, and raises what ``read`` does.
    """
    acquire, release = lock.acquire, lock.release

    def try_read(offset: int, target: memoryview) -> bool:
        length = len(target)
        acquire()
        try:
            if state.restore is not None or state.catalog.head is not None:
                target[:] = read(offset, length)
                return True
            read_at_once(state.image, target, offset)
            if has_waiting(state, offset, length):
                assert state.journal is not None
                for overlay in state.journal.overlays:
                    overlay.patch(offset, target)
            state.stats.reads += 1
            state.stats.read_bytes += length
        except ColdError:
            return False
        except OSError as error:
            raise told(error) from error
        else:
            return True
        finally:
            release()

    return try_read
