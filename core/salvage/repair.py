# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Make a new additional area of a damaged one, and say of every copy what became of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import msgspec

from core.answers import ByteRange  # noqa: TC001 (msgspec resolves it)
from core.salvage.reading import salvage
from core.salvage.writing import data_bytes, finish, write_area
from core.scrub import damage_of
from core.volume import initialmap, integrity, outside
from core.volume.moment import moment_of

if TYPE_CHECKING:
    from core.device.base import Device
    from core.format.catalog import CopyRecord
    from core.salvage.reading import Salvaged
    from core.salvage.writing import Tell
    from core.volume.state import VolumeState

Outcome = Literal["saved", "suspect", "damaged", "lost"]


class CopyOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one copy.

    Attributes:
        outcome: ``lost``: it is not in the new area; ``damaged``: it is, but some ranges cannot be
            read; ``suspect``: something that is missing may have belonged to it.
        why: In words; empty if it was saved.
    """

    name: str
    outcome: Outcome
    why: str = ""
    damaged_ranges: list[ByteRange] = []


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of all of them, and what else was lost, a sentence each."""

    copies: list[CopyOutcome]
    losses: list[str]

    @property
    def is_whole(self) -> bool:
        """Whether nothing was lost."""
        return not self.losses and all(copy.outcome == "saved" for copy in self.copies)


class Repair:
    """One repair; looks when it is made, and writes when told.

    Attributes:
        total_bytes: Data that will be copied.
    """

    def __init__(self, image: Device, source: Device) -> None:
        """Find out what is left on ``source``.

        Raises:
            RangepairError: Nothing can be saved, or this is not its image.
        """
        self._image = image
        self._source = source
        self._found = salvage(image, source)
        if self._found.state.initial is None:
            outside.check_size(image, self._found.newest.fields, source.path)
        initialmap.check_image(self._found.state)
        self.total_bytes = data_bytes(self._found)

    def write(self, target: Device, image_name: str, tell: Tell) -> RepairReport:
        """Write what is left to ``target``, which is empty; durable on return."""
        found = self._found
        state, lost = write_area(found, self._source, self._image, target, image_name, tell)
        damaged = damage_of(moment_of(state), list(state.catalog.views), lost)
        when = time.time()
        for copy_id, ranges in damaged.items():
            integrity.note_scrubbed(state, copy_id, when, ranges, keeps_suspect=True)
        for copy in state.catalog.copies.values():
            if _doubt_of(found, copy):
                integrity.note_suspect_whole(state, copy)
        finish(state, found)
        return _report(found, state)


def _doubt_of(found: Salvaged, copy: CopyRecord) -> str:
    """Return why it is not sure that all of a copy is there; nothing if it is."""
    if not found.is_complete:
        return "pointers that belong to it may be missing"
    if copy.writable and not found.is_ring_whole:
        return "what was written to it last may be missing"
    return ""


def _report(found: Salvaged, state: VolumeState) -> RepairReport:
    outcomes = [
        CopyOutcome(name=name, outcome="lost", why=why) for name, why in found.lost_copies.values()
    ]
    for copy in state.catalog.copies.values():
        known = integrity.known_of(state.catalog, copy.id)
        why = _doubt_of(found, copy)
        outcome: Outcome = "suspect" if why else "saved"
        if known.damaged:
            outcome, why = "damaged", "data kept for it fails its checksum"
        outcomes.append(
            CopyOutcome(
                name=copy.name,
                outcome=outcome,
                why=why,
                damaged_ranges=integrity.told(known.damaged),
            )
        )
    losses = list(found.losses)
    if state.catalog.head is not None and integrity.known_of(state.catalog, 0).damaged:
        losses.append("New data of the original fails its checksum; there it cannot be read.")
    return RepairReport(copies=outcomes, losses=losses)
