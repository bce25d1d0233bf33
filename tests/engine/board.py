# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A volume of eight portions of one grain, filled with letters, and what can be seen of it.

A portion's content is a word such as ``A`` or ``D1``, repeated to fill 4096 bytes. Everything is
observed from outside or from the pointers alone: the addresses in the additional area are whatever
the engine chose, so a *slot* is known by its content, its kind and who refers to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.answers import PointerKind
from core.claims.acts import carry_out
from core.claims.portions import LETTERS, PORTION_BYTES, portion, word_of, words
from core.device.base import aligned_buffer
from core.engine import open_volume
from core.mapping.stack import stack
from core.session import ORIGINAL

if TYPE_CHECKING:
    from pathlib import Path

    from core.engine import Volume

PORTION = PORTION_BYTES
KINDS = {PointerKind.ORIGINAL: "o", PointerKind.NEW: "n", PointerKind.ZERO: "z"}
LETTERS_RAW = b"".join(portion(letter) for letter in LETTERS.split())


@dataclass(frozen=True)
class Slot:
    """A place in the additional area that some pointer names."""

    offset: int
    length: int
    content: bytes
    kind: str

    def __str__(self) -> str:
        return f"{word_of(self.content)}/{self.kind}"


class Board:
    """The volume of a scenario; knows how to act on it and what to look at."""

    def __init__(self, path: Path, content: str = LETTERS) -> None:
        path.write_bytes(b"".join(portion(word) for word in content.split()))
        self.path = path
        self.size = path.stat().st_size
        self.sink = Trace()
        self._copied_before = 0
        self.volume: Volume = self._open()

    def _open(self) -> Volume:
        """Open without the clock: a slow machine must not settle anything between two steps."""
        volume = open_volume(self.path, sink=self.sink)
        if volume._clock is not None:
            volume._clock.stop()
        return volume

    def act(self, act: str) -> None:
        """Do what a line of a table says."""
        carry_out(self.volume, act)

    def reopen(self) -> None:
        """Close and open again."""
        self._copied_before = self.copied_portions()
        self.volume.close()
        self.volume = self._open()

    # -- what can be seen ----------------------------------------------------------------------

    def view(self, name: str = ORIGINAL) -> str:
        """Return what a copy reads, in words."""
        return words(self.volume.read(0, self.size, name))

    def places(self) -> str:
        """Return the portion of the image in which each portion lies; a bar between extents."""
        return " | ".join(
            " ".join(str((extent.place + at) // PORTION) for at in range(0, extent.length, PORTION))
            for extent in self.volume.initial().extents
        )

    def copied_portions(self) -> int:
        """Return how many portions were copied from the initial to the additional area."""
        return self._copied_before + self.volume.stats().preserved_bytes // PORTION

    def slots(self, name: str) -> dict[int, Slot]:
        """Return the individual pointers of a copy: portion -> the slot it points to.

        Pointers that continue each other may be kept as one; they are told apart here again.
        """
        columns = self.volume.table(name).columns
        found = {}
        for start, length, offset, kind in zip(
            columns.starts.tolist(),
            columns.lengths.tolist(),
            columns.offsets.tolist(),
            columns.kinds.tolist(),
            strict=True,
        ):
            for at in range(0, length, PORTION):
                found[(start + at) // PORTION] = self._slot(offset + at, PORTION, kind)
        return found

    def range_pairs(self, name: str) -> str:
        """Return the range pairs of a copy, ends inclusive, as ``[0-2] [4-7]``."""
        columns = self.volume.table(name).columns
        pairs, at = [], 0
        edges = zip(columns.starts.tolist(), columns.lengths.tolist(), strict=True)
        for start, length in [*edges, (self.size, 0)]:
            if at < start:
                pairs.append(f"[{at // PORTION}-{(start - 1) // PORTION}]")
            at = start + length
        return " ".join(pairs)

    def area(self) -> list[Slot]:
        """Return every slot that a layer points to, whether or not a copy still reads it."""
        state, found = self.volume._state, []
        for layer in state.catalog.layers.values():
            run = stack([state.staged_run(layer.id), layer.map.flatten()])
            for length, offset, kind in zip(
                run.lengths.tolist(), run.offsets.tolist(), run.kinds.tolist(), strict=True
            ):
                found += [
                    self._slot(offset + at, PORTION, kind) for at in range(0, length, PORTION)
                ]
        return found

    def _slot(self, offset: int, length: int, kind: int) -> Slot:
        content = aligned_buffer(length)
        if kind != PointerKind.ZERO:
            state = self.volume._state
            staged = state.journal.staged_bytes_at(offset, length)
            content[:] = staged or state.device_of(offset).pread(length, offset)
        return Slot(offset, length, bytes(content), KINDS[PointerKind(kind)])


class Trace:
    """An event sink that keeps everything: (kind, flags, copy id, start, length, moved, place)."""

    def __init__(self) -> None:
        self.events: list[tuple[int, ...]] = []

    def publish(self, *event: int) -> None:
        self.events.append(event)

    def take(self) -> list[tuple[int, ...]]:
        """Return what came since the last call."""
        taken, self.events = self.events, []
        return taken
