# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Giving an open volume another size; ``core.volume.resize`` says in which order.

What a shorter volume's copies need is preserved bit by bit, so that writers wait for milliseconds
only; the rest is one act under the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.device.imagefile import FileDevice
from core.device.opening import check_new_size
from core.device.refusals import readable_path
from core.engine.guarding import guarded
from core.engine.lane import Gate, lane_for
from core.errors import CopyInUseError, ImageError, ImageSizeError, UsageError
from core.events import EventFlag, EventKind
from core.longwork import Resized
from core.session import ORIGINAL
from core.volume import portions
from core.volume import resize as steps
from core.volume.restore import refuse_another

if TYPE_CHECKING:
    from core.engine.volume import Volume
    from core.volume.state import VolumeState


def resize(self: Volume, size_bytes: int, *, shrinks: bool = False) -> Resized:
    """Give the volume another size; copies keep theirs. Durable on return.

    Raises:
        RangepairError: It was not done, and why; no view has changed.
    """
    grain, kept = _begin(self, size_bytes, shrinks)
    while grain is not None:
        grain, moved = _keep_some(self, grain)
        kept += moved
    return _carry_out(self, size_bytes, shrinks, kept)


@guarded
def _begin(self: Volume, size_bytes: int, shrinks: bool) -> tuple[int | None, int]:
    """Refuse what cannot be; return the first grain of which copies may need the original."""
    _check(self, size_bytes, shrinks)
    return _unless_behind(self._state, steps.first_to_keep(self._state, size_bytes)), 0


@guarded
def _keep_some(self: Volume, grain: int) -> tuple[int | None, int]:
    self._begin_writing()
    state, done = self._state, list[tuple[int, int]]()
    self._full_area.carry_out(lambda: done.append(steps.keep_some(state, grain)), ORIGINAL)
    following, kept = done[-1]
    return _unless_behind(state, following), kept


def _unless_behind(state: VolumeState, grain: int) -> int | None:
    """Return a grain, or None if the volume ends before."""
    return grain if grain << state.grain_shift < state.size_bytes else None


@guarded
def _carry_out(self: Volume, size_bytes: int, shrinks: bool, kept_bytes: int) -> Resized:
    state, before = self._state, list[int]()

    def act() -> None:
        # All is looked at anew each time: who waits for room lets others in, to resize as well.
        _check(self, size_bytes, shrinks)
        before.append(state.size_bytes)
        if size_bytes != state.size_bytes:
            self._begin_writing()
            (steps.grow if size_bytes > state.size_bytes else steps.shrink)(state, size_bytes)
            follow_size(self)

    self._full_area.carry_out(act, ORIGINAL)
    return Resized(before_bytes=before[-1], size_bytes=size_bytes, kept_bytes=kept_bytes)


def follow_size(self: Volume) -> None:
    """Let writes know the new end, and whoever watches."""
    state = self._state
    self._gate = Gate(state)
    self.write = lane_for(state, self._lock, self._gate, self._write)
    state.publish(
        EventKind.CATALOG_CHANGED,
        flags=EventFlag.RESIZED,
        length=state.size_bytes,
        moved=state.catalog.generation,
    )


def _check(self: Volume, size_bytes: int, shrinks: bool) -> None:
    """See to it that the volume may have this size.

    Raises:
        RangepairError: It may not, and why.
    """
    state = self._state
    state.check_writable()
    portions.refuse_bytes(state, "resized")
    check_new_size(size_bytes)
    refuse_another(state)
    if state.catalog.head is not None:
        raise CopyInUseError(
            "New data of the original goes to the additional area, so it cannot be resized; "
            "'rangepair separate IMAGE' brings it home first."
        )
    check_image(self, size_bytes)
    if size_bytes < state.size_bytes and not shrinks:
        raise UsageError(
            f"The volume has {state.size_bytes} bytes, and {size_bytes} are fewer: the original "
            "would lose its end; add --shrink if that is meant."
        )


def check_image(self: Volume, size_bytes: int) -> None:
    """See to it that the image can have this size, whoever may have resized it meanwhile."""
    state, image = self._state, self._image
    if state.initial is not None or not isinstance(image, FileDevice):
        return
    found, name = image.look_at_size(), readable_path(image.path)
    if found < state.size_bytes:
        raise ImageSizeError(
            f"{name} has only {found} of the volume's {state.size_bytes} bytes: another program "
            "cut it; restore it from a backup."
        )
    if image.is_block_device and size_bytes != found:
        raise ImageError(
            f"{name} is a block device of {found} bytes, and the volume must have as many; change "
            "the size of the device first."
        )
    if found > state.size_bytes and size_bytes < found:
        raise ImageError(
            f"{name} has {found} bytes, more than the volume: another program made it longer, and "
            f"what that put there would be cut off; resize to {found} first, then make it shorter."
        )
