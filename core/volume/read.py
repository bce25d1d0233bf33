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
from core.volume.verified import DamagedExtentError, VerifiedExtents, WholeExtent

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.format.catalog import CopyRecord
    from core.volume.state import VolumeState

_ZERO: Final = int(PointerKind.ZERO)
Ranges = list[tuple[int, int]]


def read_original(state: VolumeState, offset: int, length: int) -> bytes:
    """Return bytes of the original: the initial area, and what still waits on top of it."""
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
        self._sealed: dict[int, tuple[int, PointerRun]] = {}
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
        for start, stop in ranges:
            # Not from the image alone: where recovery must not write, what a copy reads there may
            # still wait in memory.
            target[start - offset : stop - offset] = read_original(self._state, start, stop - start)
        return bytes(whole)

    def flatten(self, copy: CopyRecord) -> PointerRun:
        """Return the whole resolved pointer table of a copy."""
        state = self._state
        runs: list[PointerRun] = []
        for layer in state.catalog.private_stack(copy):
            runs += [state.staged_run(layer.id), layer.map.flatten()]
        active = state.catalog.active
        assert active is not None
        if copy.base != active.id:
            runs.append(self._sealed_run(copy))
        return stack([*runs, state.staged_run(active.id), active.map.flatten()])

    def _sources(self, copy: CopyRecord) -> list[Callable[[int, int], PointerRun]]:
        """Return what to ask for pointers, topmost first; gaps of all are the initial area's."""
        state = self._state
        sources: list[Callable[[int, int], PointerRun]] = []
        for layer in state.catalog.private_stack(copy):
            sources += [state.staged_run(layer.id).clip, layer.map.clip]
        active = state.catalog.active
        assert active is not None
        if copy.base != active.id:
            sources.append(self._sealed_run(copy).clip)
        return [*sources, state.staged_run(active.id).clip, active.map.clip]

    def _sealed_run(self, copy: CopyRecord) -> PointerRun:
        """Return the layers of the chain from the copy's base to before the active one, as one."""
        state = self._state
        structure, run = self._sealed.get(copy.base, (-1, EMPTY))
        if structure != state.structure:
            run = stack([layer.map.flatten() for layer in state.catalog.chain_stack(copy)[:-1]])
            if len(self._sealed) >= self.VIEWS_MAX:
                del self._sealed[next(iter(self._sealed))]
            self._sealed[copy.base] = (state.structure, run)
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
