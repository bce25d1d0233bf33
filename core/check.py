# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Verify every invariant and checksum of a volume. Changes nothing.

Every byte of the additional area is reachable exactly once: through a pointer of one layer, as
metadata, as the log's space to come, or as free space. Less than once is a leak, more than once is
corruption.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.answers import Finding, PointerKind
from core.area.freeruns import Runs, complement
from core.device.refusals import readable_path
from core.mapping.initialmap import InitialMap
from core.scrub import extents_of, read_whole
from core.units import SECTOR_BYTES
from core.volume.keptruns import beyond, held_runs, named_runs
from core.volume.outside import cut_of
from core.volume.picture import metadata_extents, pointed_extents
from core.volume.portions import SLOT_BYTES
from core.volume.read import Views
from core.volume.removal import kept_end
from core.volume.verified import WholeExtent, told

if TYPE_CHECKING:
    from core.answers import Int64s
    from core.volume.layer import Layer
    from core.volume.state import VolumeState

FINDINGS_MAX: Final = 1000


def check(state: VolumeState, *, structures: bool = False) -> list[Finding]:
    """Return what is wrong, at most ``FINDINGS_MAX`` findings; nothing staged may be pending.

    Args:
        state: Of an open volume.
        structures: Leave data alone, of which a bundle of structures has none.
    """
    if state.area is None:
        return []
    findings = _check_catalog(state)
    if state.changed_outside:
        findings.append(
            _corruption("image-changed", state.changed_outside, readable_path(state.image.path))
        )
    if cut := cut_of(state):
        findings.append(_corruption("cut", cut, readable_path(state.image.path)))
    findings += _check_initial(state)
    reaches = dict(zip(state.catalog.chain, state.catalog.chain_reaches(), strict=True))
    longest = max(reaches.values(), default=0)
    for layer in state.catalog.layers.values():
        reach = longest if layer.private else kept_end(reaches.get(layer.id, longest))
        findings += _check_layer(state, layer, reach)
    if all(finding.code == "image-changed" for finding in findings):
        findings += _check_ends(state)
        findings += _check_space(state)
        findings += _check_kept(state)
        for layer in () if structures else state.catalog.layers.values():
            findings += _check_data(state, layer)
    return findings[:FINDINGS_MAX]


def _corruption(code: str, what: str, where: str) -> Finding:
    return Finding(code=code, severity="corruption", what=what, where=where)


def _check_catalog(state: VolumeState) -> list[Finding]:
    catalog, findings = state.catalog, list[Finding]()
    for copy in catalog.views.values():
        if copy.base not in catalog.chain:
            findings.append(_corruption("base", "A copy's base is not in the chain.", copy.name))
        if copy.top is not None and copy.top not in catalog.layers:
            findings.append(_corruption("top", "A copy's private layer is missing.", copy.name))
    for layer in catalog.layers.values():
        if layer.parent is not None and layer.parent not in catalog.layers:
            findings.append(
                _corruption("parent", "A layer lies on a missing one.", f"layer {layer.id}")
            )
    known = set(catalog.chain) | {layer.id for layer in catalog.layers.values() if layer.private}
    findings += [
        Finding(
            code="layer",
            severity="leak",
            what="A layer is read by no copy.",
            where=f"layer {layer_id}",
        )
        for layer_id in catalog.layers
        if layer_id not in known
    ]
    return findings


def _check_initial(state: VolumeState) -> list[Finding]:
    """Check that the map of the initial area names no byte twice, and none that is not there."""
    if state.initial is None:
        return []
    assert state.area is not None
    end = max(state.size_bytes, state.area.fields.resizing_bytes)
    starts, lengths, places, _ = state.initial.map.columns()
    if not len(starts):
        return []
    is_own, order = starts >= 0, np.argsort(places, kind="stable")
    stops = (places + lengths)[order]
    tests = (
        ("The map goes beyond the volume.", int((starts + lengths)[is_own].max(initial=0)) > end),
        ("The map goes beyond the image.", int(stops.max()) > state.initial.image.size),
        ("Two ranges of the volume lie in one place.", (places[order][1:] < stops[:-1]).any()),
    )
    where = "map of the initial area"
    findings = [_corruption("initial-map", what, where) for what, is_wrong in tests if is_wrong]
    for number in range(state.portion_count):
        pieces = state.initial.map.within(number * SLOT_BYTES, (number + 1) * SLOT_BYTES)
        follow = [number * SLOT_BYTES, *(piece.stop for piece in pieces)]
        if not pieces or follow[:-1] != [piece.start for piece in pieces]:
            findings.append(_corruption("portion", "A portion has a gap.", f"portion {number}"))
    return findings


def _check_layer(state: VolumeState, layer: Layer, reach: int) -> list[Finding]:
    """Check that a layer's pointers are sorted, within ``reach`` and within the area."""
    assert state.area is not None
    run, where = layer.map.flatten(), f"layer {layer.id}"
    if not len(run):
        return []
    findings = []
    has_bytes = run.kinds != PointerKind.ZERO
    ends = run.offsets[has_bytes] + run.lengths[has_bytes]
    outside = (run.starts < 0) | (run.stops > reach)
    uneven = (run.starts | run.lengths) % SECTOR_BYTES
    misplaced = run.offsets[has_bytes] < state.area.allocator.start
    misplaced = (misplaced | (ends > state.area.device.size)) & (run.offsets[has_bytes] >= 0)
    tests = (
        ("order", "Pointers overlap or are out of order.", run.has_overlap()),
        ("range", "A pointer goes beyond every copy that reads it.", outside.any()),
        ("sector", "A pointer does not lie on sectors.", uneven.any()),
        ("kind", "A pointer has an unknown kind.", (run.kinds > max(PointerKind)).any()),
        ("place", "A pointer names bytes outside the additional area.", misplaced.any()),
    )
    for code, what, is_wrong in tests:
        if is_wrong:
            findings.append(_corruption(code, what, where))
    return findings


def _check_ends(state: VolumeState) -> list[Finding]:
    """Check that copies longer than the volume have a pointer for all that is behind its end."""
    size_of, end = state.catalog.size_of, state.size_bytes
    return [
        _corruption("end", "A copy goes on behind the volume, and lacks pointers there.", copy.name)
        for copy in state.catalog.copies.values()
        if size_of(copy) > end and len(Views(state).flatten(copy).gaps(end, size_of(copy))[0])
    ]


def _check_space(state: VolumeState) -> list[Finding]:
    area, journal = state.area, state.journal
    assert area is not None
    assert journal is not None
    allocator = area.allocator
    pointed, metadata, free = pointed_extents(state), metadata_extents(state), allocator.free_runs()
    log_start, log_stop = journal.log.offset, journal.log.segment_stop
    starts = np.concatenate((pointed[0], metadata[0], free.starts, [log_start]))
    stops = np.concatenate((pointed[1], metadata[1], free.starts + free.lengths, [log_stop]))
    order = np.argsort(starts, kind="stable")
    starts, stops = starts[order], stops[order]
    return _overlaps(starts, stops) + _leaks(starts, stops, allocator.end)


def _check_kept(state: VolumeState) -> list[Finding]:
    """Check that each kept address of the map has one pointer, and each pointer such an address."""
    where = "originals kept in the image"
    held = held_runs(InitialMap() if state.initial is None else state.initial.map)
    try:
        named = named_runs(layer.map.flatten() for layer in state.catalog.layers.values())
    except ValueError:
        return [_corruption("twice", "An original in the image is kept twice.", where)]
    findings = []
    if len(beyond(named, held).starts):
        findings.append(_corruption("kept", "A pointer names what the map lacks.", where))
    for start in beyond(held, named).starts.tolist():
        what = "An original in the image is kept for no copy."
        findings.append(Finding(code="leak", severity="leak", what=what, where=told(start)))
    return findings


def _overlaps(starts: Int64s, stops: Int64s) -> list[Finding]:
    reach = np.maximum.accumulate(stops)
    return [
        _corruption(
            "twice", "Bytes of the additional area are used twice.", f"byte {starts[row + 1]}"
        )
        for row in np.flatnonzero(starts[1:] < reach[:-1])[:FINDINGS_MAX].tolist()
    ]


def _leaks(starts: Int64s, stops: Int64s, end: int) -> list[Finding]:
    unreached = complement(Runs(starts, stops - starts), 0, end)
    return [
        Finding(
            code="leak",
            severity="leak",
            what=f"{length} bytes of the additional area are allocated but belong to nothing.",
            where=f"byte {start}",
        )
        for start, length in zip(unreached.starts.tolist(), unreached.lengths.tolist(), strict=True)
    ]


def _check_data(state: VolumeState, layer: Layer) -> list[Finding]:
    """Verify the checksum of every extent of which nothing was freed, but for those known as lost.

    The rest of an extent that was cut may be used for something else by now; then its checksum says
    nothing any more.
    """
    known = {(extent.address, extent.checksum) for extent in state.catalog.lost}
    damaged = list[WholeExtent]()
    for whole, _ in extents_of(layer.map.flatten()):
        if whole.is_intact(read_whole(state.device_of(whole.base), whole)):
            continue
        if whole.is_kept_by(layer.map) and (whole.base, whole.checksum) not in known:
            damaged.append(whole)
    return [_damage(extents) for extents in _side_by_side(damaged)]


def _side_by_side(damaged: list[WholeExtent]) -> list[list[WholeExtent]]:
    """Return extents, sorted by address, in runs each of which is one range of the volume."""
    runs = list[list[WholeExtent]]()
    for whole in damaged:
        last = runs[-1][-1] if runs else None
        if last is not None and whole.start == last.start + last.length:
            runs[-1].append(whole)
        else:
            runs.append([whole])
    return runs


def _damage(extents: list[WholeExtent]) -> Finding:
    """Return the one finding for damaged extents of one range of the volume."""
    first, last = extents[0], extents[-1]
    stop, fails = last.start + last.length, "fails its checksum"
    if len(extents) > 1:
        fails = f"fails its checksums, {len(extents)} in a row"
    what = f"Data kept for range [{first.start}..{stop - 1}] {fails}."
    return _corruption("checksum", what, told(first.base))
