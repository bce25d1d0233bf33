# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Which of the three groups of instructions ran during a write, and what each of them did.

The interpreter itself tells of every call while a witness watches, and the engine's events come in
between. So the order is the real one, and a group that did not run is not in it.
"""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class Group(enum.StrEnum):
    """The three groups of instructions of claim 12."""

    RECEIVE = "receive"
    INSTANT_COPY = "instant copy"
    WRITE = "write"


_GROUPS: Final = {
    ("core.engine.lane", "short_or_long"): Group.RECEIVE,
    ("core.volume.receive", "receive"): Group.RECEIVE,
    ("core.volume.instantcopy", "preserve_grain"): Group.INSTANT_COPY,
    ("core.volume.instantcopy", "preserve"): Group.INSTANT_COPY,
    ("core.volume.instantcopy", "redirect"): Group.INSTANT_COPY,
    ("core.journal.writer", "put_grain"): Group.WRITE,
    ("core.journal.writer", "put"): Group.WRITE,
    ("core.journal.writer", "write_in_place"): Group.WRITE,
}
"""Where each group is entered."""
_EVENTS: Final = {
    EventKind.PRESERVED: Group.INSTANT_COPY,
    EventKind.REDIRECTED: Group.INSTANT_COPY,
    EventKind.WRITTEN: Group.WRITE,
}


@dataclass
class Stage:
    """One group at work.

    Attributes:
        group: Which.
        copied_bytes: What it copied from the initial to the additional area.
        placed_bytes: New data that it placed in the additional area itself.
        pointers: How many it made.
    """

    group: Group
    copied_bytes: int = 0
    placed_bytes: int = 0
    pointers: int = 0


class Witness:
    """Watches writes; also the sink of the engine's events."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.stages: list[Stage] = []

    def watch(self, act: Callable[[], None]) -> list[Stage]:
        """Return the stages that ``act`` went through, in order."""
        self.stages = []
        before = sys.getprofile()
        sys.setprofile(self._saw)
        try:
            act()
        finally:
            sys.setprofile(before)
        return self.stages

    def publish(  # noqa: PLR0913, PLR0917 - the signature of EventSink
        self,
        kind: int,
        flags: int,
        copy_id: int,
        start: int,
        length: int,
        moved: int,
        area_offset: int,
    ) -> None:
        """Note what a group says that it did."""
        group = _EVENTS.get(EventKind(kind))
        if group is None:
            return
        stage = self._enter(group)
        if kind == EventKind.PRESERVED:
            stage.copied_bytes += moved
            stage.pointers += 1
        elif kind == EventKind.REDIRECTED:
            stage.placed_bytes += length
            stage.pointers += 1

    def _saw(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            place = (frame.f_globals.get("__name__", ""), frame.f_code.co_name)
            if place in _GROUPS:
                self._enter(_GROUPS[place])

    def _enter(self, group: Group) -> Stage:
        if not self.stages or self.stages[-1].group is not group:
            self.stages.append(Stage(group))
        return self.stages[-1]
