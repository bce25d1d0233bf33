# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Walks through the demonstration, forwards and back, on real volumes. Knows no Qt.

Back is real: a fresh volume is taken through the scene again, up to the step before.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from core.events import EVENT_DTYPE, EventKind
from core.session import ORIGINAL
from gui.demo.captions import Caption, caption_of_begin, caption_of_step
from gui.demo.script import COPY, PORTION_BYTES, SCENES, Scene, Step, fill
from gui.demo.stage import FRESH, Observer
from gui.models.address import AddressFormat
from gui.models.story import Teller, read_write

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from core.events import EventSink
    from core.session import VolumeSession
    from gui.models.story import Write

    OpenScratch = Callable[[EventSink], AbstractContextManager[VolumeSession]]

BEGIN_SECONDS: Final = 1.0
"""How long the first picture of a scene is shown, at normal speed."""
_TAKEN: Final = (
    "An instant copy of the original is asked for.",
    "Its pointer table is made in the additional area, with one range pair over everything.",
    "No portion is read, none is copied: the copy is there at once.",
)


class EventList:
    """An event sink that keeps all it hears until it is asked."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard: list[tuple[int, ...]] = []

    def publish(  # noqa: PLR0913, PLR0917 - as event sinks are called
        self,
        kind: int,
        flags: int,
        copy_id: int,
        start: int,
        length: int,
        moved: int,
        area_offset: int,
    ) -> None:
        """Append one event."""
        number = len(self._heard) + 1
        fields = (number, kind, flags, copy_id, start, length, moved, area_offset, 0, 0)
        self._heard.append(tuple(int(field) for field in fields))

    def take(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """Return the events since the last call."""
        heard, self._heard = self._heard, []
        return np.array(heard, EVENT_DTYPE)


class Place(NamedTuple):
    """Where the demonstration is: a scene, and how many of its steps are done."""

    scene: int
    done: int


class DemoController:
    """Does the steps and keeps what is to be shown.

    Attributes:
        before, after: The state before and after the last step.
        caption: What is said about it.
        sentences: The step told in the order of the claims.
        write: The write it made, if it was one.
        differences: Where the engine's state is not the expected one; must be empty.
    """

    def __init__(self, open_scratch: OpenScratch) -> None:
        """Open the first scene's volume.

        Raises:
            RangepairError: It cannot be made.
        """
        self._open_scratch = open_scratch
        self._exit = ExitStack()
        self.before = self.after = FRESH
        self.caption = Caption("", "")
        self.sentences: tuple[str, ...] = ()
        self.write: Write | None = None
        self.differences: list[str] = []
        self._at = Place(0, 0)
        self._begin(0)

    @property
    def at(self) -> Place:
        """Where the demonstration is."""
        return self._at

    @property
    def scene(self) -> Scene:
        """The scene being played."""
        return SCENES[self._at.scene]

    @property
    def step(self) -> Step | None:
        """The last step done in this scene."""
        return self.scene.steps[self._at.done - 1] if self._at.done else None

    @property
    def seconds(self) -> float:
        """How long the present picture is shown, at normal speed."""
        return self.step.seconds if self.step else BEGIN_SECONDS

    @property
    def position(self) -> int:
        """Pictures shown before this one, over all scenes."""
        return sum(len(scene.steps) + 1 for scene in SCENES[: self._at.scene]) + self._at.done

    @property
    def length(self) -> int:
        """Pictures in all: the beginning of each scene, and each step."""
        return sum(len(scene.steps) + 1 for scene in SCENES)

    def close(self) -> None:
        """Close the volume and remove it. May be called twice."""
        self._exit.close()

    def forward(self) -> bool:
        """Do the next step, or begin the next scene.

        Returns:
            Whether there was one.
        """
        if self._at.done < len(self.scene.steps):
            self._do(self.scene.steps[self._at.done])
        elif self._at.scene + 1 < len(SCENES):
            self._begin(self._at.scene + 1)
        else:
            return False
        return True

    def back(self) -> bool:
        """Undo the last step, or go back to the end of the scene before."""
        if self.position == 0:
            return False
        self.go(self.position - 1)
        return True

    def go(self, position: int) -> None:
        """Show the picture number ``position``; its scene is played again up to there."""
        position = min(max(position, 0), self.length - 1)
        scene = 0
        while position > len(SCENES[scene].steps):
            position -= len(SCENES[scene].steps) + 1
            scene += 1
        self._begin(scene)
        for step in SCENES[scene].steps[:position]:
            self._do(step)

    def _begin(self, number: int) -> None:
        """Open a fresh volume for a scene."""
        self._exit.close()
        self._events = EventList()
        self._session = self._exit.enter_context(self._open_scratch(self._events))
        self._observer = Observer(self._session)
        if SCENES[number].has_copy:
            self._session.clone(COPY)
        self._events.take()
        self._at = Place(number, 0)
        self.before = self.after = self._observer.look()
        self.caption = caption_of_begin(self.scene.title, self.after)
        self.sentences, self.write, self.differences = (), None, []

    def _do(self, step: Step) -> None:
        act = step.act
        if act.is_take:
            self._session.clone(COPY)
        else:
            self._session.write(act.portion * PORTION_BYTES, fill(act.label), act.target)
        self.write = self._read_write()
        self.before, self.after = self.after, self._observer.look()
        self._at = Place(self._at.scene, self._at.done + 1)
        self.caption = caption_of_step(step, self.before, self.after, self.write)
        self.sentences = self._tell()
        self.differences = self.after.differences(step.expected)

    def _read_write(self) -> Write | None:
        """Return the write among the events since the last step."""
        events = self._events.take()
        ends = np.flatnonzero(events["kind"] == EventKind.WRITTEN)
        return read_write(events[: ends[-1] + 1]) if len(ends) else None

    def _tell(self) -> tuple[str, ...]:
        if self.write is None:
            return _TAKEN
        names = {copy.id: copy.name for copy in self._session.info().copies}
        teller = Teller(
            AddressFormat(PORTION_BYTES, 1),
            lambda number: names.get(number, ORIGINAL),
            self._pairs_beside,
            lambda offset: f"a{self._observer.place_of(offset)}",
        )
        return tuple(step.words for step in teller.tell(self.write))

    def _pairs_beside(self, copy_id: int, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the range pairs on either side of a range, in bytes."""
        del copy_id
        first, last = start // PORTION_BYTES, stop // PORTION_BYTES - 1
        return [
            (low * PORTION_BYTES, (high + 1) * PORTION_BYTES)
            for low, high in self.after.pairs
            if high == first - 1 or low == last + 1
        ]
