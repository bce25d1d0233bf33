# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Open a volume from its devices, give it an additional area, close it again."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import msgspec

from core.area import additional
from core.area.initial import InitialArea
from core.area.places import IMAGE_BYTES_MIN
from core.device.fingerprint import take_fingerprint
from core.errors import FingerprintError
from core.format.layout import geometry_for
from core.format.superblock import first_fields
from core.journal.log import Log
from core.journal.opengroup import RECORDS_MAX, OpenGroup
from core.journal.overlay import Overlay
from core.journal.ring import Ring
from core.journal.writer import Journal
from core.mapping.initialmap import InitialMap
from core.units import SECTOR_BYTES
from core.volume import initialmap, outside, portions, recover, resize, restore
from core.volume.fold import fold, load_layers
from core.volume.integrity import note_suspects
from core.volume.state import VolumeState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.area.additional import AdditionalArea
    from core.device.base import Device
    from core.format.layout import Geometry
    from core.volume.outside import Changes


def state_without_area(image: Device, grain_bytes: int, *, thin: bool) -> VolumeState:
    """Return a volume whose image has no additional area yet."""
    return VolumeState(image, image.size, grain_bytes, thin=thin)


def thin_state(image: Device, size_bytes: int, grain_bytes: int) -> VolumeState:
    """Return a new volume without an additional area, none of which has a place in its image."""
    state = VolumeState(image, size_bytes, grain_bytes, thin=True)
    state.look_through(InitialArea(image, InitialMap(), size_bytes))
    return state


def portion_state(image: Device, sizes: Sequence[int]) -> VolumeState:
    """Return a new volume of portions without an additional area; the image is made to hold them.

    Raises:
        RangepairError: A size is impossible, or there is no room for them.
    """
    mapped = portions.packed_map(sizes)
    image.allocate(0, max(mapped.place_end, IMAGE_BYTES_MIN))
    size_bytes = len(sizes) * portions.SLOT_BYTES
    state = VolumeState(image, size_bytes, SECTOR_BYTES, thin=False)
    state.portion_count = len(sizes)
    state.look_through(InitialArea(image, mapped, size_bytes))
    return state


def state_with_area(  # noqa: PLR0913 (what a user may say when a volume is opened)
    image: Device,
    area_device: Device,
    *,
    writable: bool,
    mtime_ns: int = 0,
    accept_changes: bool = False,
    accept_longer: bool = False,
    background: bool = False,
) -> VolumeState:
    """Open a volume with its additional area; recover it if it was not closed cleanly.

    Args:
        image: The initial area.
        area_device: The additional area.
        writable: Whether recovery may write; else it stays in memory.
        mtime_ns: Time of the image's last change, 0 if unknown.
        accept_changes: The user accepts that the image was changed from outside.
        accept_longer: The image may go on behind the volume, which is about to be resized.
        background: Let the journal use a thread of its own.

    Raises:
        RangepairError: It cannot be opened; nothing was written.
    """
    area = additional.load(area_device)
    fields = area.fields
    if not fields.initial_map.length and not (accept_longer and image.size > fields.size_bytes):
        outside.check_size(image, fields, area_device.path)
    state = VolumeState(image, fields.size_bytes, fields.grain_bytes, thin=fields.thin)
    state.area = area
    state.portion_count = fields.portions
    state.background = background
    changes = _changes(
        image, area, mtime_ns, accept_changes=accept_changes, may_be_longer=accept_longer
    )
    is_trusted = changes is None or accept_changes
    load_layers(state, area)
    initialmap.load(state, area)
    _recover(state, area, writable=writable and is_trusted)
    if writable and is_trusted:
        resize.cut_tail(state)
    if changes is not None:
        changed = initialmap.ranges_lying_in(state, changes.extents)
        is_any = note_suspects(state, changed)
        if not accept_changes:
            state.changed_ranges = changed
            state.changed_outside = outside.sentence_of(state, area, changes)
            state.read_only = state.changed_outside
        elif is_any and writable:
            fold(state)  # from now on the fingerprint that told of it is gone
    return state


def _changes(
    image: Device,
    area: AdditionalArea,
    mtime_ns: int,
    *,
    accept_changes: bool,
    may_be_longer: bool,
) -> Changes | None:
    """Return what other programs did to the image; if it is accepted, as far as that is known."""
    if not area.fields.clean or not area.has_data:
        return None
    try:
        return outside.changes_of(image, area, mtime_ns, may_be_longer=may_be_longer)
    except FingerprintError:
        if accept_changes:
            return None
        raise


def _recover(state: VolumeState, area: AdditionalArea, *, writable: bool) -> None:
    fields = area.fields
    log = Log(
        area.device,
        area.allocator,
        area.uuid,
        segment_bytes=fields.segment_bytes,
        offset=fields.log_offset,
        seq=fields.log_seq,
        segment_stop=fields.segment_stop,
    )
    dead_seq = area.read_ring_dead_seq()
    covered = recover.Coverage(fields.covered_ring_seq, fields.covered_ring_seq)
    groups = []
    if not fields.clean:
        covered = recover.replay_log(state, area, log, writable=writable)
        groups = list(recover.intact_ring_groups(area, dead_seq))
        if writable:
            recover.erase_torn_group(area, log)
    initialmap.check_image(state)
    journal = journal_of(state, area, log, dead_seq)
    journal.covered_ring_seq = covered.staged_seq
    state.journal = journal
    initialmap.keep(state)
    if not fields.clean:
        # The process before this one may have died with writes in the system's cache only, and
        # while it gave storage back.
        journal.note_uncovered()
        area.allocator.forget_storage()
    restore.resume(state, is_urgent=True)
    if groups:
        if not writable:
            _stay_in_memory(state, area, journal)
        recover.replay_ring(state, journal, groups, covered)
        if writable:
            journal.checkpoint()
    if state.restore is not None:
        state.restore.is_urgent = False
    area.allocator.storage.limit_bytes = state.catalog.policy.area_limit_bytes
    recover.active_grains_of(state)


def journal_of(state: VolumeState, area: AdditionalArea, log: Log, dead_seq: int) -> Journal:
    """Return the writer of a volume whose additional area is open, with an empty ring."""
    ring = Ring(
        area.device,
        area.uuid,
        area.fields.ring_bytes,
        dead_seq=dead_seq,
        seq=dead_seq,
        ready_bytes=area.fields.ring_ready_bytes,
    )
    return Journal(
        image=state.image,
        area=area.device,
        ring=ring,
        log=log,
        geometry=area.geometry,
        grain_bytes=state.grain_bytes,
        size_bytes=state.size_bytes,
        stats=state.stats,
        group_sealed=state.note_group,
        background=state.background,
    )


def _stay_in_memory(state: VolumeState, area: AdditionalArea, journal: Journal) -> None:
    """Make the buffers hold all of the ring and originals, at addresses that no real data has."""
    size = area.fields.ring_bytes
    # What the ring has staged, and of all that it writes what the image holds and what is restored.
    journal.opened = OpenGroup(3 * size, RECORDS_MAX + 2 * size // SECTOR_BYTES)
    journal.opened.begin(recover.READ_ONLY_BASE, 3 * size)
    journal.overlay = Overlay(size, state.grain_bytes, state.size_bytes)


def add_area(
    state: VolumeState,
    area_device: Device,
    image_name: str,
    *,
    prepare_ring: bool = False,
    geometry: Geometry | None = None,
) -> None:
    """Give a volume its additional area; durable on return.

    Args:
        state: A volume without one.
        area_device: Empty.
        image_name: Path of the image, relative to the additional area's folder.
        prepare_ring: Make all of the ring usable now, instead of bit by bit later.
        geometry: Sizes of its parts; those that fit the image if left out.

    Raises:
        AreaFullError: There is no room for it.
    """
    if geometry is None:
        geometry = geometry_for(state.size_bytes, state.grain_bytes)
    state.image.sync()
    fields = first_fields(
        size_bytes=state.size_bytes,
        grain_bytes=state.grain_bytes,
        geometry=geometry,
        created=time.time(),
        clean=False,
        thin=state.thin,
        image_name=image_name,
        portions=state.portion_count,
    )
    area = additional.format_area(area_device, os.urandom(16), fields)
    start = area.allocator.allocate(geometry.segment_bytes)
    log = Log(
        area.device,
        area.allocator,
        area.uuid,
        segment_bytes=geometry.segment_bytes,
        offset=start,
        seq=1,
        segment_stop=start + geometry.segment_bytes,
    )
    state.area = area
    state.journal = journal_of(state, area, log, 0)
    initialmap.keep(state)
    while prepare_ring and state.journal.ring.prepare_step():
        pass
    fold(state)


def close_cleanly(state: VolumeState, mtime_ns: int) -> None:
    """Fold what the log holds and mark the additional area clean; after a checkpoint.

    Args:
        state: The volume.
        mtime_ns: Time of the image's last change, asked for after the checkpoint.
    """
    area, journal = state.area, state.journal
    if area is None or journal is None or journal.failed is not None:
        return
    fingerprint = msgspec.msgpack.encode(take_fingerprint(state.image_file, mtime_ns))
    if area.fields.log_seq != journal.log.seq:
        fold(state, clean=True, fingerprint=fingerprint)  # without room for it: replayed at open
        return
    with state.writing():
        area.mark(clean=True, fingerprint=fingerprint, ring_ready_bytes=journal.ring.ready_bytes)
