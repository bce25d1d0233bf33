# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Work that goes on batch by batch: what it would do, each batch, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from core.units import format_bytes
from gui.models.ranges import overlap_bytes

if TYPE_CHECKING:
    from core.session import VolumeSession


class Batch(NamedTuple):
    """What one batch did, and what is left, in bytes; nothing left: it is done."""

    done_bytes: int
    left_bytes: int


@dataclass(frozen=True, slots=True)
class PromotionOffer:
    """What promoting a copy would copy, before anybody agrees to it.

    Attributes:
        under_bytes: What it reads from the initial area, zeroes included.
        data_bytes: Of these, at most so many are data that takes room.
        room_bytes: What the additional area can still take.
    """

    name: str
    under_bytes: int
    data_bytes: int
    room_bytes: int

    @property
    def question(self) -> str:
        """The dialog's bold line."""
        return f"Promote '{self.name}'?"

    @property
    def consequence(self) -> str:
        """The dialog's text."""
        fits = "" if self.data_bytes <= self.room_bytes else " That may not fit."
        return (
            f"Up to {format_bytes(self.data_bytes)} that it still reads from the image are copied"
            f" to the additional area, which has room for {format_bytes(self.room_bytes)}.{fits}"
            " Then the copy needs the image no more. It can be stopped; what is copied stays."
        )


def promotion(session: VolumeSession, name: str) -> PromotionOffer:
    """Ask what promoting a copy would copy, from pointers and holes alone."""
    size = session.info().size_of(name)
    columns = session.table(name).columns
    data = session.allocation(name)
    pointed = (columns.starts, columns.starts + columns.lengths)
    shared = overlap_bytes((data.starts, data.stops), pointed)
    return PromotionOffer(
        name=name,
        under_bytes=size - int(columns.lengths.sum()),
        data_bytes=data.total_bytes - shared,
        room_bytes=session.usage().room_bytes,
    )


def promote_batch(session: VolumeSession, name: str) -> Batch:
    """Promote the next batch."""
    step = session.promote(name)
    return Batch(step.copied_bytes, step.left_bytes)


def compact_batch(session: VolumeSession) -> Batch:
    """Move the next data of the additional area nearer to its beginning."""
    step = session.compact_step()
    return Batch(step.moved_bytes, 0 if step.is_done else max(step.remaining_bytes, 1))
