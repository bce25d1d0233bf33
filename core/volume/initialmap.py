# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Keeping the map of the initial area: from when it is no identity any more until it is one again.

The superblock names the map's table as long as there is one, so a volume begins to have a map, and
ends to have it, with a superblock; what changes in between is a change in the log, behind which a
fold puts the table anew. ``core.area.initial`` says in which order what it names becomes durable.

A map is begun as the identity, and ended when it has become that again: at both moments the image
means the same with and without it.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Final

import numpy as np

from core.answers import PointerKind
from core.area.initial import InitialArea
from core.area.mappedplaces import MapChange
from core.errors import AreaFullError, CorruptAreaError, ImageChangedError
from core.extent import Extent
from core.format import table
from core.format.catalog import Remapped, pack_change
from core.mapping.initialmap import InitialMap
from core.mapping.pointerrun import PointerRun
from core.volume.fold import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.area.additional import AdditionalArea
    from core.device.base import Device
    from core.format.table import KeptPointer
    from core.volume.state import VolumeState

ROWS_MAX: Final = 2048
"""A change has no more, pointers counted as rows, so that the end of a log segment holds it."""


def load(state: VolumeState, area: AdditionalArea) -> None:
    """Look through the map that the superblock names, if it names one.

    Raises:
        CorruptAreaError: It is damaged.
    """
    place = area.fields.initial_map
    if not place.length:
        return
    raw = area.read_place(place)
    try:
        columns = table.unpack(table.MAP_MAGIC, raw, place.offset, area.uuid)
        mapped = InitialMap.from_columns(*columns)
    except CorruptAreaError:  # its advice would be to use the image without: nobody could
        raise _senseless("it fails its checksum") from None
    except ValueError as error:
        raise _senseless(error) from None
    initial = InitialArea(state.image, mapped, state.size_bytes)
    initial.has_table = True
    state.look_through(initial)


def replay(state: VolumeState, change: Remapped) -> None:
    """Bring the map up to a change found in the log.

    Raises:
        CorruptAreaError: It makes no sense.
    """
    if state.initial is None:
        raise _senseless("there is none")
    try:
        state.initial.apply(change.rows)
        for layer_id, run in kept_runs(change.pointers).items():
            state.catalog.layers[layer_id].map.append(run)
    except (ValueError, KeyError) as error:
        raise _senseless(error) from None


def kept_runs(pointers: Sequence[KeptPointer]) -> dict[int, PointerRun]:
    """Return pointers to kept originals as a run for each layer."""
    found = {}
    for layer_id in {pointer.layer for pointer in pointers}:
        mine = [pointer for pointer in pointers if pointer.layer == layer_id]
        found[layer_id] = PointerRun.from_columns(
            [pointer.start for pointer in mine],
            [pointer.length for pointer in mine],
            [pointer.address for pointer in mine],
            [int(PointerKind.ORIGINAL)] * len(mine),
            np.array([pointer.checksum for pointer in mine], np.uint64),
        )
    return found


def check_image(state: VolumeState) -> None:
    """See to it that the image is long enough for its map.

    Raises:
        ImageChangedError: It is not.
    """
    if state.initial is not None:
        check_length(state.initial.image, state.initial.map)


def check_length(image: Device, mapped: InitialMap) -> None:
    """See to it that an image is long enough for a map of it.

    Raises:
        ImageChangedError: It is not.
    """
    if mapped.place_end > image.size:
        raise ImageChangedError(
            f"{image.path} has {image.size} bytes and is shorter than the {mapped.place_end} bytes "
            "that its map needs; restore it from a backup."
        )


def ranges_lying_in(state: VolumeState, places: Sequence[Extent]) -> tuple[Extent, ...]:
    """Return the ranges of the volume that lie in stretches of the image."""
    if state.initial is None:
        return tuple(places)
    return tuple(
        Extent(part.start, part.length)
        for place in places
        for part in state.initial.map.lying_in(place.start, place.stop)
        if part.start >= 0  # what is kept fails its checksum, if it was changed
    )


def keep(state: VolumeState) -> None:
    """Let changes of the map become durable in the log from now on."""
    if state.initial is not None:
        state.initial.commit = functools.partial(_commit, state)


def _commit(state: VolumeState, changes: Sequence[MapChange]) -> None:
    """Make changes durable whose content is: in the log, or with a fold if that has no room.

    Raises:
        AreaFullError: There is no room for either; the log may hold the first of them.
    """
    assert state.journal is not None
    try:
        for some in _batches(changes):
            change = Remapped(
                rows=[row for one in some for row in one.rows],
                pointers=[one.pointer for one in some if one.pointer is not None],
            )
            state.journal.write_change(pack_change(change), flush=False)
    except AreaFullError:
        if not fold(state):
            raise


def _batches(changes: Sequence[MapChange]) -> Iterator[list[MapChange]]:
    """Yield changes, none of them torn, in as many as one change of the log holds."""
    some, cells = list[MapChange](), 0
    for change in changes:
        if some and cells + change.cells > ROWS_MAX:
            yield some
            some, cells = [], 0
        some.append(change)
        cells += change.cells
    if some:
        yield some


def settle(state: VolumeState) -> None:
    """Put everything in place durably, and leave the image, free places too, as it is on disk."""
    assert state.journal is not None
    state.journal.checkpoint()
    initial = state.initial
    if initial is not None:
        with state.writing():
            initial.sync()
            initial.image.sync()  # what the first one made free was punched behind it


def begin(state: VolumeState) -> None:
    """Give a volume a map, the identity, durably; it has an additional area.

    Raises:
        AreaFullError: That has no room for it; nothing has changed.
    """
    assert state.journal is not None
    state.journal.barrier()
    plain = (state.image, state.hole_filler, state.fill_holes)
    mapped = InitialMap.identity(state.size_bytes)
    state.look_through(InitialArea(state.image, mapped, state.size_bytes))
    if not fold(state):
        state.initial = None
        state.image, state.hole_filler, state.fill_holes = plain
        raise AreaFullError(
            "The additional area has no room for the map of the initial area; purge copies or free "
            "space on its disk."
        )
    state.journal.use_image(state.image)
    keep(state)


def end_if_identity(state: VolumeState) -> None:
    """Let a volume be a plain raw image whose map has come to say nothing else."""
    initial = state.initial
    if initial is None or state.portion_count:
        return
    if initial.map.is_identity(state.size_bytes):
        with contextlib.suppress(AreaFullError):
            end(state)


def end(state: VolumeState) -> None:
    """Let a volume whose map is the identity again be a plain raw image, durably.

    Raises:
        AreaFullError: The additional area has no room for the fold; the map stays.
    """
    journal, initial = state.journal, state.initial
    assert journal is not None
    assert initial is not None
    assert initial.map.is_identity(state.size_bytes)
    journal.barrier()
    image = initial.image
    with state.writing():
        initial.sync()
        if image.size != state.size_bytes:
            image.resize(state.size_bytes)
            image.sync()  # from the superblock on, the image must have this size
    state.initial, redirects = None, state.catalog.redirects
    state.catalog.redirects = False  # nothing has a full pointer any more
    if not fold(state):
        state.catalog.redirects = redirects
        state.look_through(InitialArea(image, initial.map, state.size_bytes))
        journal.use_image(state.image)
        keep(state)
        raise AreaFullError(
            "The additional area has no room for its tables; purge copies or free space on its "
            "disk."
        )
    state.image = image
    state.hole_filler = state.fill_holes = initial.hole_filler
    journal.use_image(image)


def _senseless(why: object) -> CorruptAreaError:
    return CorruptAreaError(
        f"The map of the initial area makes no sense ({why}), so the image cannot be read; restore "
        "image and additional area from a backup."
    )
