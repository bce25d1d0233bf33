# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Read the original, or a copy through its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import xxhash

from core.answers import PointerKind
from core.device.base import read_exactly, read_into
from core.mapping.pointerrun import EMPTY, PointerRun
from core.mapping.stack import stack
from core.volume.frozen import FrozenRuns
from core.volume.verified import DamagedExtentError, VerifiedExtents, WholeExtent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.format.catalog import CopyRecord
    from core.volume.catalog import Layer
    from core.volume.state import VolumeState

_ZERO: Final = int(PointerKind.ZERO)
Ranges = list[tuple[int, int]]


def read_original(state: VolumeState, offset: int, length: int) -> bytes:
    """Return bytes of the original: as the initial area has them, or as they are restored to be.

    Of one without a head; what has a head is read like a copy (``core.volume.heads``).
    """
    whole = read_initial(state, offset, length)
    if state.restore is None or not state.restore.touches(offset, length):
        return whole
    patched = bytearray(whole)
    state.restore.patch(offset, memoryview(patched))
    return bytes(patched)


def read_initial(state: VolumeState, offset: int, length: int) -> bytes:
    """Return bytes of the initial area, and what still waits on top of it."""
    whole = read_exactly(state.image, length, offset)
    waiting = [] if state.journal is None else state.journal.overlays
    if not any(overlay.used_bytes for overlay in waiting):
        return whole
    patched = bytearray(whole)
    for overlay in waiting:
        overlay.patch(offset, memoryview(patched))
    return bytes(patched)


class Views:
    """Reader of copies; keeps the sealed layers of each view it was asked for as one flat run."""

    VIEWS_MAX: Final = 16

    def __init__(self, state: VolumeState) -> None:
        """Read from ``state``."""
        self._state = state
        self._sealed: dict[tuple[int, int], tuple[int, PointerRun]] = {}
        self._frozen = FrozenRuns(state)
        self._verified = VerifiedExtents()

    def read(self, copy: CopyRecord, offset: int, length: int) -> bytes:
        """Return ``length`` bytes of a copy's view at ``offset``.

        Raises:
            DamagedExtentError: Some of them are not what was kept; it names copy and range.
        """
        try:
            return self._read(copy, offset, length)
        except DamagedExtentError as error:
            raise DamagedExtentError(error.start, error.length, error.address, copy.name) from None

    def _read(self, copy: CopyRecord, offset: int, length: int) -> bytes:
        whole = bytearray(length)
        target = memoryview(whole)
        ranges: Ranges = [(offset, offset + length)]
        for clip in self._sources(copy):
            ranges = self._fill_from(clip, ranges, target, offset)
            if not ranges:
                break
        restore = self._state.restore
        is_newer = restore is not None and restore.is_newer(copy)
        read = read_original if is_newer else read_initial
        for start, stop in ranges:
            # Not from the image alone: where recovery must not write, what a copy reads there may
            # still wait in memory.
            target[start - offset : stop - offset] = read(self._state, start, stop - start)
        return bytes(whole)

    def flatten(self, copy: CopyRecord) -> PointerRun:
        """Return the whole resolved pointer table of a copy."""
        state = self._state
        runs: list[PointerRun] = []
        for frozen, layer in self._private(copy):
            runs += [state.staged_run(layer.id), layer.map.flatten(), frozen]
        for sealed, layer in self._chain(copy):
            runs += [sealed, state.staged_run(layer.id), layer.map.flatten()]
        return stack(runs)

    def _sources(self, copy: CopyRecord) -> list[Callable[[int, int], PointerRun]]:
        """Return what to ask for pointers, topmost first; gaps of all are the initial area's."""
        state = self._state
        sources: list[Callable[[int, int], PointerRun]] = []
        for frozen, layer in self._private(copy):
            sources += [state.staged_run(layer.id).clip, layer.map.clip]
            if len(frozen):
                sources.append(frozen.clip)
        for sealed, layer in self._chain(copy):
            if len(sealed):
                sources.append(sealed.clip)
            sources += [state.staged_run(layer.id).clip, layer.map.clip]
        return sources

    def _private(self, copy: CopyRecord) -> Iterator[tuple[PointerRun, Layer]]:
        """Yield the copy's topmost private layer, if any, with those that it lies on as one run."""
        if copy.top is not None:
            top = self._state.catalog.layers[copy.top]
            yield self._frozen.run_of(top.parent), top

    def _chain(self, copy: CopyRecord) -> Iterator[tuple[PointerRun, Layer]]:
        """Yield the layers of the chain that still grow, each with those before it as one run.

        That is the active one, and while something is restored the safety snapshot's.
        """
        catalog, restore = self._state.catalog, self._state.restore
        assert catalog.active is not None
        at = copy.base
        if restore is not None and at <= restore.layer_id < catalog.active.id:
            kept = catalog.layers[restore.layer_id]
            yield self._sealed_run(at, kept.id), kept
            at = catalog.chain[catalog.chain.index(kept.id) + 1]
        yield self._sealed_run(at, catalog.active.id), catalog.active

    def _sealed_run(self, base: int, stop: int) -> PointerRun:
        """Return the layers of the chain from ``base`` to before ``stop``, by their ids, as one."""
        if base == stop:
            return EMPTY
        state = self._state
        structure, run = self._sealed.get((base, stop), (-1, EMPTY))
        if structure != state.structure:
            chain = state.catalog.chain
            ids = chain[chain.index(base) : chain.index(stop)]
            run = stack([state.catalog.layers[layer_id].map.flatten() for layer_id in ids])
            if len(self._sealed) >= self.VIEWS_MAX:
                del self._sealed[next(iter(self._sealed))]
            self._sealed[base, stop] = (state.structure, run)
        return run

    def _fill_from(
        self, clip: Callable[[int, int], PointerRun], ranges: Ranges, target: memoryview, base: int
    ) -> Ranges:
        """Fill what one source has of ``ranges``; return what it has not."""
        remaining: Ranges = []
        for start, stop in ranges:
            run = clip(start, stop)
            if not len(run):
                remaining.append((start, stop))
                continue
            self._fill(run, target, base)
            starts, stops = run.gaps(start, stop)
            remaining += zip(starts.tolist(), stops.tolist(), strict=True)
        return remaining

    def _fill(self, run: PointerRun, target: memoryview, base: int) -> None:
        """Fill in what ``run`` points to; no byte goes out that its checksum belies.

        Raises:
            DamagedExtentError: One does.
        """
        assert self._state.area is not None
        device = self._state.area.device
        rows = zip(
            run.starts.tolist(),
            run.lengths.tolist(),
            run.offsets.tolist(),
            run.kinds.tolist(),
            run.checksums.tolist(),
            run.wholes.tolist(),
            run.heads.tolist(),
            strict=True,
        )
        for start, length, offset, kind, checksum, whole, head in rows:
            if kind == _ZERO:
                continue
            piece = target[start - base : start - base + length]
            if self._is_staged(piece, offset):
                continue
            if length != whole:
                extent = WholeExtent(offset - head, whole, checksum, start - head)
                self._read_part(piece, start, head, extent)
                continue
            read_into(device, piece, offset)
            if xxhash.xxh3_64_intdigest(piece) != checksum:
                raise DamagedExtentError(start, length, offset)

    def _is_staged(self, target: memoryview, offset: int) -> bool:
        """Fill ``target`` from memory if that is where the address is; there nothing goes bad."""
        journal = self._state.journal
        assert journal is not None
        staged = journal.staged_bytes_at(offset, len(target))
        if staged is None:
            return False
        target[:] = staged
        return True

    def _read_part(self, target: memoryview, start: int, head: int, whole: WholeExtent) -> None:
        state = self._state
        assert state.area is not None
        if self._verified.read_part(state.area.device, target, head, whole) is not None:
            return
        if any(whole.is_kept_by(layer.map) for layer in state.catalog.layers.values()):
            raise DamagedExtentError(start, len(target), whole.base)
        self._verified.note_unknown(whole)
        read_into(state.area.device, target, whole.base + head)
