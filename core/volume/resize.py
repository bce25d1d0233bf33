# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Give the volume another size while copies exist; each copy keeps the size that it was taken with.

A copy of S bytes has no byte past S. A longer copy reads past the end of the volume what its
layers hold, and they hold all of it: what is cut off is preserved first, as if it were overwritten.

Why no power cut breaks it. The size changes with one superblock, together with the sizes of the
copies (``fold``). Around it that superblock says in ``resizing_bytes`` how far the image, or its
map, may go on behind the volume's end; whoever opens the volume for writing cuts that off
(``cut_tail``).
  * Growing: the mark with the size to come, durably; the image is made longer and synced; then the
    size. Cut before that, the image gets the old size again: nothing of the volume lies behind.
  * Shrinking: the originals that copies need of the end are made durable; then the size, with the
    old one as the mark; then the image is cut, and synced; then the mark goes. Cut before the size,
    copies have some originals more; cut after it, the rest is done at the next opening.
A checkpoint comes before the size: the ring is empty, so no replay writes behind the new end. The
superblock is written once more behind the size, so that both slots have it.

A volume with a map grows without touching the image, and what is cut off loses its places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from core.answers import PointerKind
from core.device.refusals import readable_path
from core.errors import AdditionalAreaFullError, AreaFullError, ImageError, RangepairError
from core.events import EventFlag, EventKind
from core.format.layout import EXTENT_BYTES_MAX
from core.units import MIB
from core.volume import instantcopy, needs, recover
from core.volume.fold import fold

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.area.additional import AdditionalArea
    from core.journal.writer import Journal
    from core.volume.state import VolumeState

    Along = Callable[[], Callable[[], None]]
    """Changes catalog and layers in memory, and returns how to take that back."""

KEPT_BYTES_MAX: Final = 4 * MIB
"""Preserved under the volume's lock at a time; a writer waits for it."""
WINDOW_GRAINS: Final = 1 << 22


def grow(state: VolumeState, size_bytes: int, along: Along | None = None) -> None:
    """Make the volume longer; what is new reads as zeroes. Durable on return.

    Args:
        state: Without a restore under way.
        size_bytes: More than it has; a plain image may have as many already.
        along: What becomes true with the same superblock; only with an additional area.

    Raises:
        RangepairError: It was not done; nothing has changed.
    """
    area, journal = state.area, state.journal
    is_short = state.initial is None and state.image.size < size_bytes
    if area is None or journal is None:
        if is_short:
            _lengthen(state, size_bytes)
        _use_size(state, size_bytes)
        return
    journal.checkpoint()
    try:
        if is_short:
            _mark(state, area, size_bytes)
            _lengthen(state, size_bytes)
        _become(state, size_bytes, along, resizing_bytes=0)
    except RangepairError:
        if is_short and journal.failed is None:
            cut_tail(state)
        raise
    _mark(state, area, 0)
    recover.active_grains_of(state)


def shrink(state: VolumeState, size_bytes: int, along: Along | None = None) -> None:
    """Make the volume shorter; copies keep what is cut off. Durable on return.

    Args:
        state: Without a restore under way.
        size_bytes: Less than it has.
        along: As for ``grow``.

    Raises:
        RangepairError: It was not done; no view has changed.
    """
    area, journal = state.area, state.journal
    if area is None or journal is None:
        with state.writing():
            state.image.resize(size_bytes)
            state.image.sync()
        _use_size(state, size_bytes)
        return
    grain = first_to_keep(state, size_bytes)
    while grain << state.grain_shift < state.size_bytes:
        grain, _ = keep_some(state, grain)
    journal.checkpoint()
    _become(state, size_bytes, along, resizing_bytes=state.size_bytes)
    cut_tail(state)
    recover.active_grains_of(state)


def first_to_keep(state: VolumeState, size_bytes: int) -> int:
    """Return the first grain of which copies may need what a smaller size cuts off.

    It is behind the volume's end if no copy goes further than that size.
    """
    if max(state.catalog.chain_reaches(), default=0) > size_bytes:
        return size_bytes >> state.grain_shift
    return (state.size_bytes - 1 >> state.grain_shift) + 1


def keep_some(state: VolumeState, grain: int, bytes_max: int = KEPT_BYTES_MAX) -> tuple[int, int]:
    """Preserve, from a grain on, the next originals that copies need; durable on return.

    Returns:
        The grain to go on with, and the bytes that were looked at, holes left out.

    Raises:
        RangepairError: There is no room; what was preserved does no harm.
    """
    journal, preserved = state.journal, state.preserved
    end = (state.size_bytes - 1 >> state.grain_shift) + 1
    if journal is None or preserved is None:
        return end, 0
    until, kept = min(grain + WINDOW_GRAINS, end), 0
    journal.barrier()
    try:
        for first, stop in needs.needed_gaps(state, preserved.gaps(grain, until)):
            at, moved = _keep_gap(state, journal, (first, stop), bytes_max - kept)
            kept += moved
            if at < stop:
                return at, kept
    finally:
        # What is staged counts as preserved, and a later write to it may go straight to the image.
        if journal.failed is None:
            journal.barrier()
    return until, kept


def _keep_gap(
    state: VolumeState, journal: Journal, gap: tuple[int, int], bytes_max: int
) -> tuple[int, int]:
    """Preserve grains that are needed; a hole of the image gets one pointer, however long it is."""
    shift, step = state.grain_shift, max(EXTENT_BYTES_MAX >> state.grain_shift, 1)
    (at, stop), kept = gap, 0
    end = min(stop << shift, state.size_bytes)
    for found in state.image.data_extents(at << shift, end):
        low, high = max(found.start >> shift, at), min(-(-found.stop >> shift), stop)
        if low >= high:
            continue
        _point_to_zeroes(state, journal, at, low)
        for at in range(low, high, step):
            if kept >= bytes_max:
                return at, kept
            instantcopy.preserve(state, journal, [(at, min(at + step, high))])
            kept += step << shift
        at = high
    _point_to_zeroes(state, journal, at, stop)
    return stop, kept


def _point_to_zeroes(state: VolumeState, journal: Journal, first: int, stop: int) -> None:
    active, preserved = state.catalog.active, state.preserved
    assert active is not None
    assert preserved is not None
    if first >= stop:
        return
    start = first << state.grain_shift
    length = min(stop << state.grain_shift, state.size_bytes) - start
    journal.make_room(0)
    journal.opened.add_zero(active.id, start, length, int(PointerKind.ZERO))
    preserved.add(first, stop)
    state.stats.preserved_portions += 1
    state.stats.zero_bytes += length
    state.publish(
        EventKind.PRESERVED,
        flags=EventFlag.ZERO,
        copy_id=state.catalog.newest_id,
        start=start,
        length=length,
    )


def cut_tail(state: VolumeState) -> None:
    """Cut what image or map have behind the volume's end, if the superblock says that they may.

    Raises:
        DeviceFailedError: It cannot be; the next opening tries.
    """
    area, initial = state.area, state.initial
    if area is None or not area.fields.resizing_bytes:
        return
    with state.writing():
        if initial is None:
            if state.image.size > state.size_bytes:
                state.image.resize(state.size_bytes)
            state.image.sync()
        else:
            initial.size = area.fields.resizing_bytes
            initial.resize(state.size_bytes)
            try:
                initial.sync()
            except AreaFullError:
                return  # the map in memory is cut; the mark stays until a durable one is
    _mark(state, area, 0)


def _mark(state: VolumeState, area: AdditionalArea, resizing_bytes: int) -> None:
    """Say durably how far the image or the map may go on behind the volume's end."""
    with state.writing():
        area.write_superblock(
            msgspec.structs.replace(
                area.fields, resizing_bytes=resizing_bytes, clean=False, fingerprint=b""
            )
        )


def _lengthen(state: VolumeState, size_bytes: int) -> None:
    """Make the image longer, durably.

    Raises:
        ImageError: Its file system refuses; nothing was written.
    """
    try:
        state.image.resize(size_bytes)
    except OSError as error:
        raise ImageError(
            f"{readable_path(state.image.path)} cannot be made {size_bytes} bytes long "
            f"({error.strerror}); choose a smaller size, or move it to another disk."
        ) from error
    with state.writing():
        state.image.sync()


def _become(
    state: VolumeState, size_bytes: int, along: Along | None, *, resizing_bytes: int
) -> None:
    """Let the volume have another size from the next superblock on.

    Raises:
        AdditionalAreaFullError: There is no room for its tables; nothing has changed.
    """
    before, is_done = state.size_bytes, False
    take_back = along() if along is not None else None
    _use_size(state, size_bytes)
    try:
        is_done = fold(state, resizing_bytes=resizing_bytes)
    finally:
        if not is_done:
            _use_size(state, before)
            if take_back is not None:
                take_back()
    if not is_done:
        raise AdditionalAreaFullError(
            "The additional area has no room to write down the new size; purge copies or free "
            "space on its disk."
        )


def _use_size(state: VolumeState, size_bytes: int) -> None:
    state.size_bytes = size_bytes
    state.catalog.resize(size_bytes)
    state.catalog.generation += 1
    state.structure += 1
    state.chain_edition += 1
    if state.initial is not None:
        state.initial.size = size_bytes
    if state.journal is not None:  # after a checkpoint nothing waits
        state.journal.flights.use_size(size_bytes)
        state.journal.overlay.use_size(size_bytes)
    if state.hole_filler is not None:
        state.fill_holes = state.hole_filler  # the new end of the image is a hole
