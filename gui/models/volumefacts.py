# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of a volume as a whole, and how it is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from core.session import ORIGINAL
from core.units import format_bytes

if TYPE_CHECKING:
    from core.answers import Usage, VolumeInfo
    from core.longwork import SeparationPlan
    from core.spaceanswers import Policy

_SPANS: Final = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


class Fact(NamedTuple):
    """A line: what, how much, and more of it for who points at it."""

    label: str
    value: str
    about: str = ""


class VolumeFacts(NamedTuple):
    """Answers of one moment.

    Attributes:
        plan: What bringing the original's new data home would move; None if it is in the image.
    """

    info: VolumeInfo
    usage: Usage
    policy: Policy
    plan: SeparationPlan | None

    @property
    def new_bytes(self) -> int:
        """New data of the original in the additional area."""
        return 0 if self.plan is None else self.plan.home_bytes

    @property
    def view_names(self) -> list[str]:
        """The original and every copy that is not deleted."""
        return [ORIGINAL, *(copy.name for copy in self.info.copies if not copy.deleted)]


def identity_facts(facts: VolumeFacts) -> list[Fact]:
    """Return what the volume is and where it lies."""
    info = facts.info
    live = [copy for copy in info.copies if not copy.deleted]
    clones = sum(copy.kind == "clone" for copy in live)
    copies = f"{_plural(len(live) - clones, 'snapshot')}, {_plural(clones, 'clone')}"
    gone = len(info.copies) - len(live)
    return [
        Fact("Image", Path(info.image).name, info.image),
        Fact("Additional area", Path(info.area).name, info.area),
        Fact("Folder", str(Path(info.image).parent)),
        Fact("Size", f"{format_bytes(info.size)}, {info.size:,} bytes"),
        Fact("Block", format_bytes(info.grain), "The smallest unit that is preserved"),
        Fact("Layout", _layout(info)),
        Fact("Copies", copies + (f", {gone} deleted" if gone else "")),
        Fact("Identity", info.uuid, "Ties the additional area to its image"),
    ]


def usage_facts(facts: VolumeFacts) -> list[Fact]:
    """Return what the additional area holds, and what it can still take."""
    usage = facts.usage
    kept = max(usage.used_bytes - usage.metadata_bytes, 0)
    limit = facts.policy.area_limit_bytes
    on_disk = format_bytes(usage.host_bytes) if usage.host_bytes else "not known"
    return [
        Fact("Kept for copies", format_bytes(kept), "Preserved originals and new data"),
        Fact(
            "Metadata",
            format_bytes(usage.metadata_bytes),
            f"{format_bytes(usage.reclaimable_bytes)} of it are freed soon",
        ),
        Fact("Free in its file", format_bytes(usage.free_bytes), "Used again before it grows"),
        Fact("Takes on its disk", on_disk),
        Fact(
            "Room for",
            format_bytes(usage.room_bytes),
            f"It may take {format_bytes(limit)} at most" if limit else "As its disk has room",
        ),
        Fact("Full in", full_words(usage.full_in_seconds), "At the rate of the last minute"),
    ]


def full_words(seconds: float | None) -> str:
    """Return when the area is full, as a person would say it."""
    if seconds is None:
        return "not as things go on now"
    for span, name in _SPANS:
        if seconds >= span:
            return f"about {_plural(round(seconds / span), name)}"
    return "a moment"


def _plural(count: int, name: str) -> str:
    return f"{count:,} {name}{'s' * (count != 1)}"


def _layout(info: VolumeInfo) -> str:
    if info.portions:
        return f"{info.portions:,} portions"
    if info.original is not None:
        return "new data beside the image"
    if info.thin:
        return "thin image, read through its map"
    return "plain raw image" if info.plain else "image read through its map"
