# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What an open volume consists of, and the two questions every operation asks it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from core.answers import Stats
from core.area.freeruns import Runs, complement, merge
from core.errors import DeviceFailedError, InvalidRangeError, NoSuchCopyError, ReadOnlyError
from core.events import ORIGINAL_ID, EventKind
from core.format.layout import BLOCK_BYTES
from core.journal.failures import write_failure
from core.mapping.pointerrun import EMPTY, PointerRun
from core.session import ORIGINAL
from core.units import SECTOR_BYTES
from core.volume import handdown
from core.volume.catalog import Catalog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.answers import Int64s
    from core.area.additional import AdditionalArea
    from core.area.initial import InitialArea
    from core.device.base import Device, Source
    from core.events import EventSink
    from core.extent import Extent
    from core.format.catalog import CopyRecord
    from core.format.group import Group, RecordArray
    from core.journal.writer import Journal
    from core.mapping.grainset import GrainSet
    from core.volume.needs import LayerTree
    from core.volume.restore import Restore


class VolumeState:
    """An open volume.

    Attributes:
        image: The initial area.
        initial: The same, if the image lies otherwise than the volume; else None.
        size_bytes, grain_bytes: Of the volume; a grain is the unit in which originals are kept.
        area, journal: The additional area and its writer; None until the first copy is taken.
        portion_count: Of how many portions the volume consists; 0 if it is a volume of bytes.
        preserved: Grains whose originals the active layer holds; None without copies.
        changed_outside: In what the image is not as it was left, or an empty string.
        changed_ranges: The places looked at in which it is not; none if only its time differs.
        read_only: Why nothing may be written, or an empty string.
        is_closed: Whether the devices are, or are about to be.
        lane_writes: Whole grains written by the shortest way, not yet in ``stats``.
        grains_preserved: Originals preserved one whole grain at a time, not yet in ``stats``.
        hole_filler: Lets a full disk refuse a write into a hole before it is accepted; None if the
            image's device cannot.
        fill_holes: The same while the image may have holes, else None.
        background: Whether the journal may use a thread of its own.
        structure: Rises when copies or layers change; caches of views compare it.
        chain_edition: Rises when sealed layers of the chain change or go, not when one is added.
        layer_tree: Such a cache, of ``core.volume.needs``.
        restore: What the original is being made equal to, or None.
    """

    def __init__(self, image: Device, size_bytes: int, grain_bytes: int, *, thin: bool) -> None:
        """Make the state of a volume without an additional area."""
        self.image = image
        self.size_bytes = size_bytes
        self.grain_bytes = grain_bytes
        self.grain_shift = grain_bytes.bit_length() - 1
        self.thin = thin
        self.portion_count = 0
        self.catalog = Catalog(size_bytes)
        self.initial: InitialArea | None = None
        self.area: AdditionalArea | None = None
        self.journal: Journal | None = None
        self.preserved: GrainSet | None = None
        self.stats = Stats()
        self.sink: EventSink | None = None
        self.lane_writes = 0
        self.grains_preserved = 0
        self.read_only = ""
        self.is_closed = False
        self.changed_outside = ""
        self.changed_ranges: tuple[Extent, ...] = ()
        self.hole_filler: Callable[[int, int], None] | None = None
        self.fill_holes: Callable[[int, int], None] | None = None
        self.background = False
        self.structure = 0
        self.chain_edition = 0
        self.restore: Restore | None = None
        self.staged_new: dict[tuple[int, int], tuple[int, int]] = {}
        self.staged_sectors: dict[int, GrainSet] = {}
        self.layer_tree: tuple[int, LayerTree | None] = (-1, None)
        self._staged_runs: dict[int, tuple[int, int, PointerRun]] = {}
        self._is_failure_told = False

    @property
    def image_file(self) -> Device:
        """The image itself, however its bytes lie."""
        return self.image if self.initial is None else self.initial.image

    def device_of(self, address: int) -> Source:
        """Return what has the bytes at an address that a pointer names."""
        if address < 0 and self.initial is not None:
            return self.initial.kept
        assert self.area is not None
        return self.area.device

    def release(self, starts: Int64s, lengths: Int64s, *, is_replay: bool = False) -> None:
        """Let go of what pointers named, by address, in whichever area it lies.

        In the additional area it is free after ``commit_releases``; of the initial one at once, for
        what let go of an original that is kept there is durable.
        """
        assert self.area is not None
        is_kept = starts < 0
        if is_kept.any() and self.initial is not None:
            runs = merge(Runs(starts[is_kept], lengths[is_kept]))
            pairs = zip(runs.starts.tolist(), runs.lengths.tolist(), strict=True)
            self.initial.forget_kept(pairs, is_replay=is_replay)
            starts, lengths = starts[~is_kept], lengths[~is_kept]
        self.area.allocator.release_many(starts, lengths)

    def look_through(self, initial: InitialArea) -> None:
        """Take an image that lies otherwise than the volume for the initial area."""
        self.image = self.initial = initial
        self.hole_filler = self.fill_holes = initial.reserve

    # -- questions ---------------------------------------------------------------------------

    def copy_named(self, name: str) -> CopyRecord | None:
        """Return the copy of this name; for the original its head, None if it has none.

        Raises:
            NoSuchCopyError: There is none, or it is deleted.
        """
        if name == ORIGINAL:
            return self.catalog.head
        copy = self.catalog.find(name)
        if copy is None:
            raise NoSuchCopyError.named(name)
        if copy.deleted:
            raise NoSuchCopyError(f"The copy {name!r} is deleted; undelete it first.")
        return copy

    def check_range(self, offset: int, length: int, copy: CopyRecord | None = None) -> None:
        """See to it that a range lies on sectors and within a view, None the original's.

        Raises:
            InvalidRangeError: It does not.
        """
        size_bytes = self.catalog.size_of(copy)
        if offset < 0 or length < 0 or offset + length > size_bytes:
            raise InvalidRangeError.outside(offset, length, size_bytes)
        if (offset | length) % SECTOR_BYTES:
            raise InvalidRangeError(
                f"Offset {offset} and length {length} must be multiples of the sector, "
                f"{SECTOR_BYTES} bytes; round them."
            )

    def find_room(self, first: int, stop: int) -> None:
        """See to it that new data of grains ``[first, stop)`` may wait before it is put in place.

        Raises:
            AreaFullError: The image has a hole there and its disk is full.
        """
        if self.fill_holes is not None:
            start = first << self.grain_shift
            length = min(stop << self.grain_shift, self.size_bytes) - start
            self.fill_holes(start, length)

    def check_writable(self) -> None:
        """See to it that the volume takes writes.

        Raises:
            ReadOnlyError: It does not, and why.
            DeviceFailedError: A device failed before.
        """
        if self.read_only:
            raise ReadOnlyError(self.read_only)
        if self.journal is not None and self.journal.failed is not None:
            raise self.journal.failed

    def count_preserved(self, length: int, *, is_zero: bool) -> None:
        """Note that one more range of the initial area was kept, as zeroes or in data."""
        self.stats.preserved_portions += 1
        if is_zero:
            self.stats.zero_bytes += length
        else:
            self.stats.preserved_bytes += length

    # -- failures ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Let a write or sync that fails in the block be the last one of the volume."""
        try:
            yield
        except OSError as error:
            raise self.fail(error) from error

    def fail(self, error: OSError) -> DeviceFailedError:
        """Take no more writes: a failed write or sync is never tried again. Return what to say."""
        if self.journal is not None:
            return self.journal.fail(error)
        failure = write_failure(error)
        self.read_only = failure.message
        return failure

    def break_off(self) -> None:
        """Take no more writes: an act was interrupted, and nobody knows how far it came."""
        failure = DeviceFailedError(
            "An act on the volume was interrupted half done, so it takes no more writes; open it "
            "again, what was flushed is safe."
        )
        self.read_only = self.read_only or failure.message
        if self.journal is not None:
            self.journal.give_up(failure)

    def tell_failure(self) -> None:
        """Publish once that the volume takes no more writes, if that is so."""
        journal = self.journal
        if journal is not None and journal.failed is not None and not self._is_failure_told:
            self._is_failure_told = True
            self.publish(EventKind.READ_ONLY)

    # -- pointers that are staged ---------------------------------------------------------------

    def staged_layers(self) -> list[int]:
        """Return the ids of the layers that have pointers in the open group."""
        journal = self.journal
        if journal is None or not journal.opened.count:
            return []
        return sorted(set(journal.opened.records()["layer"].tolist()))

    def staged_run(self, layer_id: int) -> PointerRun:
        """Return the pointers of a layer that lie in the open group, not yet in the layer's map."""
        journal = self.journal
        if journal is None or not journal.opened.count:
            return EMPTY
        key = (journal.log.seq, journal.opened.count)
        known = self._staged_runs.get(layer_id)
        if known is None or known[:2] != key:
            records = journal.opened.records()
            known = (*key, run_of(records[records["layer"] == layer_id]))
            self._staged_runs[layer_id] = known
        return known[2]

    def note_group(self, group: Group) -> None:
        """Move the pointers of a sealed group from the open group to their layers.

        Space that they make free stays reserved until no group is on its way any more.
        """
        self.staged_new.clear()
        self.staged_sectors.clear()
        self._staged_runs.clear()
        records = group.records
        for layer_id in sorted(set(records["layer"].tolist())):
            run = run_of(records[records["layer"] == layer_id])
            self._append(layer_id, run)
        if self.area is not None:
            self._release_padding(self.area, group, records)

    def _release_padding(self, area: AdditionalArea, group: Group, records: RecordArray) -> None:
        """Give back what rounding to whole blocks left between the data of a group."""
        has_bytes = records["offset"] != 0
        starts = records["offset"][has_bytes].astype(np.int64)
        lengths = records["length"][has_bytes].astype(np.int64)
        if int(lengths.sum()) == group.payload_bytes:
            return
        base = group.offset + BLOCK_BYTES
        padding = complement(Runs(starts, lengths), base, base + group.payload_bytes)
        area.allocator.release_many(padding.starts, padding.lengths)

    def _append(self, layer_id: int, run: PointerRun) -> None:
        layer = self.catalog.layers[layer_id]
        if layer.private:
            hidden = handdown.displaced(layer.map, run.starts, run.stops)
            for piece in hidden:
                layer.note_cuts(piece)
            if hidden and self.area is not None:
                self.area.allocator.release_many(*handdown.extents_of(hidden))
        layer.map.append(run)

    # -- events ------------------------------------------------------------------------------

    def publish(  # noqa: PLR0913 (the fields of an event)
        self,
        kind: EventKind,
        *,
        flags: int = 0,
        copy_id: int = ORIGINAL_ID,
        start: int = 0,
        length: int = 0,
        moved: int = 0,
        area_offset: int = 0,
    ) -> None:
        """Tell who watches, if anyone does."""
        if self.sink is not None:
            self.sink.publish(kind, flags, copy_id, start, length, moved, area_offset)


def run_of(records: RecordArray) -> PointerRun:
    """Return the pointers of records of one layer."""
    if not len(records):
        return EMPTY
    return PointerRun.from_columns(
        records["start"],
        records["length"],
        records["offset"],
        records["kind"],
        records["checksum"],
    )
