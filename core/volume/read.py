# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Read the original, or a copy through its layers."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from core.device.base import read_exactly, read_into
from core.mapping.rows import NO_ROWS, resolve_rows
from core.mapping.stack import stack
from core.units import MIB
from core.volume.frozen import FrozenRuns
from core.volume.keptbytes import KeptBytes
from core.volume.sealed import SealedLayers
from core.volume.stagedrows import StagedRows
from core.volume.verified import DamagedExtentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from core.format.catalog import CopyRecord
    from core.mapping.layermap import LayerMap
    from core.mapping.pointerrun import PointerRun
    from core.mapping.rows import Finder, Row, Rows
    from core.volume.layer import Layer
    from core.volume.restore import Restore
    from core.volume.state import VolumeState

    Ranges = list[tuple[int, int]]

SCRATCH_BYTES_MAX: Final = MIB


def read_original(state: VolumeState, offset: int, length: int) -> bytes:
    """Return bytes of the original: as the initial area has them, or as they are restored to be.

    Of one without a head; what has a head is read like a copy (``core.volume.heads``).
    """
    if state.restore is None or not state.restore.touches(offset, length):
        return read_initial(state, offset, length)
    whole = bytearray(length)
    fill_original(state, offset, memoryview(whole))
    return bytes(whole)


def read_initial(state: VolumeState, offset: int, length: int) -> bytes:
    """Return bytes of the initial area, and what still waits on top of it."""
    whole = read_exactly(state.image, length, offset)
    if not has_waiting(state, offset, length):
        return whole
    assert state.journal is not None
    patched = bytearray(whole)
    for overlay in state.journal.overlays:
        overlay.patch(offset, memoryview(patched))
    return bytes(patched)


def has_waiting(state: VolumeState, offset: int, length: int) -> bool:
    """Return whether new data of a range waits in memory, so that the image has not all of it."""
    journal = state.journal
    if journal is None:
        return False
    overlay, flights = journal.overlay, journal.flights
    if not overlay.slots and not flights.carry_any:
        return False
    shift = state.grain_shift
    first, stop = offset >> shift, (offset + length - 1 >> shift) + 1
    return overlay.holds_any(first, stop) or flights.hold_any(first, stop)


def fill_original(state: VolumeState, offset: int, target: memoryview) -> None:
    """Fill ``target`` with what ``read_original`` returns."""
    fill_initial(state, offset, target)
    if state.restore is not None and state.restore.touches(offset, len(target)):
        state.restore.patch(offset, target)


def fill_initial(state: VolumeState, offset: int, target: memoryview) -> None:
    """Fill ``target`` with what ``read_initial`` returns."""
    if state.image.preadv([target], offset) != len(target):
        read_into(state.image, target, offset)
    if has_waiting(state, offset, len(target)):
        assert state.journal is not None
        for overlay in state.journal.overlays:
            overlay.patch(offset, target)


class _Growing:
    """A layer in which a view looks for pointers, and which may get more of them."""

    def __init__(self, state: VolumeState, staged: StagedRows, layer: Layer) -> None:
        """Look in ``layer``, and before that among what is staged for it."""
        self._state = state
        self._find_staged = partial(staged.find, layer.id)
        self._layer = layer

    def finders(self) -> Sequence[Finder]:
        """Return what to ask now, newest first."""
        journal = self._state.journal
        finders = [rows.find for rows in self._layer.map.rows]
        if journal is None or not journal.opened.count:
            return finders
        return [self._find_staged, *finders]


class _Still:
    """What lies between them, which holds as long as the plan."""

    def __init__(self, runs: Sequence[Rows]) -> None:
        """Look in ``runs``, topmost first."""
        self._finders = [rows.find for rows in runs]

    def finders(self) -> Sequence[Finder]:
        """Return what to ask."""
        return self._finders


class _Plan(NamedTuple):
    """Where a view looks for pointers, topmost first.

    It holds as long as copies and layers do not change, and no restore begins or ends.
    """

    structure: int
    restore: Restore | None
    sources: list[_Growing | _Still]


class Views:
    """Reader of copies; keeps the sealed layers of each view it was asked for as one flat run."""

    VIEWS_MAX: Final = 16

    def __init__(self, state: VolumeState) -> None:
        """Read from ``state``."""
        self._state = state
        self._plans: dict[int, _Plan] = {}
        self.sealed = SealedLayers(state)
        self._frozen = FrozenRuns(state)
        self._staged = StagedRows(state)
        self._kept = KeptBytes(state)
        self._scratch = memoryview(bytearray())

    def read(self, copy: CopyRecord, offset: int, length: int) -> bytes:
        """Return ``length`` bytes of a copy's view at ``offset``; errors as of ``read_into``."""
        rows, gaps = self._resolve(copy, offset, offset + length)
        try:
            if not gaps and len(rows) == 1:
                return self._kept.read(rows[0])
            if not rows and len(gaps) == 1:
                is_restored = self._reads_what_is_restored(copy)
                return (read_original if is_restored else read_initial)(self._state, offset, length)
            # Two buffers made for each read would be faulted in page by page, each time.
            whole = self._scratch if length <= SCRATCH_BYTES_MAX else memoryview(bytearray(length))
            if len(whole) < length:
                whole = self._scratch = memoryview(bytearray(length))
            self._fill(copy, rows, gaps, whole[:length], offset)
            return bytes(whole[:length])
        except DamagedExtentError as error:
            raise error.of_copy(copy.name) from None

    def read_into(self, copy: CopyRecord, offset: int, target: memoryview) -> None:
        """Fill ``target``, bytes of any content, with a copy's view at ``offset``.

        Raises:
            DamagedExtentError: Some of them are not what was kept; it names copy and range, and
                the target has none of them.
        """
        rows, gaps = self._resolve(copy, offset, offset + len(target))
        try:
            self._fill(copy, rows, gaps, target, offset)
        except DamagedExtentError as error:
            target[:] = bytes(len(target))
            raise error.of_copy(copy.name) from None

    def _fill(
        self,
        copy: CopyRecord,
        rows: Sequence[Row],
        gaps: Ranges,
        target: memoryview,
        base: int,
    ) -> None:
        self._kept.fill(rows, target, base)
        if not gaps:
            return
        fill = fill_original if self._reads_what_is_restored(copy) else fill_initial
        for start, stop in gaps:
            # Not from the image alone: where recovery must not write, what a copy reads there may
            # still wait in memory.
            fill(self._state, start, target[start - base : stop - base])

    def _reads_what_is_restored(self, copy: CopyRecord) -> bool:
        """Return whether a view was begun after the restore under way, which it sees as done."""
        restore = self._state.restore
        return restore is not None and restore.is_newer(copy)

    def _resolve(self, copy: CopyRecord, start: int, stop: int) -> tuple[Sequence[Row], Ranges]:
        """Return the pointers of a view in ``[start, stop)``, and what the initial area has."""
        state, plan = self._state, self._plans.get(copy.id)
        if plan is None or plan.structure != state.structure or plan.restore is not state.restore:
            plan = self._planned(copy)
        length = stop - start
        if not length:
            return NO_ROWS, []
        for source in plan.sources:
            for find in source.finders():
                found = find(start, stop)
                if found:
                    if found[0][1] == length:
                        return found, []
                    return resolve_rows(
                        chain.from_iterable(source.finders() for source in plan.sources),
                        start,
                        stop,
                    )
        return NO_ROWS, [(start, stop)]

    def _planned(self, copy: CopyRecord) -> _Plan:
        """Find out where a view looks for pointers."""
        plan = _Plan(self._state.structure, self._state.restore, [])
        for frozen, layer in self._private(copy):
            plan.sources.append(_Growing(self._state, self._staged, layer))
            if len(frozen):
                plan.sources.append(_Still([frozen.rows]))
        for sealed, layer in self._chain(copy):
            if sealed.runs:
                plan.sources.append(_Still(sealed.rows))
            plan.sources.append(_Growing(self._state, self._staged, layer))
        self._plans.pop(copy.id, None)
        if len(self._plans) >= self.VIEWS_MAX:
            del self._plans[next(iter(self._plans))]
        self._plans[copy.id] = plan
        return plan

    def flatten(self, copy: CopyRecord) -> PointerRun:
        """Return the whole resolved pointer table of a copy."""
        state = self._state
        runs: list[PointerRun] = []
        for frozen, layer in self._private(copy):
            runs += [state.staged_run(layer.id), layer.map.flatten(), frozen]
        for sealed, layer in self._chain(copy):
            runs += [sealed.flatten(), state.staged_run(layer.id), layer.map.flatten()]
        return stack(runs).clip(0, state.catalog.size_of(copy))

    def _private(self, copy: CopyRecord) -> Iterator[tuple[PointerRun, Layer]]:
        """Yield the copy's topmost private layer, if any, with those that it lies on as one run."""
        if copy.top is not None:
            top = self._state.catalog.layers[copy.top]
            yield self._frozen.run_of(top.parent), top

    def _chain(self, copy: CopyRecord) -> Iterator[tuple[LayerMap, Layer]]:
        """Yield the layers of the chain that still grow, each with those before it as one.

        That is the active one, and while something is restored the safety snapshot's.
        """
        catalog, restore = self._state.catalog, self._state.restore
        assert catalog.active is not None
        at = copy.base
        if restore is not None and at <= restore.layer_id < catalog.active.id:
            kept = catalog.layers[restore.layer_id]
            yield self.sealed.between(at, kept.id), kept
            at = catalog.chain[catalog.chain.index(kept.id) + 1]
        yield self.sealed.between(at, catalog.active.id), catalog.active
