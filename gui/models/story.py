# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""One write in words, in the order of the claims, from the engine's events and nothing else."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.events import ORIGINAL_ID, EventFlag, EventKind
from core.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from gui.models.address import AddressFormat

    Events = npt.NDArray[np.void]
    PairsBeside = Callable[[int, int, int], "list[tuple[int, int]] | None"]
    """(copy id, start, stop) -> the range pairs left on either side, or None if not known."""


NAME_MAX: Final = 20
"""Letters of a copy's name in a sentence: names may be 255 long."""


class Verb(enum.Enum):
    """What the engine does about a write, in this order."""

    RECEIVE = "Receive"
    CLASSIFY = "Classify"
    COPY = "Copy"
    POINT = "Point"
    WRITE = "Write"


@dataclass(frozen=True)
class Step:
    """One sentence of a story."""

    verb: Verb
    words: str


@dataclass(frozen=True)
class Part:
    """What one event said of one extent, in bytes."""

    start: int
    length: int
    area_offset: int
    is_zero: bool
    is_in_place: bool = False

    @property
    def is_copied(self) -> bool:
        """Whether its bytes moved I -> A."""
        return not (self.is_zero or self.is_in_place)


@dataclass(frozen=True)
class Write:
    """A write or discard, and what the engine did for it.

    Attributes:
        copy_id: Whose view was written to; 0 = the original.
        preserved: Originals copied I -> A because of it, or kept where they lay.
        redirected: Places in A that its new data went to.
        newest_copy_id: The copy whose layer keeps the originals; 0 if none was kept.
        is_rewrite: What it replaced is newer than every copy, so that none needs it.
        is_elsewhere: It was the original's, whose new data goes to the additional area.
    """

    seq: int
    time_ns: int
    copy_id: int
    start: int
    length: int
    is_trim: bool
    preserved: tuple[Part, ...]
    redirected: tuple[Part, ...]
    newest_copy_id: int
    is_rewrite: bool = False
    is_elsewhere: bool = False

    @property
    def copied_bytes(self) -> int:
        """Bytes that moved I -> A."""
        return sum(part.length for part in self.preserved if part.is_copied)


def read_write(events: Events) -> Write:
    """Return the write that the last of ``events`` ends; the others are what it brought about."""
    last = events[-1]
    kinds = events["kind"]
    kept = events[kinds == EventKind.PRESERVED]
    return Write(
        seq=int(last["seq"]),
        time_ns=int(last["time_ns"]),
        copy_id=int(last["copy_id"]),
        start=int(last["start"]),
        length=int(last["length"]),
        is_trim=int(last["kind"]) == EventKind.TRIMMED,
        preserved=_parts(kept),
        redirected=_parts(events[kinds == EventKind.REDIRECTED]),
        newest_copy_id=int(kept["copy_id"][0]) if len(kept) else ORIGINAL_ID,
        is_rewrite=bool(int(last["flags"]) & EventFlag.REWRITE),
        is_elsewhere=bool(int(last["flags"]) & EventFlag.ELSEWHERE),
    )


def _parts(events: Events) -> tuple[Part, ...]:
    return tuple(
        Part(
            int(start),
            int(length),
            int(offset),
            bool(int(flags) & EventFlag.ZERO),
            bool(int(flags) & EventFlag.IN_PLACE),
        )
        for start, length, offset, flags in zip(
            events["start"], events["length"], events["area_offset"], events["flags"], strict=True
        )
    )


_NEWER: Final = "What is there is newer than every copy."


class Teller:
    """Puts writes into words."""

    def __init__(
        self,
        form: AddressFormat,
        name_of: Callable[[int], str],
        pairs_beside: PairsBeside = lambda copy_id, start, stop: None,
        area_text: Callable[[int], str] | None = None,
    ) -> None:
        """Take what a story needs beside the events.

        Args:
            form: Writes logical addresses.
            name_of: Id of a copy -> its name.
            pairs_beside: See ``PairsBeside``.
            area_text: Writes addresses of the additional area, if not like the others.
        """
        self._form = form
        self._name_of = name_of
        self._pairs_beside = pairs_beside
        self._area_text = area_text or form.text

    def tell(self, write: Write) -> tuple[Step, ...]:
        """Return five sentences, one for each ``Verb``."""
        is_in_place = write.copy_id == ORIGINAL_ID and not write.is_elsewhere
        tell = self._tell_original if is_in_place else self._tell_clone
        sentences = (self._receive(write), *tell(write))
        return tuple(Step(verb, words) for verb, words in zip(Verb, sentences, strict=True))

    def _receive(self, write: Write) -> str:
        what = "discard" if write.is_trim else "write"
        target = "the original" if write.copy_id == ORIGINAL_ID else self._copy(write.copy_id)
        place = self._form.span_text(write.start, write.start + write.length)
        return f"A {what} of {format_bytes(write.length)} to {target}, at {place}."

    def _name(self, copy_id: int) -> str:
        name = self._name_of(copy_id)
        short = name if len(name) <= NAME_MAX else f"{name[: NAME_MAX - 1]}\u2026"
        return f"\u201c{short}\u201d"

    def _copy(self, copy_id: int) -> str:
        return f"copy {self._name(copy_id)}"

    def _tell_original(self, write: Write) -> tuple[str, str, str, str]:
        down = (
            "The range reads as zeroes." if write.is_trim else "The new data is written in place."
        )
        if not write.is_trim and any(part.is_in_place for part in write.preserved):
            down = "The new data is written to a fresh place of the image."
        if not write.preserved:
            why = _NEWER if write.is_rewrite else "No copy needs the old data."
            return (
                f"The place is in the initial area. {why}",
                "Nothing is copied.",
                "No pointer is made or changed.",
                down,
            )
        copy = self._copy(write.newest_copy_id)
        return (
            f"The place is in the initial area, and {copy} still reads the old data there.",
            self._copied(write),
            self._pointed(write),
            down,
        )

    def _copied(self, write: Write) -> str:
        if not write.copied_bytes:
            if any(part.is_in_place for part in write.preserved):
                return "The original stays where it lies in the image: nothing is copied."
            return "The original is all zeroes: no byte needs to be copied."
        place = next(part.area_offset for part in write.preserved if part.is_copied)
        size = format_bytes(write.copied_bytes)
        return (
            f"First the original {size} are copied to the additional area, "
            f"at {self._area_text(place)}."
        )

    def _pointed(self, write: Write) -> str:
        count = len(write.preserved)
        what = "a pointer to them" if count == 1 else f"{count} pointers to them"
        if all(part.is_zero for part in write.preserved):
            what = "a zero pointer" if count == 1 else f"{count} zero pointers"
        start = write.preserved[0].start
        stop = write.preserved[-1].start + write.preserved[-1].length
        pairs = self._pairs_beside(write.newest_copy_id, start, stop)
        name = self._name(write.newest_copy_id)
        return f"{name} gets {what}; {self._pairs_left(pairs)}."

    def _pairs_left(self, pairs: list[tuple[int, int]] | None) -> str:
        if pairs is None:
            return "its range pair gives way"
        spans = [f"[{self._form.span_text(*pair)}]" for pair in pairs]
        if not spans:
            return "the range pair vanishes"
        if len(spans) == 1:
            return f"its range pair shrinks to {spans[0]}"
        return f"its range pair splits into {spans[0]} and {spans[1]}"

    def _tell_clone(self, write: Write) -> tuple[str, str, str, str]:
        name = self._name(write.copy_id)
        classify = f"The place belongs to {name}, so to the additional area."
        if write.copy_id == ORIGINAL_ID:
            classify = "All new data goes to the additional area, the original's as well."
        copied = "Nothing is copied: 0 bytes leave the initial area."
        if write.is_trim or not write.redirected:
            point = f"{name} gets a zero pointer for the range."
            whose = "the original" if write.copy_id == ORIGINAL_ID else "this copy"
            return classify, copied, point, f"The range reads as zeroes in {whose} alone."
        start, stop = write.start, write.start + write.length
        pairs = self._pairs_beside(write.copy_id, start, stop)
        point = f"{name} points to the new data"
        if pairs:
            spans = " and ".join(f"[{self._form.span_text(*pair)}]" for pair in pairs)
            where = "beside range pair" if len(pairs) == 1 else "between range pairs"
            point += f", {where} {spans}"
        place = self._area_text(write.redirected[0].area_offset)
        return (
            classify,
            copied,
            f"{point}.",
            f"The new data goes to the additional area, at {place}.",
        )
