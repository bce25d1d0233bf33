# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Read everything that the additional area keeps, and compare it with its checksums.

It goes on while the volume is written to, a batch at a time. Runs of pointers never change, so the
walk follows those that were there when it began, in the order of their addresses. What it meets may
have been freed and used again meanwhile: an extent that does not match is a doubt only, and is
settled under the volume's lock, against the pointers that are there then. Damage belongs to
extents; which copies it belongs to is looked up at the end, once for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from core.answers import PointerKind
from core.device.base import read_available
from core.mapping.intersect import intersect
from core.mapping.pointerrun import EMPTY
from core.mapping.stack import stack
from core.volume.read import Views
from core.volume.restoring import extents_of as ranges_of
from core.volume.verified import WholeExtent, wholes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.device.base import Source
    from core.mapping.pointerrun import PointerRun
    from core.volume.state import VolumeState

BATCH_BYTES: Final = 8 << 20
"""Some milliseconds from the page cache, less than a tenth of a second from a disk."""
_ROWS_AT_ONCE: Final = 4096


class Scrub:
    """One walk over all extents.

    Attributes:
        copy_ids: The copies there were when it began; 0 for the original, if it has pointers.
        done_bytes, total_bytes: Of data that is pointed to.
        damaged: Extents that are not what was written.
        unverified_bytes: Pieces of extents of which the rest is gone.
    """

    def __init__(self, state: VolumeState) -> None:
        """Begin; under the volume's lock, with nothing staged."""
        self.copy_ids = list(state.catalog.views)
        maps = [layer.map.twin() for layer in state.catalog.layers.values()]
        self.total_bytes = sum(int(_with_data(each.flatten()).lengths.sum()) for each in maps)
        self.done_bytes = 0
        self.damaged: list[WholeExtent] = []
        self.unverified_bytes = 0
        self._doubts: list[WholeExtent] = []
        self._device_of = state.device_of
        self._walk = (pair for each in maps for pair in extents_of(each.flatten()))

    def step(self) -> bool:
        """Read one batch; needs no lock. Return whether that was the last one."""
        batch_bytes = 0
        for whole, length in self._walk:
            if not whole.is_intact(read_whole(self._device_of(whole.base), whole)):
                self._doubts.append(whole)
            self.done_bytes += length
            batch_bytes += whole.length
            if batch_bytes >= BATCH_BYTES:
                return False
        return True

    def settle(self, state: VolumeState) -> None:
        """Find out which of the batch's doubts are damage; under the volume's lock."""
        for whole in self._doubts:
            if is_damaged(state, whole):
                self.damaged.append(whole)
            else:
                self.unverified_bytes += pointed_bytes(state, whole)
        self._doubts.clear()


def _with_data(run: PointerRun) -> PointerRun:
    return run.take(np.flatnonzero(run.kinds != PointerKind.ZERO))


def extents_of(run: PointerRun) -> Iterator[tuple[WholeExtent, int]]:
    """Yield each extent that a run points to, by address, and how many bytes it points to there."""
    kept = _with_data(run)
    if not len(kept):
        return
    bases = kept.offsets - kept.heads
    order = np.lexsort((kept.checksums, bases))
    kept, bases = kept.take(order), bases[order]
    is_first = (bases[1:] != bases[:-1]) | (kept.checksums[1:] != kept.checksums[:-1])
    firsts = np.concatenate(([0], np.flatnonzero(is_first) + 1))
    lengths = np.add.reduceat(kept.lengths, firsts)
    for at in range(0, len(firsts), _ROWS_AT_ONCE):
        rows = firsts[at : at + _ROWS_AT_ONCE]
        some = lengths[at : at + _ROWS_AT_ONCE].tolist()
        yield from zip(wholes_of(kept.take(rows)), some, strict=True)


def read_whole(device: Source, whole: WholeExtent) -> bytes:
    """Return what lies where an extent should; nothing where the disk cannot read it."""
    try:
        return read_available(device, whole.length, whole.base)
    except OSError:
        return b""


def is_damaged(state: VolumeState, whole: WholeExtent) -> bool:
    """Return whether an extent, every byte of which is pointed to, is not what was written."""
    journal = state.journal
    assert journal is not None
    if not any(whole.is_kept_by(layer.map) for layer in state.catalog.layers.values()):
        return False
    if journal.staged_bytes_at(whole.base, whole.length) is not None:
        return False  # the same bytes once more, on their way to the same place
    return not whole.is_intact(read_whole(state.device_of(whole.base), whole))


def pointed_bytes(state: VolumeState, whole: WholeExtent) -> int:
    """Return how many bytes of an extent are pointed to."""
    total = 0
    for layer in state.catalog.layers.values():
        run = layer.map.clip(whole.start, whole.start + whole.length)
        mine = (run.offsets - run.heads == whole.base) & (run.checksums == whole.checksum)
        total += int(run.lengths[mine].sum())
    return total


def _moving(moment: VolumeState, views: Views) -> tuple[int, PointerRun]:
    """Return the pointers to what is still to be moved, and the layer after which views read it."""
    restoring = moment.catalog.restoring
    if restoring is None:
        return 0, EMPTY
    left = restoring.left if moment.restore is None else moment.restore.left
    layer_id = restoring.layer or moment.catalog.copies[restoring.safety_id].base
    return layer_id, intersect(views.flatten(restoring.view), *ranges_of(left))


def damage_of(
    moment: VolumeState, copy_ids: Iterable[int], damaged: list[WholeExtent]
) -> dict[int, list[tuple[int, int]]]:
    """Return for each copy that is still there the ranges of its view that lie in ``damaged``."""
    copies = moment.catalog.views
    found: dict[int, list[tuple[int, int]]] = {
        copy_id: [] for copy_id in copy_ids if copy_id in copies
    }
    if not damaged:
        return found
    bad = {(whole.base, whole.checksum) for whole in damaged}
    bases = np.array(sorted({base for base, _ in bad}), np.int64)
    views = Views(moment)
    layer_id, moving = _moving(moment, views)
    for copy_id, ranges in found.items():
        copy = copies[copy_id]
        own = views.flatten(copy)
        run = _with_data(stack([own, moving]) if copy.base > layer_id else own)
        hits = run.take(np.flatnonzero(np.isin(run.offsets - run.heads, bases)))
        for whole, start, length in zip(
            wholes_of(hits), hits.starts.tolist(), hits.lengths.tolist(), strict=True
        ):
            if (whole.base, whole.checksum) in bad:
                ranges.append((start, length))
    return found
