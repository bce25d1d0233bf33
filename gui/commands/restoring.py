# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Restoring a copy to the original: what is told before and meanwhile, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from typing_extensions import override

from core.units import format_bytes
from gui.commands.catalog import CatalogStep

if TYPE_CHECKING:
    from core.longwork import RestorePlan, RestoreProgress
    from core.session import VolumeSession


@dataclass(frozen=True, slots=True)
class RestoreOffer:
    """What a restore, or the merge of a clone, would do, before anybody agrees to it."""

    copy_id: int
    plan: RestorePlan
    is_merge: bool = False

    @property
    def verb(self) -> str:
        """The word on the button, and in the menu once it is done."""
        return "Merge" if self.is_merge else "Restore"

    @property
    def told(self) -> str:
        """What has been done, in a sentence."""
        what = f"Merged '{self.plan.source}' into the original"
        if not self.is_merge:
            what = f"Restored '{self.plan.source}'"
        return f"{what}; '{self.plan.safety}' keeps what was"

    @property
    def question(self) -> str:
        """The dialog's bold line."""
        if self.is_merge:
            return f"Merge '{self.plan.source}' into the original?"
        return f"Make the original equal to '{self.plan.source}'?"

    @property
    def consequence(self) -> str:
        """The dialog's text."""
        ranges = "1 range" if self.plan.ranges == 1 else f"{self.plan.ranges:,} ranges"
        verb = "is" if self.plan.ranges == 1 else "are"
        size = self.plan.size_bytes
        as_long = f" It will be {format_bytes(size)} long, as that copy is." if size else ""
        stays = ""
        if self.is_merge:
            stays = (
                "The original reads as the clone from then on, also where it has been written to"
                " itself since the clone was taken; the clone stays. "
            )
        return (
            f"{stays}{ranges}, {format_bytes(self.plan.bytes)}, {verb} written; the original as it"
            f" is now is kept as '{self.plan.safety}'.{as_long}"
        )


def progress_words(restoring: RestoreProgress, left_bytes: int) -> str:
    """Return how far a restore is, for the status bar."""
    whole = format_bytes(restoring.whole_bytes)
    words = f"The original reads as '{restoring.source}'; {format_bytes(left_bytes)} of {whole}"
    if not restoring.safety:
        words = f"New data of '{restoring.source}' goes home; {format_bytes(left_bytes)} of {whole}"
    return f"{words} still to be moved. {restoring.problem}".rstrip()


class RestoreStep(CatalogStep):
    """The original was made equal to a copy. The way back restores the safety snapshot.

    Its ids are the copy's and the safety snapshot's. Each way takes a safety snapshot of its own.
    """

    @override
    def forward(self, session: VolumeSession, names: list[str]) -> None:
        session.restore(names[0])

    @override
    def backward(self, session: VolumeSession, names: list[str]) -> None:
        session.restore(names[1])
